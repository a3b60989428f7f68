// Values, first and second derivatives by hand, at the kinks above all.
// The second derivative is that of the sum of the gradient; those at kinks are what PyTorch 2.13 gives.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/factories.hpp>

#include "../core/reference.hpp"

using namespace ravine;
using Values = std::vector<double>;

namespace {

struct Row {
  std::string name;
  std::function<Variable(const Variable&)> f;
  Values x, y, first, second;  // y = f(x) and its derivatives there
};

const double e = std::exp(1.0), root2 = std::sqrt(2.0), log2e = std::log2(e);

const std::vector<Row> rows = {
    {"neg", [](auto& x) { return -x; }, {-1, 2}, {1, -2}, {-1, -1}, {0, 0}},
    {"x + 2", [](auto& x) { return x + 2; }, {-1, 2}, {1, 4}, {1, 1}, {0, 0}},
    {"2 - x", [](auto& x) { return 2 - x; }, {-1, 2}, {3, 0}, {-1, -1}, {0, 0}},
    {"3 x", [](auto& x) { return 3 * x; }, {-1, 2}, {-3, 6}, {3, 3}, {0, 0}},
    {"x / 4", [](auto& x) { return x / 4; }, {-1, 2}, {-0.25, 0.5}, {0.25, 0.25}, {0, 0}},
    {"4 / x", [](auto& x) { return 4 / x; }, {-1, 2}, {-4, 2}, {-4, -1}, {-8, 1}},
    {"x x", [](auto& x) { return x * x; }, {-1, 3}, {1, 9}, {-2, 6}, {2, 2}},
    {"x / x", [](auto& x) { return x / x; }, {-1, 3}, {1, 1}, {0, 0}, {0, 0}},
    {"square", [](auto& x) { return square(x); }, {-1, 0, 3}, {1, 0, 9}, {-2, 0, 6}, {2, 2, 2}},
    {"sqrt", [](auto& x) { return sqrt(x); }, {0, 4}, {0, 2}, {infinity, 0.25}, {-infinity, -1.0 / 32}},
    {"rsqrt", [](auto& x) { return rsqrt(x); }, {4, 0.25}, {0.5, 2}, {-1.0 / 16, -4}, {3.0 / 128, 24}},
    {"reciprocal", [](auto& x) { return reciprocal(x); }, {-1, 2}, {-1, 0.5}, {-1, -0.25}, {-2, 0.25}},
    {"exp", [](auto& x) { return exp(x); }, {0, 1}, {1, e}, {1, e}, {1, e}},
    {"log", [](auto& x) { return log(x); }, {1, 4}, {0, std::log(4.0)}, {1, 0.25}, {-1, -1.0 / 16}},
    {"log2", [](auto& x) { return log2(x); }, {1, 8}, {0, 3}, {log2e, log2e / 8}, {-log2e, -log2e / 64}},
    {"log1p", [](auto& x) { return log1p(x); }, {0, 3}, {0, std::log(4.0)}, {1, 0.25}, {-1, -1.0 / 16}},
    {"expm1", [](auto& x) { return expm1(x); }, {0, 1}, {0, e - 1}, {1, e}, {1, e}},
    {"sin", [](auto& x) { return sin(x); }, {0}, {0}, {1}, {0}},
    {"cos", [](auto& x) { return cos(x); }, {0}, {1}, {0}, {-1}},
    {"tan", [](auto& x) { return tan(x); }, {0, std::atan(2.0)}, {0, 2}, {1, 5}, {0, 20}},
    {"atan", [](auto& x) { return atan(x); }, {0, 1}, {0, std::atan(1.0)}, {1, 0.5}, {0, -0.5}},
    {"floor", [](auto& x) { return floor(x); }, {-1.5, 2}, {-2, 2}, {0, 0}, {0, 0}},
    {"ceil", [](auto& x) { return ceil(x); }, {-1.5, 2}, {-1, 2}, {0, 0}, {0, 0}},
    {"round", [](auto& x) { return round(x); }, {-1.5, 2.5}, {-2, 2}, {0, 0}, {0, 0}},
    {"erf", [](auto& x) { return erf(x); }, {0}, {0}, {1.1283791670955126}, {0}},
    {"tanh", [](auto& x) { return tanh(x); }, {0, std::log(3.0)}, {0, 0.8}, {1, 0.36}, {0, -0.576}},
    {"sigmoid", [](auto& x) { return sigmoid(x); }, {0, std::log(3.0)}, {0.5, 0.75}, {0.25, 0.1875}, {0, -0.09375}},
    {"abs", [](auto& x) { return abs(x); }, {-1, 0, 2}, {1, 0, 2}, {-1, 0, 1}, {0, 0, 0}},
    {"sign", [](auto& x) { return sign(x); }, {-1, 0, 2}, {-1, 0, 1}, {0, 0, 0}, {0, 0, 0}},
    {"relu", [](auto& x) { return relu(x); }, {-1, 0, 2}, {0, 0, 2}, {0, 0, 1}, {0, 0, 0}},
    {"leaky_relu", [](auto& x) { return leaky_relu(x, 0.1); }, {-1, 0, 2}, {-0.1, 0, 2}, {0.1, 0.1, 1}, {0, 0, 0}},
    {"elu",
     [](auto& x) { return elu(x, 1.5); },
     {-1, 0, 2},
     {-0.9481808382428365, 0, 2},
     {0.5518191617571635, 1.5, 1},
     {0.5518191617571635, 0, 0}},
    {"gelu",
     [](auto& x) { return gelu(x); },
     {-1, 0, 2},
     {-0.15865525393145702, 0, 1.9544997361036416},
     {-0.08331547058768635, 0.5, 1.085231801078197},
     {0.24197072451914337, 0.7978845608028654, -0.10798193302637613}},
    {"gelu tanh",
     [](auto& x) { return gelu(x, "tanh"); },
     {-1, 0, 2},
     {-0.15880800939172324, 0, 1.954597694087775},
     {-0.08296408384578252, 0.5, 1.0860992566236183},
     {0.24214819798377296, 0.7978845608028654, -0.10787507995107845}},
    {"silu",
     [](auto& x) { return silu(x); },
     {-1, 0, 2},
     {-0.2689414213699951, 0, 1.7615941559557646},
     {0.07232948812851325, 0.5, 1.0907842487848955},
     {0.3023661188100153, 0.5, 0.05006216869470701}},
    {"softplus",
     [](auto& x) { return softplus(x, 2.0); },
     {-1, 0, 2},
     {0.06346400552148625, 0.34657359027997264, 2.0090749639589047},
     {0.11920292202211755, 0.5, 0.9820137900379085},
     {0.209987170807013, 0.5, 0.035325412426582214}},
    {"softplus far out", [](auto& x) { return softplus(x); }, {-800, 800}, {0, 800}, {0, 1}, {0, 0}},
    {"clamp",
     [](auto& x) { return clamp(x, -1, 2); },
     {-2, -1, 0, 2, 3},
     {-1, -1, 0, 2, 2},
     {0, 1, 1, 1, 0},
     {0, 0, 0, 0, 0}},
    {"clamp from below", [](auto& x) { return clamp(x, 0, {}); }, {-1, 0, 2}, {0, 0, 2}, {0, 1, 1}, {0, 0, 0}},
    {"clamp from above", [](auto& x) { return clamp(x, {}, 0); }, {-1, 0, 2}, {-1, 0, 0}, {1, 1, 0}, {0, 0, 0}},
    {"maximum 0", [](auto& x) { return maximum(x, 0); }, {-1, 0, 2}, {0, 0, 2}, {0, 0.5, 1}, {0, 0, 0}},
    {"minimum 0", [](auto& x) { return minimum(x, 0); }, {-1, 0, 2}, {-1, 0, 0}, {1, 0.5, 0}, {0, 0, 0}},
    {"maximum x x", [](auto& x) { return maximum(x, x); }, {-1, 2}, {-1, 2}, {1, 1}, {0, 0}},
    {"pow 0", [](auto& x) { return pow(x, 0); }, {0, 2}, {1, 1}, {0, 0}, {0, 0}},
    {"pow 1/2",
     [](auto& x) { return pow(x, 0.5); },
     {0, 2},
     {0, root2},
     {infinity, root2 / 4},
     {-infinity, -root2 / 16}},
    {"pow 1", [](auto& x) { return pow(x, 1); }, {0, 2}, {0, 2}, {1, 1}, {0, 0}},
    {"pow 3/2",
     [](auto& x) { return pow(x, 1.5); },
     {0, 2},
     {0, 2 * root2},
     {0, 1.5 * root2},
     {infinity, 0.375 * root2}},
    {"pow 2", [](auto& x) { return pow(x, 2); }, {0, 2}, {0, 4}, {0, 4}, {2, 2}},
    {"pow 3", [](auto& x) { return pow(x, 3); }, {0, -2}, {0, -8}, {0, 12}, {0, -12}},
    {"pow -1", [](auto& x) { return pow(x, -1); }, {0, 2}, {infinity, 0.5}, {-infinity, -0.25}, {infinity, 0.25}},
    {"max", [](auto& x) { return max(x); }, {1, 3, 3, 2}, {3}, {0, 0.5, 0.5, 0}, {0, 0, 0, 0}},
    {"min", [](auto& x) { return min(x); }, {1, 3, 1, 1}, {1}, {1.0 / 3, 0, 1.0 / 3, 1.0 / 3}, {0, 0, 0, 0}},
    {"sum", [](auto& x) { return sum(x); }, {1, 3}, {4}, {1, 1}, {0, 0}},
    {"mean", [](auto& x) { return mean(x); }, {1, 3, 5, 7}, {4}, {0.25, 0.25, 0.25, 0.25}, {0, 0, 0, 0}},
    {"var", [](auto& x) { return var(x); }, {1, 2, 6}, {7}, {-2, -1, 3}, {0, 0, 0}},
    {"norm", [](auto& x) { return norm(x); }, {3, -4}, {5}, {0.6, -0.8}, {0.224, 0.168}},
    {"norm at 0", [](auto& x) { return norm(x); }, {0, 0}, {0}, {0, 0}, {0, 0}},
    {"std", [](auto& x) { return ravine::std(x); }, {1, 2, 3}, {1}, {-0.5, 0, 0.5}, {0, 0, 0}},
    {"std of equals", [](auto& x) { return ravine::std(x); }, {0.1, 0.1, 0.1}, {0}, {0, 0, 0}, {0, 0, 0}},
    {"prod", [](auto& x) { return prod(x); }, {2, -3, 4}, {-24}, {-12, 8, -6}, {1, 6, -1}},
    {"prod, one 0", [](auto& x) { return prod(x); }, {2, 0, 4}, {0}, {0, 8, 0}, {4, 6, 2}},
    {"prod, two 0", [](auto& x) { return prod(x); }, {0, 3, 0}, {0}, {0, 0, 0}, {3, 0, 3}},
    {"cumsum", [](auto& x) { return cumsum(x, 0); }, {1, 2, 4}, {1, 3, 7}, {3, 2, 1}, {0, 0, 0}},
    {"logsumexp", [](auto& x) { return logsumexp(x, 0); }, {0, std::log(3.0)}, {std::log(4.0)}, {0.25, 0.75}, {0, 0}},
    {"logsumexp, -inf",
     [](auto& x) { return logsumexp(x, 0); },
     {-infinity, 0, 0},
     {std::log(2.0)},
     {0, 0.5, 0.5},
     {0, 0, 0}},
    {"logsumexp, all -inf",
     [](auto& x) { return logsumexp(x.reshape({2, 2}), 1); },
     {-infinity, -infinity, 0, std::log(3.0)},
     {-infinity, std::log(4.0)},
     {0, 0, 0.25, 0.75},
     {0, 0, 0, 0}},
    {"logsumexp, all -inf, over both",
     [](auto& x) { return logsumexp(x.reshape({2, 1}), {0, 1}, true); },
     {-infinity, -infinity},
     {-infinity},
     {0, 0},
     {0, 0}},
    {"softmax",
     [](auto& x) { return softmax(x, 0) * tensor({1, 3}, f64); },
     {0, std::log(3.0)},
     {0.25, 2.25},
     {-0.375, 0.375},
     {0, 0}},
    {"log_softmax",
     [](auto& x) { return log_softmax(x, 0) * tensor({1, 3}, f64); },
     {0, std::log(3.0)},
     {-std::log(4.0), 3 * std::log(0.75)},
     {0, 0},
     {0, 0}},
};

Variable second_of(const Variable& first, const Variable& x) {
  return grad(sum(first), {x}, {.allow_unused = true})[0];
}

}  // namespace

TEST_CASE("values, slopes and curvatures by hand") {
  for (const Row& row : rows) {
    INFO(row.name);
    const Variable x = parameter(tensor(row.x, f64));
    const Variable y = row.f(x);
    CHECK(worst_error(y.value(), row.y) < 1e-14);
    const Variable first = grad(sum(y), {x}, {.create_graph = true})[0];
    CHECK(worst_error(first.value(), row.first) < 1e-14);
    if (row.second.empty()) continue;
    const Variable second = first.requires_grad() ? second_of(first, x) : Variable();
    const Values none(row.x.size(), 0.0);
    CHECK(worst_error(second.defined() ? second.value() : tensor(none, f64), row.second) < 1e-13);
  }
}

TEST_CASE("without a graph of the gradients, and in f32, they are the same") {
  for (const Row& row : rows) {
    INFO(row.name);
    const Variable x = parameter(tensor(row.x, f64)), single = parameter(tensor(row.x));
    sum(row.f(x)).backward();
    CHECK(worst_error(x.grad(), row.first) < 1e-14);
    if (row.name.find("softmax") != std::string::npos) continue;  // its weights here are f64
    sum(row.f(single)).backward();
    CHECK(single.grad().dtype() == f32);
    CHECK(worst_error(single.grad(), row.first) < 1e-6);
  }
}

TEST_CASE("logsumexp far from 0 has softmax for its gradient, and the Hessian of a row of -inf is 0") {
  const Variable far = parameter(tensor({1e7, 1e7 + 1}));
  logsumexp(far, 0).backward();
  CHECK(worst_error(far.grad(), {0.2689414, 0.7310586}) < 1e-7);
  const Variable x = parameter(tensor({{-infinity, -infinity}, {0, 0}}, f64));
  const Variable first = grad(sum(logsumexp(x, 1)), {x}, {.create_graph = true})[0];
  CHECK(values(second_of(first * tensor({{1, 2}, {1, 2}}, f64), x).value()) == Values{0, 0, -0.25, 0.25});
}

TEST_CASE("two operands at their kinks") {
  const auto slopes = [](const Variable& y, const Variable& a, const Variable& b) {
    const auto g = grad(sum(y), {a, b});
    return std::pair(values(g[0].value()), values(g[1].value()));
  };
  const Variable a = parameter(tensor({1, 2, 3}, f64)), b = parameter(tensor({3, 2, 1}, f64));
  CHECK(slopes(maximum(a, b), a, b) == std::pair(Values{0, 0.5, 1}, Values{1, 0.5, 0}));
  CHECK(slopes(minimum(a, b), a, b) == std::pair(Values{1, 0.5, 0}, Values{0, 0.5, 1}));
  const Variable broken = parameter(full({3}, nan_value, f64));
  CHECK(slopes(maximum(a, broken), a, broken) == std::pair(Values{1, 1, 1}, Values{1, 1, 1}));
  CHECK(slopes(minimum(a, broken), a, broken) == std::pair(Values{1, 1, 1}, Values{1, 1, 1}));

  // 0^p: constant for p = 0, and of no slope in p for p >= 0.
  const Variable x = parameter(tensor({0, 0, 0, 2, 0}, f64)), p = parameter(tensor({0, 2, 0.5, 0, 1}, f64));
  const auto [dx, dp] = slopes(pow(x, p), x, p);
  CHECK(values(pow(x, p).value()) == Values{1, 0, 0, 1, 0});
  CHECK(dx == Values{0, 0, infinity, 0, 1});
  CHECK(dp == Values{0, 0, 0, std::log(2.0), 0});
}

TEST_CASE("pow of tensors and of numbers: derivatives of every order at 0") {
  // d^k/dx^k x^p for p = 0, 1, 2, 3 at 0: k! where p = k, else 0.
  const Tensor p = arange(4, f64);
  const auto all_powers = [&](const Variable& x) { return pow(x, p); };
  const auto each_power = [](const Variable& x) { return stack({pow(x, 0), pow(x, 1), pow(x, 2), pow(x, 3)}, 0); };
  const auto derivative = [](Variable y, const Variable& x, int order) {
    for (int k = 0; k < order; ++k) y = grad(sum(y), {x}, {.create_graph = true})[0];
    return y.item();
  };
  CHECK(hessian([&](const Variable& x) { return sum(pow(x, p)); }, scalar(0.0, f64)).item() == 2);
  for (const bool numbers : {false, true}) {
    CAPTURE(numbers);
    const Variable x = parameter(scalar(0.0, f64));
    const Variable y = numbers ? each_power(x) : all_powers(x);
    CHECK(values(y.value()) == Values{1, 0, 0, 0});
    for (int order = 1; order <= 4; ++order)
      for (Index k = 0; k < 4; ++k)
        CHECK(derivative(y[k], x, order) == (k == order ? Values{1, 1, 2, 6}[static_cast<std::size_t>(k)] : 0.0));
  }
  // By x and p at x = 0: x^p log(x) has the slope (p log(x) + 1) x^(p - 1), and all is still at p = 0.
  const auto mixed = [&](double exponent) {
    const Variable x = parameter(scalar(0.0, f64)), q = parameter(scalar(exponent, f64));
    const Variable by_p = grad(pow(x, q), {q}, {.create_graph = true})[0];
    const Variable by_x = grad(pow(x, q), {x}, {.create_graph = true})[0];
    const double second = grad(by_p, {q}, {.retain_graph = true})[0].item();
    return Values{by_p.item(), second, grad(by_p, {x})[0].item(), grad(by_x, {q})[0].item()};
  };
  CHECK(mixed(0) == Values{0, 0, 0, 0});
  CHECK(mixed(1) == Values{0, 0, -infinity, -infinity});
  CHECK(mixed(2) == Values{0, 0, 0, 0});
  CHECK(mixed(3) == Values{0, 0, 0, 0});
  // x^0 is constant, whatever x is.
  for (const double at : {nan_value, infinity, 0.0}) {
    const Variable x = parameter(scalar(at, f64));
    CHECK(grad(pow(x, 0), {x})[0].item() == 0);
    CHECK(grad(pow(x, scalar(0.0, f64)), {x})[0].item() == 0);
  }
}

TEST_CASE("norm and std: slopes at any size, and at 0 no derivative of any order") {
  for (const DType dtype : {f32, f64})
    for (const double size : {1e20, 1e-30, dtype == f32 ? 1e37 : 1e200, dtype == f32 ? 1e-37 : 1e-200}) {
      CAPTURE(size);
      const Variable x = parameter(full({2, 4}, size, dtype)), y = parameter(tensor({1, 3, 1, 3}, dtype) * size);
      const double tolerance = rounding(dtype);
      CHECK(worst_error(grad(norm(x[0]), {x})[0].value(), {0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0}) <= tolerance);
      for (const bool recorded : {false, true})
        CHECK(worst_error(grad(sum(norm(x, 1)), {x}, {.create_graph = recorded})[0].value(), Values(8, 0.5)) <=
              tolerance);
      CHECK(worst_error(grad(sum(norm(x, 0)), {x})[0].value(), Values(8, 1 / root2)) <= tolerance);
      CHECK(worst_error(grad(ravine::std(y, 0, false, 0.0), {y})[0].value(), {-0.25, 0.25, -0.25, 0.25}) <= tolerance);
    }
  for (const Tensor& at : {zeros({3}, f64), full({3}, 0.7, f64)}) {
    const bool zero = at.at({0}) == 0.0;
    const auto f = [&](const Variable& x) { return zero ? norm(x) : ravine::std(x); };
    CHECK(values(hessian(f, at)) == Values(9, 0.0));
    CHECK(values(jacobian([&](const Variable& x) { return grad(f(x), {x}, {.create_graph = true})[0] * x; }, at)) ==
          Values(9, 0.0));
  }
  const Variable number = parameter(scalar(-3.0));
  CHECK(grad(norm(number), {number})[0].item() == -1);
}

TEST_CASE("where leaves out what it does not take, even NaN") {
  const Variable a = parameter(tensor({1.0, infinity}, f64)), b = parameter(tensor({nan_value, 2.0}, f64));
  const auto g = grad(sum(where(tensor({1, 0}, u8), a, b)), {a, b});
  CHECK(values(g[0].value()) == Values{1, 0});
  CHECK(values(g[1].value()) == Values{0, 1});
}

TEST_CASE("NaN comes back through what where did not take, as said, and not if the argument is chosen first") {
  const Variable x = parameter(tensor({0, 4}, f64));
  const Tensor positive = gt(x.value(), 0.0), one = ones({}, f64), zero = zeros({}, f64);
  const Values bent = values(grad(sum(where(positive, sqrt(x), zero)), {x})[0].value());
  CHECK(std::isnan(bent[0]));
  CHECK(bent[1] == 0.25);
  CHECK(values(grad(sum(where(positive, sqrt(where(positive, x, one)), zero)), {x})[0].value()) == Values{0, 0.25});
}

TEST_CASE("subnormal gradients count as zero in a backward pass, as said") {
  const Variable x = parameter(ones({2}));
  const Variable y = sum(x * tensor({1e-20, 1.0})) * 1e-20;
  y.backward();
  CHECK(x.grad().at({0}) == 0);
  CHECK(x.grad().at({1}) == tensor({1e-20}).item());
}

TEST_CASE("cosine_similarity by hand, and of a vector without a direction") {
  const Variable x = parameter(tensor({3, 4}, f64)), y = parameter(tensor({1, 2}, f64));
  const Variable c = cosine_similarity(x, y, 0);
  CHECK(c.item() == doctest::Approx(0.9838699100999074).epsilon(1e-14));
  const auto g = grad(c, {x, y});
  CHECK(worst_error(g[0].value(), {-0.028621670111997302, 0.021466252583997952}) < 1e-14);
  CHECK(worst_error(g[1].value(), {0.07155417527999322, -0.03577708763999665}) < 1e-14);

  const Variable zero = parameter(tensor({0, 0}, f64));
  const auto at_zero = grad(cosine_similarity(zero, y, 0), {zero, y});
  CHECK(worst_error(at_zero[0].value(), {44721359.549995795, 89442719.09999159}) < 1e-14);
  CHECK(values(at_zero[1].value()) == Values{0, 0});
}

TEST_CASE("var's gradient has its digits far from 0") {
  const Tensor near = random_tensor({1000, 3}, f32) / 1024.0, far = near + 7.0, x = far.to(f64);
  const Variable in = parameter(far), wide = parameter(x);
  sum(var(in, 0)).backward();
  sum(var(wide, 0)).backward();
  const Tensor apart = in.grad().to(f64) - wide.grad();
  CHECK(max(abs(apart)).item() < 1e-6 * max(abs(wide.grad())).item());
}

TEST_CASE("cosine_similarity of what broadcasts, of any size, and what it refuses") {
  using doctest::Contains;
  CHECK(values(cosine_similarity(Variable(ones({1, 4}, f64)), ones({1, 1}, f64), 1).value()) == Values{1});
  CHECK(worst_error(cosine_similarity(Variable(ones({1}, f64)), ones({3, 4}, f64), 0).value(), Values(4, 1.0)) < 1e-15);
  CHECK(worst_error(cosine_similarity(Variable(ones({2, 1})), tensor({{1, 1, 1}, {-2, -2, -2}}), -1).value(),
                    {1, -1}) <= rounding(f32));
  const Variable one = parameter(ones({1, 1}, f64)), many = parameter(tensor({{1, 2, 2, 4}}, f64));
  const auto g = grad(sum(cosine_similarity(one, many, 1)), {one, many});  // (1 + 2 + 2 + 4) / (2 5)
  CHECK(worst_error(g[0].value(), {0}) < 1e-15);
  CHECK(worst_error(g[1].value(), {0.064, 0.028, 0.028, -0.044}) < 1e-15);
  for (const DType dtype : {f32, f64})
    for (const double size : {1e20, 1e-30, dtype == f32 ? 1e35 : 1e300, dtype == f32 ? 1e-37 : 1e-300}) {
      CAPTURE(size);
      const Variable x = parameter(tensor({3, 4}, dtype) * size), y = parameter(tensor({1, 2}, dtype) * size);
      const Variable c = cosine_similarity(x, y, 0, 0.0);  // with no least length
      CHECK(c.item() == doctest::Approx(0.9838699100999074).epsilon(rounding(dtype)));
      const Tensor slope = grad(c, {x})[0].value();
      CHECK(worst_error(slope * size, {-0.028621670111997302, 0.021466252583997952}) < 2 * rounding(dtype));
    }
  const Variable x = ones({2, 3});
  CHECK_THROWS_WITH_AS(cosine_similarity(x, ones({4}), 1), "cosine_similarity: shapes (2, 3) and (4) do not broadcast",
                       ShapeError);
  CHECK_THROWS_WITH_AS(cosine_similarity(x, ones({3}, f64), 1),
                       "cosine_similarity: dtypes differ: f32 and f64; convert one with to()", DTypeError);
  CHECK_THROWS_WITH_AS(cosine_similarity(x, x, 2), "cosine_similarity: there is no dimension 2 in shape (2, 3)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(cosine_similarity(Variable(ones({2}, i64)), ones({2}, i64), 0),
                       Contains("cosine_similarity: needs a floating tensor"), DTypeError);
}

TEST_CASE("products by hand") {
  const Variable a = parameter(tensor({{1, 2}, {3, 4}}, f64)), b = parameter(tensor({{5, 6}, {7, 8}}, f64));
  const Tensor dy = tensor({{1, 0}, {2, -1}}, f64);
  auto g = grad(sum(matmul(a, b) * dy), {a, b});
  CHECK(values(g[0].value()) == Values{5, 7, 4, 6});     // dy b^T
  CHECK(values(g[1].value()) == Values{7, -3, 10, -4});  // a^T dy
  const Variable w = parameter(tensor({{1, -1}}, f64)), bias = parameter(tensor({0.5}, f64));
  const Variable y = linear(a, w, bias);
  CHECK(values(y.value()) == Values{-0.5, -0.5});
  g = grad(sum(y * tensor({{1}, {2}}, f64)), {a, w, bias});
  CHECK(values(g[0].value()) == Values{1, -1, 2, -2});
  CHECK(values(g[1].value()) == Values{7, 10});
  CHECK(values(g[2].value()) == Values{3});
}

TEST_CASE("sizes of 0 have gradients of size 0") {
  const Variable none = parameter(zeros({0, 3}, f64)), w = parameter(ones({2, 3}, f64));
  sum(linear(none, w)).backward();
  CHECK(none.grad().shape() == Shape({0, 3}));
  CHECK(values(w.grad()) == Values(6, 0.0));
  const Variable x = parameter(zeros({2, 3, 0}, f64)), empty = parameter(zeros({4, 0}, f64));
  const Variable bias = parameter(ones({4}, f64));
  const Variable y = linear(x, empty, bias);
  CHECK(y.shape() == Shape({2, 3, 4}));
  sum(y).backward();
  CHECK(values(bias.grad()) == Values(4, 6.0));
  CHECK(values(grad(sum(sum(none, 0)), {none})[0].value()).empty());
  CHECK(grad(sum(softmax(none, 1)), {none})[0].shape() == Shape({0, 3}));
  CHECK(grad(sum(mean(none, 1)), {none})[0].shape() == Shape({0, 3}));
}

TEST_CASE("words that ops refuse") {
  using doctest::Contains;
  const Variable x = parameter(ones({2}));
  CHECK_THROWS_WITH_AS(gelu(x, "fast"), "gelu: approximate must be 'none' or 'tanh', got 'fast'",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(softplus(x, -1.0), Contains("softplus: beta must be > 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(clamp(x, 1, 0), Contains("clamp: the limits are not in order"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(x + parameter(ones({2}, f64)), Contains("add: dtypes differ: f32 and f64"), DTypeError);
  CHECK_THROWS_WITH_AS(x * parameter(ones({3})), "mul: shapes (2) and (3) do not broadcast", ShapeError);
  CHECK_THROWS_WITH_AS(x * Variable(ones({2}, i64)), Contains("mul: dtypes differ: f32 and i64"), DTypeError);
  CHECK_THROWS_WITH_AS(x[2], Contains("operator[]: position 2 is outside"), std::out_of_range);
  CHECK_THROWS_WITH_AS(sum(x, 1), "sum: there is no dimension 1 in shape (2)", ShapeError);
  CHECK_THROWS_WITH_AS(matmul(x, parameter(ones({3, 1}))), Contains("matmul: cannot multiply (2) by (3, 1)"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(matmul(x, parameter(ones({5, 3, 1}))),
                       "matmul: cannot multiply (2) by (5, 3, 1): the inner sizes, 2 and 3, differ", ShapeError);
  CHECK_THROWS_WITH_AS(linear(parameter(ones({4, 5, 2})), parameter(ones({1, 3}))),
                       Contains("linear: input (4, 5, 2) does not fit weight (1, 3)"), ShapeError);
  CHECK_THROWS_WITH_AS(slice(x, 1, -1, 0), Contains("slice: there is no dimension 1"), ShapeError);
  CHECK_THROWS_WITH_AS(split(x, 1, 1), Contains("split: there is no dimension 1"), ShapeError);
  CHECK_THROWS_WITH_AS(split(x, {1, 2}), Contains("split: pieces of 1 + 2"), ShapeError);
  CHECK_THROWS_WITH_AS(chunk(x, 0), Contains("chunk: needs"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(permute(x, {0, 0}), Contains("permute: dimension 0 of (2) is named twice"), ShapeError);
  CHECK_THROWS_WITH_AS(topk(x, 3), Contains("topk: k must be in [0, 2]"), ShapeError);
  CHECK_THROWS_WITH_AS(exp(Variable(ones({2}, i64))), Contains("exp: needs a floating tensor"), DTypeError);
}

TEST_CASE("sorted values pass their gradients to where they stood, the first of equals first") {
  const Variable x = parameter(tensor({2, 3, 1, 3}, f64));
  const Sorted<Variable> top = topk(x, 2);
  CHECK(values(top.values.value()) == Values{3, 3});
  CHECK(values(top.indices) == Values{1, 3});
  sum(top.values * tensor({10, 1}, f64)).backward();
  CHECK(values(x.grad()) == Values{0, 10, 0, 1});
  CHECK(values(grad(sum(sort(x).values * tensor({1, 2, 3, 4}, f64)), {x})[0].value()) == Values{2, 3, 1, 4});
  CHECK(!topk(Variable(ones({2})), 1).values.requires_grad());
}

TEST_CASE("the gradient of a Cholesky factor is symmetric; by hand for 2 by 2") {
  // a = (4, 2; 2, 5) has L = (2, 0; 1, 2). L22 = sqrt(a22 - a21^2 / a11), so dL22 = (1/16, -1/8; -1/8, 1/4).
  const Variable a = parameter(tensor({{4, 2}, {2, 5}}, f64));
  const Variable corner = cholesky(a)[1][1];
  CHECK(worst_error(grad(corner, {a})[0].value(), {1.0 / 16, -1.0 / 8, -1.0 / 8, 1.0 / 4}) < 1e-15);
}

TEST_CASE("products, systems and pieces of nothing have gradients") {
  const Variable a = parameter(zeros({2, 3, 0})), b = parameter(zeros({2, 0, 4})), m = parameter(zeros({0, 0}));
  const Variable y = matmul(a, b);
  CHECK(y.shape() == Shape({2, 3, 4}));
  sum(y).backward();
  CHECK(a.grad().shape() == a.shape());
  CHECK(b.grad().shape() == b.shape());
  sum(solve(m, Variable(zeros({0, 3})))).backward();
  sum(cholesky(m)).backward();
  CHECK(m.grad().shape() == Shape({0, 0}));
  CHECK(split(a, 5, 2).size() == 1);
}

TEST_CASE("integer constants and numbers: exact, and a floating number is refused") {
  constexpr Index odd = 9007199254740993;  // in double it is …992
  const Variable x = tensor({odd, 1}, i64);
  CHECK((x + odd).value().at<Index>({1}) == odd + 1);
  CHECK((odd - x).value().at<Index>({1}) == odd - 1);
  CHECK(x[0].item<Index>() == odd);
  CHECK(maximum(x, odd + 1).value().at<Index>({0}) == odd + 1);
  CHECK(minimum(x, odd - 1).value().at<Index>({0}) == odd - 1);
  CHECK(clamp(x, odd, odd).value().at<Index>({1}) == odd);
  CHECK_THROWS_WITH_AS(maximum(x, 1.5), "maximum: a floating scalar with a tensor of i64; convert it with to()",
                       DTypeError);
  CHECK_THROWS_WITH_AS(minimum(x, 1.5), "minimum: a floating scalar with a tensor of i64; convert it with to()",
                       DTypeError);
}
