// What holds for every optimizer of the library, with parameters of different shapes.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <omp.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/core/threads.hpp>
#include <ravine/optim/optim.hpp>

#include "../declared.hpp"

namespace rv = ravine;
namespace optim = rv::optim;
using Params = std::vector<rv::Variable>;

namespace {

struct Entry {
  std::string name;
  std::function<std::unique_ptr<optim::Optimizer>(const Params&)> make;
  double from_start = 0.02;  // the loss falls below this part of what it was, in 300 steps
  int evaluations = 1;       // in a step; 0: it depends
  bool elementwise = true;   // an element's update reads nothing of other elements
  int products = 0;          // with the Hessian, in five steps
  double state_numbers = 0;  // kept for each element of a matrix of 30 x 20; -1: not said
  bool follows_rate = true;  // a factor of 0 stops it
};

/// An optimizer made with options, or for groups of parameters with options of their own.
template <class O, class Options>
auto with(const Options& options) {
  return [options](const Params& params) { return std::make_unique<O>(params, options); };
}

/// An optimizer from text.
auto text(const std::string& call) {
  return [call](const Params& params) { return optim::make(call, params); };
}

/// Those that the library has by name, but for those that have a row.
void add_missing(std::vector<Entry>& rows) {
  const Params one = {rv::parameter(rv::ones({1}))};
  for (const std::string& name : optim::names()) {
    const std::string described = optim::make(name, one)->describe(), is = described.substr(0, described.find('('));
    const auto has_name = [&](const Entry& row) { return row.name == is || row.name.starts_with(is + " "); };
    if (std::any_of(rows.begin(), rows.end(), has_name)) continue;
    rows.push_back({.name = is, .make = text(name), .from_start = 1.0, .evaluations = 0, .elementwise = false});
    rows.back().state_numbers = -1;
  }
}

std::vector<Entry> rows() {
  const auto sam = [](double p) {
    return [p](const Params& params) {
      auto base = std::make_unique<optim::SGD>(params, optim::SGDOptions{.lr = 0.05, .momentum = 0.5});
      return std::make_unique<optim::SAM>(std::move(base), optim::SAMOptions{.rho = 0.01, .p = p});
    };
  };
  constexpr double inf = std::numeric_limits<double>::infinity(), factored = 50.0 / 600.0, squares = 1300.0 / 600.0;
  return {
      {.name = "SGD", .make = with<optim::SGD>(optim::SGDOptions{.lr = 0.05})},
      {.name = "SGD momentum",
       .make = with<optim::SGD>(optim::SGDOptions{.lr = 0.02, .momentum = 0.9}),
       .state_numbers = 1},
      {.name = "SGD velocity",
       .make = with<optim::SGD>(optim::SGDOptions{.lr = 0.02, .momentum = 0.9, .form = optim::MomentumForm::velocity}),
       .state_numbers = 1},
      {.name = "SGD look-ahead",
       .make = with<optim::SGD>(optim::SGDOptions{.lr = 0.02, .momentum = 0.9, .nesterov = optim::Nesterov::lookahead}),
       .state_numbers = 1},
      {.name = "SGD reparam",
       .make = with<optim::SGD>(optim::SGDOptions{.lr = 0.02, .momentum = 0.9, .nesterov = optim::Nesterov::reparam}),
       .state_numbers = 1},
      {.name = "AdaGrad", .make = with<optim::AdaGrad>(optim::AdaGradOptions{.lr = 0.5}), .state_numbers = 1},
      {.name = "AdaGrad rms",
       .make = with<optim::AdaGrad>(optim::AdaGradOptions{.lr = 0.5, .form = optim::AdaGradForm::rms}),
       .state_numbers = 1},
      {.name = "RMSProp", .make = with<optim::RMSProp>(optim::RMSPropOptions{}), .state_numbers = 1},
      {.name = "RMSProp first",
       .make =
           with<optim::RMSProp>(optim::RMSPropOptions{.eps_inside = true, .init = optim::RMSPropInit::first_gradient}),
       .state_numbers = 1},
      {.name = "AdaDelta", .make = with<optim::AdaDelta>(optim::AdaDeltaOptions{.lr = 10.0}), .state_numbers = 2},
      {.name = "Adam", .make = with<optim::Adam>(optim::AdamOptions{.lr = 0.05}), .state_numbers = 2},
      {.name = "AdamW", .make = with<optim::AdamW>(optim::AdamWOptions{.lr = 0.05}), .state_numbers = 2},
      {.name = "AdaBelief", .make = with<optim::AdaBelief>(optim::AdaBeliefOptions{.lr = 0.05}), .state_numbers = 2},
      {.name = "NAdam", .make = with<optim::NAdam>(optim::NAdamOptions{.lr = 0.05}), .state_numbers = 2},
      {.name = "Lion", .make = with<optim::Lion>(optim::LionOptions{.lr = 0.02}), .state_numbers = 1},
      {.name = "AdaHessian",
       .make = with<optim::AdaHessian>(optim::AdaHessianOptions{}),
       .elementwise = false,
       .products = 5,
       .state_numbers = 2},
      {.name = "FactoredAdam",
       .make = with<optim::FactoredAdam>(optim::FactoredAdamOptions{.lr = 0.05}),
       .elementwise = false,
       .state_numbers = factored},
      {.name = "SAM", .make = sam(2.0), .evaluations = 2, .elementwise = false, .state_numbers = 1},
      {.name = "SAM p=1", .make = sam(1.0), .evaluations = 2, .elementwise = false, .state_numbers = 1},
      {.name = "SAM p=1.5", .make = sam(1.5), .evaluations = 2, .elementwise = false, .state_numbers = 1},
      {.name = "SAM p=inf", .make = sam(inf), .evaluations = 2, .elementwise = false, .state_numbers = 1},
      {.name = "LBFGS",
       .make = with<optim::LBFGS>(optim::LBFGSOptions{}),
       .from_start = 1e-9,
       .evaluations = 0,
       .elementwise = false,
       .state_numbers = 20},
      {.name = "AMSGrad", .make = text("amsgrad:lr=0.05"), .state_numbers = 3},
      {.name = "AMSGrad corrected", .make = text("amsgrad:lr=0.05,maximum=corrected"), .state_numbers = 3},
      {.name = "Adamax", .make = text("adamax:lr=0.05"), .state_numbers = 2},
      {.name = "RAdam", .make = text("radam:lr=0.05,decay=times_lr,weight_decay=1e-3"), .state_numbers = 2},
      {.name = "Yogi", .make = text("yogi:lr=0.05"), .state_numbers = 2},
      {.name = "Adan", .make = text("adan:lr=0.05"), .state_numbers = 4},
      {.name = "AdEMAMix", .make = text("ademamix:lr=0.05"), .state_numbers = 3},
      {.name = "AdEMAMix warm-up", .make = text("ademamix:lr=0.05,alpha=1,warmup=100"), .state_numbers = 3},
      {.name = "ADOPT", .make = text("adopt:lr=0.05"), .state_numbers = 2},
      {.name = "QHAdam", .make = text("qhadam:lr=0.05,nu1=0.7,nu2=0.9"), .state_numbers = 2},
      {.name = "AdaBound", .make = text("adabound:lr=0.05"), .state_numbers = 2},
      {.name = "AdaBound amsgrad", .make = text("adabound:lr=0.05,amsgrad=true"), .state_numbers = 3},
      {.name = "Grams", .make = text("grams:lr=0.05"), .state_numbers = 2},
      {.name = "SignSGD", .make = text("signsgd:lr=0.02")},
      {.name = "Signum", .make = text("signum:lr=0.02"), .state_numbers = 1},
      {.name = "Rprop", .make = text("rprop"), .state_numbers = 2, .follows_rate = false},
      {.name = "QHM", .make = text("qhm:lr=0.05,momentum=0.9"), .state_numbers = 1},
      {.name = "AggMo", .make = text("aggmo:lr=0.01"), .state_numbers = 2},
      {.name = "MADGRAD", .make = text("madgrad:lr=0.05"), .state_numbers = 3},
      {.name = "ASGD", .make = text("asgd:lr=0.05,t0=100"), .state_numbers = 1},
      {.name = "ScheduleFreeSGD", .make = text("schedule_free_sgd:lr=0.1"), .state_numbers = 1},
      {.name = "ScheduleFreeAdamW",
       .make = text("schedule_free_adamw:lr=0.1,warmup_steps=10,weight_decay=1e-3"),
       .state_numbers = 2},
      {.name = "Sophia", .make = text("sophia:lr=0.05"), .elementwise = false, .products = 1, .state_numbers = 2},
      {.name = "Sophia stale",
       .make = text("sophia:lr=0.05,stale=true,bias_correction=true,interval=3"),
       .elementwise = false,
       .products = 2,
       .state_numbers = 2},
      {.name = "LAMB", .make = text("lamb:lr=0.02"), .elementwise = false, .state_numbers = 2},
      {.name = "LARS", .make = text("lars:lr=1,trust=0.01"), .elementwise = false, .state_numbers = 1},
      {.name = "LARS nesterov",
       .make = text("lars:lr=1,trust=0.01,nesterov=true"),
       .elementwise = false,
       .state_numbers = 1},
      {.name = "NovoGrad", .make = text("novograd:lr=0.02"), .elementwise = false, .state_numbers = 1.0 + 1.0 / 600.0},
      {.name = "SM3", .make = text("sm3:lr=0.3"), .elementwise = false, .state_numbers = 1.0 + factored},
      {.name = "Adafactor", .make = text("adafactor:lr=0.05"), .elementwise = false, .state_numbers = factored},
      {.name = "CautiousAdamW", .make = text("cautious_adamw:lr=0.05"), .elementwise = false, .state_numbers = 2},
      {.name = "CautiousLion", .make = text("cautious_lion:lr=0.01"), .elementwise = false, .state_numbers = 1},
      {.name = "MARS", .make = text("mars:lr=0.05,vectors.lr=0.05"), .elementwise = false, .state_numbers = 3},
      {.name = "MARS lion",
       .make = text("mars:lr=0.01,form=lion,vectors=none"),
       .elementwise = false,
       .state_numbers = 2},
      {.name = "Muon",
       .make = text("muon:lr=0.02,weight_decay=0,vectors.lr=0.05,vectors.weight_decay=0"),
       .elementwise = false,
       .state_numbers = 1},
      {.name = "Shampoo", .make = text("shampoo:lr=0.5"), .elementwise = false, .state_numbers = squares},
      {.name = "SOAP",
       .make = text("soap:lr=0.05,interval=3,weight_decay=0"),
       .elementwise = false,
       .state_numbers = 2.0 + 2.0 * squares},
      {.name = "Prodigy", .make = text("prodigy:d0=0.01"), .elementwise = false, .state_numbers = 4},
      {.name = "DAdaptAdam", .make = text("dadapt_adam:d0=0.01"), .elementwise = false, .state_numbers = 3},
      {.name = "Lookahead", .make = text("lookahead(sgd:lr=0.05)"), .state_numbers = 1},
      {.name = "Lookahead over SAM",
       .make = text("lookahead(sam(sgd:lr=0.05):rho=0.01):period=3"),
       .evaluations = 2,
       .elementwise = false,
       .state_numbers = 1},
  };
}

std::vector<Entry> every_optimizer() {
  std::vector<Entry> all = rows();
  add_missing(all);
  return all;
}

/// A matrix, a vector and a scalar.
Params start(rv::DType dtype) {
  return {rv::parameter(rv::tensor({2.0, -1.0, 0.5, 1.5, -2.0, 1.0}, {2, 3}, dtype)),
          rv::parameter(rv::tensor({1.0, -1.5, 2.0, -0.5}, {4}, dtype)), rv::parameter(rv::tensor({3.0}, {}, dtype))};
}

/// Smooth, not separable, not quadratic; its minimum is where all elements are 1.
rv::Variable loss_of(const Params& p) {
  const rv::Variable a = p[0] - 1.0, b = p[1] - 1.0, c = p[2] - 1.0;
  return rv::sum(rv::square(a)) + rv::sum(rv::square(b) * 2.0) + rv::square(c) +
         0.1 * rv::square(rv::sum(a) + rv::sum(b)) + 0.01 * rv::square(rv::square(c));
}

/// Different gradients in each call, the same in each run.
void step_with_given_gradients(optim::Optimizer& optimizer, const Params& p, int t) {
  const auto c = std::cos(1.0 + t);
  optimizer.step([&] { return loss_of(p) + c * rv::sum(p[0]) + c * rv::sum(p[1]) - c * p[2]; });
}

bool same(const Params& a, const Params& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!rv::bitwise_equal(a[i].value(), b[i].value())) return false;
  return true;
}

}  // namespace

TEST_CASE("every optimizer that a header declares has a row here, and a mistake in tests/mutations") {
  auto classes = declared("optim", R"(^class (\w+) final : public (?!WeightAverage))");
  CHECK(classes.size() >= 47);
  std::ifstream file(RAVINE_SOURCE "/tests/mutations");
  const std::string mutations{std::istreambuf_iterator<char>(file), {}};
  const std::vector<Entry> rows = ::rows();
  for (const auto& [name, header] : classes) {
    const std::string declaration = name + " of " + header;
    CAPTURE(declaration);
    const auto has_name = [n = name](const Entry& row) { return row.name == n || row.name.starts_with(n + " "); };
    CHECK(std::any_of(rows.begin(), rows.end(), has_name));
    CHECK(std::regex_search(mutations, std::regex("(^|\\n|')" + name + "\\|optim/")));
  }
}

TEST_CASE("every optimizer: minimizes over parameters of different shapes, in both precisions") {
  for (const Entry& entry : every_optimizer())
    for (const rv::DType dtype : {rv::f32, rv::f64}) {
      CAPTURE(entry.name);
      rv::manual_seed(1);
      const Params p = start(dtype);
      const auto optimizer = entry.make(p);
      const double before = loss_of(p).item();
      for (int t = 0; t < 300; ++t) optimizer->step([&] { return loss_of(p); });
      CHECK(loss_of(p).item() < entry.from_start * before);
      CHECK(optimizer->steps() == 300);  // not once for each parameter
    }
}

TEST_CASE("every optimizer: a state loaded into a new one in the middle changes no bit") {
  for (const Entry& entry : every_optimizer())
    for (const rv::DType dtype : {rv::f32, rv::f64}) {
      CAPTURE(entry.name);
      const Params straight = start(dtype), stopped = start(dtype);
      const auto first = entry.make(straight);
      auto second = entry.make(stopped);
      for (int t = 0; t < 14; ++t) {
        if (t == 7) {
          const rv::StateDict state = second->state_dict();
          second = entry.make(stopped);
          second->load_state_dict(state);
          CHECK(second->steps() == 7);
        }
        rv::manual_seed(static_cast<std::uint64_t>(t));
        step_with_given_gradients(*first, straight, t);
        rv::manual_seed(static_cast<std::uint64_t>(t));
        step_with_given_gradients(*second, stopped, t);
        CHECK(same(straight, stopped));
      }
    }
}

TEST_CASE("every optimizer: evaluates the loss as often as it says") {
  for (const Entry& entry : every_optimizer()) {
    CAPTURE(entry.name);
    const Params p = start(rv::f64);
    const auto optimizer = entry.make(p);
    int evaluations = 0;
    for (int t = 0; t < 5; ++t)
      optimizer->step([&] {
        ++evaluations;
        return loss_of(p);
      });
    if (entry.evaluations > 0) CHECK(evaluations == 5 * entry.evaluations);
    // A product with the Hessian, two for its one sample, is the only other cost there is.
    CHECK(optimizer->evaluations() == evaluations + 2 * entry.products);
  }
}

TEST_CASE("every optimizer: step() without a closure works from the gradients, or is refused with the reason") {
  for (const Entry& entry : every_optimizer()) {
    CAPTURE(entry.name);
    const Params p = start(rv::f64), with_closure = start(rv::f64);
    const auto optimizer = entry.make(p), other = entry.make(with_closure);
    if (optimizer->needs_closure()) {
      CHECK_THROWS_WITH_AS(optimizer->step(), doctest::Contains("closure"), std::logic_error);
      CHECK(same(p, with_closure));
      continue;
    }
    for (int t = 0; t < 3; ++t) {
      optimizer->zero_grad();
      loss_of(p).backward();
      optimizer->step();
      other->step([&] { return loss_of(with_closure); });
    }
    CHECK(same(p, with_closure));
  }
}

TEST_CASE("every optimizer: a parameter the loss does not depend on stays, and its state too") {
  for (const Entry& entry : every_optimizer()) {
    CAPTURE(entry.name);
    Params p = start(rv::f64);
    p.push_back(rv::parameter(rv::tensor({0.25, -4.0}, {1, 2}, rv::f64)));
    const auto optimizer = entry.make(p);
    const rv::StateDict before = optimizer->state_dict();
    for (int t = 0; t < 3; ++t) optimizer->step([&] { return loss_of(p); });
    CHECK(p[3].value().to_vector<double>() == std::vector<double>{0.25, -4.0});
    for (const auto& [key, value] : optimizer->state_dict())
      if (key.starts_with("3.") || key.starts_with("base.3.")) CHECK(rv::bitwise_equal(value, before.at(key)));
  }
}

TEST_CASE("every optimizer: a NaN in one gradient reaches no other element where the update is elementwise") {
  for (const Entry& entry : every_optimizer()) {
    if (!entry.elementwise) continue;
    CAPTURE(entry.name);
    const Params p = start(rv::f64), clean = start(rv::f64);
    const auto optimizer = entry.make(p), other = entry.make(clean);
    const auto loss = [](const Params& q) {
      return rv::sum(rv::square(q[0])) + rv::sum(rv::square(q[1])) + rv::square(q[2]);
    };
    optimizer->on_gradients([&](const Params& params) {  // in the first step; then it is in the state
      rv::Tensor g = params[0].grad().clone();
      if (optimizer->steps() == 0) g.set({1, 2}, std::numeric_limits<double>::quiet_NaN());
      if (optimizer->steps() > 0) g.set({1, 2}, 1.0);
      params[0].set_grad(g);
    });
    for (int t = 0; t < 2; ++t) {
      optimizer->step([&] { return loss(p); });
      other->step([&] { return loss(clean); });
    }
    CHECK(std::isnan(p[0].value().at({1, 2})));
    rv::Tensor healed = p[0].value().clone();
    healed.set({1, 2}, clean[0].value().at({1, 2}));
    CHECK(rv::bitwise_equal(healed, clean[0].value()));
    CHECK(rv::bitwise_equal(p[1].value(), clean[1].value()));
  }
}

TEST_CASE("every optimizer: when an evaluation throws, be it the first or a later one, nothing has changed") {
  for (const Entry& entry : every_optimizer())
    for (int bad = 1; bad <= 4; ++bad) {
      CAPTURE(entry.name);
      const Params p = start(rv::f64);
      const auto optimizer = entry.make(p);
      optimizer->step([&] { return loss_of(p); });
      std::vector<rv::Tensor> values;
      for (const rv::Variable& q : p) values.push_back(q.value().clone());
      const rv::StateDict before = optimizer->state_dict();
      int evaluations = 0;
      try {
        optimizer->step([&] {
          if (++evaluations == bad) throw std::runtime_error("bad");
          return loss_of(p);
        });
        continue;  // it takes fewer
      } catch (const std::runtime_error&) {
      }
      for (std::size_t i = 0; i < p.size(); ++i) CHECK(rv::bitwise_equal(p[i].value(), values[i]));
      for (const auto& [key, value] : optimizer->state_dict()) CHECK(rv::bitwise_equal(value, before.at(key)));
      CHECK(!rv::reevaluating());
    }
}

TEST_CASE("every optimizer: a loss that cannot be differentiated is refused, and nothing has changed") {
  for (const Entry& entry : every_optimizer()) {
    CAPTURE(entry.name);
    const Params p = start(rv::f64);
    const auto optimizer = entry.make(p);
    CHECK_THROWS_AS(optimizer->step([&] {
      const rv::NoGrad no_grad;
      return loss_of(p);
    }),
                    std::logic_error);
    CHECK(same(p, start(rv::f64)));
    CHECK(optimizer->steps() == 0);
  }
}

TEST_CASE("every optimizer: large parameters, shared out to threads, get the values of small ones") {
  for (const Entry& entry : every_optimizer()) {
    if (!entry.elementwise) continue;
    CAPTURE(entry.name);
    const rv::Index n = 20'000 + 3 * 64 + 7;
    rv::Generator generator(5);
    const rv::Tensor values = rv::randn({n}, rv::f64, generator), weights = rv::randn({n}, rv::f64, generator);
    const rv::Variable large = rv::parameter(values.clone());
    const rv::Index picked[] = {0, 63, 64, 16'383, 16'384, n - 8, n - 1};
    Params small;
    std::vector<rv::Tensor> of_small;
    for (const rv::Index i : picked) {
      small.push_back(rv::parameter(values.slice(0, i, i + 1).clone()));
      of_small.push_back(weights.slice(0, i, i + 1));
    }
    const auto one = entry.make({large}), many = entry.make(small);
    for (int t = 0; t < 3; ++t) {
      one->step([&] { return rv::sum(rv::square(large) * weights); });
      many->step([&] {
        rv::Variable loss = rv::sum(rv::square(small[0]) * of_small[0]);
        for (std::size_t k = 1; k < small.size(); ++k) loss = loss + rv::sum(rv::square(small[k]) * of_small[k]);
        return loss;
      });
    }
    for (std::size_t k = 0; k < small.size(); ++k)
      CHECK(small[k].item() == doctest::Approx(large.value().at({picked[k]})).epsilon(1e-13));
  }
}

TEST_CASE("optimizers whose update mixes elements: the same bits on any number of threads") {
  const std::vector<rv::Shape> small = {{160, 220}, {50'000}, {30, 20}, {20, 3, 10}, {1}};
  std::vector<rv::Shape> all = small;
  for (const rv::Shape& shape : {rv::Shape{2, 50'000}, rv::Shape{50'000, 3}, rv::Shape{40, 30, 50}})
    all.push_back(shape);
  const int threads = omp_get_max_threads();
  rv::detail::hold_threads(true);
  for (const std::string name : {"lamb", "adafactor", "factored_adam", "sm3", "prodigy", "soap", "mars",
                                 "cautious_adamw", "cautious_lion", "lars", "novograd", "dadapt_adam"}) {
    CAPTURE(name);
    const std::vector<rv::Shape>& shapes = name == "soap" ? small : all;  // which has matrices of 50 000 by 50 000
    const auto after = [&](int count) {
      omp_set_num_threads(count);
      rv::Generator generator(5);
      Params params;
      for (const rv::Shape& shape : shapes) params.push_back(rv::parameter(rv::randn(shape, rv::f32, generator)));
      const auto optimizer = optim::make(name, params);
      for (int t = 0; t < 2; ++t) {
        for (const rv::Variable& p : params) p.set_grad(rv::randn(p.shape(), rv::f32, generator));
        optimizer->step();
      }
      return params;
    };
    const Params one = after(1), two = after(2);
    for (std::size_t k = 0; k < one.size(); ++k) CHECK(rv::bitwise_equal(one[k].value(), two[k].value()));
  }
  rv::detail::hold_threads(false);
  omp_set_num_threads(threads);
}

TEST_CASE("every optimizer: parameters without elements do no harm") {
  for (const Entry& entry : every_optimizer()) {
    CAPTURE(entry.name);
    Params p = start(rv::f64);
    for (const rv::Shape& shape : {rv::Shape{0}, rv::Shape{0, 3}, rv::Shape{3, 0}})
      p.push_back(rv::parameter(rv::zeros(shape, rv::f64)));
    const auto optimizer = entry.make(p);
    for (int t = 0; t < 2; ++t)
      optimizer->step([&] { return loss_of(p) + rv::sum(p[3]) + rv::sum(p[4]) + rv::sum(p[5]); });
    CHECK(!same(p, start(rv::f64)));
    CHECK(std::isfinite(loss_of(p).item()));
  }
}

TEST_CASE("every optimizer: keeps as many numbers for a matrix as it says") {
  for (const Entry& entry : every_optimizer()) {
    CAPTURE(entry.name);
    double numbers = 0;
    for (const auto& [key, value] : entry.make({rv::parameter(rv::zeros({30, 20}))})->state_dict())
      if (key.starts_with("0.") || key.starts_with("base.0.")) numbers += static_cast<double>(value.numel());
    if (entry.state_numbers >= 0) CHECK(numbers / 600.0 == doctest::Approx(entry.state_numbers));
  }
}

TEST_CASE("every optimizer: describes itself by name and rate, and follows a factor of the rate") {
  for (const Entry& entry : every_optimizer()) {
    CAPTURE(entry.name);
    const Params p = start(rv::f64);
    const auto optimizer = entry.make(p);
    const std::string class_name = entry.name.substr(0, entry.name.find(' '));
    CHECK(optimizer->describe().starts_with(class_name + "("));
    CHECK(optimizer->describe().find("lr=") != std::string::npos);
    optimizer->set_lr_factor(0.0);
    optimizer->step([&] { return loss_of(p); });
    CHECK(same(p, start(rv::f64)) == entry.follows_rate);
  }
}

namespace {

/// Two groups behave as two optimizers with the same options each.
template <class O, class Options>
void check_groups(const Options& one, const Options& two) {
  const Params grouped = start(rv::f64), separate = start(rv::f64);
  O both(std::vector<optim::ParamGroup<Options>>{{{grouped[0], grouped[2]}, one}, {{grouped[1]}, two}});
  O first(Params{separate[0], separate[2]}, one), second(Params{separate[1]}, two);
  for (int t = 0; t < 6; ++t) {
    step_with_given_gradients(both, grouped, t);
    for (const rv::Variable& p : separate) p.zero_grad();
    const auto c = std::cos(1.0 + t);
    (loss_of(separate) + c * rv::sum(separate[0]) + c * rv::sum(separate[1]) - c * separate[2]).backward();
    first.step();
    second.step();
  }
  CHECK(same(grouped, separate));
  CHECK(both.steps() == 6);
  CHECK(!rv::bitwise_equal(grouped[1].value(), start(rv::f64)[1].value()));
}

template <class O>
using OptionsOf = decltype(rv::detail::options_of(static_cast<const O*>(nullptr)));

template <class O>
void check_groups_of() {
  OptionsOf<O> changed;
  changed.lr = 0.3;
  if constexpr (requires { changed.weight_decay; }) changed.weight_decay = 0.1;
  if constexpr (requires { changed.beta2; }) changed.beta2 = 0.9;
  const std::string name = O::name;
  CAPTURE(name);
  if (!O(start(rv::f64)).needs_closure()) check_groups<O>(OptionsOf<O>{}, changed);
}

template <class O>
void check_groups_of_one() {
  constexpr bool has_groups = std::is_constructible_v<O, std::vector<optim::ParamGroup<OptionsOf<O>>>>;
  if constexpr (has_groups && !requires { &O::gather; }) check_groups_of<O>();  // not where groups share a distance
}

template <class... O>
void check_groups_of_all(rv::detail::OptimizerList<O...> /*list*/) {
  (check_groups_of_one<O>(), ...);
}

/// Numbers just outside a range.
std::vector<double> outside(const optim::Range& range) {
  std::vector<double> all = {range.low - 1.0, std::numeric_limits<double>::quiet_NaN()};
  if (!range.with_low) all.push_back(range.low);
  if (std::isfinite(range.high)) all.push_back(range.with_high ? range.high + 1.0 : range.high);
  return all;
}

/// Each option alone, out of its range.
template <class O>
void check_refusals() {
  const std::string class_name = O::name;
  CAPTURE(class_name);
  std::vector<rv::detail::OptionField> fields;
  const auto look = [&](const rv::detail::OptionField& field) {
    fields.push_back(field);
    return field.value;
  };
  rv::detail::visit_options(O::name, OptionsOf<O>{}, look);
  for (std::size_t k = 0; k < fields.size(); ++k)
    for (const double bad : fields[k].range ? outside(*fields[k].range) : std::vector<double>{-1.0, 9.0}) {
      std::size_t at = 0;
      const auto change = [&](const rv::detail::OptionField& field) {
        return at++ == k ? rv::detail::OptionValue{bad} : field.value;
      };
      const std::string message = std::string(O::name) + ": " + fields[k].name + " must be ";
      CHECK_THROWS_WITH_AS(rv::detail::visit_options(O::name, OptionsOf<O>{}, change),
                           doctest::Contains(message.c_str()), std::invalid_argument);
    }
}

template <class... O, class... Other>
void check_all_refusals(rv::detail::OptimizerList<O...> /*list*/, rv::detail::OptimizerList<Other...> /*others*/) {
  (check_refusals<O>(), ...);
  (check_refusals<Other>(), ...);
}

}  // namespace

TEST_CASE("every optimizer: groups have their own rate, decay and betas") {
  check_groups_of_all(rv::detail::Rules());
  check_groups_of_all(rv::detail::Others());
  check_groups<optim::FactoredAdam>(optim::FactoredAdamOptions{}, optim::FactoredAdamOptions{.lr = 0.2, .beta2 = 0.5});
}

TEST_CASE("every optimizer: each option is refused by name where it is out of its range") {
  check_all_refusals(rv::detail::Rules(), rv::detail::Others());
}

TEST_CASE("every optimizer: an option of a million million is refused by name, or makes a step") {
  for (const std::string& name : optim::names())
    for (const optim::OptionSignature& option : optim::signature(name).options) {
      const std::string text = name + ":" + option.name + "=1000000000000";
      CAPTURE(text);
      const rv::Variable w = rv::parameter(rv::full({2, 2}, 0.5));
      try {
        const auto optimizer = optim::make(text, {w});
        CHECK(optimizer->step([&] { return rv::sum(rv::square(w)); }) == 1.0);
      } catch (const std::invalid_argument& refused) {
        CHECK(std::string(refused.what()).find(option.name) != std::string::npos);
      }
    }
}

TEST_CASE("every optimizer: weight decay can leave out what is no matrix, by one line") {
  const Params p = start(rv::f64);
  optim::AdamW adamw(optim::decay_matrices_only(p, optim::AdamWOptions{.lr = 0.5, .weight_decay = 0.25}));
  for (const rv::Variable& q : p) q.set_grad(rv::zeros_like(q.value()));
  adamw.step();
  CHECK(rv::bitwise_equal(p[0].value(), start(rv::f64)[0].value() * 0.875));
  CHECK(rv::bitwise_equal(p[1].value(), start(rv::f64)[1].value()));
  CHECK(rv::bitwise_equal(p[2].value(), start(rv::f64)[2].value()));
  CHECK(optim::decay_matrices_only(Params{p[1]}, optim::AdamWOptions{}).size() == 1);
}

TEST_CASE("every optimizer: a frozen parameter stays, and its state too, until it is thawed") {
  for (const Entry& entry : every_optimizer()) {
    CAPTURE(entry.name);
    const Params p = start(rv::f64);
    const auto optimizer = entry.make(p);
    optimizer->step([&] { return loss_of(p); });
    const rv::Tensor frozen = p[1].value().clone();
    const rv::StateDict before = optimizer->state_dict();
    p[1].set_requires_grad(false);
    for (int t = 0; t < 3; ++t)
      optimizer->step([&] {
        CHECK(rv::bitwise_equal(p[1].value(), frozen));  // wherever the loss is evaluated
        return loss_of(p);
      });
    CHECK(rv::bitwise_equal(p[1].value(), frozen));
    if (entry.name != "LBFGS")
      for (const auto& [key, value] : optimizer->state_dict())
        if (key.starts_with("1.") || key.starts_with("base.1.")) CHECK(rv::bitwise_equal(value, before.at(key)));
    p[1].set_requires_grad(true);
    optimizer->step([&] { return loss_of(p) + rv::sum(p[1]); });
    CHECK(!rv::bitwise_equal(p[1].value(), frozen));
  }
}

TEST_CASE(
    "every optimizer: a parameter frozen from the start is left alone, whoever uses it, and trained once thawed") {
  for (const Entry& entry : every_optimizer()) {
    CAPTURE(entry.name);
    const Params p = start(rv::f64), other = start(rv::f64);
    const rv::Tensor frozen = rv::tensor({1.0, -0.0, 2.0, -0.5}, rv::f64);
    p[1].set_value(frozen.clone());
    p[1].set_requires_grad(false);
    const auto optimizer = entry.make(p);
    const rv::Variable used_elsewhere = rv::sum(other[1] * p[1]);
    const rv::StateDict of_all = entry.make(other)->state_dict(), before = optimizer->state_dict();
    CHECK(before.size() == of_all.size());
    for (const auto& [key, value] : of_all) CHECK(before.contains(key));
    optimizer->on_gradients([&](const Params& params) {
      if (!params[1].requires_grad()) params[1].set_grad(rv::ones({4}, rv::f64));
    });
    for (int t = 0; t < 3; ++t)
      optimizer->step([&] {
        CHECK(rv::bitwise_equal(p[1].value(), frozen));
        return loss_of(p);
      });
    CHECK(rv::bitwise_equal(p[1].value(), frozen));
    CHECK_NOTHROW(used_elsewhere.backward());  // it was not even written
    CHECK(!rv::bitwise_equal(p[0].value(), start(rv::f64)[0].value()));
    p[1].set_requires_grad(true);
    optimizer->step([&] { return loss_of(p) + rv::sum(p[1]); });
    CHECK(!rv::bitwise_equal(p[1].value(), frozen));
  }
}

/// What a training leaves of weights that are loaded before it or after the optimizer was made, seen by its averages:
/// one is frozen, another has a gradient from the third step on.
std::vector<rv::Tensor> trained_from_loaded(const Entry& entry, bool loaded_after) {
  rv::manual_seed(1);
  const Params p = start(rv::f64);
  std::unique_ptr<optim::Optimizer> optimizer;
  if (loaded_after) optimizer = entry.make(p);
  for (const rv::Variable& q : p) q.set_value(q.value() * 1.5 + 0.25);
  p[2].set_requires_grad(false);
  if (!loaded_after) optimizer = entry.make(p);
  std::vector<rv::Tensor> seen;
  for (int t = 0; t < 5; ++t) {
    {
      const optim::UseAverages averages(*optimizer);
      for (const rv::Variable& q : p) seen.push_back(q.value().clone());
    }
    optimizer->step([&] { return loss_of({p[0], t < 2 ? p[1].detach() : p[1], p[2]}); });
    for (const rv::Variable& q : p) seen.push_back(q.value().clone());
  }
  return seen;
}

TEST_CASE("every optimizer: weights may be loaded after it was made, also those that get no gradient") {
  for (const Entry& entry : every_optimizer()) {
    CAPTURE(entry.name);
    const auto one = trained_from_loaded(entry, false), other = trained_from_loaded(entry, true);
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(rv::bitwise_equal(one[i], other[i]));
    CHECK(rv::bitwise_equal(one[2], one[one.size() - 4]));  // the frozen one, at first and by the last averages
  }
}

TEST_CASE("every optimizer: where all is frozen, a step changes nothing, and a loss of nothing else is refused") {
  for (const Entry& entry : every_optimizer()) {
    CAPTURE(entry.name);
    const Params p = start(rv::f64);
    for (const rv::Variable& q : p) q.set_requires_grad(false);
    const auto optimizer = entry.make(p);
    CHECK_THROWS_WITH_AS(optimizer->step([&] { return loss_of(p); }), doctest::Contains("depends on no parameter"),
                         std::logic_error);
    if (!optimizer->needs_closure()) optimizer->step();
    CHECK(same(p, start(rv::f64)));
  }
}

TEST_CASE("every optimizer: options out of range are refused with name and value") {
  const Params p = start(rv::f64);
  const auto state_with = [&](optim::Optimizer& optimizer, const char* key, double value) {
    rv::StateDict state = optimizer.state_dict();
    state[key] = rv::scalar(value, rv::f64);
    return state;
  };
  optim::LBFGS lbfgs(p);
  CHECK_THROWS_WITH_AS(lbfgs.load_state_dict(state_with(lbfgs, "group.0.history", 5)),
                       "LBFGS: the loaded history of 5 does not go with the state, which is for 10",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(lbfgs.load_state_dict(state_with(lbfgs, "group.0.max_iterations", 1e300)),
                       doctest::Contains("max_iterations must be a whole number"), std::invalid_argument);
  const auto refused = [&](auto make, const char* message) {
    CHECK_THROWS_WITH_AS(make(), message, std::invalid_argument);
  };
  refused([&] { optim::AdaGrad(p, {.eps = -1.0}); }, "AdaGrad: eps must be >= 0, got -1");
  refused([&] { optim::AdaGrad(p, {.initial_accumulator = -2.0}); },
          "AdaGrad: initial_accumulator must be >= 0, got -2");
  refused([&] { optim::RMSProp(p, {.rho = 1.0}); }, "RMSProp: rho must be in [0, 1), got 1");
  refused([&] { optim::AdaDelta(p, {.rho = -0.5}); }, "AdaDelta: rho must be in [0, 1), got -0.5");
  refused([&] { optim::AdamW(p, {.weight_decay = -0.5}); }, "AdamW: weight_decay must be >= 0, got -0.5");
  refused([&] { optim::AdaBelief(p, {.beta1 = 0.0}); }, "AdaBelief: beta1 must be in (0, 1), got 0");
  refused([&] { optim::NAdam(p, {.momentum_decay = -1.0}); }, "NAdam: momentum_decay must be >= 0, got -1");
  refused([&] { optim::Lion(p, {.lr = 0.0}); }, "Lion: lr must be > 0, got 0");
  refused([&] { optim::AdaHessian(p, {.power = 1.5}); }, "AdaHessian: power must be in [0, 1], got 1.5");
  refused([&] { optim::AdaHessian(p, {.block = 0}); }, "AdaHessian: block must be >= 1, got 0");
  refused([&] { optim::AdaHessian(p, {.samples = -1}); }, "AdaHessian: samples must be in [1, 9999], got -1");
  refused([&] { optim::FactoredAdam(p, {.beta2 = 1.0}); }, "FactoredAdam: beta2 must be in [0, 1), got 1");
  refused([&] { optim::LBFGS(p, {.history = 0}); }, "LBFGS: history must be in [1, 9999], got 0");
  refused([&] { optim::LBFGS(p, {.history = 1000000000000}); }, "LBFGS: history must be in [1, 9999], got 1e+12");
  refused([&] { optim::SAM(std::make_unique<optim::SGD>(p), {.p = 0.5}); }, "SAM: p must be >= 1, got 0.5");
  refused([&] { optim::SAM(std::make_unique<optim::SGD>(p), {.rho = -1.0}); }, "SAM: rho must be >= 0, got -1");
}
