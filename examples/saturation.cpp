// Why deep nets of sigmoids stand still, and nets of ReLU do not: saturation [PICTURE]
// Ten hidden layers learn two spirals. The slope of a sigmoid is at most 1/4, and nearly 0 far from 0, where it is
// saturated: a gradient shrinks from layer to layer on its way back. ReLU lets it through, and He's weights keep its
// size.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
using rv::Variable;

namespace {

constexpr rv::Index depth = 10, width = 32;

struct Case {
  const char* name;
  bool relu;
  void (*init)(const Variable& weight);
  double bias = 0.0;
};

const Case cases[] = {
    {"saturated sigmoids: biases of 5", false, [](const Variable& w) { nn::init::xavier_normal(w); }, 5.0},
    {"sigmoids, weights by Xavier", false, [](const Variable& w) { nn::init::xavier_normal(w); }},
    {"ReLUs, standard deviation 0.01", true, [](const Variable& w) { nn::init::normal(w, 0.0, 0.01); }},
    {"ReLUs, weights by He", true, [](const Variable& w) { nn::init::kaiming_normal(w); }},
};

nn::Sequential make(const Case& c) {
  nn::Sequential net;
  for (rv::Index layer = 0; layer <= depth; ++layer) {
    const nn::Linear linear(layer == 0 ? 2 : width, layer == depth ? 2 : width);
    c.init(linear.weight);
    nn::init::constant(linear.bias, layer < depth ? c.bias : 0.0);
    net.push_back(linear);
    if (layer < depth) c.relu ? net.push_back(nn::ReLU()) : net.push_back(nn::Sigmoid());
  }
  return net;
}

// The length of the gradient of each layer's weight, from the first to the last.
std::vector<double> gradient_norms(nn::Module& net, const rv::data::TensorDataset& data) {
  net.zero_grad();
  nn::cross_entropy(net(data.inputs()), data.targets()).backward();
  std::vector<double> norms;
  for (const auto& [name, p] : net.named_parameters())
    if (name.ends_with("weight")) norms.push_back(rv::norm(p.grad()).item());
  return norms;
}

// The loss before each of 1000 steps on all points.
std::vector<double> train(nn::Module& net, const rv::data::TensorDataset& data) {
  rv::optim::SGD sgd(net.parameters(), {.lr = 0.02});
  std::vector<double> losses;
  while (sgd.steps() < 1000)
    losses.push_back(sgd.step([&] { return nn::cross_entropy(net(data.inputs()), data.targets()); }));
  return losses;
}

rv::Tensor counted(const std::vector<double>& values, double from) {
  return rv::arange(static_cast<rv::Index>(values.size()), rv::f64) + from;
}

}  // namespace

int main(int argc, char** argv) try {
  rv::manual_seed(1);
  const rv::data::TensorDataset data = rv::data::spirals(200);
  rv::report::Plot norms(
      {.title = "Gradient of each layer at the start", .x_label = "layer", .y_label = "|dL/dW|", .y_log = true});
  rv::report::Plot losses({.title = "Training", .x_label = "step", .y_label = "loss", .y_limits = {0.0, 1.0}});
  std::puts("                                  |dL/dW| of the first and the last layer   loss after 1000 steps");
  for (const Case& c : cases) {
    nn::Sequential net = make(c);
    const std::vector<double> norm = gradient_norms(net, data), loss = train(net, data);
    std::printf("%-32s %20.1e %18.1e %23.4f\n", c.name, norm.front(), norm.back(), loss.back());
    norms.line(counted(norm, 1.0), rv::tensor(norm, rv::f64), c.name);
    losses.line(counted(loss, 0.0), rv::tensor(loss, rv::f64), c.name);
  }
  std::printf("Guessing has a loss of log 2 = %.4f.\n", std::log(2.0));
  if (argc > 1) rv::report::save_grid(argv[1], {norms, losses}, 2);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "saturation: %s\n", e.what());
  return 1;
}
