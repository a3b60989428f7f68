// How far f32 ops are from the same computation in more digits on the same inputs, over a stated range:  accuracy
// Values of functions of one number are compared with the C library's long double, all others, and all gradients, with
// ravine's f64. Prints, for each op, the worst relative error of a value and of a gradient (of the sum of the results,
// each times a random weight); an f32 number itself has 6e-8. Where an op adds numbers of both signs, an error is
// relative to the largest result. RAVINE_ISA chooses the instruction set.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <numbers>
#include <ravine/ravine.hpp>
#include <string>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
using rv::Index;
using rv::Shape;
using rv::Tensor;
using rv::Variable;
using Variables = std::vector<Variable>;
using Exact = long double (*)(long double);

namespace {

enum class Relative { to_each, to_largest };

struct Row {
  std::string op, inputs;
  std::function<Variable(const Variables&)> f;
  std::vector<Tensor> at;
  Relative relative = Relative::to_largest;
  Exact exact = nullptr;
};

/// Of both signs, their magnitudes spread evenly over the powers of ten from low to high.
Tensor magnitudes(double low, double high, const Shape& shape = {100'000}) {
  const Tensor size = rv::exp(rv::uniform(shape, std::log(low), std::log(high), rv::f64));
  return (size * (rv::ge(rv::uniform(shape, 0.0, 1.0), 0.5).to(rv::f64) * 2.0 - 1.0)).to(rv::f32);
}
Tensor positive(double low, double high, const Shape& shape = {100'000}) {
  return rv::abs(magnitudes(low, high, shape));
}

/// The error of one result. What f32 cannot hold must be infinite, and what it holds with fewer digits small.
double error(double got, double want, double scale) {
  constexpr double most = std::numeric_limits<float>::max(), least = std::numeric_limits<float>::min();
  if (std::isnan(want)) return std::isnan(got) ? 0.0 : INFINITY;
  if (std::abs(want) > most) return std::isinf(got) ? 0.0 : INFINITY;
  if (std::abs(want) < least && std::abs(got) <= least) return 0.0;
  return std::isfinite(got) ? std::abs(got - want) / scale : INFINITY;
}

double worst(const Tensor& got, const std::vector<double>& want, Relative relative) {
  double largest = 0.0, worst = 0.0;
  for (const double w : want)
    if (std::isfinite(w)) largest = std::max(largest, std::abs(w));
  const std::vector<double> values = got.to_vector<double>();
  for (std::size_t i = 0; i < want.size(); ++i)
    worst = std::max(worst, error(values[i], want[i], relative == Relative::to_each ? std::abs(want[i]) : largest));
  return worst;
}

struct Result {
  Tensor value;
  std::vector<Tensor> gradients;
};

Result run(const Row& row, const Tensor& weight, rv::DType dtype) {
  Variables x;
  for (const Tensor& t : row.at)
    x.push_back(rv::is_floating(t.dtype()) ? rv::parameter(t.to(dtype).clone()) : Variable(t));
  const Variable y = row.f(x);
  Result result{y.value().clone(), {}};
  if (!y.requires_grad()) return result;
  rv::sum(y * weight.to(dtype)).backward();
  for (const Variable& v : x)
    if (v.grad().defined()) result.gradients.push_back(v.grad());
  return result;
}

void measure(const Row& row) {
  const Tensor weight = [&] {
    const rv::NoGrad no_grad;
    return rv::uniform(row.f(Variables(row.at.begin(), row.at.end())).shape(), 0.5, 1.5);
  }();
  const Result got = run(row, weight, rv::f32), want = run(row, weight, rv::f64);
  std::vector<double> values = want.value.to_vector<double>();
  if (row.exact) {
    const std::vector<float> x = row.at[0].to_vector<float>();
    for (std::size_t i = 0; i < x.size(); ++i) values[i] = static_cast<double>(row.exact(x[i]));
  }
  double gradient = 0.0;
  for (std::size_t k = 0; k < want.gradients.size(); ++k)
    gradient = std::max(gradient, worst(got.gradients[k], want.gradients[k].to_vector<double>(), row.relative));
  std::printf("| %-24s | %-34s | %7.1e | %7.1e |\n", row.op.c_str(), row.inputs.c_str(),
              worst(got.value, values, row.relative), gradient);
}

using Unary = Variable (*)(const Variable&);
Row unary(const char* op, const char* inputs, Unary f, Tensor x, Exact exact) {
  return {op, inputs, [f](const Variables& v) { return f(v[0]); }, {std::move(x)}, Relative::to_each, exact};
}
using Binary = Variable (*)(const Variable&, const Variable&);
Row binary(const char* op, const char* inputs, Binary f, Tensor x, Tensor y, Relative relative = Relative::to_each) {
  return {op, inputs, [f](const Variables& v) { return f(v[0], v[1]); }, {std::move(x), std::move(y)}, relative};
}

}  // namespace

static std::vector<Row> functions() {
  const Tensor wide = magnitudes(1e-30, 1e30), sized = magnitudes(1e-6, 80.0), inner = magnitudes(1e-6, 0.999);
  const Tensor above = positive(1e-30, 1e30), angles = magnitudes(1e-6, 1e4);
  return {
      unary("sqrt", "1e-30 to 1e30", rv::sqrt, above, std::sqrt),
      unary("rsqrt", "1e-25 to 1e25", rv::rsqrt, positive(1e-25, 1e25),
            [](long double x) { return 1.0L / std::sqrt(x); }),
      unary("reciprocal", "+-(1e-30 to 1e30)", rv::reciprocal, wide, [](long double x) { return 1.0L / x; }),
      unary("square", "+-(1e-15 to 1e15)", rv::square, magnitudes(1e-15, 1e15), [](long double x) { return x * x; }),
      unary("exp", "+-(1e-6 to 80)", rv::exp, sized, std::exp),
      unary("expm1", "+-(1e-6 to 80)", rv::expm1, sized, std::expm1),
      unary("log", "1e-30 to 1e30", rv::log, above, std::log),
      unary("log2", "1e-30 to 1e30", rv::log2, above, std::log2),
      unary("log1p", "+-(1e-6 to 0.999)", rv::log1p, inner, std::log1p),
      unary("sin", "+-(1e-6 to 1e4)", rv::sin, angles, std::sin),
      unary("cos", "+-(1e-6 to 1e4)", rv::cos, angles, std::cos),
      unary("tan", "+-(1e-6 to 1e4)", rv::tan, angles, std::tan),
      unary("atan", "+-(1e-30 to 1e30)", rv::atan, wide, std::atan),
      unary("erf", "+-(1e-6 to 80)", rv::erf, sized, std::erf),
      unary("tanh", "+-(1e-6 to 80)", rv::tanh, sized, std::tanh),
      unary("sigmoid", "+-(1e-6 to 80)", rv::sigmoid, sized,
            [](long double x) { return 1.0L / (1.0L + std::exp(-x)); }),
      unary(
          "softplus", "+-(1e-6 to 80)", [](const Variable& x) { return rv::softplus(x); }, sized,
          [](long double x) { return std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0L); }),
      unary(
          "gelu", "+-(1e-6 to 5)", [](const Variable& x) { return rv::gelu(x); }, magnitudes(1e-6, 5.0),
          [](long double x) { return 0.5L * x * std::erfc(-x / std::sqrt(2.0L)); }),
      unary(
          "gelu, tanh", "+-(1e-6 to 5)", [](const Variable& x) { return rv::gelu(x, "tanh"); }, magnitudes(1e-6, 5.0),
          [](long double x) {
            return x / (1.0L + std::exp(-2.0L * std::sqrt(2.0L / std::numbers::pi_v<long double>) *
                                        (x + 0.044715L * x * x * x)));
          }),
      unary("silu", "+-(1e-6 to 80)", rv::silu, sized, [](long double x) { return x / (1.0L + std::exp(-x)); }),
      unary(
          "elu", "+-(1e-6 to 80)", [](const Variable& x) { return rv::elu(x); }, sized,
          [](long double x) { return x > 0.0L ? x : std::expm1(x); }),
      binary(
          "div", "+-(1e-15 to 1e15)", [](const Variable& x, const Variable& y) { return x / y; },
          magnitudes(1e-15, 1e15), magnitudes(1e-15, 1e15)),
      binary(
          "pow", "1e-3 to 1e3, +-(1e-3 to 10)", [](const Variable& x, const Variable& p) { return rv::pow(x, p); },
          positive(1e-3, 1e3), magnitudes(1e-3, 10.0)),
  };
}

static Tensor normal(const Shape& shape, double mean = 0.0, double std = 1.0) {
  return (rv::randn(shape, rv::f64) * std + mean).to(rv::f32);
}

using OfDims = Variable (*)(const Variable&, const rv::Dims&);

/// A reduction of all elements and of each dimension of a matrix.
static void add_reductions(std::vector<Row>& rows, const char* op, OfDims f, const char* inputs, const Tensor& x) {
  for (const rv::Dims& dims : {rv::Dims{}, rv::Dims{0}, rv::Dims{1}})
    rows.push_back({op, inputs, [f, dims](const Variables& v) { return f(v[0], dims); }, {x}});
}

static std::vector<Row> reductions() {
  std::vector<Row> rows;
  const OfDims sum = [](const Variable& x, const rv::Dims& dims) { return rv::sum(x, dims); };
  const OfDims mean = [](const Variable& x, const rv::Dims& dims) { return rv::mean(x, dims); };
  const OfDims var = [](const Variable& x, const rv::Dims& dims) { return rv::var(x, dims); };
  const OfDims std = [](const Variable& x, const rv::Dims& dims) { return rv::std(x, dims); };
  const OfDims norm = [](const Variable& x, const rv::Dims& dims) { return rv::norm(x, dims); };
  const OfDims logsumexp = [](const Variable& x, const rv::Dims& dims) { return rv::logsumexp(x, dims); };
  const OfDims softmax = [](const Variable& x, const rv::Dims& dims) { return rv::softmax(x, dims); };
  const OfDims log_softmax = [](const Variable& x, const rv::Dims& dims) { return rv::log_softmax(x, dims); };
  const Shape matrix{1000, 300};
  add_reductions(rows, "sum", sum, "normal, mean 1 (1000, 300)", normal(matrix, 1.0));
  add_reductions(rows, "mean", mean, "normal, mean 1 (1000, 300)", normal(matrix, 1.0));
  for (const auto& [inputs, x] : {std::pair("normal (1000, 300)", normal(matrix)),
                                  std::pair("normal, mean 1e5 (1000, 300)", normal(matrix, 1e5))}) {
    add_reductions(rows, "var", var, inputs, x);
    add_reductions(rows, "std", std, inputs, x);
  }
  add_reductions(rows, "norm", norm, "+-(1e-30 to 1e30) (1000, 300)", magnitudes(1e-30, 1e30, matrix));
  for (const auto& [inputs, x] : {std::pair("normal, std 10 (1000, 300)", normal(matrix, 0.0, 10.0)),
                                  std::pair("normal, mean 1e6 (1000, 300)", normal(matrix, 1e6, 10.0))}) {
    add_reductions(rows, "logsumexp", logsumexp, inputs, x);
    add_reductions(rows, "softmax", softmax, inputs, x);
    add_reductions(rows, "log_softmax", log_softmax, inputs, x);
  }
  rows.push_back({"prod",
                  "0.9 to 1.1 (1000, 50)",
                  [](const Variables& v) { return rv::prod(v[0], 1); },
                  {positive(0.9, 1.1, {1000, 50})}});
  rows.push_back({"cumsum",
                  "normal, mean 1 (1000, 300)",
                  [](const Variables& v) { return rv::cumsum(v[0], 1); },
                  {normal(matrix, 1.0)}});
  rows.push_back({"cosine_similarity",
                  "+-(1e-20 to 1e20) (1000, 30)",
                  [](const Variables& v) { return rv::cosine_similarity(v[0], v[1], 1, 0.0); },
                  {magnitudes(1e-20, 1e20, {1000, 30}), magnitudes(1e-20, 1e20, {1000, 30})}});
  return rows;
}

static std::vector<Row> layers() {
  std::vector<Row> rows;
  const auto linear = [](const Variables& v) { return rv::linear(v[0], v[1], v[2]); };
  rows.push_back({"linear",
                  "normal (64, 784), (128, 784), (128)",
                  linear,
                  {normal({64, 784}), normal({128, 784}), normal({128})}});
  rows.push_back({"matmul",
                  "normal (300, 2000), (2000, 200)",
                  [](const Variables& v) { return rv::matmul(v[0], v[1]); },
                  {normal({300, 2000}), normal({2000, 200})}});
  const auto batch_norm = [](const Variables& v) { return rv::batch_norm(v[0], v[1], v[2]); };
  const auto layer_norm = [](const Variables& v) { return rv::layer_norm(v[0], {v[0].size(1)}, v[1], v[2]); };
  const auto rms_norm = [](const Variables& v) { return rv::rms_norm(v[0], {v[0].size(1)}, v[1]); };
  const auto batch_variance = [](const Variables& v) {
    rv::BatchMoments moments;
    rv::batch_norm(v[0], {}, {}, 1e-5, &moments);
    return Variable(moments.variance);
  };
  const Shape wide{512, 64};
  for (const auto& [inputs, x] :
       {std::pair("normal (512, 64)", normal(wide)), std::pair("normal, mean 1e5 (512, 64)", normal(wide, 1e5)),
        std::pair("normal, std 1e30 (512, 64)", normal(wide, 0.0, 1e30))}) {
    rows.push_back({"batch_norm", inputs, batch_norm, {x, normal({64}), normal({64})}});
    rows.push_back({"batch_norm's variance", inputs, batch_variance, {x}, Relative::to_each});
    rows.push_back({"layer_norm", inputs, layer_norm, {x, normal({64}), normal({64})}});
    rows.push_back({"rms_norm", inputs, rms_norm, {x, normal({64})}});
  }
  return rows;
}

static std::vector<Row> losses() {
  std::vector<Row> rows;
  const Tensor classes = rv::randint(0, 10, {1000});
  const auto each = nn::Reduction::none;
  for (const auto& [inputs, x] : {std::pair("normal, std 10 (1000, 10)", normal({1000, 10}, 0.0, 10.0)),
                                  std::pair("normal, mean 1e6 (1000, 10)", normal({1000, 10}, 1e6, 1.0))}) {
    rows.push_back({"cross_entropy",
                    inputs,
                    [=](const Variables& v) { return nn::cross_entropy(v[0], classes, {.reduction = each}); },
                    {x},
                    Relative::to_each});
    rows.push_back({"cross_entropy, smoothed",
                    inputs,
                    [=](const Variables& v) {
                      return nn::cross_entropy(v[0], classes, {.reduction = each, .label_smoothing = 0.1});
                    },
                    {x}});
  }
  using Loss = Variable (*)(const Variable&, const Variable&);
  const std::pair<const char*, Loss> pairs[] = {
      {"mse_loss", [](const Variable& y, const Variable& t) { return nn::mse_loss(y, t); }},
      {"l1_loss", [](const Variable& y, const Variable& t) { return nn::l1_loss(y, t); }},
      {"huber_loss", [](const Variable& y, const Variable& t) { return nn::huber_loss(y, t); }},
      {"smooth_l1_loss", [](const Variable& y, const Variable& t) { return nn::smooth_l1_loss(y, t); }},
      {"cosine_similarity_loss",
       [](const Variable& y, const Variable& t) { return nn::cosine_similarity_loss(y, t); }}};
  for (const auto& [op, f] : pairs)
    rows.push_back(binary(op, "normal (1000, 30)", f, normal({1000, 30}), normal({1000, 30}), Relative::to_largest));
  rows.push_back(binary(
      "bce_with_logits", "normal, std 10; 0 to 1",
      [](const Variable& x, const Variable& t) {
        return nn::binary_cross_entropy_with_logits(x, t, {.reduction = nn::Reduction::none});
      },
      normal({1000, 30}, 0.0, 10.0), rv::uniform({1000, 30}), Relative::to_largest));
  return rows;
}

int main() {
  std::printf("Instruction set %s\n\n", rv::name(rv::active_isa()));
  std::printf("| %-24s | %-34s | %-7s | %-7s |\n|%s|%s|%s|%s|\n", "op", "inputs", "value", "grad",
              std::string(26, '-').c_str(), std::string(36, '-').c_str(), std::string(9, '-').c_str(),
              std::string(9, '-').c_str());
  for (const auto& rows : {functions(), reductions(), layers(), losses()})
    for (const Row& row : rows) measure(row);
}
