// A module of the user's own: members are layers, register_module names them, operator() is forward.
#include <ravine/ravine.hpp>

#include <string>

#include "check.hpp"

namespace rv = ravine;
namespace nn = rv::nn;

class ResidualMlp final : public nn::Module {
 public:
  explicit ResidualMlp(rv::Index features, rv::Index hidden)
      : in_(features, hidden), mid_(hidden, hidden), out_(hidden, 1) {
    scale_ = register_parameter("scale", rv::ones({1}));
    register_module("in", in_);
    register_module("mid", mid_);
    register_module("out", out_);
  }

  rv::Variable forward(const rv::Variable& x) override {
    rv::Variable h = rv::relu(in_(x));
    h = h + scale_ * rv::tanh(mid_(h));
    return out_(h);
  }

 private:
  rv::Variable scale_;
  nn::Linear in_, mid_, out_;
};

int main() {
  rv::manual_seed(3);
  ResidualMlp model(2, 16);

  auto named = model.named_parameters();
  CHECK(named.size() == 7);
  CHECK(named[0].first == "scale");
  CHECK(named[1].first == "in.weight" && named[1].second.shape() == rv::Shape({16, 2}));
  CHECK(named[2].first == "in.bias" && named[2].second.shape() == rv::Shape({16}));

  // y = sin(x0) * x1 on 512 points, full-batch gradient descent with momentum.
  rv::Tensor x = rv::uniform({512, 2}, -2.0, 2.0);
  rv::Variable X(x);
  rv::Variable y = rv::sin(X.slice(1, 0, 1)) * X.slice(1, 1, 2);  // columns: slice(dim, begin, end)
  rv::optim::SGD sgd(model.parameters(), {.lr = 0.02, .momentum = 0.9});
  double first = 0.0, last = 0.0;
  for (int step = 0; step < 1500; ++step) {
    // A loss written from tensor operations, with a penalty g(theta) = sum of squares of the weights.
    double value = sgd.step([&] {
      rv::Variable error = model(X) - y;
      rv::Variable loss = rv::mean(rv::square(error));
      for (auto& [name, p] : model.named_parameters())
        if (name.ends_with("weight")) loss = loss + 1e-6 * rv::sum(rv::square(p));
      return loss;
    });
    if (step == 0) first = value;
    last = value;
  }
  std::printf("loss %.4f -> %.5f\n", first, last);
  CHECK(last < 0.02 * first);
}
