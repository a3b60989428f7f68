// What all optimizers share: parameters, groups, closures, callbacks, state, refusals.
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

#include "parameter.hpp"

namespace rv = ravine;
using doctest::Contains;
using rv::optim::Adam;
using rv::optim::AdamOptions;
using rv::optim::SGD;
using rv::optim::SGDOptions;
using Params = std::vector<rv::Variable>;
using Values = std::vector<double>;

namespace {

Values values(const rv::Variable& p) { return p.value().to_vector<double>(); }

}  // namespace

TEST_CASE("optimizer: an explicit loop and a closure do the same") {
  const rv::Variable a = parameter({1.0, -2.0}), b = parameter({1.0, -2.0});
  SGD explicitly({a}, {.lr = 0.25}), with_closure({b}, {.lr = 0.25});
  for (int step = 0; step < 3; ++step) {
    explicitly.zero_grad();
    rv::sum(rv::square(a)).backward();
    explicitly.step();
    const double before = rv::sum(rv::square(b.value())).item();
    CHECK(with_closure.step([&] { return rv::sum(rv::square(b)); }) == before);
  }
  CHECK(values(a) == Values{0.125, -0.25});
  CHECK(values(b) == values(a));
  CHECK(with_closure.steps() == 3);
  CHECK(b.grad().to_vector<double>() == Values{0.5, -1.0});  // of the last evaluation, at (0.25, -0.5)
}

TEST_CASE("optimizer: a closure starts from cleared gradients, an explicit step uses what there is") {
  const rv::Variable p = parameter({1.0});
  SGD sgd({p}, {.lr = 1.0});
  p.set_grad(rv::tensor({100.0}, rv::f64));
  sgd.step([&] { return rv::sum(p * 0.25); });
  CHECK(values(p) == Values{0.75});
  p.set_grad(rv::tensor({0.5}, rv::f64));
  sgd.step();
  CHECK(values(p) == Values{0.25});
  sgd.zero_grad();
  CHECK(!p.grad().defined());
}

TEST_CASE("optimizer: one step counts once, whatever the number of parameters") {
  // With bias correction the first Adam step is lr for every element; a count per parameter would shrink the later
  // ones.
  Params params;
  for (const rv::Shape& shape :
       {rv::Shape({2}), rv::Shape({3, 1}), rv::Shape({}), rv::Shape({2, 2, 2}), rv::Shape({0})})
    params.push_back(rv::parameter(rv::ones(shape, rv::f64)));
  Adam adam(params, {.lr = 0.125, .eps = 0.0});
  for (int step = 1; step <= 3; ++step) {
    adam.step([&] {
      rv::Variable total = rv::sum(params[0]);
      for (std::size_t i = 1; i < params.size(); ++i) total = total + rv::sum(params[i]);
      return total;
    });
    CHECK(adam.steps() == step);
    for (const rv::Variable& p : params)
      for (const double x : values(p)) CHECK(x == doctest::Approx(1.0 - 0.125 * step).epsilon(1e-14));
  }
}

TEST_CASE("optimizer: groups keep their own options and one count") {
  const rv::Variable a = parameter({1.0}), b = parameter({1.0}), c = parameter({1.0});
  SGD sgd({{{a}, {.lr = 0.5}}, {{b, c}, {.lr = 0.25, .momentum = 0.5}}});
  for (int step = 0; step < 2; ++step) sgd.step([&] { return rv::sum(a) + rv::sum(b) + rv::sum(c * 2.0); });
  CHECK(values(a) == Values{0.0});
  CHECK(values(b) == Values{1.0 - 0.25 - 0.375});
  CHECK(values(c) == Values{1.0 - 0.5 - 0.75});
  CHECK(sgd.steps() == 2);
  CHECK(sgd.parameters().size() == 3);
  const rv::StateDict state = sgd.state_dict();
  CHECK(!state.contains("0.momentum"));
  CHECK(state.contains("1.momentum"));
  CHECK(state.contains("2.momentum"));
  CHECK(sgd.describe() ==
        "SGD(lr=0.5, momentum=0, form=accumulator, nesterov=none, dampening=0, weight_decay=0), "
        "(lr=0.25, momentum=0.5, form=accumulator, nesterov=none, dampening=0, weight_decay=0)");

  sgd.set_lr_factor(0.5);  // of each group's own rate
  sgd.step([&] { return rv::sum(a) + rv::sum(b); });
  CHECK(values(a) == Values{-0.25});
  CHECK(values(b) == Values{0.375 - 0.125 * 1.75});
}

TEST_CASE("optimizer: a parameter without a gradient is left alone, and its state too") {
  const rv::Variable used = parameter({1.0}), unused = parameter({1.0});
  SGD sgd({unused, used}, {.lr = 0.5, .momentum = 0.5, .weight_decay = 0.5});
  sgd.step([&] { return rv::sum(used) + rv::sum(unused); });
  const rv::StateDict before = sgd.state_dict();
  const Values stays = values(unused);
  sgd.step([&] { return rv::sum(used); });
  CHECK(values(unused) == stays);
  CHECK(rv::bitwise_equal(sgd.state_dict().at("0.momentum"), before.at("0.momentum")));
  CHECK(!rv::bitwise_equal(sgd.state_dict().at("1.momentum"), before.at("1.momentum")));
  CHECK(sgd.steps() == 2);
}

TEST_CASE("optimizer: callbacks see new gradients, in order, before weight decay") {
  const rv::Variable p = parameter({2.0});
  SGD sgd({p}, {.lr = 1.0, .weight_decay = 0.5});
  std::string order;
  sgd.on_gradients([&](const Params& params) {
    order += "a";
    CHECK(params.size() == 1);
    CHECK(params[0].grad().item() == 8.0);  // without 0.5 p
    params[0].set_grad(rv::tensor({0.25}, rv::f64));
  });
  sgd.on_gradients([&](const Params& params) {
    order += "b";
    CHECK(params[0].grad().item() == 0.25);
  });
  sgd.step([&] { return rv::sum(8.0 * p); });
  CHECK(values(p) == Values{2.0 - (0.25 + 0.5 * 2.0)});
  p.set_grad(rv::tensor({8.0}, rv::f64));
  sgd.step();
  CHECK(order == "abab");
}

TEST_CASE("optimizer: when the closure throws, nothing has changed") {
  const rv::Variable p = parameter({0.1, 0.7});
  for (const auto nesterov : {rv::optim::Nesterov::none, rv::optim::Nesterov::lookahead}) {
    SGD sgd({p}, {.lr = 0.3, .momentum = 0.9, .nesterov = nesterov});
    sgd.step([&] { return rv::sum(rv::square(p)); });
    const rv::StateDict before = sgd.state_dict();
    const rv::Tensor value = p.value().clone();
    CHECK_THROWS_WITH_AS(sgd.step([&]() -> rv::Variable { throw std::runtime_error("no data"); }), "no data",
                         std::runtime_error);
    CHECK(rv::bitwise_equal(p.value(), value));
    CHECK(sgd.steps() == 1);
    for (const auto& [key, tensor] : sgd.state_dict()) CHECK(rv::bitwise_equal(tensor, before.at(key)));
  }
}

TEST_CASE("optimizer: a NaN stays in the elements whose gradients have one") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const rv::Variable p = parameter({1.0, 1.0}), q = parameter({1.0, 1.0});
  Adam adam({p}, {.lr = 0.5});
  SGD sgd({q}, {.lr = 0.5, .momentum = 0.5});
  for (const double first : {nan, 1.0}) {  // state remembers it
    p.set_grad(rv::tensor({first, 2.0}, rv::f64));
    q.set_grad(rv::tensor({first, 2.0}, rv::f64));
    adam.step();
    sgd.step();
    CHECK(std::isnan(values(p)[0]));
    CHECK(std::isnan(values(q)[0]));
    CHECK(std::isfinite(values(p)[1]));
    CHECK(std::isfinite(values(q)[1]));
  }
}

TEST_CASE("optimizer: a graph that needs values a step has changed is refused") {
  const rv::Variable w = parameter({1.0, 2.0});
  for (const auto nesterov : {rv::optim::Nesterov::none, rv::optim::Nesterov::lookahead}) {
    SGD sgd({w}, {.lr = 0.1, .momentum = 0.5, .nesterov = nesterov});
    const rv::Variable loss = rv::sum(w * w);
    sgd.step([&] { return rv::sum(w); });
    CHECK_THROWS_WITH_AS(loss.backward(), Contains("mul: an input changed"), std::logic_error);
  }
}

TEST_CASE("optimizer: one tick of the write clock for a step") {
  const rv::Variable a = parameter({1.0}), b = parameter({1.0});
  SGD sgd({a, b}, {.lr = 0.5});
  a.set_grad(rv::tensor({1.0}, rv::f64));
  b.set_grad(rv::tensor({1.0}, rv::f64));
  const auto before = rv::detail::write_clock();
  sgd.step();
  CHECK(rv::detail::write_clock() == before + 1);
  CHECK(a.value().written() == before + 1);
  CHECK(b.value().written() == before + 1);
}

TEST_CASE("optimizer: the state counts steps to the last one") {
  constexpr rv::Index many = 9007199254740993;  // in double it is …992
  const rv::Variable p = parameter({1.0});
  SGD sgd({p}, {.lr = 0.5});
  rv::StateDict state = sgd.state_dict();
  state.at("steps").fill(many);
  sgd.load_state_dict(state);
  CHECK(sgd.steps() == many);
  CHECK(sgd.state_dict().at("steps").item<rv::Index>() == many);
}

#if defined(__SSE2__) || defined(__aarch64__)
TEST_CASE("optimizer: subnormal numbers are zero in a step, and as before after it") {
  volatile double tiny = 1e-310;
  const auto flushed = [&] { return tiny * 0.5 == 0.0; };
  const rv::Variable p = rv::parameter(rv::tensor({1.0}));
  SGD sgd({p}, {.lr = 0.5, .momentum = 0.5});
  rv::StateDict state = sgd.state_dict();
  state.at("0.momentum").fill(1.5e-38);  // half of it is subnormal in f32
  sgd.load_state_dict(state);
  CHECK(!flushed());
  sgd.step([&] {
    CHECK(flushed());
    return rv::sum(p * 0.0);
  });
  CHECK(!flushed());
  CHECK(sgd.state_dict().at("0.momentum").item() == 0.0);
  CHECK_THROWS(sgd.step([&]() -> rv::Variable { throw std::runtime_error("stop"); }));
  CHECK(!flushed());
}
#endif

TEST_CASE("optimizer: wrong parameters are refused by name and position") {
  const rv::Variable p = parameter({1.0}), constant(rv::ones({1}));
  const auto refuses = [](const Params& params, const char* message) {
    CHECK_THROWS_WITH_AS(SGD(params, {.lr = 0.1}), message, std::invalid_argument);
  };
  refuses({}, "SGD: no parameters to update");
  refuses({p, constant}, "SGD: parameter 1 asks for no gradient: make it with ravine::parameter");
  refuses({p, rv::Variable(rv::ones({1}, rv::i64))}, "SGD: parameter 1 is i64, not floating");
  refuses({p, rv::Variable()}, "SGD: parameter 1 is undefined");
  refuses({p, p * 2.0}, "SGD: parameter 1 is the result of mul, which never gets a gradient");
  refuses({p, parameter({1.0}), p}, "SGD: parameter 2 is parameter 0 again");
  CHECK_THROWS_WITH_AS(Adam({rv::Variable(rv::ones({1}))}), Contains("Adam: parameter 0 asks for no gradient"),
                       std::invalid_argument);
  using Groups = std::vector<rv::optim::ParamGroup<SGDOptions>>;
  CHECK_THROWS_WITH_AS(SGD(Groups{}), "SGD: no parameters to update", std::invalid_argument);
  CHECK_THROWS_WITH_AS(SGD(Groups{{{p}, {}}, {{}, {}}}), "SGD: group 1 has no parameters", std::invalid_argument);
  CHECK_THROWS_WITH_AS(SGD(Groups{{{p}, {}}, {{p}, {}}}), "SGD: parameter 1 is parameter 0 again",
                       std::invalid_argument);
}

TEST_CASE("optimizer: a frozen parameter is no constant") {
  const rv::Variable p = parameter({1.0}), thawed(rv::ones({1}, rv::f64));
  p.set_requires_grad(false);
  thawed.set_requires_grad(true);
  thawed.set_requires_grad(false);
  SGD sgd({p, thawed}, {.lr = 0.5});
  thawed.set_requires_grad(true);
  sgd.step([&] { return rv::sum(p) + rv::sum(thawed); });
  CHECK(values(p) == Values{1.0});
  CHECK(values(thawed) == Values{0.5});
  CHECK_THROWS_WITH_AS(SGD({p.detach()}), Contains("asks for no gradient"), std::invalid_argument);
}

TEST_CASE("optimizer: options out of range are refused with their value") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const auto refuses = [](const AdamOptions& options, const char* message) {
    CHECK_THROWS_WITH_AS(Adam({parameter({1.0})}, options), message, std::invalid_argument);
  };
  refuses({.lr = -1.0}, "Adam: lr must be > 0, got -1");
  refuses({.lr = 0.0}, "Adam: lr must be > 0, got 0");
  refuses({.lr = nan}, "Adam: lr must be > 0, got nan");
  refuses({.lr = inf}, "Adam: lr must be finite, got inf");
  refuses({.lr = -inf}, "Adam: lr must be > 0, got -inf");
  refuses({.beta1 = 1.0}, "Adam: beta1 must be in [0, 1), got 1");
  refuses({.beta2 = -0.1}, "Adam: beta2 must be in [0, 1), got -0.1");
  refuses({.eps = -1e-8}, "Adam: eps must be >= 0, got -1e-08");
  refuses({.weight_decay = nan}, "Adam: weight_decay must be >= 0, got nan");
  CHECK_NOTHROW(Adam({parameter({1.0})}, {.beta1 = 0.0, .beta2 = 0.0, .eps = 0.0}));

  Adam adam({parameter({1.0})});
  CHECK_THROWS_WITH_AS(adam.set_lr_factor(nan), "Adam: lr_factor must be >= 0, got nan", std::invalid_argument);
  CHECK_THROWS_WITH_AS(adam.set_lr_factor(-0.5), "Adam: lr_factor must be >= 0, got -0.5", std::invalid_argument);
  CHECK_THROWS_WITH_AS(adam.set_lr_factor(inf), "Adam: lr_factor must be finite, got inf", std::invalid_argument);
  CHECK(adam.lr_factor() == 1.0);
  CHECK_NOTHROW(adam.set_lr_factor(0.0));
}

TEST_CASE("optimizer: a parameter that has changed its shape or type is refused") {
  const rv::Variable p = parameter({1.0, 2.0}), q = parameter({1.0});
  Adam adam({q, p});
  const auto refuses = [&](const char* message) {
    const rv::Tensor other = q.value().clone();
    CHECK_THROWS_WITH_AS(adam.step([&] { return rv::sum(p) + rv::sum(q).value().item(); }), message, std::logic_error);
    CHECK_THROWS_WITH_AS(adam.step(), message, std::logic_error);
    const rv::detail::FiniteOnly looked_at;
    CHECK_THROWS_WITH_AS(adam.step(), message, std::logic_error);
    CHECK(rv::bitwise_equal(q.value(), other));
    CHECK(adam.steps() == 0);
  };
  p.set_value(rv::ones({2}));
  refuses("Adam: parameter 1 was (2) f64 when the optimizer was made and is (2) f32 now");
  p.set_value(rv::ones({2, 1}, rv::f64));
  refuses("Adam: parameter 1 was (2) f64 when the optimizer was made and is (2, 1) f64 now");
  p.set_value(rv::ones({2}, rv::f64));
  CHECK_NOTHROW(adam.step([&] { return rv::sum(p); }));
  adam.on_gradients([&](const auto&) {
    p.set_value(rv::ones({1}, rv::f64));
    p.set_grad(rv::ones({1}, rv::f64));
  });
  CHECK_THROWS_WITH_AS(adam.step([&] { return rv::sum(p); }), Contains("is (1) f64 now"), std::logic_error);

  const rv::Variable w = parameter({1.0, 2.0});
  SGD ahead({w}, {.momentum = 0.5, .nesterov = rv::optim::Nesterov::lookahead});
  w.set_value(rv::ones({3}, rv::f64));
  CHECK_THROWS_WITH_AS(ahead.step([&] { return rv::sum(w); }), Contains("SGD: parameter 0 was (2) f64"),
                       std::logic_error);
}

TEST_CASE("optimizer: a loss that cannot be differentiated is refused by backward") {
  const rv::Variable p = parameter({1.0, 2.0});
  SGD sgd({p});
  CHECK_THROWS_WITH_AS(sgd.step([&] { return p * 2.0; }), Contains("needs a scalar, got (2)"), std::logic_error);
  CHECK_THROWS_WITH_AS(sgd.step([&] { return rv::Variable(rv::ones({})); }), Contains("depends on no parameter"),
                       std::logic_error);
  CHECK_THROWS_WITH_AS(sgd.step([] { return rv::Variable(); }), "SGD: the closure returned no loss", std::logic_error);
  CHECK(sgd.steps() == 0);
}
