// Gradients of gradients: a Hessian, a Hessian-vector product and a third derivative, in float64,
// against values worked out by hand.
#include <ravine/ravine.hpp>

#include <cmath>

#include "check.hpp"

namespace rv = ravine;

static bool near(double a, double b) { return std::abs(a - b) <= 1e-9 * (1.0 + std::abs(b)); }

int main() {
  rv::manual_seed(2);
  // Rosenbrock at (-1.2, 1): gradient (-215.6, -88), Hessian [[1330, 480], [480, 200]].
  rv::Variable theta = rv::parameter(rv::tensor({-1.2, 1.0}, {2}, rv::f64));
  auto f = [](const rv::Variable& t) {
    rv::Variable x = t[0], y = t[1];
    return rv::square(1.0 - x) + 100.0 * rv::square(y - x * x);
  };

  std::vector<rv::Variable> g = rv::grad(f(theta), {theta});
  CHECK(near(g[0][0].item(), -215.6) && near(g[0][1].item(), -88.0));

  rv::Tensor H = rv::hessian(f, theta.value());  // (2, 2)
  CHECK(near(H.at({0, 0}), 1330.0) && near(H.at({0, 1}), 480.0) && near(H.at({1, 0}), 480.0) &&
        near(H.at({1, 1}), 200.0));

  rv::Tensor v = rv::tensor({0.5, -2.0}, {2}, rv::f64);
  rv::Tensor Hv = rv::hvp(f, theta.value(), v);
  CHECK(near(Hv.at({0}), -295.0) && near(Hv.at({1}), -160.0));

  // d^3/dx^3 of exp(2x) sin(x) at 0.3, by three reverse sweeps.
  rv::Variable x = rv::parameter(rv::tensor({0.3}, {1}, rv::f64));
  rv::Variable y = rv::sum(rv::exp(2.0 * x) * rv::sin(x));
  rv::Variable d1 = rv::grad(y, {x}, {.create_graph = true})[0];
  rv::Variable d2 = rv::grad(rv::sum(d1), {x}, {.create_graph = true})[0];
  rv::Variable d3 = rv::grad(rv::sum(d2), {x})[0];
  double expected = std::exp(0.6) * (2.0 * std::sin(0.3) + 11.0 * std::cos(0.3));
  CHECK(near(d3.item(), expected));

  // The library's own checker compares analytic with numeric derivatives, first and second order.
  CHECK(rv::gradcheck([](const std::vector<rv::Variable>& in) { return rv::sum(rv::tanh(rv::matmul(in[0], in[1]))); },
                      {rv::randn({3, 4}, rv::f64), rv::randn({4, 2}, rv::f64)}, {.second_order = true}));

  // ... and notices an op of the user's own whose rule is wrong (d x^2 = 2x dx; the 2 is missing).
  auto wrong_square = [](const rv::Variable& x) {
    return rv::record("wrong_square", x.value() * x.value(),
                      {{x, [x](const rv::Variable& dy, const rv::Variable& /*y*/) { return dy * x; }}});
  };
  auto report = rv::gradcheck([&](const std::vector<rv::Variable>& in) { return rv::sum(wrong_square(in[0])); },
                              {rv::randn({3}, rv::f64)});
  CHECK(!report);
  std::printf("planted error found: %s\n", report.message.c_str());
  std::puts("higher-order derivatives agree");
}
