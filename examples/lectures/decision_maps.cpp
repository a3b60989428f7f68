// What a linear classifier, and nets of one and two hidden layers, make of points that no line parts: decision_maps
// [PICTURE]
#include <ravine/ravine.hpp>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
namespace report = rv::report;

namespace {

// By the multiclass SVM loss with L2, as in the lectures' linear classification.
double train(nn::Module& net, const rv::data::TensorDataset& data) {
  rv::optim::Adam adam(net.parameters(), {.lr = 0.01});
  while (adam.steps() < 2000)
    adam.step([&] {
      rv::Variable penalty = rv::scalar(0.0);
      for (const rv::Variable& p : net.parameters()) penalty = penalty + rv::sum(rv::square(p));
      return nn::multi_margin_loss(net(data.inputs()), data.targets()) + 1e-4 * penalty;
    });
  return nn::accuracy(net(data.inputs()), data.targets());
}

// The points of a class.
rv::Tensor points_of(const rv::data::TensorDataset& data, rv::Index wanted) {
  std::vector<rv::Tensor> points;
  for (rv::Index i = 0; i < data.inputs().size(0); ++i)
    if (data.targets().at<rv::Index>({i}) == wanted) points.push_back(data.inputs()[i]);
  return rv::stack(points, 0);
}

}  // namespace

int main(int argc, char** argv) try {
  rv::manual_seed(1);
  const auto data = rv::data::spirals(60);
  const std::pair<const char*, nn::Sequential> nets[] = {{"Linear: Wx + b", nn::mlp({2, 2})},
                                                         {"One hidden layer of 32", nn::mlp({2, 32, 2})},
                                                         {"Two hidden layers of 32", nn::mlp({2, 32, 32, 2})}};
  std::vector<report::Panel> panels;
  std::vector<double> right;
  for (const auto& [name, sequential] : nets) {
    nn::Sequential net = sequential;
    right.push_back(train(net, data));
    std::printf("%-26s %5.1f %% of 120 points right\n", name, 100.0 * right.back());
    const auto score = [&](const rv::Variable& x) {
      const rv::Variable scores = net(x.reshape({1, 2}).to(rv::f32));
      return rv::tanh((scores.slice(1, 1, 2) - scores.slice(1, 0, 1)).reshape({}).to(rv::f64));
    };
    auto contour = report::contour(score, {.title = name,
                                           .x_label = "x₁",
                                           .y_label = "x₂",
                                           .x_limits = {-1.2, 1.2},
                                           .y_limits = {-1.2, 1.2},
                                           .arrows = 0,
                                           .levels = {-0.95, -0.5, 0.0, 0.5, 0.95}});
    contour.start(points_of(data, 0), "class 0").minimum(points_of(data, 1), "class 1");
    panels.push_back(contour);
  }
  const bool confirmed = right[0] < 0.8 && right[2] > 0.95;
  std::printf("No line parts the classes, hidden layers do: %s.\n", confirmed ? "confirmed" : "refuted");
  if (argc > 1) report::save_grid(argv[1], panels, 3);
  return confirmed ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "decision_maps: %s\n", e.what());
  return 1;
}
