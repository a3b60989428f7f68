// One loop drives every optimizer: step(closure) takes a closure that returns the loss, and the
// optimizer asks for the gradients it needs (once, twice for SAM, at a look-ahead point for Nesterov,
// with curvature for AdaHessian).
#include <ravine/ravine.hpp>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "check.hpp"

namespace rv = ravine;
namespace optim = rv::optim;
using Params = std::vector<rv::Variable>;

int main() {
  rv::manual_seed(1);

  struct Entry {
    std::string name;
    std::unique_ptr<optim::Optimizer> optimizer;
    rv::Variable theta;
    int steps;
  };
  std::vector<Entry> entries;
  auto add = [&](const char* name, int steps, auto make) {
    rv::Variable theta = rv::parameter(rv::tensor({1.0, 1.0}, {2}, rv::f64));
    entries.push_back({name, make(Params{theta}), theta, steps});
  };
  auto sgd = [](optim::SGDOptions options) {
    return [=](Params p) { return std::make_unique<optim::SGD>(p, options); };
  };
  add("SGD", 20000, sgd({.lr = 1e-2}));
  add("momentum", 5000, sgd({.lr = 5e-3, .momentum = 0.9}));
  add("momentum v", 5000, sgd({.lr = 5e-3, .momentum = 0.9, .form = optim::MomentumForm::velocity}));
  add("Nesterov", 5000, sgd({.lr = 5e-3, .momentum = 0.9, .nesterov = optim::Nesterov::lookahead}));
  add("Nesterov phi", 5000, sgd({.lr = 5e-3, .momentum = 0.9, .nesterov = optim::Nesterov::reparam}));
  add("AdaGrad", 20000, [](Params p) { return std::make_unique<optim::AdaGrad>(p, optim::AdaGradOptions{.lr = 0.5}); });
  add("RMSProp", 20000,
      [](Params p) { return std::make_unique<optim::RMSProp>(p, optim::RMSPropOptions{.lr = 1e-3}); });
  add("Adam", 10000, [](Params p) { return std::make_unique<optim::Adam>(p, optim::AdamOptions{.lr = 1e-2}); });
  add("AdamW", 10000,
      [](Params p) { return std::make_unique<optim::AdamW>(p, optim::AdamWOptions{.lr = 1e-2, .weight_decay = 0.0}); });
  add("AdaBelief", 10000,
      [](Params p) { return std::make_unique<optim::AdaBelief>(p, optim::AdaBeliefOptions{.lr = 1e-2}); });
  add("AdaHessian", 10000,
      [](Params p) { return std::make_unique<optim::AdaHessian>(p, optim::AdaHessianOptions{.lr = 0.15}); });
  add("FactoredAdam", 20000,
      [](Params p) { return std::make_unique<optim::FactoredAdam>(p, optim::FactoredAdamOptions{.lr = 1e-3}); });
  add("SAM", 10000, [](Params p) {
    return std::make_unique<optim::SAM>(std::make_unique<optim::Adam>(p, optim::AdamOptions{.lr = 1e-2}),
                                        optim::SAMOptions{.rho = 1e-4});
  });

  // Beale: minimum 0 at (3, 0.5).
  for (Entry& entry : entries) {
    double loss = 0.0;
    for (int step = 0; step < entry.steps; ++step)
      loss = entry.optimizer->step([&] { return rv::landscapes::beale(entry.theta); });
    double x = entry.theta[0].item(), y = entry.theta[1].item();
    std::printf("%-12s loss %.3e at (%.4f, %.4f)   %s\n", entry.name.c_str(), loss, x, y,
                entry.optimizer->describe().c_str());
    CHECK(loss < 1e-2);
    CHECK(std::abs(x - 3.0) < 0.2 && std::abs(y - 0.5) < 0.05);
    CHECK(entry.optimizer->steps() == entry.steps);
  }

  // An optimizer that must re-evaluate the loss says so when it gets no closure.
  rv::Variable theta = rv::parameter(rv::ones({2}));
  optim::SAM sam(std::make_unique<optim::SGD>(Params{theta}, optim::SGDOptions{.lr = 0.1}), {});
  bool refused = false;
  try {
    sam.step();
  } catch (const std::logic_error& e) {
    refused = std::string(e.what()).find("closure") != std::string::npos;
  }
  CHECK(refused);
}
