// Values of the ops on Variables, and what they take for a derivative where there is none.
#include <doctest/doctest.h>

#include <cmath>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <vector>

using namespace ravine;
using doctest::Approx;

namespace {

std::vector<double> slope(Variable (*f)(const Variable&), const std::vector<double>& at) {
  const Variable x = parameter(tensor(at, f64));
  return grad(sum(f(x)), {x})[0].value().to_vector<double>();
}

using Values = std::vector<double>;

}  // namespace

TEST_CASE("derivatives at kinks are those PyTorch takes") {
  CHECK(slope([](const Variable& x) { return abs(x); }, {-2.0, 0.0, 2.0}) == Values{-1.0, 0.0, 1.0});
  CHECK(slope([](const Variable& x) { return sign(x) + x; }, {-2.0, 0.0, 2.0}) == Values{1.0, 1.0, 1.0});
  CHECK(slope([](const Variable& x) { return relu(x); }, {-2.0, 0.0, 2.0}) == Values{0.0, 0.0, 1.0});
  CHECK(slope([](const Variable& x) { return leaky_relu(x, 0.1); }, {-2.0, 0.0, 2.0}) == Values{0.1, 0.1, 1.0});
  CHECK(slope([](const Variable& x) { return elu(x, 2.0); }, {0.0, 2.0}) == Values{2.0, 1.0});
  CHECK(slope([](const Variable& x) { return clamp(x, -1.0, 1.0); }, {-2.0, -1.0, 0.0, 1.0, 2.0}) ==
        Values{0.0, 1.0, 1.0, 1.0, 0.0});
  CHECK(slope([](const Variable& x) { return maximum(x, 0.0); }, {-1.0, 0.0, 1.0}) == Values{0.0, 0.5, 1.0});
  CHECK(slope([](const Variable& x) { return minimum(x, 0.0); }, {-1.0, 0.0, 1.0}) == Values{1.0, 0.5, 0.0});
  CHECK(slope([](const Variable& x) { return norm(x); }, {0.0, 0.0}) == Values{0.0, 0.0});
  CHECK(slope([](const Variable& x) { return max(x); }, {2.0, 1.0, 2.0}) == Values{0.5, 0.0, 0.5});
  CHECK(slope([](const Variable& x) { return min(x); }, {2.0, 1.0, 2.0}) == Values{0.0, 1.0, 0.0});
  CHECK(slope([](const Variable& x) { return pow(x, 0); }, {0.0, 2.0}) == Values{0.0, 0.0});
  CHECK(slope([](const Variable& x) { return pow(x, 2); }, {0.0, -3.0}) == Values{0.0, -6.0});
  // 0^p: the derivative in p is 0, not 0 times an infinite logarithm.
  const Variable p = parameter(tensor({2.0}, f64));
  CHECK(grad(sum(pow(Variable(tensor({0.0}, f64)), p)), {p})[0].item() == 0.0);
}

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
  CHECK(bitwise_equal(concat(std::vector<Variable>{a, b}, 1).value(), concat(std::vector<Tensor>{a, b}, 1)));
  CHECK(bitwise_equal(where(gt(a, 0.0), Variable(a), b).value(), where(gt(a, 0.0), a, b)));
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}}, f64), y = tensor({{2.0, 1.0}, {-3.0, -4.0}}, f64);
  const Tensor similarity = cosine_similarity(Variable(x), y).value();
  CHECK(similarity.at({0}) == Approx(0.8));
  CHECK(similarity.at({1}) == Approx(-1.0));
}

TEST_CASE("gradients in f32 agree with those in f64") {
  Generator generator(5);
  const Tensor x = randn({8, 6}, f64, generator), w1 = randn({7, 6}, f64, generator),
               w2 = randn({1, 7}, f64, generator);
  const auto gradients = [&](DType dtype) {
    const std::vector<Variable> p = {parameter(w1.to(dtype)), parameter(w2.to(dtype))};
    const Variable y = linear(tanh(linear(x.to(dtype), p[0])), p[1]);
    return grad(mean(square(sigmoid(y) - 0.3)), p);
  };
  const auto exact = gradients(f64), single = gradients(f32);
  for (std::size_t k = 0; k < 2; ++k) CHECK(max(abs(single[k].value().to(f64) - exact[k].value())).item() < 1e-6);
}
