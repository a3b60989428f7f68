// Comparisons: which runs there are, who wins, and that neither threads nor interruptions change a bit.
#include <doctest/doctest.h>

#include <omp.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <ravine/ravine.hpp>

#include "../data/temporary.hpp"

namespace rv = ravine;
using doctest::Contains;
using rv::Index;
using rv::compare::Execution;
using rv::compare::Method;
using rv::compare::Phase;
using rv::compare::Problem;
using rv::compare::Protocol;
using rv::compare::Results;
using rv::compare::Run;

namespace {

/// A folder that goes with its scope.
struct Folder {
  TemporaryFile place{"comparison"};
  Folder() { std::filesystem::remove(place.path()); }
  ~Folder() { std::filesystem::remove_all(place.path()); }
  const std::string& path() const { return place.path(); }
  std::string read(const std::string& name) const {
    std::ifstream in(path() + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

std::vector<Problem> problems(const std::vector<std::string>& names) {
  std::vector<Problem> all;
  for (const auto& name : names) all.push_back(rv::compare::problem(name));
  return all;
}
std::vector<Method> methods(const std::vector<std::string>& names) {
  std::vector<Method> all;
  for (const auto& name : names) all.push_back(rv::compare::method(name));
  return all;
}

const Protocol small{.trials = 3, .tune_seeds = 2, .seeds = 3, .budget = 60};

Results compare(const std::vector<std::string>& on, const std::vector<std::string>& with,
                const Protocol& protocol = small, const Execution& execution = {}) {
  return rv::compare::run(problems(on), methods(with), protocol, execution);
}

/// The three files that may not differ.
std::string files(const Results& results) {
  const Folder folder;
  results.save(folder.path());
  return folder.read("runs.csv") + folder.read("curves.csv") + folder.read("results.json");
}

struct RelayOptions {
  double lr = 0.1;
  static void fields(auto&& field) { field("lr", &RelayOptions::lr, rv::optim::positive); }
};
class Relay final : public rv::optim::Elementwise<Relay, RelayOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Relay";
  static constexpr std::array<const char*, 0> slots = {};
  struct Rule {
    double lr;
    Rule(const RelayOptions&, double rate, Index) : lr(rate) {}
    template <class T>
    void operator()(T& theta, T g) const {
      theta -= T(lr) * (g > T(0) ? T(1) : T(-1));
    }
  };
};

}  // namespace

TEST_CASE("a comparison in a dozen lines, with a problem and an optimizer of one's own") {
  const Folder out;
  rv::optim::register_optimizer<Relay>("relay");
  rv::compare::Problem mine{"my_problem", [](std::uint64_t seed) {
                              rv::Generator generator(seed);
                              const auto theta = rv::parameter(rv::randn({3}, rv::f64, generator));
                              return rv::compare::Instance{{theta}, [theta] { return rv::sum(rv::square(theta)); }};
                            }};
  auto results = rv::compare::run(
      {rv::compare::problem("beale"), mine},
      {rv::compare::method("adam"), rv::compare::method("sgd:momentum=0.9"), rv::compare::method("relay")},
      {.trials = 8, .seeds = 5});
  results.save(out.path());
  CHECK(results.complete());
  CHECK(results.table().size() == 2 * 3 * 2);
  CHECK(results.runs().size() == 2 * 3 * (8 * 3 + 5 + 5));
  CHECK(results.runs("my_problem", "sgd:momentum=0.9", Phase::final)[0].final_loss < 1e-6);
  CHECK(results.runs("my_problem", "relay", Phase::tune).size() == 24);
  for (const char* name : {"runs.csv", "curves.csv", "results.json", "timings.csv"}) CHECK(!out.read(name).empty());
}

TEST_CASE("the trial of the lowest median final loss wins, and runs again on seeds that no trial has seen") {
  const Results results = compare({"beale", "mlp:sine,hidden=4"}, {"sgd", "adam"},
                                  {.trials = 6, .tune_seeds = 3, .seeds = 4, .budget = 80});
  for (const Problem& p : results.problems())
    for (const Method& m : results.methods()) {
      CAPTURE(p.name);
      CAPTURE(m.name);
      const auto tune = results.runs(p.name, m.name, Phase::tune), final = results.runs(p.name, m.name, Phase::final);
      REQUIRE(tune.size() == 18);
      REQUIRE(final.size() == 4);
      std::map<Index, std::vector<double>> losses;
      std::map<Index, std::string> options;
      for (const Run& r : tune) {
        losses[r.trial].push_back(r.score());
        options[r.trial] = r.options;
        for (const Run& f : final) CHECK(f.seed != r.seed);
      }
      CHECK(losses.size() == 6);
      Index best = 0;
      for (const auto& [trial, all] : losses)
        if (rv::compare::median(all) < rv::compare::median(losses[best])) best = trial;
      for (const Run& f : final) {
        CHECK(f.options == options[best]);
        CHECK(f.trial == best);
      }
      for (const Run& d : results.runs(p.name, m.name, Phase::defaults)) CHECK(d.options == m.name);
    }
}

TEST_CASE("a run that diverged counts as infinite, however low its last loss was, and equals go to the earlier trial") {
  Problem steep{"steep",
                [](std::uint64_t) {
                  const auto x = rv::parameter(rv::tensor({1.0}, rv::f64));
                  return rv::compare::Instance{{x}, [x] { return rv::sum(x); }};
                },
                0.5};  // whoever goes below it has left the domain
  Method sgd = rv::compare::method("sgd");
  sgd.space = {{"lr", 1e-9, 1e3}};  // 1e-3, 1e-6, 1, …
  const Results results = rv::compare::run({steep}, {sgd}, {.trials = 3, .tune_seeds = 3, .seeds = 2, .budget = 10});
  CHECK(results.runs("steep", "sgd", Phase::tune)[6].status == rv::compare::Status::diverged);
  CHECK(results.runs("steep", "sgd", Phase::final)[0].options == "sgd:lr=0.001");
  sgd.space = {{"weight_decay", 1e-9, 1e-8}};  // too little to count
  sgd.options = "sgd:lr=1e3";
  CHECK(rv::compare::run({steep}, {sgd}, {.trials = 3, .tune_seeds = 3, .seeds = 2, .budget = 10})
            .runs("steep", "sgd", Phase::final)[0]
            .trial == 0);
}

TEST_CASE("with nothing to tune there are no trials, and the final runs are those of the defaults") {
  const Results results = compare({"beale"}, {"adam:lr=0.05", "sgd"});
  CHECK(results.runs("beale", "adam:lr=0.05", Phase::tune).empty());
  const auto final = results.runs("beale", "adam:lr=0.05", Phase::final);
  const auto defaults = results.runs("beale", "adam:lr=0.05", Phase::defaults);
  REQUIRE(final.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(final[i].final_loss == defaults[i].final_loss);
    CHECK(final[i].curve.size() == defaults[i].curve.size());
    CHECK(final[i].trial == -1);
  }
  const Results untuned = compare({"beale"}, {"adam"}, {.trials = 0, .seeds = 3, .budget = 20});
  CHECK(untuned.complete());
  CHECK(untuned.runs().size() == 3);
  CHECK(untuned.table().size() == 1);
}

TEST_CASE("runs that count have curves, and the first of them its path") {
  const Results results = compare({"beale"}, {"sgd:lr=1e-4", "adam"});
  CHECK(results.runs("beale", "adam", Phase::tune)[0].curve.empty());
  const auto runs = results.runs("beale", "sgd:lr=1e-4", Phase::defaults);
  CHECK(runs[0].curve.size() == 61);
  CHECK(!std::isnan(runs[0].curve[0].x));
  CHECK(std::isnan(runs[1].curve[0].x));
}

TEST_CASE("the files are the same bytes on any number of threads and on every run") {
  const auto once = [] {
    return files(compare({"beale@2", "saddle", "mlp:spirals,hidden=4"}, {"adam+cosine", "adahessian", "sam", "lbfgs"}));
  };
  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  const std::string one = once();
  omp_set_num_threads(4);
  CHECK(once() == one);
  CHECK(once() == one);
  omp_set_num_threads(before);
}

TEST_CASE("a row runs alone to the same losses") {
  const Results all = compare({"beale", "mlp:sine,hidden=4"}, {"adam", "adahessian+cosine"});
  for (const auto& row : all.table()) {
    const Results alone = compare({row.problem}, {row.options}, {.trials = 0, .seeds = 3, .budget = 60});
    const auto then = all.runs(row.problem, row.method, row.phase),
               now = alone.runs(row.problem, row.options, Phase::defaults);
    for (std::size_t i = 0; i < 3; ++i) CHECK(now[i].final_loss == then[i].final_loss);
  }
}

TEST_CASE("progress counts every run once") {
  std::vector<Index> seen;
  compare({"beale", "saddle"}, {"adam", "sgd:lr=0.1"}, small, {.progress = [&](Index done, Index total) {
            CHECK(total == 2 * ((6 + 3 + 3) + (3 + 3)));
            seen.push_back(done);
          }});
  CHECK(seen.back() == 36);
  for (std::size_t i = 1; i < seen.size(); ++i) CHECK(seen[i] > seen[i - 1]);
}

TEST_CASE("after a signal the runs that are finished are kept in the folder, and not made again") {
  const std::vector<std::string> on = {"beale", "mlp:sine,hidden=4"}, with = {"adam", "adam:lr=0.1", "lbfgs"};
  const std::string straight = files(compare(on, with));
  const Folder folder;
  Index kept = 0;
  constexpr Index all = 60;
  for (const Index last : {7, 50, 1000}) {  // stopped while it tunes, while the winners run, and not at all
    Index made = 0;
    const Results results = compare(on, with, small,
                                    {.progress =
                                         [&](Index done, Index) {
                                           ++made;
                                           if (done == last) std::raise(SIGINT);
                                         },
                                     .stop_on_signals = true,
                                     .folder = folder.path(),
                                     .page = false});
    CHECK(made <= all - kept + 1);  // once more for those that were found
    kept = static_cast<Index>(results.runs().size());
    CHECK(results.complete() == (last == 1000));
    CHECK(kept >= std::min<Index>(last, all));
    CHECK(std::filesystem::exists(folder.path() + "/unfinished") != results.complete());
  }
  CHECK(folder.read("runs.csv") + folder.read("curves.csv") + folder.read("results.json") == straight);
  CHECK_FALSE(std::filesystem::exists(folder.path() + "/report.html"));
}

TEST_CASE("who is given one folder at once makes each run once, and has the results of one who is alone") {
  std::atomic<int> made = 0;
  const Problem beale = rv::compare::problem("beale"), sine = rv::compare::problem("mlp:sine,hidden=4");
  const auto counted = [&](const Problem& problem) {
    Problem same = problem;
    same.make = [&made, make = problem.make](std::uint64_t seed) {
      ++made;
      return make(seed);
    };
    return same;
  };
  const auto run = [&](const std::string& folder) {
    return rv::compare::run({counted(beale), counted(sine)}, methods({"adam", "adam:lr=0.1", "lbfgs"}), small,
                            {.folder = folder, .page = false});
  };
  const Folder alone, shared;
  const Results straight_results = run(alone.path());
  const int runs = made.exchange(0);
  std::vector<std::optional<Results>> all(3);
  std::vector<std::thread> threads;
  for (auto& results : all) threads.emplace_back([&] { results = run(shared.path()); });
  for (std::thread& thread : threads) thread.join();
  CHECK(made.load() == runs);
  const std::string straight = files(straight_results);
  for (const auto& results : all) CHECK(files(*results) == straight);
  CHECK(shared.read("runs.csv") + shared.read("curves.csv") + shared.read("results.json") == straight);
  CHECK_FALSE(std::filesystem::exists(shared.path() + "/unfinished"));
}

TEST_CASE("what a run throws comes out with its problem, options and seed, of several the first one's") {
  const Problem good = rv::compare::problem("beale");
  Problem bad{"bad", [&](std::uint64_t) -> rv::compare::Instance { throw rv::ShapeError("it breaks"); }};
  const auto all = [&] {
    rv::compare::run({good, bad}, methods({"adam:lr=0.1"}), {.trials = 0, .seeds = 1, .budget = 10});
  };
  CHECK_THROWS_WITH_AS(all(), "compare: bad, adam:lr=0.1, seed 1: it breaks", std::runtime_error);
  bool nested = false;
  try {
    all();
  } catch (const std::exception& error) {
    try {
      std::rethrow_if_nested(error);
    } catch (const rv::ShapeError&) {
      nested = true;
    }
  }
  CHECK(nested);
}

TEST_CASE("nothing to compare, a name that is missing or comes twice, and odd search spaces are refused") {
  CHECK_THROWS_WITH_AS(compare({}, {"adam"}), Contains("no problem"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(compare({"beale"}, {}), Contains("no optimizer"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(compare({"beale", "beale"}, {"adam"}), Contains("problem 'beale' is given twice"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(compare({"beale"}, {"adam", "sgd", "adam"}), Contains("optimizer 'adam' is given twice"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(compare({"beale"}, {"adam"}, {.trials = -1}), Contains("trials"), std::invalid_argument);
  for (const double minimum : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    auto beale = problems({"beale"});
    beale[0].minimum = minimum;
    CHECK_THROWS_WITH_AS(rv::compare::run(beale, {rv::compare::method("adam")}),
                         Contains("the minimum of beale must be a number or -infinity, got "), std::invalid_argument);
  }
  Method many = rv::compare::method("adam");
  many.space.assign(11, {"lr", 1e-3, 1e-2});
  CHECK_THROWS_WITH_AS(rv::compare::run(problems({"beale"}), {many}), Contains("at most 10 options"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(rv::compare::run({{"", {}}}, methods({"adam"})), Contains("problem number 0 has no name"),
                       std::invalid_argument);
  Method odd = rv::compare::method("adam");
  odd.space = {{"lr", 0.0, 1.0}};
  CHECK_THROWS_WITH_AS(rv::compare::run(problems({"beale"}), {odd}),
                       Contains("adam: the search range of lr must ascend from above 0, got 0 to 1"),
                       std::invalid_argument);
}
