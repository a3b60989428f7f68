#include <ravine/autograd/grad.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/linalg.hpp>

#include "../core/reference.hpp"

using namespace ravine;
using doctest::Contains;
using Values = std::vector<double>;

TEST_CASE("grad gives gradients and stores none") {
  const Variable a = parameter(tensor({1, 2})), b = parameter(tensor({3, 4}));
  a.set_grad(tensor({7, 7}));
  const auto g = grad(sum(a * b), {b, a});
  CHECK(values(g[0].value()) == Values{1, 2});
  CHECK(values(g[1].value()) == Values{3, 4});
  CHECK(values(a.grad()) == Values{7, 7});
  CHECK_FALSE(b.grad().defined());
  CHECK_FALSE(g[0].requires_grad());
}

TEST_CASE("grad without inputs stores nothing either") {
  const Variable a = parameter(scalar(2));
  CHECK(grad(square(a), {}).empty());
  CHECK_FALSE(a.grad().defined());
  CHECK(grad(square(a), {}, {.create_graph = true}).empty());
  square(a).backward();
  CHECK(a.grad().item() == 4);
}

TEST_CASE("parameters that are not asked for are left alone") {
  const Variable a = parameter(scalar(2)), b = parameter(scalar(3));
  CHECK(grad(a * b, {a})[0].item() == 3);
  CHECK_FALSE(b.grad().defined());
}

TEST_CASE("gradients of results on the way") {
  const Variable x = parameter(scalar(0.5, f64));
  const Variable h = exp(x), y = square(h) * h;
  const auto g = grad(y, {h, x, y});
  CHECK(g[0].item() == doctest::Approx(3 * std::exp(1.0)).epsilon(1e-14));
  CHECK(g[1].item() == doctest::Approx(3 * std::exp(1.5)).epsilon(1e-14));
  CHECK(g[2].item() == 1);
  CHECK_FALSE(h.grad().defined());
}

TEST_CASE("an input asked for twice, and an output that is an input") {
  const Variable x = parameter(scalar(3));
  const auto g = grad(square(x), {x, x});
  CHECK(g[0].item() == 6);
  CHECK(g[1].item() == 6);
  CHECK(grad(x, {x})[0].item() == 1);
  const Variable h = x * 2;
  const auto both = grad(square(h), {h, x, h}, {.create_graph = true});
  CHECK(both[0].item() == 12);
  CHECK(both[1].item() == 24);
  CHECK(both[2].item() == 12);
}

TEST_CASE("an input without a part in the output") {
  const Variable a = parameter(ones({2})), b = parameter(ones({3})), c = Variable(scalar(1));
  CHECK_THROWS_WITH_AS(grad(sum(a), {a, b}),
                       "grad: input 1 of shape (3) has no part in the output; allow_unused permits that",
                       std::logic_error);
  auto g = grad(sum(a), {a, b}, {.allow_unused = true});
  CHECK(g[0].defined());
  CHECK_FALSE(g[1].defined());
  CHECK_FALSE(grad(c, {a}, {.allow_unused = true})[0].defined());
  CHECK_THROWS_WITH_AS(grad(sum(a * c), {c}), "grad: input 0 of shape () is a constant; allow_unused permits that",
                       std::logic_error);
  CHECK_THROWS_WITH_AS(grad(c, {a}), Contains("grad: the output depends on no parameter"), std::logic_error);
  CHECK_THROWS_WITH_AS(grad(a * 2, {a}), "grad: needs a scalar, got (2)", std::logic_error);
  CHECK_THROWS_WITH_AS(grad(sum(a), {a, Variable()}), "grad: input 1 is undefined", std::logic_error);
}

TEST_CASE("retain_graph is as create_graph unless it is said") {
  const Variable x = parameter(scalar(2));
  Variable y = square(x) * x;
  grad(y, {x});
  CHECK_THROWS_WITH_AS(grad(y, {x}), Contains("was freed by an earlier pass"), std::logic_error);
  y = square(x) * x;
  grad(y, {x}, {.retain_graph = true});
  CHECK(grad(y, {x}, {.create_graph = true})[0].item() == 12);
  CHECK(grad(y, {x})[0].item() == 12);
  y = square(x) * x;
  const Variable first = grad(y, {x}, {.create_graph = true, .retain_graph = false})[0];
  CHECK_THROWS_WITH_AS(grad(y, {x}), Contains("was freed by an earlier pass"), std::logic_error);
}

TEST_CASE("derivatives of any order") {
  const Variable x = parameter(scalar(0.7, f64));
  // sin: cos, -sin, -cos, sin.
  Variable y = sin(x);
  for (const double expected : {std::cos(0.7), -std::sin(0.7), -std::cos(0.7), std::sin(0.7)}) {
    y = grad(y, {x}, {.create_graph = true})[0];
    CHECK(y.item() == doctest::Approx(expected).epsilon(1e-13));
  }
  // x^5: 5x^4, 20x^3, 60x^2, 120x, 120.
  y = pow(x, 5);
  double factor = 1.0;
  for (int k = 5; k >= 1; --k) {
    factor *= k;
    y = grad(y, {x}, {.create_graph = true})[0];
    CHECK(y.item() == doctest::Approx(factor * std::pow(0.7, k - 1)).epsilon(1e-12));
  }
}

TEST_CASE("third derivatives of functions with fused gradients") {
  const auto third = [](Variable (*f)(const Variable&), double at) {
    const Variable x = parameter(scalar(at, f64));
    Variable y = f(x);
    for (int k = 0; k < 3; ++k) y = grad(y, {x}, {.create_graph = true})[0];
    return y.item();
  };
  const double t = std::tanh(0.4), s = 1 / (1 + std::exp(-0.4));
  // tanh''' = (6 t^2 - 2)(1 - t^2); sigmoid''' = s'(1 - 6 s'), s' = s (1 - s).
  CHECK(third(tanh, 0.4) == doctest::Approx((6 * t * t - 2) * (1 - t * t)).epsilon(1e-12));
  CHECK(third(sigmoid, 0.4) == doctest::Approx(s * (1 - s) * (1 - 6 * s * (1 - s))).epsilon(1e-12));
  CHECK(third(exp, 0.4) == doctest::Approx(std::exp(0.4)).epsilon(1e-14));
  CHECK(third(log, 0.4) == doctest::Approx(2 / 0.064).epsilon(1e-13));
}

TEST_CASE("backward through a gradient: a penalty on its norm") {
  const Variable w = parameter(tensor({1, 2}, f64));
  const Variable g = grad(sum(square(w) * w), {w}, {.create_graph = true})[0];  // 3 w^2
  CHECK(g.requires_grad());
  sum(square(g)).backward();  // 9 w^4 -> 36 w^3
  CHECK(values(w.grad()) == Values{36, 288});
}

TEST_CASE("mixed derivatives") {
  const Variable x = parameter(scalar(2, f64)), y = parameter(scalar(3, f64));
  const Variable dx = grad(square(x) * exp(y), {x}, {.create_graph = true})[0];  // 2 x e^y
  CHECK(grad(dx, {y})[0].item() == doctest::Approx(4 * std::exp(3.0)).epsilon(1e-14));
}

TEST_CASE("Hessian, Hessian-vector product and Jacobian by hand") {
  // f = x^2 y + y^3: gradient (2xy, x^2 + 3y^2), Hessian ((2y, 2x), (2x, 6y)).
  const auto f = [](const Variable& v) { return square(v[0]) * v[1] + pow(v[1], 3); };
  const Tensor at = tensor({2, 3}, f64);
  CHECK(values(hessian(f, at)) == Values{6, 4, 4, 18});
  CHECK(values(hvp(f, at, tensor({1, -1}, f64))) == Values{2, -14});
  CHECK(values(jacobian(f, at)) == Values{12, 31});
  CHECK(jacobian(f, at).shape() == Shape({1, 2}));

  // (x y, x + y, x) as a (3, 1) result: rows in its order.
  const auto g = [](const Variable& v) { return stack({v[0] * v[1], v[0] + v[1], v[0]}, 0).reshape({3, 1}); };
  CHECK(values(jacobian(g, at)) == Values{3, 2, 1, 1, 1, 0});
  CHECK(jacobian(g, at).shape() == Shape({3, 2}));
  const Tensor m = random_tensor({3, 4}, f64), x = random_tensor({4}, f64);
  CHECK(bitwise_equal(jacobian([&](const Variable& v) { return matmul(m, v); }, x), m));
  CHECK(values(jacobian([](const Variable& v) { return v; }, at)) == Values{1, 0, 0, 1});
}

TEST_CASE("derivatives of functions within a NoGrad are those without one") {
  const auto f = [](const Variable& x) { return sum(square(x) * x); };
  const Tensor x = tensor({1, 2}, f64);
  const NoGrad no_grad;
  CHECK(values(jacobian(f, x)) == Values{3, 12});
  CHECK(values(hessian(f, x)) == Values{6, 0, 0, 12});
  CHECK(values(hvp(f, x, ones({2}, f64))) == Values{6, 12});
  CHECK(gradcheck([&](const std::vector<Variable>& in) { return f(in[0]); }, {x}, {.second_order = true}));
  CHECK_FALSE(f(parameter(x)).requires_grad());
}

TEST_CASE("Hessians of matrices agree with products, and functions without curvature have zeros") {
  const auto f = [](const Variable& v) { return sum(tanh(matmul(v, v))); };
  const Tensor x = random_tensor({3, 3}, f64, 1), v = random_tensor({3, 3}, f64, 2);
  const Tensor h = hessian(f, x);
  CHECK(h.shape() == Shape({9, 9}));
  CHECK(worst_error(hvp(f, x, v), values(matmul(h, v.reshape({9})))) < 1e-13);
  for (Index i = 0; i < 9; ++i)
    for (Index j = 0; j < i; ++j) CHECK(h.at({i, j}) == doctest::Approx(h.at({j, i})).epsilon(1e-12));

  const auto linear_f = [](const Variable& u) { return sum(u * 3); };
  CHECK(values(hessian(linear_f, x)) == Values(81, 0.0));
  CHECK(values(hvp(linear_f, x, v)) == Values(9, 0.0));
  const auto constant = [](const Variable&) { return Variable(ones({2}, f64)); };
  CHECK(values(jacobian(constant, v)) == Values(18, 0.0));
  CHECK_THROWS_WITH_AS(hvp(f, x, ones({3}, f64)), "hvp: a vector of shape (3) for x of (3, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(hvp(f, x, ones({3, 3})), Contains("hvp: dtypes differ: f32 and f64"), DTypeError);
  CHECK_THROWS_WITH_AS(hessian([](const Variable& u) { return u; }, x), "grad: needs a scalar, got (3, 3)",
                       std::logic_error);
}

TEST_CASE("gradients in f32 agree with f64") {
  const auto loss = [](const Variable& x, const Variable& w, const Variable& b) {
    return mean(square(softmax(linear(tanh(linear(x, w, b)), w, b), 1) - sigmoid(x))) + logsumexp(norm(w, 1), 0);
  };
  const Tensor x = random_tensor({6, 5}, f64, 1), w = random_tensor({5, 5}, f64, 2), b = random_tensor({5}, f64, 3);
  const Variable x64 = parameter(x), w64 = parameter(w), b64 = parameter(b);
  const Variable x32 = parameter(x.to(f32)), w32 = parameter(w.to(f32)), b32 = parameter(b.to(f32));
  loss(x64, w64, b64).backward();
  loss(x32, w32, b32).backward();
  CHECK(worst_error(x32.grad(), values(x64.grad())) < 1e-6);
  CHECK(worst_error(w32.grad(), values(w64.grad())) < 1e-6);
  CHECK(worst_error(b32.grad(), values(b64.grad())) < 1e-6);
}
