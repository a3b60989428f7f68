// What a step of each optimizer costs beside one of plain SGD: optimizers [ELEMENTS [ROUNDS]]
// All of them by name, but L-BFGS and those that decompose matrices of the parameters' sizes.
// The parameters are two matrices and a vector. Rounds visit every optimizer once; a ratio is the median over rounds of
// the ratios to SGD's step in the same round. Optimizers that evaluate the loss do so, on half the sum of squares.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ravine/ravine.hpp>

namespace rv = ravine;
namespace optim = rv::optim;
using Params = std::vector<rv::Variable>;

namespace {

struct Contender {
  std::string name;
  std::unique_ptr<optim::Optimizer> optimizer;
  std::vector<double> seconds;
};

Params make_params(rv::Index elements) {
  const auto side = static_cast<rv::Index>(std::sqrt(static_cast<double>(elements) / 2.0));
  return {rv::parameter(rv::randn({side, side})), rv::parameter(rv::randn({side, side})),
          rv::parameter(rv::randn({side}))};
}

double time_step(optim::Optimizer& optimizer, const std::vector<rv::Tensor>& gradients) {
  const Params& params = optimizer.parameters();
  if (!optimizer.needs_closure())
    for (std::size_t i = 0; i < params.size(); ++i) params[i].set_grad(gradients[i]);
  const auto start = std::chrono::steady_clock::now();
  if (optimizer.needs_closure())
    optimizer.step([&] {
      rv::Variable loss = rv::sum(rv::square(params[0]));
      for (std::size_t i = 1; i < params.size(); ++i) loss = loss + rv::sum(rv::square(params[i]));
      return loss * 0.5;
    });
  else
    optimizer.step();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const rv::Index elements = argc > 1 ? std::atoll(argv[1]) : 10'000'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 9;
  std::vector<Contender> all;
  const Params params = make_params(elements);
  std::vector<rv::Tensor> gradients;  // in memory of their own, as in training
  for (const rv::Variable& p : params) gradients.push_back(p.value().clone());
  const auto add = [&](const char* name, auto optimizer) { all.push_back({name, std::move(optimizer), {}}); };
  add("sgd", optim::make("sgd", params));
  add("sgd momentum", optim::make("sgd:momentum=0.9", params));
  for (const std::string& name : optim::names()) {
    const bool eigenvectors = name == "shampoo" || name == "soap";  // of the parameters' sizes, in cubic time
    if (name != "sgd" && name != "lbfgs" && !eigenvectors) add(name.c_str(), optim::make(name, params));
  }

  for (int round = -1; round < rounds; ++round)  // the first is a warm-up
    for (Contender& contender : all) {
      const double seconds = time_step(*contender.optimizer, gradients);
      if (round >= 0) contender.seconds.push_back(seconds);
    }
  std::printf("%-20s %10s %14s %14s\n", "optimizer", "ms a step", "to SGD's step", "state bytes a parameter");
  for (const Contender& contender : all) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < contender.seconds.size(); ++i)
      ratios.push_back(contender.seconds[i] / all[0].seconds[i]);
    double bytes = 0.0, count = 0.0;
    for (const auto& [key, value] : contender.optimizer->state_dict())
      if (value.dtype() == rv::f32) bytes += static_cast<double>(value.numel()) * 4.0;
    for (const rv::Variable& p : params) count += static_cast<double>(p.numel());
    std::printf("%-20s %10.2f %14.2f %14.2f\n", contender.name.c_str(), 1e3 * median(contender.seconds), median(ratios),
                bytes / count);
  }
}
