// A user's own optimizers: rules, slots, options of every kind.
#include <array>
#include <string>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

namespace rv = ravine;
using Values = std::vector<double>;

namespace {

struct SignMomentumOptions {
  double lr = 1e-2;
  double beta = 0.9;
  static void fields(auto&& field) {
    field("lr", &SignMomentumOptions::lr, rv::optim::positive);
    field("beta", &SignMomentumOptions::beta, rv::optim::below_one);
  }
};

class SignMomentum final : public rv::optim::Elementwise<SignMomentum, SignMomentumOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "SignMomentum";
  static constexpr std::array slots = {"momentum"};

  struct Rule {
    double lr, beta;
    Rule(const SignMomentumOptions& o, double lr_now, rv::Index /*t*/) : lr(lr_now), beta(o.beta) {}
    template <class T>
    void operator()(T& theta, T g, T& m) const {
      m = static_cast<T>(beta) * m + static_cast<T>(1.0 - beta) * g;
      theta -= static_cast<T>(lr) * static_cast<T>((m > T(0)) - (m < T(0)));
    }
  };
};

/// Shows what it is given: theta becomes t + 10 rate, "seen" the gradient, "count" the number of updates plus 5, and
/// "maybe" is kept only if asked for.
enum class Fruit { apple, pear, plum };
struct ProbeOptions {
  double lr = 1.0;
  rv::Index count = 3;
  bool keep = false;
  Fruit fruit = Fruit::pear;
  static void fields(auto&& field) {
    field("lr", &ProbeOptions::lr, rv::optim::positive);
    field("count", &ProbeOptions::count, rv::optim::non_negative);
    field("keep", &ProbeOptions::keep);
    field("fruit", &ProbeOptions::fruit, {"apple", "pear", "plum"});
  }
  const char* conflict() const { return fruit == Fruit::plum && keep ? "plums are not kept" : nullptr; }
};

class Probe final : public rv::optim::Elementwise<Probe, ProbeOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Probe";
  static constexpr std::array slots = {"seen", "maybe", "count"};
  static bool uses(const ProbeOptions& o, std::size_t slot) { return slot != 1 || o.keep; }
  static double initial(const ProbeOptions& o, std::size_t slot) {
    return slot == 2 ? static_cast<double>(o.count) : 0;
  }

  struct Rule {
    double rate, t;
    Rule(const ProbeOptions&, double lr, rv::Index step) : rate(lr), t(static_cast<double>(step)) { ++made; }
    template <class T>
    void operator()(T& theta, T g, T& seen, T& maybe, T& count) const {
      maybe += T(1);
      count += T(1);
      seen = g;
      theta = T(t) + T(10) * T(rate) + T(100) * maybe;
    }
    static inline int made = 0;
  };
};

/// Plain descent: nothing kept.
struct DescentOptions {
  double lr = 0.5;
  static void fields(auto&& field) { field("lr", &DescentOptions::lr, rv::optim::positive); }
};
class Descent final : public rv::optim::Elementwise<Descent, DescentOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Descent";
  static constexpr std::array<const char*, 0> slots = {};
  struct Rule {
    double lr;
    Rule(const DescentOptions&, double now, rv::Index) : lr(now) {}
    template <class T>
    void operator()(T& theta, T g) const {
      theta -= T(lr) * g;
    }
  };
};

/// Descent whose call returns numbers: the elements and the squares of their gradients, or something else.
template <bool numbers>
class Talkative final : public rv::optim::Elementwise<Talkative<numbers>, DescentOptions> {
 public:
  using rv::optim::Elementwise<Talkative, DescentOptions>::Elementwise;
  static constexpr const char* name = "Talkative";
  static constexpr std::array<const char*, 0> slots = {};
  struct Rule {
    double lr;
    Rule(const DescentOptions&, double now, rv::Index) : lr(now) {}
    template <class T>
    auto operator()(T& theta, T g) const {
      theta -= T(lr) * g;
      if constexpr (numbers)
        return std::array<T, 2>{T(1), g * g};
      else
        return theta;
    }
  };
};

}  // namespace

TEST_CASE("elementwise: a user's optimizer minimizes in both precisions") {
  for (const rv::DType dtype : {rv::f64, rv::f32}) {
    const rv::Variable a = rv::parameter(rv::tensor({4.0, -2.0, 0.5}, {3}, dtype));
    const rv::Variable b = rv::parameter(rv::tensor({-3.0, 2.5}, {2, 1}, dtype));
    SignMomentum optimizer({a, b}, {.lr = 1e-3});
    double loss = 0.0;
    for (int step = 0; step < 6000; ++step)
      loss = optimizer.step([&] { return rv::sum(rv::square(a - 1.0)) + rv::sum(rv::square(b + 1.0)); });
    CHECK(loss < 1e-4);
    const rv::StateDict state = optimizer.state_dict();
    CHECK(state.at("0.momentum").shape() == rv::Shape({3}));
    CHECK(state.at("1.momentum").shape() == rv::Shape({2, 1}));
    CHECK(state.at("1.momentum").dtype() == dtype);
    CHECK(optimizer.describe() == "SignMomentum(lr=0.001, beta=0.9)");
  }
  CHECK_THROWS_WITH_AS(SignMomentum({rv::parameter(rv::ones({1}))}, {.beta = 1.5}),
                       "SignMomentum: beta must be in [0, 1), got 1.5", std::invalid_argument);
}

TEST_CASE("elementwise: the rule gets rate, step, gradient and slots") {
  const rv::Variable p = rv::parameter(rv::ones({100})), q = rv::parameter(rv::ones({3}, rv::f64));
  Probe probe({{{p}, {.lr = 2.0, .count = 5}}, {{q}, {.keep = true}}});
  probe.set_lr_factor(0.25);
  Probe::Rule::made = 0;
  for (int step = 0; step < 2; ++step) {
    p.set_grad(rv::full({100}, 7.0));
    q.set_grad(rv::full({3}, -7.0, rv::f64));
    probe.step();
  }
  CHECK(Probe::Rule::made == 4);  // once for each step and group
  for (const float x : p.value().to_vector<float>()) CHECK(x == 2 + 10 * 0.5f + 100 * 1);  // "maybe" starts at 0 again
  CHECK(q.value().to_vector<double>() == Values(3, 2 + 10 * 0.25 + 100 * 2));
  const rv::StateDict state = probe.state_dict();
  CHECK(state.at("0.count").to_vector<double>() == Values(100, 7.0));
  CHECK(state.at("1.count").to_vector<double>() == Values(3, 5.0));
  CHECK(state.at("0.seen").to_vector<double>() == Values(100, 7.0));
  CHECK(!state.contains("0.maybe"));
  CHECK(state.at("1.maybe").to_vector<double>() == Values(3, 2.0));
}

TEST_CASE("elementwise: options may be whole numbers, bools and enumerators") {
  const auto p = [] { return rv::parameter(rv::ones({1})); };
  CHECK(Probe({p()}).describe() == "Probe(lr=1, count=3, keep=false, fruit=pear)");
  CHECK_THROWS_WITH_AS(Probe({p()}, {.count = -1}), "Probe: count must be >= 0, got -1", std::invalid_argument);
  CHECK_THROWS_WITH_AS(Probe({p()}, {.keep = true, .fruit = Fruit::plum}), "Probe: plums are not kept",
                       std::invalid_argument);
  Probe from({p()}, {.count = 8, .fruit = Fruit::apple}), to({p()});
  to.load_state_dict(from.state_dict());
  CHECK(to.describe() == "Probe(lr=1, count=8, keep=false, fruit=apple)");
  rv::StateDict state = from.state_dict();
  state.at("group.0.count").fill(2.5);
  CHECK_THROWS_WITH_AS(to.load_state_dict(state), "Probe: count must be a whole number, got 2.5",
                       std::invalid_argument);
  state.at("group.0.count").fill(2.0);
  state.at("group.0.keep").fill(1.0);
  CHECK_THROWS_WITH_AS(to.load_state_dict(state), doctest::Contains("Probe: the loaded options do not go with"),
                       std::invalid_argument);
  CHECK(to.describe() == "Probe(lr=1, count=8, keep=false, fruit=apple)");
}

TEST_CASE("elementwise: a rule without slots, at every length up to three blocks") {
  for (rv::Index n = 0; n <= 192; ++n) {
    const rv::Variable p = rv::parameter(rv::arange(n)), guard = rv::parameter(rv::ones({1}));
    Descent descent({p, guard});
    p.set_grad(rv::arange(n) * 2.0);
    descent.step();
    CHECK(rv::bitwise_equal(p.value(), rv::zeros({n})));
    CHECK(guard.item() == 1.0);
  }
}

TEST_CASE("elementwise: a parameter that is a slice of a larger tensor is updated within its bounds") {
  const rv::Tensor all = rv::ones({100});
  const rv::Variable p = rv::parameter(all.slice(0, 3, 70));
  Descent descent({p});
  p.set_grad(rv::full({67}, 2.0));
  descent.step();
  const std::vector<float> values = all.to_vector<float>();
  for (std::size_t i = 0; i < values.size(); ++i) CHECK(values[i] == (i >= 3 && i < 70 ? 0.0f : 1.0f));
}

TEST_CASE_TEMPLATE("elementwise: a rule may return what it likes, and numbers are added up", O, Talkative<true>,
                   Talkative<false>) {
  for (const rv::Index n : {1, 7, 8, 9, 63, 64, 65, 4096, 4099, 10'000}) {
    CAPTURE(n);
    const rv::Variable p = rv::parameter(rv::arange(n, rv::f64));
    p.set_grad(p.value() * 2.0);
    O optimizer({p});
    optimizer.step();
    CHECK(rv::bitwise_equal(p.value(), rv::zeros({n}, rv::f64)));

    const typename O::Rule rule({}, 0.0, 1);
    Values theta(static_cast<std::size_t>(n)), g(theta.size(), 2.0);
    const rv::detail::Sums sums = rv::detail::rule_loop<O, double>(&rule, theta.data(), g.data(), nullptr, 0, n);
    const bool numbers = std::is_same_v<O, Talkative<true>>;
    CHECK(sums[0] == (numbers ? static_cast<double>(n) : 0.0));
    CHECK(sums[1] == (numbers ? 4.0 * static_cast<double>(n) : 0.0));
  }
}
