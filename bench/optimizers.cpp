// What a step of each optimizer costs beside one of plain SGD: optimizers_bench [ELEMENTS [SECONDS]]
// All of them by name, one in memory at a time. Steps of SGD and of the other take turns, 11 of each, or as many as go
// into the SECONDS for a name (2), but 2 at least. A ratio is that of the least times; the longest step stands beside
// it, as some have more to do in some steps, and what the ratio were if only bytes counted: those that have to be read
// and written over SGD's 12 for a parameter. OMP_NUM_THREADS says how many threads.
// The parameters, f32, are two square matrices and a vector; of those that decompose or orthogonalise matrices hidden
// layers of 256 units with their biases, as long as there are elements. Optimizers that evaluate the loss do so, on
// half the sum of θ⁴, SGD does not, and it takes most of their time: how often stands there. L-BFGS makes one iteration
// a step.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ravine/bench/arguments.hpp>
#include <ravine/ravine.hpp>

namespace rv = ravine;
namespace optim = rv::optim;

namespace {

struct Times {
  double least = 1e300, most = 0.0, total = 0.0;
  void add(double seconds) {
    least = std::min(least, seconds);
    most = std::max(most, seconds);
    total += seconds;
  }
};

/// Parameters and gradients, which have memory of their own, as in training.
struct Problem {
  std::vector<rv::Variable> params;
  std::vector<rv::Tensor> gradients;

  void add(const rv::Shape& shape) {
    params.push_back(rv::parameter(rv::randn(shape)));
    gradients.push_back(rv::randn(shape));
  }
  rv::Index elements() const {
    rv::Index n = 0;
    for (const rv::Variable& p : params) n += p.numel();
    return n;
  }
};

Problem two_matrices(rv::Index elements) {
  Problem problem;
  const auto side = static_cast<rv::Index>(std::sqrt(static_cast<double>(elements) / 2.0));
  for (const rv::Shape& shape : {rv::Shape{side, side}, rv::Shape{side, side}, rv::Shape{side}}) problem.add(shape);
  return problem;
}

Problem layers(rv::Index elements) {
  Problem problem;
  const auto side = std::min<rv::Index>(256, static_cast<rv::Index>(std::sqrt(static_cast<double>(elements))));
  do {
    problem.add({side, side});
    problem.add({side});
  } while (problem.elements() + side * (side + 1) <= elements);
  return problem;
}

double time_step(optim::Optimizer& optimizer, const Problem& problem) {
  const auto loss = [&] {
    rv::Variable sum = rv::sum(rv::square(rv::square(problem.params[0])));
    for (std::size_t i = 1; i < problem.params.size(); ++i)
      sum = sum + rv::sum(rv::square(rv::square(problem.params[i])));
    return sum * 0.5;
  };
  for (std::size_t i = 0; i < problem.params.size(); ++i) problem.params[i].set_grad(problem.gradients[i]);
  const auto start = std::chrono::steady_clock::now();
  if (optimizer.needs_closure())
    optimizer.step(loss);
  else
    optimizer.step();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double state_bytes(const optim::Optimizer& optimizer) {
  double bytes = 0.0;
  for (const auto& [key, value] : optimizer.state_dict())
    bytes += static_cast<double>(value.numel() * (value.dtype() == rv::f32 ? 4 : 8));
  return bytes;
}

/// What a step has to read and write for a parameter: itself, its gradient and its state, but for those that have to
/// know a sum before they go, which read some of it twice. Matrices decomposed and multiplied have no such floor.
double least_bytes(const std::string& name, double state) {
  static const std::map<std::string, double> of_sums = {
      {"adafactor", 24},     {"cautious_adamw", 40}, {"cautious_lion", 28}, {"dadapt_adam", 44},
      {"factored_adam", 16}, {"lamb", 40},           {"lars", 28},          {"lookahead", 12},
      {"mars", 44},          {"novograd", 24},       {"prodigy", 48}};
  const auto found = of_sums.find(name);
  return found != of_sums.end() ? found->second : 12.0 + 2.0 * state;
}

void compare(const std::string& name, const Problem& problem, double seconds) {
  for (std::size_t i = 0; i < problem.params.size(); ++i) problem.params[i].set_value(problem.gradients[i].clone());
  const auto sgd = optim::make("sgd", problem.params);
  const auto other = optim::make(name == "lbfgs" ? "lbfgs:max_iterations=1" : name, problem.params);
  time_step(*sgd, problem);
  time_step(*other, problem);
  Times of_sgd, of_other;
  for (int k = 0; k < 2 || (k < 11 && of_other.total + of_sgd.total < seconds); ++k) {
    of_sgd.add(time_step(*sgd, problem));
    of_other.add(time_step(*other, problem));
  }
  const double state = state_bytes(*other) / static_cast<double>(problem.elements());
  std::printf("%-20s %10.2f %10.2f %10.2f %10.2f %10.2f %10.1f %10.1f\n", name.c_str(), 1e3 * of_sgd.least,
              1e3 * of_other.least, of_other.least / of_sgd.least, least_bytes(name, state) / 12.0,
              of_other.most / of_sgd.least, state,
              static_cast<double>(other->evaluations()) / static_cast<double>(other->steps()));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const rv::Index elements = bench::argument<rv::Index>(argc, argv, 1, 10'000'000);
  const double seconds = bench::argument(argc, argv, 2, 2.0);
  std::printf("%-20s %10s %10s %10s %10s %10s %10s %10s\n", "optimizer", "SGD, ms", "ms", "ratio", "by bytes",
              "longest", "bytes each", "gradients");
  {
    const Problem problem = two_matrices(elements);
    for (const char* name : {"sgd", "sgd:momentum=0.9"}) compare(name, problem, seconds);
    for (const std::string& name : optim::names())
      if (name != "sgd" && name != "muon" && name != "shampoo" && name != "soap") compare(name, problem, seconds);
  }
  const Problem problem = layers(elements);
  const auto side = static_cast<int>(problem.params[0].size(0));
  std::printf("\n%zu matrices of %d x %d, each with a vector\n", problem.params.size() / 2, side, side);
  for (const char* name : {"muon", "shampoo", "soap"}) compare(name, problem, seconds);
}
