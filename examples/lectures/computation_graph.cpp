// The graph of a network's loss, with values and gradients: computation_graph [PICTURE]
// Two examples, three inputs, two hidden units: what reverse mode computes once for each box, the chain rule along
// paths would compute for each of the ways that lead to the loss.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>

namespace rv = ravine;
namespace nn = rv::nn;

int main(int argc, char** argv) try {
  rv::manual_seed(1);
  nn::Sequential net{nn::Linear(3, 2), nn::Tanh(), nn::Linear(2, 1)};
  net.to(rv::f64);
  const rv::Variable x = rv::tensor({{1, 2, -1}, {0, -1, 3}}, rv::f64), y = rv::tensor({{1}, {-1}}, rv::f64);
  const auto loss = [&] { return nn::mse_loss(net(x), y); };

  loss().backward();
  std::puts("d(loss)/d(bias of the last layer), by the graph and by differences");
  const rv::Variable bias = net.parameters().back();
  const double h = 1e-6, value = bias.item();
  const auto at = [&](double v) {
    bias.set_value(rv::tensor({v}, rv::f64));
    return loss().item();
  };
  const double difference = (at(value + h) - at(value - h)) / (2.0 * h), gradient = bias.grad().item();
  bias.set_value(rv::tensor({value}, rv::f64));
  const bool confirmed = std::abs(difference - gradient) < 1e-8;
  std::printf("%.9f and %.9f: %s\n", gradient, difference, confirmed ? "confirmed" : "refuted");
  if (argc < 2) return confirmed ? 0 : 1;
  auto names = net.named_parameters();
  names.insert(names.end(), {{"x", x}, {"y", y}});
  rv::report::graph(loss, {.title = "Loss of a network of one hidden layer", .names = names}).save(argv[1]);
  return confirmed ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "computation_graph: %s\n", e.what());
  return 1;
}
