// AdaHessian and Hutchinson's estimate; whole trajectories are in golden_test.cpp.
#include <cmath>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

namespace rv = ravine;
namespace optim = rv::optim;
using doctest::Approx;
using Params = std::vector<rv::Variable>;
using Values = std::vector<double>;

namespace {

Values flat(const std::vector<rv::Tensor>& parts) {
  Values all;
  for (const rv::Tensor& part : parts)
    for (const double x : part.to_vector<double>()) all.push_back(x);
  return all;
}

std::vector<rv::Tensor> estimate(const Params& params, const rv::Variable& loss, rv::Index samples,
                                 std::uint64_t seed) {
  rv::Generator generator(seed);
  const Params g = rv::grad(loss, params, {.create_graph = true, .allow_unused = true});
  return optim::hutchinson_diagonal(params, g, samples, generator);
}

}  // namespace

TEST_CASE("Hutchinson: exact for a diagonal Hessian, whatever the random signs") {
  const Params p = {rv::parameter(rv::tensor({1.0, -2.0, 3.0, 0.5}, {2, 2}, rv::f64)),
                    rv::parameter(rv::tensor({0.25, 2.0}, rv::f64))};
  const rv::Tensor weights = rv::tensor({1.0, -2.0, 0.5, 4.0}, {2, 2}, rv::f64);
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const rv::Variable loss = rv::sum(weights * rv::square(p[0])) + rv::sum(rv::pow(p[1], 3));
    const Values d = flat(estimate(p, loss, 1, seed)), expected = {2.0, -4.0, 1.0, 8.0, 1.5, 12.0};
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(d[i] == Approx(expected[i]).epsilon(1e-14));
  }
}

TEST_CASE("Hutchinson: the mean over many samples approaches the diagonal, off-diagonal entries average out") {
  const Params p = {rv::parameter(rv::tensor({1.0, 2.0}, rv::f64)), rv::parameter(rv::tensor({-1.0}, rv::f64))};
  const auto loss = [&] { return p[0][0] * p[0][1] * 3.0 + rv::square(p[0][0]) + p[0][1] * rv::sum(p[1]) * 2.0; };
  const Values one = flat(estimate(p, loss(), 1, 3)), many = flat(estimate(p, loss(), 4000, 3));
  CHECK(std::abs(std::abs(one[0] - 2.0) - 3.0) < 1e-12);  // 2 plus or minus 3
  const Values expected = {2.0, 0.0, 0.0};
  for (std::size_t i = 0; i < 3; ++i) CHECK(std::abs(many[i] - expected[i]) < 0.25);
}

TEST_CASE("Hutchinson: linear losses, parameters without a part in the loss, no samples") {
  const Params p = {rv::parameter(rv::ones({2})), rv::parameter(rv::ones({3}))};
  CHECK(flat(estimate(p, rv::sum(p[0]) * 2.0, 2, 0)) == Values(5, 0.0));
  CHECK(flat(estimate(p, rv::sum(rv::square(p[0])), 2, 0)) == Values{2, 2, 0, 0, 0});
  CHECK_THROWS_WITH_AS(estimate(p, rv::sum(p[0]), 0, 0), "hutchinson_diagonal: samples must be >= 1, got 0",
                       std::invalid_argument);
}

TEST_CASE("AdaHessian: one step by hand, with blocks, power and decay") {
  // Hessian diag(2, 4, 8): in blocks of two the means are 3 and 8; g = H theta
  const auto step = [](const optim::AdaHessianOptions& options) {
    const rv::Variable p = rv::parameter(rv::tensor({1.0, 1.0, 1.0}, rv::f64));
    optim::AdaHessian optimizer({p}, options);
    optimizer.step([&] { return rv::sum(rv::tensor({1.0, 2.0, 4.0}, rv::f64) * rv::square(p)); });
    return p.value().to_vector<double>();
  };
  const auto check = [](const Values& got, const Values& expected) {
    for (std::size_t i = 0; i < 3; ++i) CHECK(got[i] == Approx(expected[i]).epsilon(1e-13));
  };
  check(step({.lr = 0.5, .eps = 0.0}), {0.5, 0.5, 0.5});  // Newton's direction
  check(step({.lr = 0.5, .eps = 1.0, .block = 2}), {1 - 0.5 * 2 / 4, 1 - 0.5 * 4 / 4, 1 - 0.5 * 8 / 9});
  check(step({.lr = 0.5, .eps = 0.0, .power = 0.5}), {1 - std::sqrt(0.5), 0.0, 1 - std::sqrt(2.0)});
  check(step({.lr = 0.5, .eps = 1.0, .power = 0.0}), {0.5, 0.0, -1.0});
  check(step({.lr = 0.5, .eps = 0.0, .weight_decay = 0.25}), {0.375, 0.375, 0.375});
}

TEST_CASE("AdaHessian: a given diagonal is used, and refused if it does not fit") {
  const Params p = {rv::parameter(rv::ones({2}, rv::f64)), rv::parameter(rv::ones({1, 3}, rv::f64))};
  optim::AdaHessianOptions options = {.lr = 0.5, .eps = 0.0};
  options.diagonal = [](const Params& params, const Params& gradients) {
    CHECK(params.size() == 2);
    CHECK(gradients[1].value().to_vector<double>() == Values{2, 2, 2});
    return std::vector<rv::Tensor>{rv::full({2}, 4.0, rv::f64), rv::full({1, 3}, -1.0, rv::f64)};
  };
  const auto loss = [&] { return rv::sum(rv::square(p[0])) + rv::sum(rv::square(p[1])); };
  optim::AdaHessian(p, options).step(loss);
  CHECK(p[0].value().to_vector<double>() == Values{0.75, 0.75});  // 1 - 0.5 * 2 / 4
  CHECK(p[1].value().to_vector<double>() == Values{0, 0, 0});     // 1 - 0.5 * 2 / |-1|

  const auto refused = [&](std::vector<rv::Tensor> d, const char* message) {
    options.diagonal = [d](const Params&, const Params&) { return d; };
    optim::AdaHessian optimizer(p, options);
    CHECK_THROWS_WITH_AS(optimizer.step(loss), message, std::invalid_argument);
    CHECK(p[0].value().to_vector<double>() == Values{0.75, 0.75});
    CHECK(optimizer.steps() == 0);
  };
  refused({rv::ones({2}, rv::f64)}, "AdaHessian: diagonal returned 1 tensors for 2 parameters");
  refused({rv::ones({2}, rv::f64), rv::ones({3}, rv::f64)},
          "AdaHessian: diagonal returned (3) f64 for a parameter of (1, 3) f64");
  refused({rv::ones({2}), rv::ones({1, 3}, rv::f64)},
          "AdaHessian: diagonal returned (2) f32 for a parameter of (2) f64");
}

TEST_CASE("AdaHessian: parameters of both precisions") {
  const Params p = {rv::parameter(rv::ones({2})), rv::parameter(rv::full({3}, 2.0, rv::f64))};
  for (const bool of_both : {false, true}) {
    optim::AdaHessian optimizer(p, {.lr = 0.5, .eps = 0.0});
    const double before = p[1].value().at({1});
    optimizer.step([&] {
      const rv::Variable loss = rv::sum(rv::square(p[1]));
      return of_both ? loss + rv::sum(rv::square(p[0])).to(rv::f64) : loss;
    });
    CHECK(p[0].value().at({0}) == (of_both ? 0.5 : 1.0));
    CHECK(p[1].value().at({1}) == Approx(0.5 * before));
  }
}

TEST_CASE("AdaHessian: groups have their own curvature, callbacks change the gradient only") {
  const Params p = {rv::parameter(rv::ones({2}, rv::f64)), rv::parameter(rv::ones({3}, rv::f64))};
  using Group = optim::ParamGroup<optim::AdaHessianOptions>;
  optim::AdaHessian optimizer({Group{{p[0]}, {.lr = 0.5, .eps = 0.0}}, Group{{p[1]}, {.lr = 0.25, .eps = 2.0}}});
  optimizer.on_gradients([](const Params& params) {
    for (const rv::Variable& q : params) q.set_grad(q.grad() * 0.5);
  });
  optimizer.step([&] { return rv::sum(rv::square(p[0])) + rv::sum(rv::square(p[1])) * 3.0; });
  CHECK(p[0].value().at({0}) == Approx(1 - 0.5 * 1 / 2).epsilon(1e-14));
  CHECK(p[1].value().at({2}) == Approx(1 - 0.25 * 3 / 8.0).epsilon(1e-14));
}

TEST_CASE("a loss that is no scalar is refused as such, where only finite ones may go on too") {
  const rv::Variable w = rv::parameter(rv::ones({2}));
  optim::AdaHessian adahessian({w});
  const rv::detail::FiniteOnly finite_only;
  CHECK_THROWS_WITH_AS(adahessian.step([&] { return w * 2; }), doctest::Contains("needs a scalar, got (2)"),
                       std::logic_error);
}
