// Runs: what they cost, where they end and why, and that they are the same wherever they are made.
#include <doctest/doctest.h>

#include <omp.h>

#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/compare/run.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

using namespace ravine;
using namespace ravine::compare;
using doctest::Approx;
using doctest::Contains;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Run run(const Problem& problem, const std::string& options, Index budget = 100, std::uint64_t seed = 1) {
  return *run_once(problem, options, seed, {.budget = budget, .curve = true, .path = true, .stop = {}});
}
Run run(const std::string& name, const std::string& options, Index budget = 100, std::uint64_t seed = 1) {
  return run(problem(name), options, budget, seed);
}

/// A problem of one number x from 1, with this loss.
Problem of_one(std::function<Variable(const Variable&)> f, std::optional<double> minimum = 0.0) {
  return {"mine",
          [f](std::uint64_t) {
            const Variable x = parameter(tensor({1.0}, f64));
            return Instance{{x}, [f, x] { return f(x); }};
          },
          minimum};
}

std::string all_of(const Run& r) {
  std::string text = r.options + name(r.status) + r.reason;
  const auto add = [&](auto x) { text.append(reinterpret_cast<const char*>(&x), sizeof x); };
  for (const Index n : {r.steps, r.evaluations, r.diverged_at}) add(n);
  for (const double x : {r.start_loss, r.final_loss, r.best_loss, r.test_loss}) add(x);
  for (const Index n : r.evaluations_to_target) add(n);
  for (const Improvement& i : r.improvements) add(i.evaluations), add(i.loss);
  for (const CurvePoint& p : r.curve)
    add(p.step), add(p.evaluations), add(p.loss), add(p.test_loss), add(p.x), add(p.y);
  return text;
}

/// Takes steps of its own without a look at the loss.
struct BlindOptions {
  double lr = 1.0;
  static void fields(auto&& field) { field("lr", &BlindOptions::lr, optim::positive); }
};
class Blind final : public optim::Grouped<BlindOptions> {
 public:
  explicit Blind(std::vector<Variable> params, BlindOptions options = {}) : Grouped("Blind", params, options) {}

 private:
  void update() override {}
  double advance(Closure) override { return 0.0; }
};

}  // namespace

TEST_CASE("targets are four to a decade: of the way to the minimum, or of the fall where there is none") {
  const auto way = targets(2.0, 12.0);
  CHECK(way[0] == Approx(2.0 + 1.0));
  CHECK(way[12] == Approx(2.0 + 1e-3));
  CHECK(way[28] - 2.0 == Approx(1e-7));
  const auto fall = targets(-infinity, 0.25);
  CHECK(fall[0] == Approx(0.25 - 1e-5));
  CHECK(fall[20] == Approx(-0.75));
  CHECK(fall[28] == Approx(0.25 - 100.0));
}

TEST_CASE("on a landscape the loss that was looked at begins the next step, to the bits of one that is computed anew") {
  for (const char* method :
       {"adam", "sgd:momentum=0.9,nesterov=lookahead", "sam(sgd:momentum=0.9)", "lbfgs:max_iterations=1", "adahessian",
        "schedule_free_sgd", "lookahead(adam)", "asgd", "sgd+cosine"})
    for (const char* name : {"beale", "ackley@3"}) {
      CAPTURE(method);
      Problem kept = problem(name), anew = kept;
      Index evaluated = 0;
      kept.make = [&, make = anew.make](std::uint64_t seed) {
        Instance instance = make(seed);
        instance.loss = [&, loss = instance.loss] { return ++evaluated, loss(); };
        return instance;
      };
      anew.landscape.reset();
      const Run a = run(kept, method), b = run(anew, method);
      CHECK(all_of(a) == all_of(b));
      if (method == std::string("adam")) CHECK(evaluated == a.steps + 1);
    }
}

TEST_CASE("no seed serves tuning and scoring") {
  const Protocol most{.tune_seeds = 100000, .seeds = 10000};
  most.check();
  const auto scoring = most.scoring_seeds();
  const std::set<std::uint64_t> set(scoring.begin(), scoring.end());
  CHECK(set.size() == 10000);
  for (const std::uint64_t seed : most.tuning_seeds()) REQUIRE(!set.contains(seed));
}

TEST_CASE("a protocol that cannot be is refused by the number's name") {
  CHECK_THROWS_WITH_AS((Protocol{.trials = -1}.check()), Contains("trials must be from 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS((Protocol{.tune_seeds = 0}.check()), Contains("tune_seeds"), std::invalid_argument);
  CHECK_THROWS_WITH_AS((Protocol{.seeds = 0}.check()), Contains("seeds must be from 1"), std::invalid_argument);
  CHECK_THROWS_WITH_AS((Protocol{.budget = 0}.check()), Contains("budget"), std::invalid_argument);
}

TEST_CASE("a step costs what it evaluates") {
  for (const char* plain : {"sgd:lr=1e-3", "adam", "sgd:lr=1e-3,momentum=0.9,nesterov=lookahead", "lion"}) {
    const Run r = run("rosenbrock", plain);
    CHECK(r.steps == 100);
    CHECK(r.evaluations == 100);
  }
  const Run sam = run("rosenbrock", "sam(sgd:lr=1e-3)", 99);
  CHECK(sam.steps == 50);  // the last one has begun, and counts whole
  CHECK(sam.evaluations == 100);
  CHECK(run("rosenbrock", "adahessian", 99).steps == 33);  // a gradient and a product of two
  CHECK(run("rosenbrock", "adahessian:samples=4", 90).steps == 10);
  const Run lbfgs = run("rosenbrock", "lbfgs:max_iterations=1", 30);
  CHECK(lbfgs.evaluations >= 30);
  CHECK(lbfgs.evaluations < 30 + 27);
  CHECK(lbfgs.steps < 16);
}

TEST_CASE("of L-BFGS every evaluation of the closure counts, and no look at the loss") {
  Index calls = 0;
  Problem counted{"counted",
                  [&](std::uint64_t) {
                    const Variable x = parameter(tensor({-1.2, 1.0}, f64));
                    return Instance{{x},
                                    [&calls, x] { return ++calls, landscapes::rosenbrock(x); },
                                    [x] { return landscapes::rosenbrock(x.value()).item(); }};
                  },
                  0.0};
  const Run r = run(counted, "lbfgs:max_iterations=1", 60);
  CHECK(r.evaluations == calls);
  CHECK(r.steps > 10);
}

TEST_CASE("targets count the evaluations until a loss that low, and the last one ends the run") {
  const Run r = run(of_one([](const Variable& x) { return sum(square(x)); }), "sgd:lr=0.25");  // x halves each step
  CHECK(r.status == Status::reached);
  CHECK(r.reason.empty());
  CHECK(r.start_loss == 1.0);
  for (std::size_t k = 0; k < target_count; ++k) {
    const double left = std::pow(10.0, -1.0 - static_cast<double>(k) / 4.0);
    CHECK(r.evaluations_to_target[k] == static_cast<Index>(std::ceil(-0.5 * std::log2(left))));
  }
  CHECK(r.steps == r.evaluations_to_target[28]);
  CHECK(r.final_loss == std::pow(0.25, static_cast<double>(r.steps)));
  CHECK(r.best_loss == r.final_loss);
}

TEST_CASE("a run that does not get there ends with its budget, and a target not reached is never") {
  const Run r = run(of_one([](const Variable& x) { return sum(square(x)); }), "sgd:lr=0.25", 5);
  CHECK(r.status == Status::budget);
  CHECK(r.steps == 5);
  CHECK(r.evaluations_to_target[7] == 5);  // 10^-2.75 > 4^-5
  CHECK(r.evaluations_to_target[9] == Run::never);
}

TEST_CASE("a run diverges with the reason and the step, and keeps what it had reached") {
  const Run nan = run(of_one([](const Variable& x) { return sum(sqrt(x)); }), "sgd:lr=3");
  CHECK(nan.status == Status::diverged);
  CHECK(nan.reason == "the loss is NaN");
  CHECK(nan.diverged_at == 1);
  CHECK(std::isnan(nan.final_loss));
  CHECK(nan.best_loss == 1.0);
  CHECK(nan.score() == infinity);
  const Run large = run(of_one([](const Variable& x) { return sum(square(x)); }), "sgd:lr=2");  // x triples
  CHECK(large.reason == "the loss is above 1e6 times the start");
  CHECK(large.diverged_at == 7);  // 9^7 > 10^6 > 9^6
  const Run infinite = run(of_one([](const Variable& x) { return sum(exp(square(x))); }, 1.0), "sgd:lr=1e3");
  CHECK(infinite.reason == "the loss is infinite");
  const Run below = run(of_one([](const Variable& x) { return sum(x); }, 0.5), "sgd:lr=1");
  CHECK(below.reason == "the loss is below the minimum, outside of the domain");
  CHECK(below.evaluations_to_target[0] == Run::never);
  const Run start = run(of_one([](const Variable& x) { return sum(log(x - 2.0)); }), "sgd");
  CHECK(start.status == Status::diverged);
  CHECK(start.diverged_at == 0);
  CHECK(start.evaluations == 0);
  CHECK(run(of_one([](const Variable& x) { return sum(square(x - 1.0)); }), "adam").status == Status::reached);
}

TEST_CASE("where there is no minimum, a fall counts") {
  const Run r = run(of_one([](const Variable& x) { return sum(-x); }, -infinity), "sgd:lr=1", 200);
  CHECK(r.status == Status::reached);
  CHECK(r.evaluations_to_target[20] == 1);
  CHECK(r.evaluations_to_target[28] == 100);
}

TEST_CASE("a method that has converged stops with its word; on batches it goes on") {
  const auto flat = [](const Variable& x) { return sum(square(square(x))) + 1.0; };
  const Run r = run(of_one(flat), "lbfgs:max_iterations=1", 2000);
  CHECK(r.status == Status::stopped);
  CHECK(!r.reason.empty());
  CHECK(r.evaluations < 1000);
  const Run batches = run("mlp:sine,hidden=2", "lbfgs:max_iterations=1", 200);
  CHECK(batches.status == Status::budget);
  CHECK(run("mlp:sine,hidden=2,batch=1000", "lbfgs:max_iterations=1,gradient_tolerance=1e9", 200).status ==
        Status::stopped);
}

TEST_CASE("where the minimum is not known, improvements are kept, each lower than the one before") {
  const Run r = run("mlp:sine,hidden=4", "adam:lr=0.1", 300);
  CHECK(r.status == Status::budget);
  REQUIRE(r.improvements.size() > 3);
  for (std::size_t i = 1; i < r.improvements.size(); ++i) {
    CHECK(r.improvements[i].loss < r.improvements[i - 1].loss);
    CHECK(r.improvements[i].evaluations > r.improvements[i - 1].evaluations);
  }
  CHECK(r.improvements.back().loss == r.best_loss);
  CHECK(r.evaluations_to_target[0] == Run::never);
  CHECK(run("beale", "adam").improvements.empty());
  CHECK(std::isfinite(r.test_loss));
  CHECK(std::isnan(run("beale", "adam").test_loss));
}

TEST_CASE("a curve has the start, every early step, the last, and no more points than a picture shows") {
  const Run r = run("mlp:sine,hidden=2", "sgd", 3000);
  REQUIRE(r.curve.size() > 100);
  CHECK(r.curve.size() <= 400);
  CHECK(r.curve[0].step == 0);
  CHECK(r.curve[0].loss == r.start_loss);
  CHECK(r.curve[5].step == 5);
  CHECK(r.curve.back().step == 3000);
  CHECK(r.curve.back().loss == r.final_loss);
  CHECK(r.curve.back().test_loss == r.test_loss);
  for (std::size_t i = 1; i < r.curve.size(); ++i) {
    CHECK(r.curve[i].step > r.curve[i - 1].step);
    CHECK(static_cast<double>(r.curve[i].step) <= std::max(1.06 * static_cast<double>(r.curve[i - 1].step) + 1.0, 2.0));
    CHECK(std::isnan(r.curve[i].x));
  }
  CHECK(run_once(problem("beale"), "adam", 1, {.budget = 10})->curve.empty());
}

TEST_CASE("a path has every step, with the parameters") {
  const Run r = run("beale", "sgd:lr=1e-4", 2500);
  REQUIRE(r.curve.size() > 2001);
  CHECK(r.curve[2000].step == 2000);
  CHECK(r.curve[2001].step > 2001);
  for (const CurvePoint& p : {r.curve[0], r.curve[1234], r.curve.back()})
    CHECK(landscapes::beale(tensor({p.x, p.y}, f64)).item() == p.loss);
  const Run without = *run_once(problem("beale"), "sgd:lr=1e-4", 1, {.budget = 2500, .curve = true});
  CHECK(std::isnan(without.curve[3].x));
  CHECK(without.curve.size() < 400);
  CHECK(std::isnan(run("quadratic:dim=3", "sgd").curve[1].x));
}

TEST_CASE("a schedule ends with the budget, whatever a step costs") {
  const auto slope = of_one([](const Variable& x) { return sum(-x); }, -infinity);
  // A cosine from 1 to 0 has the mean 1/2 over its steps, and 1/2 more as it counts its start and not its end.
  for (const char* method :
       {"sgd:lr=1e-3+cosine", "sam(sgd:lr=1e-3):rho=1e-9+cosine", "adahessian:lr=1e-8,beta1=0+cosine",
        "sophia:lr=1e-3+cosine"}) {  // whose steps do not cost the same
    CAPTURE(method);
    const Run r = run(slope, method, 60);
    CHECK(r.start_loss - r.final_loss > 0.0);
    const Run half = run(slope, method, 30);
    CHECK((r.start_loss - r.final_loss) / (half.start_loss - half.final_loss) ==
          Approx((static_cast<double>(r.steps) + 1.0) / (static_cast<double>(half.steps) + 1.0)).epsilon(1e-6));
  }
  CHECK(run(slope, "sgd:lr=1e-3+cosine", 60).curve.back().loss == Approx(-1.0 - 1e-3 * 30.5));
  CHECK(run(slope, "sam(sgd:lr=1e-3):rho=1e-9+cosine", 60).curve.back().loss == Approx(-1.0 - 1e-3 * 15.5));
}

TEST_CASE("a run is the same bits on any thread, after any other, whatever its caller does") {
  for (const char* problem_name : {"beale@3", "mlp:cars,hidden=4,batch_norm=true"})
    for (const char* options : {"adahessian", "sam(sgd:lr=1e-3):rho=0.1", "lbfgs:max_iterations=1", "adam+cosine"}) {
      const Problem p = problem(problem_name);
      const std::string alone = all_of(run(p, options, 200));
      std::string others[4];
#pragma omp parallel for num_threads(4)
      for (int i = 0; i < 4; ++i) {
        manual_seed(static_cast<std::uint64_t>(i));
        if (i % 2) run("beale", "adahessian", 50);
        const NoGrad no_grad;
        others[i] = all_of(run(p, options, 200));
      }
      for (const std::string& other : others) CHECK(other == alone);
    }
  manual_seed(3);
  run("beale", "adahessian", 50);
  CHECK(default_generator().position() == 0);
  CHECK(default_generator().seed() == 3);
}

TEST_CASE("an optimizer that keeps averages to be judged by is judged by them") {
  const auto f = [](const Variable& x) { return sum(square(x)); };
  const Variable x = parameter(tensor({1.0}, f64));
  const auto alone = optim::make("schedule_free_sgd:lr=0.1", {x});
  for (int t = 0; t < 5; ++t) alone->step([&] { return f(x); });
  REQUIRE(alone->averages().size() == 1);
  const double judged = f(alone->averages()[0]).item();
  CHECK(judged != f(x.value()).item());
  CHECK(run(of_one(f), "schedule_free_sgd:lr=0.1", 5).final_loss == judged);
  const Run path = run("booth", "schedule_free_sgd:lr=0.01", 5);
  CHECK(landscapes::booth(tensor({path.curve[5].x, path.curve[5].y}, f64)).item() == path.curve[5].loss);
}

TEST_CASE("a look at the loss takes no random numbers from the steps") {
  std::vector<std::uint64_t> positions;
  Problem noisy{"noisy",
                [&](std::uint64_t) {
                  const Variable x = parameter(zeros({2}, f64));
                  return Instance{{x}, [&positions, x] {
                                    const bool step = sum(x).requires_grad();  // not looked at only
                                    if (step) positions.push_back(default_generator().position());
                                    return sum(square(x - randn({2}, f64)));
                                  }};
                },
                -infinity};
  run(noisy, "sgd:lr=1e-3", 4);
  REQUIRE(positions.size() == 4);
  for (std::size_t i = 1; i < 4; ++i) CHECK(positions[i] - positions[i - 1] == positions[1] - positions[0]);
  CHECK(positions[1] - positions[0] == 1);  // two numbers, of one block
}

TEST_CASE("all methods start where the seed says, and seeds differ") {
  const Run a = run("beale", "adam"), b = run("beale", "sgd"), c = run("beale", "adam", 100, 2);
  CHECK(a.start_loss == b.start_loss);
  CHECK(a.start_loss != c.start_loss);
  CHECK(run("mlp:sine", "adam").start_loss == run("mlp:sine", "lion").start_loss);
}

TEST_CASE("a longer budget goes on from where a shorter one ended") {
  const Run a = run("mlp:sine,hidden=4", "adam", 50), b = run("mlp:sine,hidden=4", "adam", 100);
  CHECK(b.curve[30].loss == a.curve[30].loss);
}

TEST_CASE("a run that is given up is none, and what a problem throws comes out") {
  Index looks = 0;
  CHECK(!run_once(problem("beale"), "sgd:lr=1e-9", 1, {.budget = 100, .stop = [&] { return ++looks == 7; }}));
  CHECK(looks == 7);
  CHECK_THROWS_WITH_AS(
      run(of_one([](const Variable&) -> Variable { throw std::runtime_error("no loss today"); }), "sgd"),
      "no loss today", std::runtime_error);
  CHECK_THROWS_WITH_AS(run(Problem{"empty", [](std::uint64_t) { return Instance{}; }}, "sgd"),
                       Contains("empty made no loss"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(run(Problem{"nothing", {}}, "sgd"), Contains("nothing has no make"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(run(of_one([](const Variable&) { return Variable(); }), "sgd"), Contains("undefined Variable"),
                       std::invalid_argument);
}

TEST_CASE("an optimizer that evaluates nothing is found out, instead of running for ever") {
  optim::register_optimizer<Blind>("blind");
  CHECK_THROWS_WITH_AS(run("beale", "blind"), Contains("blind took a step without"), std::logic_error);
}
