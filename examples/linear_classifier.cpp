// A linear classifier with the multiclass SVM loss (Weston and Watkins): nine points in the plane, three classes, and
// weights to start from. First the losses as they are, point by point; then gradient descent, after which every point
// is on its side.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>

namespace rv = ravine;

const rv::Tensor points = rv::tensor({
    {0.5, 0.4},
    {0.8, 0.3},
    {0.3, 0.8},
    {-0.4, 0.3},
    {-0.3, 0.7},
    {-0.7, 0.2},
    {0.7, -0.4},
    {0.5, -0.6},
    {-0.4, -0.5},
});
const rv::Tensor classes = rv::tensor({0, 0, 0, 1, 1, 1, 2, 2, 2}, rv::i64);

struct Losses {
  rv::Variable per_point, data, penalty, total;
};

// The loss of a point of class y with scores s: the sum over the other classes j of max(0, 1 + s[j] - s[y]).
// The penalty keeps the weights small.
Losses losses(const rv::Variable& W, const rv::Variable& b) {
  const double lambda = 0.1;
  rv::Variable scores = rv::linear(points, W, b);
  rv::Variable per_point = rv::nn::multi_margin_loss(scores, classes, {.reduction = rv::nn::Reduction::none});
  rv::Variable data = rv::mean(per_point);
  rv::Variable penalty = lambda * rv::sum(rv::square(W));
  return {per_point, data, penalty, data + penalty};
}

int correct(const rv::Tensor& W, const rv::Tensor& b) {
  rv::Tensor predicted = rv::argmax(rv::linear(points, W, b), 1);
  return static_cast<int>(rv::sum(rv::eq(predicted, classes)).item());
}

void print(const rv::Variable& W, const rv::Variable& b) {
  const Losses loss = losses(W, b);
  const rv::Tensor scores = rv::linear(points, W.value(), b.value());
  std::puts("     x      y   class        scores            loss");
  for (rv::Index i = 0; i < points.size(0); ++i)
    std::printf("%6.2f %6.2f %5.0f    %6.2f %6.2f %6.2f   %6.2f\n", points.at({i, 0}), points.at({i, 1}),
                classes.at({i}), scores.at({i, 0}), scores.at({i, 1}), scores.at({i, 2}),
                loss.per_point.value().at({i}));
  std::printf("mean %.2f + penalty %.2f = total %.2f, %d of 9 points classified\n", loss.data.item(),
              loss.penalty.item(), loss.total.item(), correct(W.value(), b.value()));
}

bool agrees_with_hand(const Losses& loss) {
  const double by_hand[] = {0.30, 1.70, 0.00, 3.20, 6.80, 2.40, 2.50, 3.30, 4.70};
  bool agrees = std::abs(loss.penalty.item() - 3.5) < 1e-5 && std::abs(loss.total.item() - (24.9 / 9 + 3.5)) < 1e-5;
  for (rv::Index i = 0; i < 9; ++i) agrees = agrees && std::abs(loss.per_point.value().at({i}) - by_hand[i]) < 1e-5;
  if (!agrees) std::puts("these are not the losses worked out by hand");
  return agrees;
}

int main() {
  rv::Variable W = rv::parameter(rv::tensor({{1, 2}, {2, -4}, {3, -1}}));  // a row for each class
  rv::Variable b = rv::parameter(rv::tensor({0.0, 0.5, -0.5}));

  std::puts("Before training");
  print(W, b);
  const bool as_worked_by_hand = agrees_with_hand(losses(W, b));

  rv::optim::SGD sgd({W, b}, {.lr = 0.1});
  while (sgd.steps() < 300) sgd.step([&] { return losses(W, b).total; });

  std::printf("\nAfter %d steps of gradient descent\n", static_cast<int>(sgd.steps()));
  print(W, b);
  return as_worked_by_hand && correct(W.value(), b.value()) == 9 ? 0 : 1;
}
