// Activations in numbers and far out, and ops on Variables beside those on Tensors.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <string>

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

TEST_CASE("activations far out: a line or a constant, with the slopes of one and no curvature") {
  struct Row {
    const char* name;
    Variable (*f)(const Variable&);
    double at_minus_infinity, slope_below, slope_above;  // slope_above 0: they end at 1
  };
  const double inf = std::numeric_limits<double>::infinity();
  const Row rows[] = {
      {"relu", [](const Variable& x) { return relu(x); }, 0, 0, 1},
      {"leaky_relu", [](const Variable& x) { return leaky_relu(x, 0.5); }, -inf, 0.5, 1},
      {"elu", [](const Variable& x) { return elu(x, 2.0); }, -2, 0, 1},
      {"gelu", [](const Variable& x) { return gelu(x); }, 0, 0, 1},
      {"gelu, tanh", [](const Variable& x) { return gelu(x, "tanh"); }, 0, 0, 1},
      {"silu", silu, 0, 0, 1},
      {"softplus", [](const Variable& x) { return softplus(x); }, 0, 0, 1},
      {"softplus, beta", [](const Variable& x) { return softplus(x, 30.0); }, 0, 0, 1},
      {"tanh", tanh, -1, 0, 0},
      {"sigmoid", sigmoid, 0, 0, 0},
      {"erf", erf, -1, 0, 0},
      {"log of sigmoid", [](const Variable& x) { return -softplus(-x); }, -inf, 1, 0},
  };
  for (const Row& row : rows)
    for (const DType dtype : {f32, f64})
      for (const double size : {1e4, 1e19, 1e30, dtype == f32 ? 3e38 : 1e308, inf})
        for (const double at : {-size, size}) {
          CAPTURE(std::string(row.name));
          CAPTURE(at);
          const bool above = at > 0;
          const double slope = above ? row.slope_above : row.slope_below;
          const Variable x = parameter(scalar(at, dtype)), y = row.f(x);
          const double end = above ? (row.at_minus_infinity == -inf && slope == 0 ? 0 : 1) : row.at_minus_infinity;
          CHECK(y.item() == (slope != 0 ? slope * x.item() : end));
          CHECK(grad(y, {x}, {.retain_graph = true})[0].item() == slope);
          const Variable first = grad(y, {x}, {.create_graph = true})[0];
          CHECK(first.item() == slope);
          if (first.requires_grad()) CHECK(grad(first, {x})[0].item() == 0.0);
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

TEST_CASE("gelu's approximation and expm1's slope keep their digits where they are small") {
  // x / (1 + exp(-2 z)) for z = sqrt(2 / pi) (x + 0.044715 x^3), in double precision
  const std::vector<double> y = gelu(tensor({-5, -4.5}), "tanh").value().to_vector<double>();
  CHECK(y[0] / -2.2917961966295044e-07 == doctest::Approx(1.0).epsilon(1e-5));
  CHECK(y[1] / -5.1367374119586445e-06 == doctest::Approx(1.0).epsilon(1e-5));
  const Variable x = parameter(tensor({-30.0}));
  sum(expm1(x)).backward();
  CHECK(x.grad().item() / std::exp(-30.0) == doctest::Approx(1.0).epsilon(1e-6));
}

TEST_CASE("a pullback in one pass agrees with the recorded one of plain ops, and is the same at any place") {
  struct Row {
    const char* name;
    Variable (*f)(const Variable&);
  };
  const Row rows[] = {
      {"leaky_relu", [](const Variable& x) { return leaky_relu(x, 0.2); }},
      {"elu", [](const Variable& x) { return elu(x, 1.5); }},
      {"gelu", [](const Variable& x) { return gelu(x); }},
      {"gelu, tanh", [](const Variable& x) { return gelu(x, "tanh"); }},
      {"silu", silu},
      {"softplus", [](const Variable& x) { return softplus(x, 1.5); }},
      {"abs", [](const Variable& x) { return abs(x); }},
      {"clamp", [](const Variable& x) { return clamp(x, -1.0, {}); }},
  };
  manual_seed(5);
  const Tensor at = randn({45}, f64) * 3.0;
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    const Variable x = parameter(at);
    const Variable y = sum(row.f(x));
    const Tensor once = grad(y, {x}, {.retain_graph = true})[0].value();
    const Tensor recorded = grad(y, {x}, {.create_graph = true})[0].value();
    for (Index i = 0; i < 45; ++i) {
      CHECK(once.at({i}) == Approx(recorded.at({i})).epsilon(1e-13));
      const Variable part = parameter(at.slice(0, i, 45).clone());
      const Variable value = row.f(part);
      CHECK(bitwise_equal(value.value(), row.f(Variable(at)).value().slice(0, i, 45)));
      CHECK(bitwise_equal(grad(sum(value), {part})[0].value(), once.slice(0, i, 45)));
    }
  }
}
