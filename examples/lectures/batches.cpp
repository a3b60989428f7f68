// Gradient descent on all examples, on one at a time, and on mini-batches: batches [PICTURE]
// A line through 100 points. Each epoch shuffles them, cuts them into batches, and takes a step for each.
#include <ravine/ravine.hpp>

#include <cstdio>
#include <string>
#include <tuple>
#include <vector>

namespace rv = ravine;
namespace report = rv::report;
using rv::data::TensorDataset;

namespace {

constexpr int epochs = 20;

rv::Variable loss(const rv::Variable& theta, const TensorDataset& rows) {
  const rv::Tensor x = rows.inputs().to(rv::f64).reshape({-1}), y = rows.targets().to(rv::f64).reshape({-1});
  return rv::mean(rv::square(theta[0] * rv::Variable(x) + theta[1] - rv::Variable(y)));
}

struct Run {
  std::vector<rv::Tensor> path;
  std::vector<double> losses;  // on all points, after each epoch
  bool each_once = true;       // every example came once in every epoch
};

Run train(const TensorDataset& data, rv::Index batch_size, double rate) {
  const rv::Variable theta = rv::parameter(rv::tensor({-2.0, 2.0}, rv::f64));
  rv::optim::SGD sgd({theta}, {.lr = rate});
  rv::data::DataLoader loader(data, {.batch_size = batch_size, .shuffle = true, .seed = 1});
  Run run{{theta.value().clone()}, {loss(theta, data).item()}};
  const auto sorted = [](const rv::Tensor& x) { return rv::sort(x.reshape({-1})).values; };
  for (int epoch = 0; epoch < epochs; ++epoch) {
    std::vector<rv::Tensor> seen;
    for (const auto& batch : loader) {
      const TensorDataset rows(batch.inputs, batch.targets);
      sgd.step([&] { return loss(theta, rows); });
      run.path.push_back(theta.value().clone());
      seen.push_back(batch.inputs.clone());
    }
    run.losses.push_back(loss(theta, data).item());
    run.each_once = run.each_once && rv::bitwise_equal(sorted(rv::concat(seen, 0)), sorted(data.inputs()));
  }
  return run;
}

}  // namespace

int main(int argc, char** argv) try {
  rv::manual_seed(1);
  const rv::Tensor x = rv::randn({100, 1}), y = 1.5 * x - 0.5 + 0.7 * rv::randn({100, 1});
  const TensorDataset data(x, y);
  const auto on_all = [&](const rv::Variable& theta) { return loss(theta, data); };
  report::Plot losses({.title = "Loss on all points",
                       .x_label = "epoch",
                       .y_label = "loss",
                       .y_log = true,
                       .width = 560,
                       .height = 520});
  std::vector<report::Panel> panels;
  std::puts("batch size   rate   steps   loss after 1 epoch   after 20   each example once an epoch");
  bool all = true;
  for (const auto& [size, rate, name] :
       {std::tuple(100, 0.1, "all 100"), {10, 0.1, "10 at a time"}, {1, 0.05, "1 at a time"}}) {
    const Run run = train(data, size, rate);
    all = all && run.each_once;
    std::printf("%10d %6g %7d %20.4f %10.4f   %s\n", size, rate, static_cast<int>(run.path.size()) - 1, run.losses[1],
                run.losses.back(), run.each_once ? "yes" : "no");
    auto contour = report::contour(on_all, {.title = std::string("Descent on ") + name,
                                            .x_label = "w",
                                            .y_label = "b",
                                            .x_limits = {-2.5, 3.5},
                                            .y_limits = {-3, 3},
                                            .arrows = 0});
    contour.path(run.path, "path").start(run.path[0]);
    panels.push_back(contour);
    losses.line(rv::arange(epochs + 1, rv::f64), rv::tensor(run.losses, rv::f64), name);
  }
  panels.push_back(losses);
  if (argc > 1) report::save_grid(argv[1], panels, 2);
  return all ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "batches: %s\n", e.what());
  return 1;
}
