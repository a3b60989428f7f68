// Averages of weights: values by hand, use in place, and states.
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

namespace rv = ravine;
using doctest::Approx;
using doctest::Contains;
using rv::optim::ExponentialMovingAverage;
using rv::optim::UseAverages;
using Values = std::vector<double>;

namespace {

rv::Variable parameter(const Values& values, const rv::Shape& shape, rv::DType dtype = rv::f64) {
  return rv::parameter(rv::tensor(values, shape, dtype));
}
Values values(const rv::Variable& p) { return p.value().to_vector<double>(); }
Values average(const ExponentialMovingAverage& ema, std::size_t i) { return ema.averages()[i].to_vector<double>(); }
void move(const rv::Variable& p, const Values& to) { p.set_value(rv::tensor(to, p.shape(), p.dtype())); }

}  // namespace

TEST_CASE("ema: by hand, for parameters of several shapes and types") {
  const rv::Variable a = parameter({8, -8}, {2}), b = parameter({1, 2, 3, 4}, {2, 2}, rv::f32), c = parameter({4}, {});
  ExponentialMovingAverage ema({a, b, c}, 0.75);
  CHECK(average(ema, 0) == Values{8, -8});  // from the start values, not from 0
  move(a, {0, 0});
  move(b, {5, 2, 3, 0});
  ema.update();
  CHECK(average(ema, 0) == Values{6, -6});
  CHECK(average(ema, 1) == Values{2, 2, 3, 3});
  CHECK(average(ema, 2) == Values{4});
  CHECK(ema.averages()[1].dtype() == rv::f32);
  CHECK(ema.averages()[1].shape() == rv::Shape{2, 2});
  move(a, {2, 2});
  ema.update();
  CHECK(average(ema, 0) == Values{5, -4});
  CHECK(values(a) == Values{2, 2});

  ExponentialMovingAverage last({a}, 0.0);
  move(a, {0.1, 0.3});
  last.update();
  CHECK(average(last, 0)[0] == Approx(0.1).epsilon(1e-15));
}

TEST_CASE("ema: it does not share memory with the parameters, nor change what was handed out") {
  const rv::Variable p = parameter({4}, {1});
  ExponentialMovingAverage ema({p}, 0.5);
  rv::Tensor value = p.value();
  value.fill(8.0);  // in place, as an optimizer does
  CHECK(average(ema, 0) == Values{4});
  const rv::Tensor handed_out = ema.averages()[0];
  ema.update();
  CHECK(handed_out.item() == 4.0);
  CHECK(average(ema, 0) == Values{6});
  // steady state: in its own memory
  ExponentialMovingAverage own({p}, 0.5);
  const double* memory = own.averages()[0].data<double>();
  own.update();
  CHECK(own.averages()[0].data<double>() == memory);
}

TEST_CASE("ema: with a decay of 0 it is the parameter, whatever it was") {
  const rv::Variable p = rv::parameter(rv::full({2}, 1e30));
  rv::optim::ExponentialMovingAverage average({p}, 0.0);
  p.set_value(rv::tensor({1, -0.5}));
  average.update();
  CHECK(average.averages()[0].to_vector<double>() == std::vector<double>{1, -0.5});
}

TEST_CASE("ema: in place for a scope, then every bit comes back") {
  rv::Generator generator(1);
  const rv::Variable p = rv::parameter(rv::randn({5}, rv::f32, generator)), q = parameter({std::nan(""), -0.0}, {2});
  ExponentialMovingAverage ema({p, q}, 0.9);
  p.set_value(rv::randn({5}, rv::f32, generator));
  ema.update();
  const rv::Tensor p_before = p.value().clone(), q_before = q.value().clone(), p_average = ema.averages()[0].clone();
  const void* memory = p.value().data<float>();
  p.set_grad(rv::ones({5}));
  {
    const UseAverages use(ema);
    CHECK(rv::bitwise_equal(p.value(), p_average));
    CHECK(p.requires_grad());
    {
      const UseAverages again(ema);
      CHECK(rv::bitwise_equal(p.value(), p_average));
    }
    CHECK(rv::bitwise_equal(p.value(), p_average));
  }
  CHECK(rv::bitwise_equal(p.value(), p_before));
  CHECK(rv::bitwise_equal(q.value(), q_before));
  CHECK(p.value().data<float>() == memory);
  CHECK(p.grad().defined());

  const auto fails = [&] {
    const UseAverages use(ema);
    throw std::runtime_error("evaluation");
  };
  CHECK_THROWS_AS(fails(), std::runtime_error);
  CHECK(rv::bitwise_equal(p.value(), p_before));
}

TEST_CASE("ema: steps taken inside the scope reach neither the averages nor the parameters") {
  const rv::Variable p = parameter({4}, {1});
  ExponentialMovingAverage ema({p}, 0.5);
  move(p, {8});
  ema.update();
  rv::optim::SGD sgd({p}, {.lr = 1.0});
  {
    const UseAverages use(ema);
    sgd.step([&] { return rv::sum(p); });
    CHECK(values(p) == Values{5});
    CHECK(average(ema, 0) == Values{6});
  }
  CHECK(values(p) == Values{8});
  CHECK(average(ema, 0) == Values{6});
}

TEST_CASE("ema: a graph recorded with other values refuses its backward pass") {
  const rv::Variable p = parameter({4}, {1});
  const ExponentialMovingAverage ema({p}, 0.5);
  const rv::Variable loss = rv::sum(p * p);
  const UseAverages use(ema);
  CHECK_THROWS_AS(loss.backward(), std::logic_error);
}

TEST_CASE("ema: the state comes back bit for bit") {
  rv::Generator generator(2);
  const rv::Variable p = rv::parameter(rv::randn({3}, rv::f32, generator)), q = parameter({1, 2}, {2, 1});
  ExponentialMovingAverage ema({p, q}, 0.875), other({p, q}, 0.5);
  p.set_value(rv::randn({3}, rv::f32, generator));
  ema.update();
  const rv::StateDict state = ema.state_dict();
  CHECK(state.size() == 3);
  CHECK(state.at("decay").item() == 0.875);
  other.load_state_dict(state);
  p.set_value(rv::randn({3}, rv::f32, generator));
  ema.update();
  other.update();
  for (std::size_t i = 0; i < 2; ++i) CHECK(rv::bitwise_equal(ema.averages()[i], other.averages()[i]));

  rv::StateDict taken = other.state_dict();
  const Values before = average(other, 1);
  other.load_state_dict(taken);
  for (auto& [key, value] : taken) value.fill(0.0);  // a copy, both ways
  other.state_dict().at("1.average").fill(0.0);
  CHECK(average(other, 1) == before);

  const rv::StateDict present = other.state_dict();
  const auto refuses = [&](const char* key, const rv::Tensor& value, const char* message) {
    rv::StateDict bad = state;
    bad["decay"] = rv::scalar(0.25, rv::f64);  // would show if anything were taken over
    bad[key] = value;
    if (!value.defined()) bad.erase(key);
    CHECK_THROWS_WITH_AS(other.load_state_dict(bad), Contains(message), std::invalid_argument);
    for (const auto& [name, tensor] : other.state_dict()) CHECK(rv::bitwise_equal(tensor, present.at(name)));
  };
  refuses("1.average", rv::ones({2}, rv::f64), "ExponentialMovingAverage: 1.average is (2), expected (2, 1)");
  refuses("2.average", rv::ones({2}, rv::f64), "unexpected 2.average");
  refuses("decay", {}, "missing decay");
  refuses("decay", rv::scalar(1.0, rv::f64), "decay must be in [0, 1), got 1");
}

TEST_CASE("ema: what makes no sense is refused") {
  const rv::Variable p = parameter({1, 2}, {2});
  for (const double decay : {-0.1, 1.0, std::nan("")})
    CHECK_THROWS_WITH_AS(ExponentialMovingAverage({p}, decay),
                         Contains("ExponentialMovingAverage: decay must be in [0, 1), got"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(ExponentialMovingAverage({}, 0.5), Contains("no parameters to average"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(ExponentialMovingAverage({p, rv::Variable()}, 0.5), Contains("parameter 1 is undefined"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(ExponentialMovingAverage({p * p}, 0.5), Contains("parameter 0 is the result of mul"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(ExponentialMovingAverage({rv::Variable(rv::arange(3, rv::i64))}, 0.5), Contains("is i64"),
                       std::invalid_argument);
  ExponentialMovingAverage ema({p}, 0.5);
  p.set_value(rv::ones({1}, rv::f64));  // would broadcast
  CHECK_THROWS_WITH_AS(ema.update(), Contains("parameter 0 is (1) f64 and its average (2) f64"), std::logic_error);
  CHECK_THROWS_AS(UseAverages{ema}, std::logic_error);
  CHECK(values(p) == Values{1});
  p.set_value(rv::ones({2}, rv::f32));
  CHECK_THROWS_WITH_AS(ema.update(), Contains("is (2) f32"), std::logic_error);
}

TEST_CASE("swa: the mean of all updates, and its state goes on") {
  const rv::Variable p = parameter({8, 1}, {2});
  rv::optim::StochasticWeightAverage swa({p}), next({p});
  for (const double x : {4.0, 2.0, 3.0}) {
    move(p, {x, -x});
    swa.update();
    next.load_state_dict(swa.state_dict());
  }
  CHECK(swa.averages()[0].to_vector<double>()[0] == Approx(3.0).epsilon(1e-15));
  move(p, {7, 0});
  next.update();
  CHECK(next.averages()[0].to_vector<double>()[0] == Approx(4.0).epsilon(1e-15));
  const UseAverages use(next);
  CHECK(rv::bitwise_equal(p.value(), next.averages()[0]));
  rv::StateDict state = swa.state_dict();
  state.at("updates").fill(-1);
  CHECK_THROWS_WITH_AS(swa.load_state_dict(state), "StochasticWeightAverage: updates must be >= 0, got -1",
                       std::invalid_argument);
}

TEST_CASE("averages of an optimizer are swapped in and out exactly, and what has none is left alone") {
  for (const char* text : {"asgd:t0=2", "schedule_free_sgd:lr=0.1", "schedule_free_adamw:warmup_steps=3",
                           "lookahead(sgd):period=3", "sam(asgd:t0=2)", "sgd"}) {
    CAPTURE(text);
    const rv::Variable a = parameter({0.1, -8}, {2}), b = parameter({1, 2, 3, 4}, {2, 2}, rv::f32);
    const auto optimizer = rv::optim::make(text, {a, b});
    for (int t = 0; t < 7; ++t) optimizer->step([&] { return rv::sum(rv::square(a)) + rv::sum(b).to(rv::f64); });
    const rv::Tensor at = a.value().clone(), bt = b.value().clone();
    const std::vector<rv::Tensor> averages = optimizer->averages();
    CHECK(averages.empty() == (std::string(text) == "sgd"));
    {
      const UseAverages use(*optimizer);
      CHECK(rv::bitwise_equal(a.value(), averages.empty() ? at : averages[0]));
      CHECK(rv::bitwise_equal(b.value(), averages.empty() ? bt : averages[1]));
      CHECK(rv::bitwise_equal(a.value(), at) == averages.empty());
    }
    CHECK(rv::bitwise_equal(a.value(), at));
    CHECK(rv::bitwise_equal(b.value(), bt));
  }
}

TEST_CASE("averages before the first step are the parameters, to the bit") {
  for (const char* text : {"asgd", "schedule_free_sgd", "schedule_free_adamw"}) {
    const rv::Variable p = parameter({0.1, 0.3, -7.7}, {3});
    const auto optimizer = rv::optim::make(text, {p});
    CHECK(rv::bitwise_equal(optimizer->averages().at(0), p.value()));
    p.set_value(p.value() * 3.0);  // as weights that are loaded
    CHECK(rv::bitwise_equal(optimizer->averages().at(0), p.value()));
  }
}

TEST_CASE("averages of what wraps an optimizer that has made steps are that one's") {
  const rv::Variable p = parameter({0.1, 0.3, -7.7}, {3});
  auto base = rv::optim::make("schedule_free_sgd:lr=0.1", {p});
  for (int step = 0; step < 3; ++step) base->step([&] { return sum(square(p)); });
  const rv::Tensor average = base->averages().at(0).clone();
  REQUIRE(!rv::bitwise_equal(average, p.value()));
  const rv::optim::SAM sam(std::move(base));
  const UseAverages use(sam);
  CHECK(rv::bitwise_equal(p.value(), average));
}

TEST_CASE("averages are not swapped in while a step of the parameters is under way") {
  const rv::Variable p = parameter({4, 1}, {2}), other = parameter({1}, {1});
  const ExponentialMovingAverage ema({p}, 0.5), of_other({other}, 0.5);
  const auto optimizer = rv::optim::make("sam(asgd)", {p});
  optimizer->step([&] {
    CHECK_THROWS_WITH_AS(UseAverages{ema}, "UseAverages: a step of these parameters is under way", std::logic_error);
    const UseAverages teacher(of_other);  // of another network
    return rv::sum(rv::square(p)) * other.value();
  });
  CHECK_NOTHROW(UseAverages{ema});
  CHECK_THROWS_AS(optimizer->step([]() -> rv::Variable { throw std::runtime_error("bad"); }), std::runtime_error);
  CHECK_NOTHROW(UseAverages{ema});
}
