// Activations in numbers and far out, and ops on Variables beside those on Tensors.
#include <doctest/doctest.h>

#include <cmath>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>

using namespace ravine;
using doctest::Approx;

TEST_CASE("activations against numbers worked out by hand") {
  const auto at = [](Variable (*f)(const Variable&), double x) { return f(Variable(scalar(x, f64))).item(); };
  CHECK(at([](const Variable& x) { return relu(x); }, -1.5) == 0.0);
  CHECK(at([](const Variable& x) { return leaky_relu(x, 0.2); }, -1.5) == Approx(-0.3));
  CHECK(at([](const Variable& x) { return elu(x, 2.0); }, -1.0) == Approx(2.0 * (std::exp(-1.0) - 1.0)));
  CHECK(at([](const Variable& x) { return sigmoid(x); }, 0.0) == 0.5);
  CHECK(at([](const Variable& x) { return sigmoid(x); }, std::log(3.0)) == Approx(0.75));
  CHECK(at([](const Variable& x) { return silu(x); }, std::log(3.0)) == Approx(0.75 * std::log(3.0)));
  CHECK(at([](const Variable& x) { return softplus(x); }, 0.0) == Approx(std::log(2.0)));
  CHECK(at([](const Variable& x) { return softplus(x, 2.0); }, 0.0) == Approx(std::log(2.0) / 2.0));
  CHECK(at([](const Variable& x) { return gelu(x); }, 1.0) == Approx(0.8413447460685429));  // Phi(1)
  CHECK(at([](const Variable& x) { return gelu(x, "tanh"); }, 1.0) == Approx(0.8411919906082768));
  CHECK_THROWS_WITH_AS(gelu(Variable(scalar(1.0)), "fast"), doctest::Contains("'fast'"), std::invalid_argument);
  // No overflow far out, in either precision.
  for (const DType dtype : {f32, f64})
    for (const double x : {-1000.0, 1000.0}) {
      const Variable v = parameter(scalar(x, dtype));
      for (const Variable& y : {sigmoid(v), tanh(v), softplus(v), silu(v), elu(v), gelu(v, "tanh")}) {
        CHECK(std::isfinite(y.item()));
        CHECK(std::isfinite(grad(y, {v}, {.retain_graph = true})[0].item()));
      }
    }
}

TEST_CASE("ops on Variables give the values of the ops on Tensors") {
  manual_seed(3);
  const Tensor a = randn({3, 4}), b = randn({3, 4}), w = randn({5, 4});
  CHECK(bitwise_equal((Variable(a) + b).value(), a + b));
  CHECK(bitwise_equal((2.0 - Variable(a) / b * 3.0).value(), 2.0 - a / b * 3.0));
  CHECK(bitwise_equal(linear(Variable(a), w).value(), linear(a, w)));
  CHECK(bitwise_equal(logsumexp(Variable(a), 0).value(), logsumexp(a, 0)));
  CHECK(bitwise_equal(concat({Variable(a), b}, 1).value(), concat({a, b}, 1)));
  CHECK(bitwise_equal(where(gt(a, 0.0), Variable(a), b).value(), where(gt(a, 0.0), a, b)));
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}}, f64), y = tensor({{2.0, 1.0}, {-3.0, -4.0}}, f64);
  const Tensor similarity = cosine_similarity(Variable(x), y).value();
  CHECK(similarity.at({0}) == Approx(0.8));
  CHECK(similarity.at({1}) == Approx(-1.0));
}
