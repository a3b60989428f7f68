// cross_entropy and nll_loss: every digit, weights, ignored rows, probabilities. Golden numbers: PyTorch 2.13 in double
// precision.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <ravine/nn/nn.hpp>
#include "gradients.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;
using nn::CrossEntropyOptions;
using nn::Reduction;
using Values = std::vector<double>;

namespace {

Tensor example() { return tensor({{1.0, -2.0, 0.5}, {3.0, 0.25, -1.0}, {-0.5, 4.0, 2.0}, {0.0, 1.0, 1.5}}, f64); }
Tensor other() { return tensor({{0.5, -2.0, 0.25}, {1.0, 1.25, -3.0}, {-0.5, 2.0, 2.5}, {1.0, 0.0, 1.0}}, f64); }
Tensor classes() { return tensor({2, 0, 1, 1}, i64); }
Tensor weight(DType dtype = f64) { return tensor({0.5, 2.0, 1.5}, dtype); }

double spacing(DType dtype) {
  return dtype == f32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}

/// The loss and gradient of one row, in long double.
struct Exact {
  long double loss = 0.0L;
  std::vector<long double> gradient;

  Exact(const Values& x, std::size_t target, long double smoothing) {
    const auto largest = static_cast<std::size_t>(std::max_element(x.begin(), x.end()) - x.begin());
    const auto classes = static_cast<long double>(x.size());
    const auto e = [&](std::size_t j) { return std::exp(static_cast<long double>(x[j]) - x[largest]); };
    const auto sum_without = [&](std::size_t left_out) {
      long double sum = 0.0L;
      for (std::size_t j = 0; j < x.size(); ++j) sum += j == left_out ? 0.0L : e(j);
      return sum;
    };
    const long double others = sum_without(largest), share = smoothing / classes;
    for (std::size_t j = 0; j < x.size(); ++j) {
      const long double log_p = (static_cast<long double>(x[j]) - x[largest]) - std::log1p(others);
      if (j == target) loss -= (1 - smoothing) * log_p;
      if (smoothing > 0) loss -= share * log_p;
      gradient.push_back(j == target ? share * (classes - 1) - sum_without(j) / (1 + others)
                                     : e(j) / (1 + others) - share);
    }
  }
};

/// Checks the losses and gradients of all rows, and that the gradients sum to 0.
void check_exact(const Tensor& logits, const Tensor& target, double smoothing) {
  const Variable x = parameter(logits);
  const Variable loss = nn::cross_entropy(x, target, {.reduction = Reduction::none, .label_smoothing = smoothing});
  sum(loss).backward();
  const double ulp = spacing(logits.dtype());
  for (Index i = 0; i < logits.size(0); ++i) {
    INFO(to_string(logits[i]), ", class ", target.at({i}), ", smoothing ", smoothing);
    const Exact right(values(logits[i]), static_cast<std::size_t>(target.at({i})), smoothing);
    // The difference of two scores is rounded, which their exponential turns into a relative error.
    const double rounding = ulp * (4.0 + max(logits[i]).item() - min(logits[i]).item());
    const auto exact = static_cast<double>(right.loss);
    CHECK(std::abs(loss.value().at({i}) - exact) <= rounding * exact + 1e-37);
    const Values gradient = values(x.grad()[i]);
    double total = 0.0, largest = 0.0;
    for (std::size_t j = 0; j < gradient.size(); ++j) {
      const auto slope = static_cast<double>(right.gradient[j]);
      CHECK(std::abs(gradient[j] - slope) <= rounding * (std::abs(slope) + smoothing) + 1e-37);
      total += gradient[j];
      largest = std::max(largest, std::abs(gradient[j]));
    }
    CHECK(std::abs(total) <= ulp * static_cast<double>(gradient.size()) * std::max(largest, smoothing));
  }
}

}  // namespace
TEST_CASE("cross_entropy does not overflow, and keeps the digits of small losses") {
  const Variable x = parameter(tensor({{1000.0, 0.0}, {-1000.0, 0.0}, {0.0, 20.0}}, f64));
  const Variable loss = nn::cross_entropy(x, tensor({1, 0, 1}, i64), {.reduction = Reduction::none});
  CHECK(values(loss.value())[0] == 1000.0);
  CHECK(values(loss.value())[1] == 1000.0);
  CHECK(values(loss.value())[2] * 1e9 == Approx(2.061153620314381).epsilon(1e-6));
  sum(loss).backward();
  CHECK(worst_error(x.grad(), {1.0, -1.0, -1.0, 1.0, 2.061153618190204e-9, -2.061153618190204e-9}) < 1e-15);
  CHECK(values(nn::cross_entropy(tensor({{1e30, -1e30}}), tensor({0}, i64)).value())[0] == 0.0);
}

TEST_CASE("cross_entropy is right to the last digits, far from 0 and where the loss is small") {
  for (const DType dtype : {f32, f64})
    for (const double smoothing : {0.0, 0.1, 1.0}) {
      check_exact(tensor({{1e7, 1e7 + 1}, {1000.0, 990.0}, {-1e6, -1e6 - 3}, {0.0, 80.0}, {5.0, 5.0}}, dtype),
                  tensor({1, 0, 1, 1, 0}, i64), smoothing);
      check_exact(tensor({{3.0}, {-1e30}}, dtype), tensor({0, 0}, i64), smoothing);
      for (const Index count : {2, 3, 7, 10, 16, 19, 100, 1000})
        for (const double scale : {1.0, 10.0, 60.0})
          for (const double offset : {0.0, 1e4, -1e6}) {
            Generator generator(static_cast<std::uint64_t>(count));
            check_exact(random_tensor({6, count}, dtype) * scale + offset, randint(0, count, {6}, generator),
                        smoothing);
          }
    }
  const Variable x = parameter(tensor({{1e7, 1e7 + 1}}));
  const Variable loss = nn::cross_entropy(x, tensor({1}, i64));
  loss.backward();
  CHECK(loss.item() == Approx(0.31326169).epsilon(1e-7));
  CHECK(worst_error(x.grad(), {0.26894142, -0.26894142}) < 1e-7);
  CHECK(nn::cross_entropy(tensor({{1000.0, 990.0}}), tensor({0}, i64)).item() == Approx(4.5398899e-5).epsilon(1e-7));
}

TEST_CASE("cross_entropy is nll_loss of log_softmax to 2 ulp, in values and gradients, both recorded and not") {
  for (const DType dtype : {f32, f64})
    for (const Index count : {1, 2, 10, 33, 300})
      for (const double offset : {0.0, 1000.0, 1e7}) {
        Generator generator(7);
        const Variable x = parameter(random_tensor({8, count}, dtype) * 4 + offset);
        const Tensor target = randint(0, count, {8}, generator);
        const Variable mine = nn::cross_entropy(x, target, {.reduction = Reduction::none});
        const Variable theirs = nn::nll_loss(log_softmax(x, 1), target, {.reduction = Reduction::none});
        const double ulp = spacing(dtype);
        for (Index i = 0; i < 8; ++i)
          CHECK(std::abs(mine.value().at({i}) - theirs.value().at({i})) <= 2 * ulp * theirs.value().at({i}));
        const Tensor plain = grad(sum(mine), {x}, {.retain_graph = true})[0].value();
        CHECK(max(abs(plain - grad(sum(theirs), {x})[0].value())).item() <= 2 * ulp);
        CHECK(bitwise_equal(plain, grad(sum(mine), {x}, {.create_graph = true})[0].value()));
      }
}

TEST_CASE("masked classes: a logit of -inf has no weight and no gradient, also in second derivatives") {
  for (const DType dtype : {f32, f64}) {
    const Variable x = parameter(tensor({{-infinity, 1.0, 2.0}, {0.0, -infinity, -infinity}}, dtype));
    const Tensor target = tensor({1, 0}, i64);
    const Variable loss = nn::cross_entropy(x, target, {.reduction = Reduction::none});
    CHECK(worst_error(loss.value(), {std::log1p(std::exp(1.0)), 0.0}) < 2 * rounding(dtype));
    const Variable first = grad(sum(loss), {x}, {.create_graph = true})[0];
    const double p = 1 / (1 + std::exp(1.0));
    CHECK(worst_error(first.value(), {0.0, p - 1, 1 - p, 0.0, 0.0, 0.0}) < rounding(dtype));
    CHECK(worst_error(grad(sum(square(first)), {x})[0].value(),
                      {0.0, -4 * p * (1 - p) * (1 - p), 4 * p * (1 - p) * (1 - p), 0.0, 0.0, 0.0}) <
          2 * rounding(dtype));
    const auto of = [&](const Tensor& logits, const CrossEntropyOptions& options = {}) {
      return nn::cross_entropy(logits, tensor({0}, i64), options).item();
    };
    CHECK(of(tensor({{-infinity, 1.0}}, dtype)) == infinity);
    CHECK(of(tensor({{0.0, -infinity}}, dtype), {.label_smoothing = 0.1}) == infinity);
    CHECK(of(tensor({{0.0, -infinity}}, dtype), {.label_smoothing = 0.1, .weight = tensor({1, 0}, dtype)}) == 0.0);
    // No row of probabilities has these scores.
    CHECK(std::isnan(of(tensor({{-infinity, -infinity}}, dtype))));
    CHECK(std::isnan(of(tensor({{infinity, 0.0}}, dtype))));
    CHECK(std::isnan(of(tensor({{0.0, infinity}}, dtype))));
    CHECK(std::isnan(of(tensor({{0.0, nan_value, 1.0}}, dtype))));
    CHECK(std::isnan(of(tensor({{nan_value, 0.0}}, dtype))));
  }
}

namespace {

struct Case {
  const char* name;
  CrossEntropyOptions options;
  Values rows;
  double mean;
};

void check_values(const std::vector<Case>& cases, const Tensor& target) {
  for (const Case& c : cases) {
    INFO(c.name);
    const auto loss = [&](const Variable& x, const Variable& t, Reduction r) {
      CrossEntropyOptions options = c.options;
      options.reduction = r;
      return nn::cross_entropy(x, t, options);
    };
    double total = 0.0;
    for (const double row : c.rows) total += row;
    CHECK(worst_error(loss(example(), target, Reduction::none).value(), c.rows) < 1e-11);
    CHECK(loss(example(), target, Reduction::mean).item() == Approx(c.mean).epsilon(1e-11));
    CHECK(loss(example(), target, Reduction::sum).item() == Approx(total).epsilon(1e-11));
    CHECK(loss(example(), target, Reduction::batchmean).item() == Approx(total / 4).epsilon(1e-11));
    for (const Reduction r : {Reduction::none, Reduction::mean, Reduction::sum})
      check_gradients([&](const auto& in) { return square(loss(in[0] * 0.5, target, r)); }, {example()});
    if (is_floating(target.dtype()))
      check_gradients([&](const auto& in) { return loss(in[0], softmax(in[1], 1), Reduction::none); },
                      {example(), other()});
  }
}

}  // namespace

TEST_CASE("cross_entropy with weights of classes, ignored rows and smoothing: values and derivatives") {
  const auto w = weight();
  check_values(
      {{"weight", {.weight = w}, {1.50689535351, 0.039518100702, 0.273330443702, 2.20826121067}, 0.671334184765},
       {"ignored", {.ignore_index = 1}, {1.00459690234, 0.0790362014041, 0, 0}, 0.541816551873},
       {"weight, ignored", {.weight = w, .ignore_index = 1}, {1.50689535351, 0.039518100702, 0, 0}, 0.773206727108},
       {"smoothing, weight",
        {.label_smoothing = 0.1, .weight = w},
        {1.64848540514, 0.429437784152, 0.439219428912, 2.12631917032},
        0.773910298087},
       {"smoothing, ignored",
        {.label_smoothing = 0.1, .ignore_index = 1},
        {1.07126356901, 0.304036201404, 0, 0},
        0.687649885207},
       {"smoothing, weight, ignored",
        {.label_smoothing = 0.1, .weight = w, .ignore_index = 1},
        {1.64848540514, 0.429437784152, 0, 0},
        1.03896159465}},
      classes());
}

TEST_CASE("cross_entropy with probabilities for targets: values, derivatives in both arguments") {
  check_values(
      {{"plain", {}, {0.846184437515, 1.64454381493, 1.47942800821, 1.31529000446}, 1.32136156628},
       {"weight", {.weight = weight()}, {1.07541226656, 3.22136986982, 2.10479188396, 1.17009129039}, 1.89291632768},
       {"smoothing",
        {.label_smoothing = 0.1},
        {0.928692350664, 1.71299305358, 1.56181839624, 1.31084073122},
        1.37858613293},
       {"smoothing, weight",
        {.label_smoothing = 0.1, .weight = weight()},
        {1.26015062688, 3.29310437636, 2.08753472514, 1.19196624207},
        1.95818899261}},
      softmax(other(), 1));
  // A class of probability 0 adds nothing, wherever its logit is, and has no gradient.
  const Variable x = parameter(tensor({{-infinity, 0.0, 0.0}})), t = parameter(tensor({{0.0, 0.25, 0.75}}));
  const Variable loss = nn::cross_entropy(x, t);
  CHECK(loss.item() == Approx(std::log(2.0)));
  loss.backward();
  CHECK(worst_error(x.grad(), {0.0, 0.25, -0.25}) < 1e-7);
  CHECK(worst_error(t.grad(), {0.0, std::log(2.0), std::log(2.0)}) < 1e-7);
  CHECK_THROWS_WITH_AS(nn::cross_entropy(x, tensor({{0.0, 1.5, 0.0}})), Contains("target (0, 1) is 1.5, not in [0, 1]"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(nn::cross_entropy(x, ones({1, 3}, f64)), Contains("target is f64"), DTypeError);
  CHECK_THROWS_WITH_AS(nn::cross_entropy(x, ones({1, 3}), {.ignore_index = 2}),
                       Contains("ignore_index is for class targets"), std::invalid_argument);
  CHECK(nn::cross_entropy(zeros({2, 0}), zeros({2, 0})).item() == 0.0);
}

TEST_CASE("rows that are ignored count for nothing, whatever is in them") {
  // -100 is ignored unless another class is; -1 is what Table::codes gives for missing values.
  const Variable x = parameter(tensor({{1.0, 3.0}, {nan_value, 7.0}, {2.0, 2.0}}));
  for (const Index ignored : {-100, -1}) {
    const Tensor target = tensor({1, ignored, 0}, i64);
    const Variable loss = nn::cross_entropy(x, target, {.ignore_index = ignored});
    CHECK(loss.item() == Approx((std::log1p(std::exp(-2.0)) + std::log(2.0)) / 2));
    x.zero_grad();
    loss.backward();
    CHECK(values(x.grad()[1]) == Values{0.0, 0.0});
    CHECK(nn::nll_loss(x, target, {.ignore_index = ignored}).item() == -2.5);
  }
  CHECK_THROWS_WITH_AS(nn::cross_entropy(x, tensor({1, -1, 0}, i64)), Contains("target 1 is class -1, of 2"),
                       std::out_of_range);
  CHECK_THROWS_AS(nn::cross_entropy(x, tensor({1, -100, 0}, i64), {.ignore_index = -1}), std::out_of_range);
  const Tensor none = full({3}, -100, i64);
  CHECK(std::isnan(nn::cross_entropy(x, none).item()));
  CHECK(nn::cross_entropy(x, none, {.reduction = Reduction::sum}).item() == 0.0);
  CHECK(nn::cross_entropy(zeros({3, 0}), none, {.reduction = Reduction::sum}).item() == 0.0);
  const Variable p = parameter(zeros({3, 2}));
  nn::cross_entropy(p, none).backward();
  nn::nll_loss(p, none).backward();
  const Tensor zero_class = zeros({3}, i64), without = tensor({0.0, 1.0});
  nn::cross_entropy(p, zero_class, {.weight = without}).backward();
  nn::nll_loss(p, zero_class, {.weight = without}).backward();
  CHECK(values(p.grad()) == std::vector<double>(6, 0.0));
}

TEST_CASE("nll_loss with weights of classes and ignored rows") {
  const auto loss = [](const Variable& x, Reduction r, Index ignored) {
    return nn::nll_loss(x, classes(), {.reduction = r, .weight = weight(), .ignore_index = ignored});
  };
  CHECK(values(loss(example(), Reduction::none, -100).value()) == Values{-0.75, -1.5, -8.0, -2.0});
  CHECK(loss(example(), Reduction::mean, -100).item() == Approx(-2.04166666667));
  CHECK(values(loss(example(), Reduction::none, 1).value()) == Values{-0.75, -1.5, 0.0, 0.0});
  CHECK(loss(example(), Reduction::mean, 1).item() == Approx(-1.125));
  for (const Reduction r : {Reduction::none, Reduction::mean})
    check_gradients([&](const auto& in) { return square(loss(in[0], r, 1)); }, {example()});
}

TEST_CASE("weights of classes are checked") {
  const auto use = [](const Tensor& w) {
    static_cast<void>(nn::nll_loss(zeros({4, 3}), classes(), {.weight = w}));
    return nn::cross_entropy(zeros({4, 3}), classes(), {.weight = w});
  };
  CHECK_NOTHROW(use(ones({3})));
  CHECK_THROWS_WITH_AS(use(ones({2})), Contains("nll_loss: weight is (2), for scores (4, 3)"), ShapeError);
  CHECK_THROWS_WITH_AS(use(ones({3}, f64)), Contains("nll_loss: weight is f64, scores are f32"), DTypeError);
  CHECK_THROWS_WITH_AS(nn::cross_entropy(zeros({4, 3}), classes(), {.weight = ones({3, 1})}),
                       Contains("cross_entropy: weight is (3, 1)"), ShapeError);
  CHECK_THROWS_WITH_AS(nn::cross_entropy(zeros({4, 3}), zeros({4, 3}), {.weight = ones({4})}),
                       Contains("cross_entropy: weight is (4)"), ShapeError);
}
