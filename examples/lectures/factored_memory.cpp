// What Adam keeps for a layer, and what factored second moments make of it: factored_memory [PICTURE]
// For a matrix of n rows and m columns Adam keeps 2 n m numbers; without momentum and with its second moments factored,
// n + m. Counted in the optimizers' states. Then both train the same network.
#include <ravine/ravine.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
namespace report = rv::report;

namespace {

const std::pair<const char*, const char*> methods[] = {{"Adam", "adam:lr=0.003"},
                                                       {"Adam, factored", "factored_adam:lr=0.003"}};

// Numbers kept for parameter 0; options and counts are not among them.
double numbers_kept(const char* optimizer, rv::Index n, rv::Index m) {
  const auto o = rv::optim::make(optimizer, {rv::parameter(rv::zeros({n, m}))});
  double count = 0.0;
  for (const auto& [key, value] : o->state_dict())
    if (key.starts_with("0.")) count += static_cast<double>(value.numel());
  return count;
}

// The loss on all rows after each epoch.
std::vector<double> train(const char* optimizer) {
  rv::manual_seed(1);
  const auto data = rv::data::friedman1(1000);
  const rv::Tensor y = rv::data::StandardScaler::fit(data.targets()).transform(data.targets());
  nn::Sequential net = nn::mlp({10, 128, 128, 1});
  const auto o = rv::optim::make(optimizer, net.parameters());
  rv::data::DataLoader loader(rv::data::TensorDataset(data.inputs(), y),
                              {.batch_size = 50, .shuffle = true, .seed = 1});
  std::vector<double> losses;
  for (int epoch = 0; epoch < 30; ++epoch) {
    for (const auto& batch : loader) o->step([&] { return nn::mse_loss(net(batch.inputs), batch.targets); });
    losses.push_back(nn::mse_loss(net(data.inputs()), y).item());
  }
  return losses;
}

}  // namespace

int main(int argc, char** argv) try {
  report::Plot memory(
      {.title = "State for a layer of n × n weights", .x_label = "", .y_label = "numbers", .y_log = true});
  report::Plot training({.title = "Training a network with it", .x_label = "epoch", .y_label = "loss", .y_log = true});
  const std::vector<std::pair<rv::Index, rv::Index>> sizes = {
      {64, 64}, {256, 256}, {1024, 1024}, {4096, 4096}, {784, 128}};
  std::puts("     n x m        Adam   2 n m    factored   n + m   times smaller");
  bool as_said = true;
  std::vector<std::string> names;
  std::vector<double> full, factored;
  for (const auto& [n, m] : sizes) {
    const double a = numbers_kept(methods[0].second, n, m), f = numbers_kept(methods[1].second, n, m);
    const double nm = 2.0 * static_cast<double>(n * m), both = static_cast<double>(n + m);
    std::printf("%4d x %4d %11.0f %11.0f %8.0f %7.0f %12.0f\n", static_cast<int>(n), static_cast<int>(m), a, nm, f,
                both, a / f);
    as_said = as_said && a == nm && f == both;
    if (n != m) continue;
    names.push_back("n = " + std::to_string(n));
    full.push_back(a);
    factored.push_back(f);
  }
  memory.bars(names, rv::tensor(full, rv::f64), "Adam: 2 n m")
      .bars(names, rv::tensor(factored, rv::f64), "factored: n + m");
  std::printf("n + m numbers in place of n m: %s.\n\n", as_said ? "confirmed" : "refuted");
  for (const auto& [name, optimizer] : methods) {
    const std::vector<double> losses = train(optimizer);
    std::printf("%-16s loss after 30 epochs %.4f\n", name, losses.back());
    training.line(rv::arange(static_cast<rv::Index>(losses.size()), rv::f64) + 1.0, rv::tensor(losses, rv::f64), name);
  }
  if (argc > 1) report::save_grid(argv[1], {memory, training}, 2);
  return as_said ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "factored_memory: %s\n", e.what());
  return 1;
}
