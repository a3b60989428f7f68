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

const double e = std::exp(1.0), root2 = std::sqrt(2.0);

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
    {"exp", [](auto& x) { return exp(x); }, {0, 1}, {1, e}, {1, e}, {1, e}},
    {"log", [](auto& x) { return log(x); }, {1, 4}, {0, std::log(4.0)}, {1, 0.25}, {-1, -1.0 / 16}},
    {"log1p", [](auto& x) { return log1p(x); }, {0, 3}, {0, std::log(4.0)}, {1, 0.25}, {-1, -1.0 / 16}},
    {"expm1", [](auto& x) { return expm1(x); }, {0, 1}, {0, e - 1}, {1, e}, {1, e}},
    {"sin", [](auto& x) { return sin(x); }, {0}, {0}, {1}, {0}},
    {"cos", [](auto& x) { return cos(x); }, {0}, {1}, {0}, {-1}},
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
    {"norm at 0", [](auto& x) { return norm(x); }, {0, 0}, {0}, {0, 0}, {}},
    {"logsumexp", [](auto& x) { return logsumexp(x, 0); }, {0, std::log(3.0)}, {std::log(4.0)}, {0.25, 0.75}, {0, 0}},
    {"logsumexp, -inf",
     [](auto& x) { return logsumexp(x, 0); },
     {-infinity, 0, 0},
     {std::log(2.0)},
     {0, 0.5, 0.5},
     {0, 0, 0}},
    {"logsumexp, all -inf",
     [](auto& x) {
       return logsumexp(x.reshape({2, 2}), 1);
     },
     {-infinity, -infinity, 0, std::log(3.0)},
     {-infinity, std::log(4.0)},
     {0, 0, 0.25, 0.75},
     {0, 0, 0, 0}},
    {"logsumexp, all -inf, over both",
     [](auto& x) {
       return logsumexp(x.reshape({2, 1}), {0, 1}, true);
     },
     {-infinity, -infinity},
     {-infinity},
     {0, 0},
     {0, 0}},
    {"softmax",
     [](auto& x) {
       return softmax(x, 0) * tensor({1, 3}, f64);
     },
     {0, std::log(3.0)},
     {0.25, 2.25},
     {-0.375, 0.375},
     {0, 0}},
    {"log_softmax",
     [](auto& x) {
       return log_softmax(x, 0) * tensor({1, 3}, f64);
     },
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

  // 0^p: constant for p = 0, and of no slope in p for p >= 0.
  const Variable x = parameter(tensor({0, 0, 0, 2, 0}, f64)), p = parameter(tensor({0, 2, 0.5, 0, 1}, f64));
  const auto [dx, dp] = slopes(pow(x, p), x, p);
  CHECK(values(pow(x, p).value()) == Values{1, 0, 0, 1, 0});
  CHECK(dx == Values{0, 0, infinity, 0, 1});
  CHECK(dp == Values{0, 0, 0, std::log(2.0), 0});
}

TEST_CASE("where leaves out what it does not take, even NaN") {
  const Variable a = parameter(tensor({1.0, infinity}, f64)), b = parameter(tensor({nan_value, 2.0}, f64));
  const auto g = grad(sum(where(tensor({1, 0}, u8), a, b)), {a, b});
  CHECK(values(g[0].value()) == Values{1, 0});
  CHECK(values(g[1].value()) == Values{0, 1});
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
