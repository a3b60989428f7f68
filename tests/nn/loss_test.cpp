// Losses. Golden numbers: PyTorch 2.13 in double precision.
#include <cmath>

#include <doctest/doctest.h>

#include <ravine/nn/nn.hpp>
#include "gradients.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;
using nn::Reduction;

namespace {

constexpr Reduction reductions[] = {Reduction::none, Reduction::mean, Reduction::sum, Reduction::batchmean};

Tensor example() { return tensor({{1.0, -2.0, 0.5}, {3.0, 0.25, -1.0}, {-0.5, 4.0, 2.0}, {0.0, 1.0, 1.5}}, f64); }
Tensor other() { return tensor({{0.5, -2.0, 0.25}, {1.0, 1.25, -3.0}, {-0.5, 2.0, 2.5}, {1.0, 0.0, 1.0}}, f64); }
Tensor classes() { return tensor({2, 0, 1, 1}, i64); }

/// What a loss takes for targets, made of any numbers.
using Target = Variable (*)(const Variable&);
Variable number(const Variable& x) { return x; }
Variable probability(const Variable& x) { return sigmoid(x); }
Variable label(const Variable& x) { return sign(x - 0.01); }

using PairLoss = Variable (*)(const Variable&, const Variable&, Reduction);
struct Pair {
  const char* name;
  PairLoss loss;
  Target target;
  std::vector<double> losses;  // of example() against target(other())
};
const Pair pairs[] = {
    {"mse_loss",
     [](auto& a, auto& b, Reduction r) { return nn::mse_loss(a, b, {r}); },
     number,
     {0.25, 0.0, 0.0625, 4.0, 1.0, 4.0, 0.0, 4.0, 0.25, 1.0, 1.0, 0.25}},
    {"l1_loss",
     [](auto& a, auto& b, Reduction r) { return nn::l1_loss(a, b, {r}); },
     number,
     {0.5, 0.0, 0.25, 2.0, 1.0, 2.0, 0.0, 2.0, 0.5, 1.0, 1.0, 0.5}},
    {"huber_loss",
     [](auto& a, auto& b, Reduction r) { return nn::huber_loss(a, b, {.delta = 0.3, .reduction = r}); },
     number,
     {0.105, 0.0, 0.03125, 0.555, 0.255, 0.555, 0.0, 0.555, 0.105, 0.255, 0.255, 0.105}},
    {"smooth_l1_loss",
     [](auto& a, auto& b, Reduction r) { return nn::smooth_l1_loss(a, b, {.beta = 0.3, .reduction = r}); },
     number,
     {0.35, 0, 0.104166666667, 1.85, 0.85, 1.85, 0, 1.85, 0.35, 0.85, 0.85, 0.35}},
    {"hinge_loss",
     [](auto& a, auto& b, Reduction r) { return nn::hinge_loss(a, b, {.margin = 0.7, .reduction = r}); },
     label,
     {0, 0, 0.2, 0, 0.45, 0, 0.2, 0, 0, 0.7, 1.7, 0}},
    {"binary_cross_entropy_with_logits",
     [](auto& a, auto& b, Reduction r) { return nn::binary_cross_entropy_with_logits(a, b, {r}); },
     probability,
     {0.690802356316, 0.365333855087, 0.692988733737, 0.855411615684, 0.631614454585, 0.360687560696, 0.662847318579,
      0.494961616006, 0.278644371085, 0.69314718056, 0.813261687518, 0.604825410038}},
    {"kl_div",
     [](auto& a, auto& b, Reduction r) { return nn::kl_div(a, b, {.reduction = r}); },
     probability,
     {-0.917552973713, -0.0151301898028, -0.604867858233, -2.42218837991, -0.390149405249, -0.0971560439289,
      -0.178983341669, -3.63498613315, -1.92118894258, -0.229012644016, -0.84657359028, -1.32560051196}},
    {"kl_div",
     [](auto& a, auto& b, Reduction r) { return nn::kl_div(a, b, {.log_target = true, .reduction = r}); },
     number,
     {-0.82436063535, 0, -0.321006354172, -5.43656365692, 3.49034295746, -0.0995741367357, 0, -14.7781121979,
      6.09124698035, 2.71828182846, -1, -1.35914091423}},
    {"cosine_similarity_loss",
     [](auto& a, auto& b, Reduction r) { return nn::cosine_similarity_loss(a, b, {r}); },
     number,
     {0.027997165638, 0.414775402564, 0.09132471689, 0.411651594585}},
};

using ClassLoss = Variable (*)(const Variable&, const Tensor&, Reduction);
struct Classes {
  const char* name;
  ClassLoss loss;
  std::vector<double> losses;  // of example() against classes()
};
const Classes class_losses[] = {
    {"cross_entropy",
     [](auto& x, auto& t, Reduction r) { return nn::cross_entropy(x, t, {.reduction = r}); },
     {1.00459690234, 0.0790362014041, 0.136665221851, 1.10413060534}},
    {"cross_entropy",
     [](auto& x, auto& t, Reduction r) { return nn::cross_entropy(x, t, {.reduction = r, .label_smoothing = 0.1}); },
     {1.07126356901, 0.304036201404, 0.353331888518, 1.120797272}},
    {"nll_loss", [](auto& x, auto& t, Reduction r) { return nn::nll_loss(x, t, {r}); }, {-0.5, -3.0, -4.0, -1.0}},
    {"multi_margin_loss",
     [](auto& x, auto& t, Reduction r) { return nn::multi_margin_loss(x, t, {.reduction = r}); },
     {1.5, 0.0, 0.0, 1.5}},
};

double total(const std::vector<double>& losses) {
  double result = 0.0;
  for (const double loss : losses) result += loss;
  return result;
}

}  // namespace

TEST_CASE("losses of pairs: values in every reduction") {
  for (const Pair& pair : pairs) {
    INFO(pair.name);
    const auto count = static_cast<double>(pair.losses.size());
    CHECK(worst_error(pair.loss(example(), pair.target(other()), Reduction::none).value(), pair.losses) < 1e-11);
    CHECK(pair.loss(example(), pair.target(other()), Reduction::sum).item() ==
          Approx(total(pair.losses)).epsilon(1e-11));
    CHECK(pair.loss(example(), pair.target(other()), Reduction::mean).item() ==
          Approx(total(pair.losses) / count).epsilon(1e-11));
    CHECK(pair.loss(example(), pair.target(other()), Reduction::mean).shape() == Shape{});
    CHECK(pair.loss(example(), pair.target(other()), Reduction::batchmean).item() ==
          Approx(total(pair.losses) / 4.0).epsilon(1e-11));
  }
}

TEST_CASE("losses of classes: values in every reduction") {
  for (const Classes& c : class_losses) {
    INFO(c.name);
    CHECK(worst_error(c.loss(example(), classes(), Reduction::none).value(), c.losses) < 1e-11);
    CHECK(c.loss(example(), classes(), Reduction::sum).item() == Approx(total(c.losses)).epsilon(1e-11));
    CHECK(c.loss(example(), classes(), Reduction::mean).item() == Approx(total(c.losses) / 4.0).epsilon(1e-11));
    CHECK(c.loss(example(), classes(), Reduction::none).shape() == Shape{4});
  }
}

TEST_CASE("losses: derivatives of both orders, in both arguments and every reduction") {
  const Tensor a = random_tensor({3, 4}, f64, 1), b = random_tensor({3, 4}, f64, 2);
  const Tensor target = tensor({3, 0, 1}, i64);
  for (const Reduction r : reductions) {
    for (const Pair& pair : pairs) {
      INFO(pair.name);
      check_gradients([&](const auto& in) { return pair.loss(in[0], pair.target(in[1]), r); }, {a, b});
      check_gradients([&](const auto& in) { return square(pair.loss(in[0] * 2.0, pair.target(b), r)); }, {a});
    }
    for (const Classes& c : class_losses) {
      INFO(c.name);
      check_gradients([&](const auto& in) { return c.loss(in[0], target, r); }, {a});
      check_gradients([&](const auto& in) { return square(c.loss(in[0] * 2.0, target, r)); }, {a});
    }
  }
}

TEST_CASE("the simplest default: the mean") {
  const Variable x = parameter(tensor({{3.0, 1.0}}));
  const Variable loss = nn::mse_loss(x, tensor({{1.0, 1.0}}));
  CHECK(loss.item() == 2.0);
  loss.backward();
  CHECK(values(x.grad()) == std::vector{2.0, 0.0});
  CHECK(nn::l1_loss(x, tensor({{1.0, 1.0}})).item() == 1.0);
  CHECK(nn::huber_loss(x, tensor({{1.0, 1.0}})).item() == 0.75);
  CHECK(nn::cross_entropy(zeros({2, 4}), zeros({2}, i64)).item() == Approx(std::log(4.0)));
}

TEST_CASE("losses do not broadcast, and have one floating dtype") {
  for (const Pair& pair : pairs) {
    const auto use = [&](const Tensor& a, const Tensor& b) { return pair.loss(a, b, Reduction::mean); };
    CHECK_THROWS_WITH_AS(use(ones({4, 1}), ones({4})), Contains(pair.name), ShapeError);
    CHECK_THROWS_WITH_AS(use(ones({4, 1}), ones({4})), Contains("prediction is (4, 1), target is (4)"), ShapeError);
    CHECK_THROWS_AS(use(ones({2, 1}), ones({2, 3})), ShapeError);
    CHECK_THROWS_WITH_AS(use(ones({2, 2}), ones({2, 2}, f64)), Contains("f64"), DTypeError);
    CHECK_THROWS_WITH_AS(use(ones({2, 2}, i64), ones({2, 2}, i64)), Contains(pair.name), DTypeError);
  }
  CHECK_THROWS_WITH_AS(nn::huber_loss(ones({1}), ones({1}), {.delta = 0.0}), Contains("delta must be > 0, got 0"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(nn::smooth_l1_loss(ones({1}), ones({1}), {.beta = -1.0}), Contains("beta must be >= 0, got -1"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(nn::cosine_similarity_loss(scalar(1.0), scalar(1.0)), Contains("needs vectors, got ()"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(nn::mse_loss(scalar(1.0), scalar(1.0), {Reduction::batchmean}),
                       Contains("mse_loss: batchmean needs a first dimension"), ShapeError);
}

TEST_CASE("class targets are checked") {
  for (const Classes& c : class_losses) {
    const auto use = [&](const Tensor& x, const Tensor& t) { return c.loss(x, t, Reduction::mean); };
    const auto target = [](double t) { return tensor({0.0, t}, i64); };
    CHECK_THROWS_WITH_AS(use(ones({2, 3}), target(71)), Contains(c.name), std::out_of_range);
    CHECK_THROWS_WITH_AS(use(ones({2, 3}), target(71)), Contains("target 1 is class 71, of 3"), std::out_of_range);
    CHECK_THROWS_AS(use(ones({2, 3}), target(3)), std::out_of_range);
    CHECK_THROWS_WITH_AS(use(ones({2, 3}), target(-1)), Contains("class -1"), std::out_of_range);
    CHECK_THROWS_AS(use(ones({2, 0}), target(0)), std::out_of_range);
    CHECK_THROWS_WITH_AS(use(ones({2, 3}), ones({2})), Contains("i64, got f32"), DTypeError);
    CHECK_THROWS_WITH_AS(use(ones({2, 3}, i64), target(0)), Contains(c.name), DTypeError);
    CHECK_THROWS_WITH_AS(use(ones({2, 3}), zeros({2, 1}, i64)), Contains("got (2, 3) and (2, 1)"), ShapeError);
    CHECK_THROWS_AS(use(ones({2, 3}), zeros({3}, i64)), ShapeError);
    CHECK_THROWS_WITH_AS(use(ones({3}), zeros({3}, i64)), Contains(c.name), ShapeError);
    CHECK_THROWS_AS(use(ones({3, 4, 5}), zeros({3}, i64)), ShapeError);
  }
  CHECK_THROWS_WITH_AS(nn::cross_entropy(ones({1, 2}), zeros({1}, i64), {.label_smoothing = 1.5}),
                       Contains("label_smoothing must be in [0, 1], got 1.5"), std::invalid_argument);
  // They say how classes are made.
  const auto use = [](const Tensor& t) { return nn::cross_entropy(ones({2, 3}), t); };
  CHECK_THROWS_WITH_AS(use(ones({2, 1})), Contains("classes, i64, got f32 (2, 1)"), DTypeError);
  CHECK_THROWS_WITH_AS(use(ones({2, 1})), Contains("Table::codes"), DTypeError);
  CHECK_THROWS_WITH_AS(use(ones({2, 1})), Contains("to(i64)"), DTypeError);
  CHECK_THROWS_WITH_AS(use(ones({2, 1})), Contains("reshape({-1})"), DTypeError);
  CHECK_THROWS_WITH_AS(use(ones({2}, f64)), Contains("Table::codes"), DTypeError);
  CHECK_THROWS_WITH_AS(use(ones({2}, u8)), Contains("got u8 (2)"), DTypeError);
  CHECK_THROWS_WITH_AS(use(zeros({2, 1}, i64)), Contains("reshape({-1})"), ShapeError);
}

TEST_CASE("a mean over nothing is NaN, a sum 0, and both have gradients") {
  for (const Pair& pair : pairs) {
    INFO(pair.name);
    const Variable x = parameter(zeros({0, 3}));
    CHECK(std::isnan(pair.loss(x, zeros({0, 3}), Reduction::mean).item()));
    CHECK(std::isnan(pair.loss(x, zeros({0, 3}), Reduction::batchmean).item()));
    pair.loss(x, zeros({0, 3}), Reduction::mean).backward();
    CHECK(x.grad().shape() == Shape{0, 3});
    CHECK(pair.loss(x, zeros({0, 3}), Reduction::sum).item() == 0.0);
  }
  for (const Classes& c : class_losses) {
    INFO(c.name);
    const Variable x = parameter(zeros({0, 3}));
    CHECK(std::isnan(c.loss(x, zeros({0}, i64), Reduction::mean).item()));
    c.loss(x, zeros({0}, i64), Reduction::mean).backward();
    CHECK(x.grad().shape() == Shape{0, 3});
    CHECK(c.loss(x, zeros({0}, i64), Reduction::sum).item() == 0.0);
  }
}

TEST_CASE("binary cross entropy does not overflow, and its slope at 0 is sigmoid(0) - t") {
  const auto loss = [](double x, double t) {
    return nn::binary_cross_entropy_with_logits(tensor({x}), tensor({t})).item();
  };
  CHECK(loss(1000.0, 0.0) == 1000.0);
  CHECK(loss(-1000.0, 1.0) == 1000.0);
  CHECK(loss(1000.0, 1.0) == 0.0);
  CHECK(loss(20.0, 1.0) * 1e9 == Approx(2.0611536).epsilon(1e-6));
  CHECK(loss(-20.0, 0.0) * 1e9 == Approx(2.0611536).epsilon(1e-6));
  const Variable x = parameter(tensor({0.0, 0.0}));
  nn::binary_cross_entropy_with_logits(x, tensor({1.0, 0.25}), {Reduction::sum}).backward();
  CHECK(values(x.grad()) == std::vector{-0.5, 0.25});
}

TEST_CASE("binary cross entropy keeps its digits where a logit is large and where the prediction is right") {
  // In long double: max(x, 0) - x t + log1p(exp(-|x|)), and sigmoid(x) - t.
  for (const DType dtype : {f32, f64})
    for (const double x : {-80.0, -20.0, -3.0, -1e-3, 0.0, 0.5, 7.0, 20.0, 80.0})
      for (const double probability : {0.0, 1e-6, 0.25, 0.5, 0.999999, 1.0}) {
        CAPTURE(x);
        CAPTURE(probability);
        const Tensor target = tensor({probability}, dtype);
        const Variable logit = parameter(tensor({x}, dtype));
        const Variable loss = nn::binary_cross_entropy_with_logits(logit, target, {Reduction::sum});
        loss.backward();
        const long double z = logit.item(), t = target.item(), e = std::exp(-std::abs(z));
        const long double right = (z > 0 ? z * (1 - t) : -z * t) + std::log1p(e);
        const long double slope = z > 0 ? ((1 - t) - t * e) / (1 + e) : ((1 - t) * e - t) / (1 + e);
        CHECK(std::abs(loss.item() - static_cast<double>(right)) <= 2 * rounding(dtype) * static_cast<double>(right));
        const long double size = z > 0 ? ((1 - t) + t * e) / (1 + e) : ((1 - t) * e + t) / (1 + e);
        CHECK(std::abs(logit.grad().item() - static_cast<double>(slope)) <=
              4 * rounding(dtype) * static_cast<double>(size));
      }
}

TEST_CASE("probability and label targets are checked: position and value") {
  const auto bce = [](const Tensor& t) { return nn::binary_cross_entropy_with_logits(zeros(t.shape(), t.dtype()), t); };
  CHECK_THROWS_WITH_AS(bce(tensor({0.0, 7.0})),
                       Contains("binary_cross_entropy_with_logits: target (1) is 7, not in [0, 1]"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(bce(tensor({{0.0, 1.0}, {0.5, -0.25}}, f64)), Contains("target (1, 1) is -0.25"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(bce(tensor({nan_value, 7.0})), Contains("target (0) is nan"), std::invalid_argument);
  CHECK_THROWS_AS(bce(tensor({infinity})), std::invalid_argument);
  CHECK(bce(tensor({0.0, 1.0, 0.5})).item() == Approx(std::log(2.0)));
  CHECK(bce(scalar(1.0)).item() == Approx(std::log(2.0)));
  CHECK_THROWS_WITH_AS(nn::kl_div(zeros({2}), tensor({0.5, 1.5})), Contains("kl_div: target (1) is 1.5, not in [0, 1]"),
                       std::invalid_argument);
  CHECK(nn::kl_div(zeros({1}), tensor({1.5}), {.log_target = true}).item() == Approx(1.5 * std::exp(1.5)));
  CHECK_THROWS_WITH_AS(nn::hinge_loss(zeros({2}), tensor({1.0, 0.0})),
                       Contains("hinge_loss: target (1) is 0, not -1 or 1"), std::invalid_argument);
  CHECK_THROWS_AS(nn::hinge_loss(zeros({1}), tensor({nan_value})), std::invalid_argument);
}

TEST_CASE("kl_div: 0 log 0 is 0, on both sides, and its sum over rows is the divergence") {
  const Tensor t = tensor({{0.0, 0.25, 0.75}, {1.0, 0.0, 0.0}}, f64);
  const Variable x =
      parameter(tensor({{-infinity, std::log(0.5), std::log(0.5)}, {std::log(0.25), -infinity, -1.0}}, f64));
  for (const bool log_target : {false, true}) {
    CAPTURE(log_target);
    const Variable target = parameter(log_target ? log(t) : t);
    const Variable loss = nn::kl_div(x, target, {.log_target = log_target, .reduction = Reduction::batchmean});
    const double right = (0.25 * std::log(0.5) + 0.75 * std::log(1.5) + std::log(4.0)) / 2;
    CHECK(loss.item() == Approx(right).epsilon(1e-14));
    x.zero_grad();
    loss.backward();
    CHECK(worst_error(x.grad(), {0.0, -0.125, -0.375, -0.5, 0.0, 0.0}) < 1e-15);
    for (const double slope : values(target.grad())) CHECK(std::isfinite(slope));
  }
  CHECK(nn::kl_div(tensor({-infinity}), tensor({0.5})).item() == infinity);
}

TEST_CASE("hinge_loss: nothing from the margin on, a line below") {
  const Variable scores = parameter(tensor({2.0, 0.5, -0.5, -3.0}));
  const Variable loss = nn::hinge_loss(scores, tensor({1.0, 1.0, 1.0, -1.0}), {.reduction = Reduction::none});
  CHECK(values(loss.value()) == std::vector{0.0, 0.5, 1.5, 0.0});
  sum(loss).backward();
  CHECK(values(scores.grad()) == std::vector{0.0, -1.0, -1.0, 0.0});
}

TEST_CASE("smooth_l1_loss: huber_loss over beta, and l1_loss for 0") {
  const Tensor a = random_tensor({20}, f64, 1) * 3, b = random_tensor({20}, f64, 2);
  CHECK(nn::smooth_l1_loss(a, b, {.beta = 0.7}).item() ==
        Approx(nn::huber_loss(a, b, {.delta = 0.7}).item() / 0.7).epsilon(1e-14));
  CHECK(nn::smooth_l1_loss(a, b, {.beta = 0.0}).item() == nn::l1_loss(a, b).item());
  CHECK(nn::smooth_l1_loss(tensor({3e38}), tensor({0.0}), {.beta = 1e-3}).item() == Approx(3e38));
}

TEST_CASE("huber_loss does not overflow, and is smooth where the square ends") {
  CHECK(nn::huber_loss(tensor({1e30}), tensor({0.0})).item() == Approx(1e30));
  const Variable x = parameter(tensor({1.0, -1.0, 0.5, 7.0, -7.0}));
  nn::huber_loss(x, zeros({5}), {.reduction = Reduction::sum}).backward();
  CHECK(values(x.grad()) == std::vector{1.0, -1.0, 0.5, 1.0, -1.0});
}

TEST_CASE("multi_margin_loss is Weston and Watkins's: a sum over the other classes") {
  // Against class 0: max(0, 1 + 5.1 - 3.2) + max(0, 1 - 1.7 - 3.2) = 2.9. Against class 1, with the best score: 0.
  const Variable s = parameter(tensor({{3.2, 5.1, -1.7}, {1.3, 4.9, 2.0}, {2.2, 2.5, -3.1}}, f64));
  const Variable loss = nn::multi_margin_loss(s, tensor({0, 1, 2}, i64), {.reduction = Reduction::none});
  CHECK(worst_error(loss.value(), {2.9, 0.0, 12.9}) < 1e-14);
  sum(loss).backward();
  CHECK(values(s.grad()) == std::vector{-1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, -2.0});
  CHECK(nn::multi_margin_loss(s, tensor({0, 1, 2}, i64), {.margin = 0.0, .reduction = Reduction::sum}).item() ==
        Approx(1.9 + 10.9));
}

TEST_CASE("cosine_similarity_loss: 0 for one direction, 2 for opposite ones, 1 for right angles and for 0") {
  const Tensor y = tensor({{3.0, 4.0}, {1.0, 0.0}, {0.0, 2.0}, {0.0, 0.0}}, f64);
  const Tensor t = tensor({{6.0, 8.0}, {-5.0, 0.0}, {1.0, 0.0}, {1.0, 1.0}}, f64);
  const Variable x = parameter(y);
  const Variable loss = nn::cosine_similarity_loss(x, t, {Reduction::none});
  CHECK(worst_error(loss.value(), {0.0, 2.0, 1.0, 1.0}) < 1e-15);
  CHECK(nn::cosine_similarity_loss(y[0], t[0]).item() == Approx(0.0));
  sum(loss.slice(0, 0, 3)).backward();
  CHECK(worst_error(x.grad(), {0.0, 0.0, 0.0, 0.0, -0.5, 0.0, 0.0, 0.0}) < 1e-15);
}

TEST_CASE("cosine_similarity_loss: of vectors of any length") {
  for (const DType dtype : {f32, f64})
    for (const double size : {1e20, 1e-7, dtype == f32 ? 1e35 : 1e300}) {
      CAPTURE(size);
      const Variable x = parameter(full({2, 4}, size, dtype));
      const Variable loss = nn::cosine_similarity_loss(x, x.detach());
      CHECK(loss.item() == 0.0);
      loss.backward();
      CHECK(worst_error(x.grad() * size, std::vector(8, 0.0)) < 1e-7);
      CHECK(nn::cosine_similarity_loss(x, -x.detach()).item() == 2.0);
    }
}

TEST_CASE("an argument that changed after the loss was taken is noticed") {
  Tensor x = random_tensor({2, 3}, f32), t = tensor({0, 2}, i64);
  const Variable p = parameter(ones({2, 3}));
  const Variable loss = nn::cross_entropy(p, t);
  t.set({0}, 1.0);
  CHECK_THROWS_WITH_AS(loss.backward(), Contains("cross_entropy: an input changed"), std::logic_error);
  const Variable error = nn::mse_loss(p, x);
  x.set({0, 0}, 5.0);
  CHECK_THROWS_WITH_AS(error.backward(), Contains("mse_loss: an input changed"), std::logic_error);
}

TEST_CASE("large losses: right, and the same bits on any number of threads") {
  const Tensor a = random_tensor({400, 300}, f32, 1), b = random_tensor({400, 300}, f32, 2);
  Generator generator(3);
  const Tensor target = randint(0, 300, {400}, generator);
  const auto run = [&](auto loss) {
    const Variable x = parameter(a);
    const Variable y = loss(x);
    y.backward();
    return concat({x.grad().reshape({-1}), y.value().reshape({1})}, 0);
  };
  const auto mse = [&](const Variable& x) { return nn::mse_loss(x, b); };
  const auto entropy = [&](const Variable& x) { return nn::cross_entropy(x, target, {.label_smoothing = 0.2}); };
  CHECK(same_bits_on_any_threads([&] { return run(mse); }));
  CHECK(same_bits_on_any_threads([&] { return run(entropy); }));
  CHECK(nn::mse_loss(a, b).item() == Approx(nn::mse_loss(a.to(f64), b.to(f64)).item()).epsilon(1e-6));
  const Variable x = a.to(f64);
  const double hard = nn::nll_loss(log_softmax(x, 1), target).item(), soft = -mean(log_softmax(x, 1)).item();
  CHECK(nn::cross_entropy(a, target, {.label_smoothing = 0.2}).item() == Approx(0.8 * hard + 0.2 * soft).epsilon(1e-6));
}

TEST_CASE("probabilities that were added up may be off by rounding, and by no more") {
  Tensor ten = zeros({2, 3});
  for (int i = 0; i < 10; ++i) ten = ten + tensor({{1, 0, 0}, {0, 1, 0}}) * 0.1;
  REQUIRE(max(ten).item() > 1.0);
  CHECK_NOTHROW(nn::kl_div(log_softmax(zeros({2, 3}), 1), ten));
  CHECK_NOTHROW(nn::binary_cross_entropy_with_logits(zeros({2, 3}), ten));
  CHECK_NOTHROW(nn::cross_entropy(zeros({2, 3}), ten));
  CHECK_THROWS_AS(nn::cross_entropy(zeros({2, 3}), ten * 1.00001), std::invalid_argument);
}

TEST_CASE("smooth_l1_loss with a beta that is 0 in the type is the absolute error") {
  const Variable x = parameter(tensor({0, 1}));
  const Variable loss = nn::smooth_l1_loss(x, zeros({2}), {.beta = 1e-50, .reduction = nn::Reduction::sum});
  CHECK(loss.item() == 1.0);
  loss.backward();
  CHECK(bitwise_equal(x.grad(), tensor({0, 1})));
}

TEST_CASE("a row of a class without weight has neither loss nor gradient, whatever its scores are") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Variable x = parameter(tensor({{nan, 0}, {0, 0}}));
  const Variable loss = nn::cross_entropy(x, tensor({0, 1}, i64), {.weight = tensor({0, 1})});
  CHECK(loss.item() == doctest::Approx(std::log(2.0)));
  loss.backward();
  CHECK(bitwise_equal(x.grad(), tensor({{0, 0}, {0.5, -0.5}})));
}
