// Rules that add up over a whole parameter, its rows or columns: as in plain ops in f64, where parameters are larger
// than what is added up at once, and rows more than a strip.
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

namespace rv = ravine;
using rv::Tensor;

namespace {

/// How far the parameter is off after two updates, as a part of the largest change: `rule` is a reference in f64, of θ,
/// g and t = 1, 2.
template <class Rule>
double off(const std::string& text, const rv::Shape& shape, rv::DType dtype, Rule rule) {
  rv::Generator generator(5);
  const Tensor start = rv::randn(shape, rv::f64, generator).to(dtype);
  const rv::Variable p = rv::parameter(start.clone());
  Tensor theta = start.to(rv::f64);
  const auto optimizer = rv::optim::make(text, {p});
  for (int t = 1; t <= 2; ++t) {
    const Tensor g = rv::randn(shape, rv::f64, generator).to(dtype);
    p.set_grad(g);
    optimizer->step();
    theta = rule(theta, g.to(rv::f64), t);
  }
  return (rv::max(rv::abs(p.value().to(rv::f64) - theta)) / rv::max(rv::abs(theta - start.to(rv::f64)))).item();
}

void check(const std::string& text, const rv::Shape& shape, auto make_rule) {
  CAPTURE(text);
  CAPTURE(shape);
  CHECK(off(text, shape, rv::f64, make_rule()) < 1e-12);
  CHECK(off(text, shape, rv::f32, make_rule()) < 1e-5);
}

Tensor ema(const Tensor& mean, const Tensor& x, double beta) {
  return mean.defined() ? mean * beta + x * (1.0 - beta) : x * (1.0 - beta);
}

double length(const Tensor& x) { return std::sqrt(rv::sum(rv::square(x)).item()); }

auto lamb() {
  return [m = Tensor(), v = Tensor()](const Tensor& theta, const Tensor& g, int t) mutable {
    m = ema(m, g, 0.9);
    v = ema(v, rv::square(g), 0.999);
    const Tensor u = m / (1.0 - std::pow(0.9, t)) / (rv::sqrt(v / (1.0 - std::pow(0.999, t))) + 1e-6) + theta * 0.1;
    return theta - u * (0.1 * length(theta) / length(u));
  };
}

/// All dimensions but one.
std::vector<rv::Index> others(const Tensor& x, rv::Index dim = 0) {
  std::vector<rv::Index> dims;
  for (rv::Index i = 0; i < x.rank(); ++i)
    if (i != dim) dims.push_back(i);
  return dims;
}

auto adafactor() {
  return [R = Tensor(), C = Tensor()](const Tensor& theta, const Tensor& g, int t) mutable {
    const double beta = 1.0 - std::pow(t, -0.8), n = static_cast<double>(g.numel());
    R = ema(R, rv::mean(rv::square(g), others(g), true), beta);
    C = ema(C, rv::mean(rv::square(g), {0}, true), beta);
    Tensor U = g / rv::sqrt(R * C / rv::mean(R));
    U = U / std::max(1.0, length(U) / std::sqrt(n));
    return theta - U * (length(theta) / std::sqrt(n) * std::min(0.5, 1.0 / std::sqrt(t)));
  };
}

auto factored_adam() {
  return [R = Tensor(), C = Tensor()](const Tensor& theta, const Tensor& g, int t) mutable {
    R = ema(R, rv::sum(rv::square(g), others(g), true), 0.9);
    C = ema(C, rv::sum(rv::square(g), {0}, true), 0.9);
    return theta - g * 0.1 / (rv::sqrt(R * C / rv::sum(R) / (1.0 - std::pow(0.9, t))) + 1e-8);
  };
}

auto sm3() {
  return [mu = std::vector<Tensor>()](const Tensor& theta, const Tensor& g, int t) mutable {
    if (t == 1) mu.assign(static_cast<std::size_t>(g.rank()), rv::zeros_like(g));
    Tensor least = mu[0];
    for (const Tensor& other : mu) least = rv::minimum(least, other);
    const Tensor nu = rv::square(g) + least;
    for (int i = 0; i < g.rank(); ++i) mu[static_cast<std::size_t>(i)] = rv::max(nu, others(g, i), true) + nu * 0.0;
    return theta - g / rv::sqrt(nu + 1e-8) * 0.1;
  };
}

}  // namespace

TEST_CASE("sums: norms of many elements") {
  for (const rv::Shape& shape : {rv::Shape{4096}, rv::Shape{10007}, rv::Shape{3, 40000}})
    check("lamb:lr=0.1,weight_decay=0.1", shape, lamb);
}

TEST_CASE("sums: long rows, many rows, and both few") {
  for (const rv::Shape& shape : {rv::Shape{70, 5003}, rv::Shape{601, 9}, rv::Shape{2, 3}, rv::Shape{5, 7, 300}}) {
    check("adafactor:lr=0.5", shape, adafactor);
    check("factored_adam:lr=0.1,beta2=0.9", shape, factored_adam);
    check("sm3:momentum=0", shape, sm3);
  }
}
