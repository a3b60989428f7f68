// Schedules: values by hand, their ends, and what is refused; whole curves are in golden_test.cpp.
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/schedule.hpp>
#include <ravine/optim/sgd.hpp>

namespace rv = ravine;
using namespace rv::optim;
using doctest::Approx;
using doctest::Contains;
using Values = std::vector<double>;

namespace {

Values first(const Schedule& schedule, rv::Index count) {
  Values values;
  for (rv::Index t = 0; t < count; ++t) values.push_back(schedule(t));
  return values;
}

}  // namespace

TEST_CASE("schedule: values by hand") {
  CHECK(first(constant(), 3) == Values{1, 1, 1});
  CHECK(first(step_decay({.every = 2, .gamma = 0.5}), 7) == Values{1, 1, 0.5, 0.5, 0.25, 0.25, 0.125});
  CHECK(step_decay({.every = 3})(3) == 0.1);
  CHECK(first(multi_step({.milestones = {4, 1}, .gamma = 0.5}), 6) == Values{1, 0.5, 0.5, 0.5, 0.25, 0.25});
  CHECK(first(multi_step({.milestones = {2, 2}, .gamma = 0.5}), 3) == Values{1, 1, 0.25});
  CHECK(first(multi_step({.milestones = {0}, .gamma = 0.5}), 2) == Values{0.5, 0.5});
  CHECK(first(multi_step({}), 2) == Values{1, 1});
  CHECK(first(exponential(0.5), 4) == Values{1, 0.5, 0.25, 0.125});
  CHECK(first(exponential(2.0), 3) == Values{1, 2, 4});  // to search for a rate
  CHECK(inverse_sqrt()(0) == 1.0);
  CHECK(inverse_sqrt()(3) == 0.5);
  CHECK(first(inverse_time(1.0), 4) == Values{1, 0.5, 1.0 / 3.0, 0.25});
  CHECK(inverse_time(0.0)(1000) == 1.0);
  CHECK(first(polynomial({.total_steps = 4}), 6) == Values{1, 0.75, 0.5, 0.25, 0, 0});
  CHECK(first(polynomial({.total_steps = 2, .power = 2.0, .final_factor = 0.5}), 4) == Values{1, 0.625, 0.5, 0.5});
}

TEST_CASE("schedule: a cosine falls from 1 to its final factor and stays there") {
  const Schedule to_zero = cosine({.total_steps = 6});
  CHECK(to_zero(0) == 1.0);
  CHECK(to_zero(2) == Approx(0.75).epsilon(1e-15));  // (1 + cos 60°) / 2
  CHECK(to_zero(3) == Approx(0.5).epsilon(1e-15));
  CHECK(to_zero(6) == 0.0);
  CHECK(to_zero(7) == 0.0);
  CHECK(to_zero(12) == 0.0);  // not up again
  const Schedule to_half = cosine({.total_steps = 6, .final_factor = 0.5});
  CHECK(to_half(0) == 1.0);
  CHECK(to_half(2) == Approx(0.875).epsilon(1e-15));
  CHECK(to_half(6) == 0.5);
  CHECK(to_half(std::numeric_limits<rv::Index>::max()) == 0.5);
}

TEST_CASE("schedule: a warm-up starts above 0, and what follows counts from its end") {
  CHECK(first(warmup(4), 6) == Values{0.25, 0.5, 0.75, 1, 1, 1});
  CHECK(first(warmup(2, exponential(0.5)), 5) == Values{0.5, 1, 1, 0.5, 0.25});
  CHECK(first(warmup(0, exponential(0.5)), 3) == Values{1, 0.5, 0.25});
  CHECK(first(warmup(2, warmup(2)), 5) == Values{0.5, 1, 0.5, 1, 1});
  CHECK(first(warmup(1, [](rv::Index t) { return static_cast<double>(10 + t); }), 3) == Values{1, 10, 11});
}

TEST_CASE("schedule: an optimizer reads it each step") {
  const rv::Variable p = rv::parameter(rv::tensor({8.0}, rv::f64));
  SGD sgd({p}, {.lr = 2.0});
  const Schedule schedule = step_decay({.every = 2, .gamma = 0.5});
  Values values;
  for (int step = 0; step < 4; ++step) {
    sgd.set_lr_factor(schedule(sgd.steps()));
    p.set_grad(rv::tensor({1.0}, rv::f64));
    sgd.step();
    values.push_back(p.item());
  }
  CHECK(values == Values{6, 4, 3, 2});
}

TEST_CASE("schedule: what makes no sense is refused by name and value") {
  const auto refuses = [](auto make, const char* message) {
    CHECK_THROWS_WITH_AS(make(), Contains(message), std::invalid_argument);
  };
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  refuses([] { return step_decay({.gamma = 0.5}); }, "step_decay: every must be > 0, got 0");
  refuses([] { return step_decay({.every = -3}); }, "step_decay: every must be > 0, got -3");
  refuses([] { return step_decay({.every = 3, .gamma = 0.0}); }, "step_decay: gamma must be > 0, got 0");
  refuses([] { return multi_step({.milestones = {3, -2}}); }, "multi_step: milestones must be >= 0, got -2");
  refuses([=] { return multi_step({.milestones = {3}, .gamma = nan}); }, "multi_step: gamma must be > 0, got nan");
  refuses([] { return exponential(-0.5); }, "exponential: gamma must be > 0, got -0.5");
  refuses([=] { return exponential(inf); }, "exponential: gamma must be finite, got inf");
  refuses([] { return cosine({}); }, "cosine: total_steps must be > 0, got 0");
  refuses([] { return cosine({.total_steps = 5, .final_factor = -0.1}); },
          "cosine: final_factor must be >= 0, got -0.1");
  refuses([] { return polynomial({}); }, "polynomial: total_steps must be > 0, got 0");
  refuses([] { return polynomial({.total_steps = 5, .power = 0.0}); }, "polynomial: power must be > 0, got 0");
  refuses([=] { return polynomial({.total_steps = 5, .final_factor = inf}); }, "final_factor must be finite, got inf");
  refuses([] { return inverse_time(-1.0); }, "inverse_time: decay must be >= 0, got -1");
  refuses([] { return warmup(-1); }, "warmup: steps must be >= 0, got -1");
  refuses([] { return warmup(3, Schedule()); }, "warmup: the inner schedule is empty");
}

namespace {

void check_close(const Values& got, const Values& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-9));
}

}  // namespace

TEST_CASE("schedule: cosine with restarts, one cycle and cycles are PyTorch's") {
  check_close(first(rv::optim::cosine_restarts({.period = 4, .growth = 2, .final_factor = 0.1}), 14),
              {1.0, 0.868198051534, 0.55, 0.231801948466, 1.0, 0.96574578963, 0.868198051534, 0.722207544564, 0.55,
               0.377792455436, 0.231801948466, 0.13425421037, 1.0, 0.991353376181});
  check_close(first(rv::optim::one_cycle({.total_steps = 20}), 20),
              {0.04,           0.1316718427,   0.3716718427,   0.6683281573,   0.9083281573,   1.0,      0.987464006235,
               0.950484632013, 0.890916177571, 0.81174565395,  0.716943001791, 0.611262021936, 0.500002, 0.388741978064,
               0.283060998209, 0.18825834605,  0.109087822429, 0.049519367987, 0.012539993765, 4e-06});
  CHECK(rv::optim::one_cycle({.total_steps = 20})(1000) == doctest::Approx(4e-6));
  CHECK(rv::optim::one_cycle({.total_steps = 1})(0) == 1.0);
  check_close(
      first(rv::optim::cyclic({.steps_up = 3, .steps_down = 2, .mode = rv::optim::CyclicMode::triangular2}), 12),
      {0.1, 0.4, 0.7, 1.0, 0.55, 0.1, 0.25, 0.4, 0.55, 0.325, 0.1, 0.175});
  check_close(first(rv::optim::cyclic({.steps_up = 3, .mode = rv::optim::CyclicMode::exp_range, .gamma = 0.9}), 8),
              {0.1, 0.37, 0.586, 0.7561, 0.49366, 0.277147, 0.1, 0.24348907});
  check_close(first(rv::optim::cosine_restarts({.period = 2}), 5), {1.0, 0.5, 1.0, 0.5, 1.0});
  const auto once = rv::optim::cosine_restarts({.period = 2048, .growth = rv::Index{1} << 53});  // 2^64 steps
  check_close({once(1024), once(2048), once(5000)}, {0.5, 1.0, 1.0});
}

TEST_CASE("schedule: warm-up, stable, decay; noam") {
  const auto refuses = [](auto make, const char* message) {
    CHECK_THROWS_WITH_AS(make(), Contains(message), std::invalid_argument);
  };
  CHECK(first(rv::optim::wsd({.total_steps = 8, .warmup_steps = 2, .decay_steps = 4, .final_factor = 0.5}), 10) ==
        Values{0.5, 1, 1, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.5});
  CHECK(first(rv::optim::wsd({.total_steps = 3}), 4) == Values{1, 1, 1, 1});
  CHECK(first(rv::optim::noam(4), 16)[3] == 1.0);
  CHECK(first(rv::optim::noam(4), 16)[0] == 0.25);
  CHECK(first(rv::optim::noam(4), 16)[15] == 0.5);
  refuses([] { return rv::optim::wsd({.total_steps = 5, .warmup_steps = 3, .decay_steps = 3}); },
          "wsd: warm-up and decay are longer than total_steps");
  refuses([] { return rv::optim::noam(0); }, "noam: warmup_steps must be > 0, got 0");
  refuses([] { return rv::optim::cosine_restarts({.period = 5, .growth = 0}); },
          "cosine_restarts: growth must be >= 1, got 0");
  refuses([] { return rv::optim::cyclic({.steps_down = 0}); }, "cyclic: steps_down must be > 0, got 0");
  refuses([] { return rv::optim::one_cycle({.total_steps = 5, .rise = 1.0}); },
          "one_cycle: rise must be in (0, 1), got 1");
}

TEST_CASE("schedule: a plateau lowers the rate when nothing gets better, and goes on from its state") {
  const Values losses = {1.0, 0.5, 0.5, 0.49999, 0.6, 0.4, 0.41, std::nan(""), 0.5, 0.5, 0.5, 0.5};
  const Values expected = {1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2};
  const rv::optim::PlateauOptions options{.factor = 0.5, .patience = 2, .min_factor = 0.2};
  rv::optim::Plateau plateau(options);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    CHECK(plateau.update(losses[i]) == expected[i]);
    rv::optim::Plateau next(options);
    next.load_state_dict(plateau.state_dict());
    plateau.load_state_dict(next.state_dict());
  }
  rv::optim::Plateau up({.patience = 0, .maximize = true});
  CHECK(up.update(0.5) == 1.0);
  CHECK(up.update(0.6) == 1.0);
  CHECK(up.update(0.6) == 0.1);
  CHECK_THROWS_WITH_AS(rv::optim::Plateau({.factor = 1.0}), "Plateau: factor must be in (0, 1), got 1",
                       std::invalid_argument);
  rv::StateDict state = up.state_dict();
  state.at("waited").fill(-1);
  CHECK_THROWS_WITH_AS(up.load_state_dict(state), "Plateau: waited must be >= 0, got -1", std::invalid_argument);
}
