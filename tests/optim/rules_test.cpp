// The rules by hand, and against PyTorch where no reference file reaches.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

#include "../declared.hpp"

namespace rv = ravine;
namespace optim = rv::optim;
using doctest::Approx;
using Values = std::vector<double>;

namespace {

/// The parameter after updates from x with these gradients.
template <class O, class Options>
double after(const Options& options, double x, const Values& gradients) {
  const rv::Variable p = rv::parameter(rv::tensor({x}, rv::f64));
  O optimizer({p}, options);
  for (const double g : gradients) {
    p.set_grad(rv::tensor({g}, rv::f64));
    optimizer.step();
  }
  return p.item();
}

}  // namespace

TEST_CASE("every rule of the library is in a list, so that it is compiled for each instruction set") {
  std::string list;
  for (const char* name : {"/optim/rules.hpp", "/optim/others.hpp"}) {
    std::ifstream file(std::string(RAVINE_SOURCE) + name);
    list.append(std::istreambuf_iterator<char>(file), {});
  }
  const auto rules = declared("optim", R"(^class (\w+) final : public Elementwise<)");
  CHECK(rules.size() >= 10);
  for (const auto& rule : rules)
    CHECK_MESSAGE(std::regex_search(list, std::regex("\\boptim::" + rule.first + "[,>]")),
                  rule.first << " of " << rule.second);
}

TEST_CASE("Lion: by hand") {
  // beta1 = 1/2, beta2 = 3/4: g = 2: u = 1, m = 1/2; g = -1/4: c = 1/8: u = 1, m = 5/16; g = -5/16: c = 0: u = 0
  const optim::LionOptions options = {.lr = 0.25, .beta1 = 0.5, .beta2 = 0.75};
  CHECK(after<optim::Lion>(options, 1.0, {2.0}) == 0.75);
  CHECK(after<optim::Lion>(options, 1.0, {2.0, -0.25}) == 0.5);
  CHECK(after<optim::Lion>(options, 1.0, {2.0, -0.25, -0.3125}) == 0.5);
  CHECK(after<optim::Lion>(options, 1.0, {2.0, -0.25, -0.3125, -5.0}) == 0.75);
  // decay of the old value, times the rate: 4 - 1/4 (1 + 1/2 4)
  CHECK(after<optim::Lion>(optim::LionOptions{.lr = 0.25, .weight_decay = 0.5}, 4.0, {1.0}) == 3.25);
  CHECK(std::isnan(after<optim::Lion>(options, 1.0, {std::numeric_limits<double>::quiet_NaN()})));
}

TEST_CASE("NAdam: the momentum's schedule, multiplied out") {
  const Values gradients = {1.0, -2.0, 0.5, 0.25, -0.125, 3.0, 1.0, -1.0, 0.75, 2.0};
  for (const double psi : {0.0, 0.004, 0.5, 40.0}) {
    const optim::NAdamOptions o = {.lr = 0.1, .beta2 = 0.99, .momentum_decay = psi};
    double theta = 1.0, m = 0.0, v = 0.0, product = 1.0;
    const auto mu = [&](int t) { return o.beta1 * (1.0 - 0.5 * std::pow(0.96, t * psi)); };
    Values all;
    for (int round = 0; round < 30; ++round) all.insert(all.end(), gradients.begin(), gradients.end());
    int t = 0;
    for (const double g : all) {
      ++t;
      product *= mu(t);
      m = o.beta1 * m + (1.0 - o.beta1) * g;
      v = o.beta2 * v + (1.0 - o.beta2) * g * g;
      const double mean = mu(t + 1) * m / (1.0 - product * mu(t + 1)) + (1.0 - mu(t)) * g / (1.0 - product);
      theta -= o.lr * mean / (std::sqrt(v / (1.0 - std::pow(o.beta2, t))) + o.eps);
    }
    CHECK(after<optim::NAdam>(o, 1.0, all) == Approx(theta).epsilon(1e-12));
  }
}

TEST_CASE("NAdam: what PyTorch 2.13 computes") {
  const auto run = [](const optim::NAdamOptions& options, int steps) {
    const rv::Variable p = rv::parameter(rv::tensor({1.0, -2.0, 0.5}, rv::f64));
    optim::NAdam nadam({p}, options);
    for (int t = 0; t < steps; ++t)
      nadam.step([&] { return rv::sum(rv::tensor({1.0, 3.0, 0.2}, rv::f64) * rv::square(p)) + p[0] * p[1]; });
    return p.value().to_vector<double>();
  };
  const auto check = [](const Values& got, const Values& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(got[i] == Approx(expected[i]).epsilon(1e-12));
  };
  check(run({.lr = 0.05}, 1), {1.0, -1.9471774111302511, 0.4471774137233599});
  check(run({.lr = 0.05}, 50), {0.15698262755464648, -0.3297934703148504, 0.0010042196728068725});
  check(run({.lr = 0.05, .momentum_decay = 0.1, .weight_decay = 0.1}, 20),
        {0.58193967505157729, -1.2133070926435801, -0.01784068509867796});
}

TEST_CASE("AdamW: the lecture's decay does not follow the rate, the usual one does") {
  const auto shrunk = [](optim::Decay decay, double factor) {
    const rv::Variable p = rv::parameter(rv::tensor({4.0}, rv::f64));
    optim::AdamW adamw({p}, {.lr = 0.5, .weight_decay = 0.25, .decay = decay});
    adamw.set_lr_factor(factor);
    p.set_grad(rv::tensor({0.0}, rv::f64));
    adamw.step();
    return p.item();
  };
  CHECK(shrunk(optim::Decay::times_lr, 1.0) == 4.0 - 0.5 * 0.25 * 4.0);
  CHECK(shrunk(optim::Decay::times_lr, 0.5) == 4.0 - 0.25 * 0.25 * 4.0);
  CHECK(shrunk(optim::Decay::plain, 1.0) == 3.0);
  CHECK(shrunk(optim::Decay::plain, 0.5) == 3.0);
}

TEST_CASE("AdaBelief: the first step is lr / beta1, and the variance sees the new mean") {
  CHECK(after<optim::AdaBelief>(optim::AdaBeliefOptions{.lr = 0.5, .beta1 = 0.8, .eps = 0.0}, 1.0, {1e3}) ==
        Approx(1.0 - 0.5 / 0.8).epsilon(1e-12));
  // beta1 = 1/2, beta2 = 3/4, g = 2: m = 1, m^ = 2, v = (1/4) (2 - 1)^2 + 1/16, v^ = 4 v = 5/4
  const optim::AdaBeliefOptions paper = {
      .lr = 1.0, .beta1 = 0.5, .beta2 = 0.75, .eps = 0.0625, .eps_in_variance = true};
  CHECK(after<optim::AdaBelief>(paper, 0.0, {2.0}) == Approx(-2.0 / (std::sqrt(1.25) + 0.0625)).epsilon(1e-14));
}

TEST_CASE("AdaGrad: without eps the two forms are the same, with it they are not") {
  const Values gradients = {3.0, -4.0, 0.5, 0.0, -0.25, 7.0, 1e-3, 2.0};
  const auto run = [&](optim::AdaGradForm form, double eps) {
    return after<optim::AdaGrad>(optim::AdaGradOptions{.lr = 0.5, .eps = eps, .form = form}, 1.0, gradients);
  };
  using enum optim::AdaGradForm;
  CHECK(run(sum, 0.0) == Approx(run(rms, 0.0)).epsilon(1e-14));
  CHECK(std::abs(run(sum, 0.5) - run(rms, 0.5)) > 1e-3);
}

TEST_CASE("AdaGrad and RMSProp: their forms, by hand") {
  // g = 3, 4: r = 9, 25
  CHECK(after<optim::AdaGrad>(optim::AdaGradOptions{.lr = 1.0, .eps = 1.0}, 0.0, {3.0, 4.0}) ==
        Approx(-3.0 / 4.0 - 4.0 / 6.0).epsilon(1e-14));
  // the mean's root is sqrt(25 / 2), the rate 1 / sqrt(2)
  const optim::AdaGradOptions rms = {.lr = 1.0, .eps = 1.0, .form = optim::AdaGradForm::rms};
  CHECK(after<optim::AdaGrad>(rms, 0.0, {3.0, 4.0}) ==
        Approx(-3.0 / 4.0 - std::sqrt(0.5) * 4.0 / (1.0 + std::sqrt(12.5))).epsilon(1e-14));
  CHECK(after<optim::AdaGrad>(optim::AdaGradOptions{.lr = 1.0, .eps = 0.0, .initial_accumulator = 16.0}, 0.0, {3.0}) ==
        Approx(-3.0 / 5.0).epsilon(1e-14));
  // rho = 3/4, g = 2: r = 1, or 4 when it starts with the first gradient; then g = 4: r = 19/4, or 7
  optim::RMSPropOptions o = {.lr = 1.0, .rho = 0.75, .eps = 0.5};
  CHECK(after<optim::RMSProp>(o, 0.0, {2.0}) == Approx(-2.0 / 1.5).epsilon(1e-14));
  o.eps_inside = true;
  CHECK(after<optim::RMSProp>(o, 0.0, {2.0}) == Approx(-2.0 / std::sqrt(1.5)).epsilon(1e-14));
  o.init = optim::RMSPropInit::first_gradient;
  CHECK(after<optim::RMSProp>(o, 0.0, {2.0, 4.0}) ==
        Approx(-2.0 / std::sqrt(4.5) - 4.0 / std::sqrt(7.5)).epsilon(1e-14));
}

TEST_CASE("AdaDelta: the numerator is that of the steps before, without the rate") {
  // rho = 1/2, eps = 1/4, g = 2: r = 2, step = -2 sqrt(1/4) / sqrt(9/4) = -2/3; s = 2/9; g = 1: r = 3/2
  const optim::AdaDeltaOptions o = {.lr = 3.0, .rho = 0.5, .eps = 0.25};
  CHECK(after<optim::AdaDelta>(o, 0.0, {2.0}) == Approx(-2.0).epsilon(1e-14));
  CHECK(after<optim::AdaDelta>(o, 0.0, {2.0, 1.0}) ==
        Approx(-2.0 - 3.0 * std::sqrt(2.0 / 9.0 + 0.25) / std::sqrt(1.75)).epsilon(1e-14));
  // rho = 0, g = 3/2: r = 9/4, step = -(3/2) sqrt(1/4) / sqrt(5/2); s is its square; g = 1: r = 1
  const double first = -0.75 / std::sqrt(2.5);
  CHECK(after<optim::AdaDelta>(optim::AdaDeltaOptions{.lr = 1.0, .rho = 0.0, .eps = 0.25}, 0.0, {1.5, 1.0}) ==
        Approx(first - std::sqrt(first * first + 0.25) / std::sqrt(1.25)).epsilon(1e-14));
}

TEST_CASE("AdaBound: what has had no gradient stays where the rate is 0") {
  const rv::Variable p = rv::parameter(rv::tensor({2.0, 2.0}, rv::f64));
  optim::AdaBound adabound({p}, {.eps = 0.0});
  adabound.set_lr_factor(0.0);
  for (const double g : {0.0, 1.0}) {
    p.set_grad(rv::tensor({0.0, g}, rv::f64));
    adabound.step();
    CHECK(p.value().to_vector<double>() == Values{2.0, 2.0});
  }
}

TEST_CASE_TEMPLATE("MADGRAD: the cube root is within 1 ulp, of all sizes and signs", T, float, double) {
  using Limits = std::numeric_limits<T>;
  const auto far_off = [](T x) {  // in ulp
    const long double exact = std::cbrt(static_cast<long double>(x));
    const T near = static_cast<T>(exact);
    const long double ulp = std::nextafter(near, Limits::infinity()) - near;
    return static_cast<double>(std::abs(static_cast<long double>(rv::detail::cube_root(x)) - exact) / ulp);
  };
  double worst = 0.0;
  for (int e = std::ilogb(Limits::denorm_min()); e <= Limits::max_exponent - 1; ++e)
    for (int k = 0; k < 64; ++k) {
      const T x = std::ldexp(static_cast<T>(1.0 + (k + 0.37) / 64.0), e);  // subnormals are rounded
      worst = std::max(worst, std::max(far_off(x), far_off(-x)));
    }
  CHECK(worst < 1.0);
  for (const T x : {Limits::denorm_min(), Limits::min(), std::nextafter(Limits::min(), T(0)), Limits::max()})
    CHECK(far_off(x) < 1.0);
  CHECK(rv::detail::cube_root(T(-27)) == T(-3));
  CHECK(rv::detail::cube_root(Limits::infinity()) == Limits::infinity());
  CHECK(rv::detail::cube_root(-Limits::infinity()) == -Limits::infinity());
  CHECK(std::isnan(rv::detail::cube_root(Limits::quiet_NaN())));
  CHECK(rv::detail::cube_root(T(0)) == T(0));
  CHECK(std::signbit(rv::detail::cube_root(T(-0.0))));
}
