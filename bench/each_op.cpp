// Times single ops for scripts/each_op:  each_op SECONDS < requests
// Each line of the input names an op, a number of elements and "value" or "both" (value and gradient of a sum); the
// answer is the median time in microseconds, or "none". Ops on matrices get square ones.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <ravine/bench/arguments.hpp>
#include <ravine/ravine.hpp>
#include <string>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
using rv::Tensor;
using rv::Variable;

namespace {

using Function = std::function<Variable(const Variable&)>;

/// What an op is applied to: standard normal numbers, all of them or as a square matrix; and what goes with it.
struct Operands {
  explicit Operands(rv::Index n)
      : n(n),
        side(std::llround(std::sqrt(static_cast<double>(n)))),
        x(rv::randn({n})),
        other(rv::randn({n})),
        matrix(rv::randn({side, side})),
        row(rv::randn({side})),
        column(rv::randn({side, 1})),
        classes(rv::randint(0, side, {side})) {}
  rv::Index n, side;
  Tensor x, other, matrix, row, column, classes;
};

struct Case {
  Tensor at;
  Function f;
};

std::map<std::string, Case> elementwise(const Operands& o) {
  const Tensor &x = o.x, positive = rv::abs(x) + 0.1, &m = o.matrix;
  const Variable other = o.other, row = o.row, column = o.column;
  const auto of = [](Variable (*f)(const Variable&)) { return Function(f); };
  return {
      {"add", {x, [=](const Variable& v) { return v + other; }}},
      {"mul", {x, [=](const Variable& v) { return v * other; }}},
      {"div", {x, [=](const Variable& v) { return v / other; }}},
      {"add row", {m, [=](const Variable& v) { return v + row; }}},
      {"mul column", {m, [=](const Variable& v) { return v * column; }}},
      {"maximum", {x, [=](const Variable& v) { return rv::maximum(v, other); }}},
      {"gt", {x, [=](const Variable& v) { return rv::gt(v.value(), other.value()); }}},
      {"where", {x, [=](const Variable& v) { return rv::where(rv::gt(v.value(), 0.0), v, other); }}},
      {"clamp", {x, [](const Variable& v) { return rv::clamp(v, -0.5, 0.5); }}},
      {"abs", {x, of(rv::abs)}},
      {"sqrt", {positive, of(rv::sqrt)}},
      {"exp", {x, of(rv::exp)}},
      {"expm1", {x, of(rv::expm1)}},
      {"log", {positive, of(rv::log)}},
      {"log1p", {positive, of(rv::log1p)}},
      {"log2", {positive, of(rv::log2)}},
      {"sin", {x, of(rv::sin)}},
      {"cos", {x, of(rv::cos)}},
      {"tan", {x, of(rv::tan)}},
      {"atan", {x, of(rv::atan)}},
      {"erf", {x, of(rv::erf)}},
      {"pow 2.5", {positive, [](const Variable& v) { return rv::pow(v, 2.5); }}},
      {"relu", {x, [](const Variable& v) { return rv::relu(v); }}},
      {"leaky_relu", {x, [](const Variable& v) { return rv::leaky_relu(v); }}},
      {"elu", {x, [](const Variable& v) { return rv::elu(v); }}},
      {"gelu", {x, [](const Variable& v) { return rv::gelu(v); }}},
      {"gelu tanh", {x, [](const Variable& v) { return rv::gelu(v, "tanh"); }}},
      {"silu", {x, of(rv::silu)}},
      {"softplus", {x, [](const Variable& v) { return rv::softplus(v); }}},
      {"tanh", {x, of(rv::tanh)}},
      {"sigmoid", {x, of(rv::sigmoid)}},
  };
}

std::map<std::string, Case> others(const Operands& o) {
  const Tensor &x = o.x, &m = o.matrix, zeros = rv::zeros({o.side, o.side}), classes = o.classes;
  const rv::Index n = o.n, side = o.side;
  nn::BatchNorm1d batch_norm(side);
  nn::LayerNorm layer_norm(side);
  nn::Dropout dropout(0.5);
  return {
      {"to f64", {x, [](const Variable& v) { return v.value().to(rv::f64); }}},
      {"sum", {x, [](const Variable& v) { return rv::sum(v); }}},
      {"sum dim 0", {m, [](const Variable& v) { return rv::sum(v, 0); }}},
      {"sum dim 1", {m, [](const Variable& v) { return rv::sum(v, 1); }}},
      {"max", {x, [](const Variable& v) { return rv::max(v); }}},
      {"max dim 0", {m, [](const Variable& v) { return rv::max(v, 0); }}},
      {"max dim 1", {m, [](const Variable& v) { return rv::max(v, 1); }}},
      {"argmax dim 0", {m, [](const Variable& v) { return rv::argmax(v.value(), 0); }}},
      {"argmax dim 1", {m, [](const Variable& v) { return rv::argmax(v.value(), 1); }}},
      {"var", {x, [](const Variable& v) { return rv::var(v); }}},
      {"norm dim 1", {m, [](const Variable& v) { return rv::norm(v, 1); }}},
      {"softmax", {m, [](const Variable& v) { return rv::softmax(v, 1); }}},
      {"log_softmax", {m, [](const Variable& v) { return rv::log_softmax(v, 1); }}},
      {"logsumexp", {m, [](const Variable& v) { return rv::logsumexp(v, 1); }}},
      {"transpose", {m, [](const Variable& v) { return rv::transpose(v.value()); }}},
      {"columns", {m, [=](const Variable& v) { return v.slice(1, 0, side / 2); }}},
      {"concat",
       {m,
        [](const Variable& v) {
          return rv::concat({v, v}, 1);
        }}},
      {"index_select", {m, [=](const Variable& v) { return rv::index_select(v, 0, classes); }}},
      {"uniform", {x, [=](const Variable&) { return rv::uniform({n}); }}},
      {"randn", {x, [=](const Variable&) { return rv::randn({n}); }}},
      {"permutation", {x, [=](const Variable&) { return rv::permutation(n); }}},
      {"mse_loss", {m, [=](const Variable& v) { return nn::mse_loss(v, m); }}},
      {"l1_loss", {m, [=](const Variable& v) { return nn::l1_loss(v, zeros); }}},
      {"huber_loss", {m, [=](const Variable& v) { return nn::huber_loss(v, zeros); }}},
      {"bce with logits", {m, [=](const Variable& v) { return nn::binary_cross_entropy_with_logits(v, zeros); }}},
      {"cross_entropy", {m, [=](const Variable& v) { return nn::cross_entropy(v, classes); }}},
      {"batch_norm", {m, [=](const Variable& v) mutable { return batch_norm(v); }}},
      {"layer_norm", {m, [=](const Variable& v) mutable { return layer_norm(v); }}},
      {"dropout", {m, [=](const Variable& v) mutable { return dropout(v); }}},
  };
}

double median_us(double seconds, const std::function<void()>& f) {
  using Clock = std::chrono::steady_clock;
  for (int i = 0; i < 3; ++i) f();
  std::vector<double> times;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (times.size() < 5 || Clock::now() < end) {
    const auto start = Clock::now();
    f();
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

double measure(const Case& op, bool both, double seconds) {
  if (!both) {
    const rv::NoGrad no_grad;
    return median_us(seconds, [&] { op.f(op.at); });
  }
  const Variable x = rv::parameter(op.at);
  return median_us(seconds, [&] {
    x.zero_grad();
    rv::sum(op.f(x)).backward();
  });
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = bench::argument(argc, argv, 1, 0.1);
  rv::manual_seed(1);
  std::map<rv::Index, std::map<std::string, Case>> cases;
  std::string line;
  while (std::getline(std::cin, line)) {  // "gelu tanh;1000;both"
    const auto last = line.rfind(';'), first = line.rfind(';', last - 1);
    if (last == std::string::npos || first == std::string::npos) return 2;
    const rv::Index n = std::atoll(line.c_str() + first + 1);
    if (cases[n].empty()) {
      const Operands operands(n);
      cases[n] = elementwise(operands);
      cases[n].merge(others(operands));
    }
    const auto found = cases[n].find(line.substr(0, first));
    if (found == cases[n].end())
      std::cout << "none" << std::endl;
    else
      std::cout << measure(found->second, line.substr(last + 1) == "both", seconds) << std::endl;
  }
}
