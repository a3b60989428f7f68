// What is made of runs, against numbers worked out by hand, and the files.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <ravine/compare/compare.hpp>
#include <ravine/data/error.hpp>

using namespace ravine;
using namespace ravine::compare;
using doctest::Approx;
using doctest::Contains;
using Values = std::vector<double>;

namespace {

const double infinity = std::numeric_limits<double>::infinity();

/// Removed at the end of its scope.
struct Folder {
  std::filesystem::path path;
  explicit Folder(const std::string& name)
      : path(std::filesystem::temp_directory_path() / ("ravine-" + name + std::to_string(getpid()))) {}
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const char* name) const { return (path / name).string(); }
  std::string read(const char* name) const {
    std::ifstream in(path / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

Problem bowl() { return {.name = "bowl", .make = {}, .minimum = 0.0}; }
Problem net() { return {.name = "net, of 2", .make = {}, .guess = 1.0}; }
Method sgd() { return {"sgd", "sgd", {{"lr", 1e-3, 1.0}}}; }
Method adam() { return {"adam:lr=0.1", "adam:lr=0.1", {}}; }

/// Of a method of the tests' comparison: it ends at `loss`, and reaches the main target, of one with a known minimum,
/// after so many evaluations.
Run run_of(const std::string& problem, const std::string& method, Phase phase, std::uint64_t seed, double loss,
           Index evaluations = Run::never) {
  Run run;
  run.problem = problem;
  run.method = run.options = method;
  run.phase = phase;
  run.seed = seed;
  run.steps = run.evaluations = 100;
  run.start_loss = 2.0;
  run.final_loss = run.best_loss = loss;
  run.evaluations_to_target.fill(Run::never);
  for (std::size_t k = 0; k <= 12 && evaluations != Run::never; ++k) run.evaluations_to_target[k] = evaluations;
  return run;
}

Run diverged(Run run) {
  run.status = Status::diverged;
  run.final_loss = std::nan("");
  run.diverged_at = 100;
  run.reason = "the loss is \"NaN\"";
  return run;
}

/// Two methods on the bowl: two trials of SGD with one seed each, then two scoring seeds.
Results small() {
  std::vector<Run> runs;
  for (const char* method : {"adam:lr=0.1", "sgd"})
    for (const Phase phase : {Phase::final, Phase::defaults})
      for (const std::uint64_t seed : {2, 1})
        runs.push_back(run_of("bowl", method, phase, seed, 0.25 * static_cast<double>(seed), 40 * (Index(seed) + 1)));
  for (const Index trial : {1, 0}) {
    runs.push_back(run_of("bowl", "sgd", Phase::tune, 1000001, trial == 1 ? 0.5 : 0.25, trial == 1 ? 60 : Run::never));
    runs.back().trial = trial;
  }
  return {{bowl()}, {sgd(), adam()}, {.trials = 2, .tune_seeds = 1, .seeds = 2, .budget = 100}, runs};
}

}  // namespace

TEST_CASE("runs are sorted as problems and methods were given, by phase, trial and seed") {
  const Results results = small();
  std::ostringstream order;
  for (const Run& run : results.runs())
    order << run.method[0] << name(run.phase)[0] << run.trial << '/' << run.seed % 1000 << ' ';
  CHECK(order.str() == "st0/1 st1/1 sd-1/1 sd-1/2 sf-1/1 sf-1/2 ad-1/1 ad-1/2 af-1/1 af-1/2 ");
  auto more = results.runs();
  for (const Index trial : {1, 0}) {
    more.push_back(run_of("bowl", "sgd", Phase::tune, 1000002, 0.5));
    more.back().trial = trial;
  }
  const Results two_seeds(results.problems(), results.methods(), results.protocol(), more);
  CHECK(two_seeds.runs()[1].trial == 0);
  CHECK(two_seeds.runs()[1].seed == 1000002);
  CHECK(two_seeds.runs()[2].trial == 1);
  CHECK(results.runs("bowl", "sgd", Phase::tune).size() == 2);
  CHECK(results.runs("bowl", "adam:lr=0.1", Phase::tune).empty());
  CHECK(results.runs("bowl", "adam:lr=0.1", Phase::final)[1].seed == 2);
  CHECK_THROWS_WITH_AS(results.runs("bowl", "sgd:x", Phase::final), "Results: no method of the comparison is sgd:x",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Results({net()}, {sgd()}, {}, {run_of("bowl", "sgd", Phase::final, 1, 1.0)}),
                       "Results: no problem of the comparison is bowl", std::invalid_argument);
}

TEST_CASE("a comparison is complete when all of its runs are there") {
  const Results results = small();
  CHECK(results.complete());
  for (std::size_t lost = 0; lost < results.runs().size(); ++lost) {
    auto runs = results.runs();
    runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(lost));
    const Results fewer(results.problems(), results.methods(), results.protocol(), runs);
    CHECK_FALSE(fewer.complete());
    CHECK_THROWS_WITH_AS(fewer.save("/nowhere"), "Results::save: the comparison was interrupted", std::logic_error);
  }
  CHECK(Results({bowl()}, {adam()}, {.trials = 0, .seeds = 1}, {run_of("bowl", "adam:lr=0.1", Phase::defaults, 1, 1.0)})
            .complete());
}

TEST_CASE("a row counts failures as infinite, in evaluations and in losses") {
  std::vector<Run> runs;
  for (const std::uint64_t seed : {1, 2, 3, 4, 5})
    runs.push_back(run_of("bowl", "sgd", Phase::defaults, seed, 0.1 * static_cast<double>(seed), 10 * Index(seed)));
  runs[0] = diverged(run_of("bowl", "sgd", Phase::defaults, 1, 0.1));
  runs[1].evaluations_to_target.fill(Run::never);
  const Results results({bowl()}, {sgd()}, {.trials = 0, .seeds = 5}, runs);
  REQUIRE(results.table().size() == 1);
  const Row& row = results.table()[0];
  CHECK(row.phase == Phase::defaults);
  CHECK(row.target == 12);
  CHECK(row.median_evaluations == 50.0);  // of 30, 40, 50 and two failures
  CHECK(row.low == 30.0);
  CHECK(row.high == infinity);
  CHECK(row.reached == 0.6);
  CHECK(row.final_loss.q1 == Approx(0.3));
  CHECK(row.final_loss.median == Approx(0.4));
  CHECK(row.final_loss.q3 == Approx(0.5));
  CHECK(std::isnan(row.test_loss.median));
  runs[2].final_loss = std::nan("");
  runs[2].status = Status::diverged;
  CHECK(Results({bowl()}, {sgd()}, {.trials = 0, .seeds = 5}, runs).table()[0].final_loss.q3 == infinity);
}

TEST_CASE("a test loss that a run does not have, where others have one, is a failure") {
  std::vector<Run> runs;
  for (const std::uint64_t seed : {1, 2, 3}) {
    runs.push_back(run_of("net, of 2", "sgd", Phase::defaults, seed, 0.5));
    if (seed > 1) runs.back().test_loss = static_cast<double>(seed);
  }
  const Row row = Results({net()}, {sgd()}, {.trials = 0, .seeds = 3}, runs).table()[0];
  CHECK(row.target == 21);
  CHECK(row.test_loss.median == 3.0);
  CHECK(row.test_loss.q1 == 2.5);
  CHECK(row.test_loss.q3 == infinity);
}

TEST_CASE("a row's command fixes all and can be given to a shell") {
  CHECK(small().table()[0].command ==
        "ravine compare --problems bowl --optimizers sgd --trials 0 --seeds 2 --budget 100");
  Run run = run_of("net, of 2", "sgd", Phase::defaults, 1, 0.5);
  run.options = "sam(sgd:lr=0.1):rho=it's";
  const Results results({net()}, {sgd()}, {.trials = 0, .seeds = 1, .budget = 7}, {run});
  CHECK(results.table()[0].options == run.options);
  CHECK(results.table()[0].command ==
        "ravine compare --problems 'net, of 2' --optimizers 'sam(sgd:lr=0.1):rho=it'\\''s' --trials 0 --seeds 1 "
        "--budget 7");
}

TEST_CASE("targets of a network lead from the guess to the lowest loss of all runs") {
  // G = 1, B = 2^-29: target k is 2^-(k+1).
  Run best = run_of("net, of 2", "sgd", Phase::tune, 1000001, std::exp2(-29.0));
  best.trial = 0;
  best.improvements = {{3, 0.75}, {5, 0.5}, {9, 0.2}, {11, std::exp2(-29.0)}};
  Run other = run_of("net, of 2", "sgd", Phase::defaults, 1, 0.3);
  other.start_loss = 0.5;  // below target 0 before any step
  other.improvements = {{4, 0.3}, {8, 0.25}};
  const Results results({net()}, {sgd()}, {.trials = 1, .tune_seeds = 1, .seeds = 1}, {best, other});
  const Targets& targets = results.targets("net, of 2");
  CHECK(targets.kind == Targets::losses);
  CHECK(targets.guess == 1.0);
  CHECK(targets.main == 21);
  for (std::size_t k = 0; k < target_count; ++k) CHECK(targets.values[k] == Approx(std::exp2(-1.0 - double(k))));
  CHECK(targets.values.back() == std::exp2(-29.0));
  const Run& tuned = results.runs()[0];
  CHECK(tuned.status == Status::reached);
  CHECK(tuned.evaluations_to_target[0] == 5);
  CHECK(tuned.evaluations_to_target[1] == 9);
  CHECK(tuned.evaluations_to_target[2] == 11);
  CHECK(tuned.evaluations_to_target[28] == 11);
  const Run& started = results.runs()[1];
  CHECK(started.status == Status::budget);
  CHECK(started.evaluations_to_target[0] == 0);
  CHECK(started.evaluations_to_target[1] == 8);
  CHECK(started.evaluations_to_target[2] == Run::never);
}

TEST_CASE("targets of a network: without a guess, without a fall, with a loss of 0, and given ones") {
  const auto targets_of = [](Problem problem, double loss, Protocol protocol) {
    protocol.trials = 0;
    protocol.seeds = 2;
    std::vector<Run> runs;
    for (const std::uint64_t seed : {2, 1}) {
      runs.push_back(run_of(problem.name, "sgd", Phase::defaults, seed, loss));
      runs.back().start_loss = 4.0 * static_cast<double>(seed);
      runs.back().improvements = {{1, loss}};
    }
    runs.push_back(run_of(problem.name, "sgd", Phase::tune, 1000001, loss));  // comes first, and starts elsewhere
    runs.back().start_loss = 100.0;
    runs.back().improvements = {{1, loss}};
    const Results results({problem}, {sgd()}, protocol, runs);
    return std::pair(results.targets(problem.name), results.runs()[1]);
  };
  Problem mine = net();
  mine.guess = std::nan("");
  CHECK(targets_of(mine, 1.0, {}).first.guess == 4.0);  // where the first scoring seed starts
  CHECK(targets_of(net(), 3.0, {}).first.values[28] == 1.0);
  CHECK(targets_of(net(), 3.0, {}).first.values[0] == 1.0);
  CHECK(targets_of(net(), 0.0, {}).first.values[28] == 1e-12);
  CHECK(targets_of(net(), infinity, {}).first.values[28] == 1.0);
  mine.guess = 0.0;
  CHECK(targets_of(mine, 3.0, {}).first.values[0] == 0.0);
  CHECK(targets_of(mine, 3.0, {}).second.evaluations_to_target[28] == Run::never);
  mine.guess = -1.0;
  CHECK(targets_of(mine, -30.0, {}).first.values[0] == Approx(-2.0));
  CHECK(targets_of(mine, -30.0, {}).first.values[28] == -30.0);
  mine.guess = infinity;
  CHECK(std::isnan(targets_of(mine, 3.0, {}).first.values[28]));
  Protocol given;
  given.targets["net, of 2"].fill(0.25);
  given.targets["net, of 2"][0] = 0.5;
  const auto [targets, run] = targets_of(net(), 0.3, given);
  CHECK(targets.values == given.targets["net, of 2"]);
  CHECK(run.evaluations_to_target[0] == 1);
  CHECK(run.evaluations_to_target[1] == Run::never);
}

TEST_CASE("targets of a known minimum are fractions, those of a saddle falls") {
  Problem saddle{.name = "pass", .make = {}, .minimum = -infinity};
  const Results results({bowl(), saddle}, {sgd()}, {.seeds = 1}, {});
  CHECK(results.targets("bowl").kind == Targets::fractions);
  CHECK(results.targets("bowl").values[0] == Approx(0.1));
  CHECK(results.targets("bowl").values[12] == Approx(1e-4));
  CHECK(results.targets("pass").kind == Targets::falls);
  CHECK(results.targets("pass").main == 20);
  CHECK(results.targets("pass").values[20] == Approx(1.0));
}

TEST_CASE("over all problems: distribution, profile and score by trials") {
  const Results results = small();
  // Of 2 seeds and 29 targets 13 are reached by each seed, after 80 and 120 evaluations.
  const auto ecdf = results.ecdf("sgd", Phase::final);
  REQUIRE(ecdf.size() == 2);
  CHECK(ecdf[0] == Step{80.0, 13.0 / 58.0});
  CHECK(ecdf[1] == Step{120.0, 26.0 / 58.0});
  CHECK(results.profile("sgd", Phase::final) == std::vector<Step>{{1.0, 1.0}});
  // Trial 0 has the lower loss and reaches nothing, trial 1 reaches 13 of 29 targets: one of both is drawn, or both.
  const Values scores = results.score_by_trials("sgd");
  REQUIRE(scores.size() == 2);
  CHECK(scores[0] == Approx(13.0 / 58.0));
  CHECK(scores[1] == 0.0);
  CHECK(results.score_by_trials("adam:lr=0.1").empty());
  auto failed = results.runs();
  failed[0].status = Status::diverged;  // trial 0, though its last loss was the lower one
  const Results other(results.problems(), results.methods(), results.protocol(), failed);
  CHECK(other.score_by_trials("sgd")[1] == Approx(13.0 / 29.0));

  std::vector<Run> runs;
  for (const char* problem : {"bowl", "cup"})
    for (const char* method : {"sgd", "adam:lr=0.1"})
      runs.push_back(run_of(problem, method, Phase::defaults, 1, 0.5,
                            method[0] == 's'    ? 10
                            : problem[0] == 'b' ? 30
                                                : 90));
  Problem cup = bowl();
  cup.name = "cup";
  const Results two({bowl(), cup}, {sgd(), adam()}, {.trials = 0, .seeds = 1}, runs);
  CHECK(two.profile("sgd", Phase::defaults) == std::vector<Step>{{1.0, 1.0}});
  CHECK(two.profile("adam:lr=0.1", Phase::defaults) == std::vector<Step>{{3.0, 0.5}});  // 9 times is beyond the limit
}

TEST_CASE("the files of a comparison") {
  const Folder folder("compare-files");
  Run run = diverged(run_of("net, of 2", "adam:lr=0.1", Phase::defaults, 1, 0.1));
  run.improvements = {{2, 0.1}};
  run.curve = {{0, 0, 2.0, 3.0}, {1, 2, 0.1, std::nan(""), 5.0, -6.0}};
  run.seconds = 0.5;
  run.step_seconds = 0.25;
  const Results results({net()}, {adam()}, {.trials = 0, .seeds = 1, .budget = 50}, {run});
  results.save(folder.path.string(), false);
  std::string targets;
  for (int k = 0; k < 29; ++k) targets += ",2";
  std::string header =
      "problem,method,phase,trial,seed,options,status,steps,evaluations,start_loss,final_loss,"
      "best_loss,test_loss,diverged_at,reason,evaluations_to_target_00";
  CHECK(folder.read("runs.csv").starts_with(header + ",evaluations_to_target_01,"));
  CHECK(folder.read("runs.csv")
            .ends_with(
                "evaluations_to_target_28\n\"net, of 2\",adam:lr=0.1,defaults,,1,adam:lr=0.1,diverged,100,100,2,nan,"
                "0.10000000000000001,,100,\"the loss is \"\"NaN\"\"\"" +
                targets + "\n"));
  CHECK(folder.read("curves.csv") ==
        "problem,method,phase,seed,step,evaluations,loss,test_loss,x,y\n"
        "\"net, of 2\",adam:lr=0.1,defaults,1,0,0,2,3,,\n"
        "\"net, of 2\",adam:lr=0.1,defaults,1,1,2,0.10000000000000001,,5,-6\n");
  CHECK(folder.read("timings.csv") ==
        "problem,method,phase,trial,seed,seconds,seconds_per_step\n"
        "\"net, of 2\",adam:lr=0.1,defaults,,1,0.5,0.0025\n");
  const auto json = nlohmann::json::parse(folder.read("results.json"));
  CHECK(json["version"] == 1);
  CHECK(json["protocol"]["budget"] == 50);
  CHECK(json["problems"][0]["name"] == "net, of 2");
  CHECK(json["problems"][0]["targets_are"] == "losses");
  CHECK(json["problems"][0]["guess"] == 1.0);
  CHECK(json["problems"][0]["start_loss"] == 2.0);
  CHECK(json["problems"][0]["minimum"].is_null());
  CHECK(json["problems"][0]["targets"][28] == 0.1);
  CHECK(json["methods"][0]["search_space"].empty());
  const auto& row = json["table"][0];
  CHECK(row["phase"] == "defaults");
  CHECK(row["target"] == 21);
  CHECK(row["median_evaluations"] == 2.0);
  CHECK(row["final_loss"]["median"].is_null());
  CHECK(row["test_loss"].is_null());
  CHECK(json["over_all"][0]["ecdf"].back() == std::vector<double>{50.0, 1.0});
  CHECK(folder.read("results.json").find(folder.path.string()) == std::string::npos);
  small().save(folder.path.string(), false);  // with a last step that goes beyond the budget of 100
  CHECK(nlohmann::json::parse(folder.read("results.json"))["over_all"][0]["ecdf"].back() ==
        std::vector<double>{120.0, 26.0 / 58.0});
}

TEST_CASE("files that cannot be written, and what is no results.json") {
  CHECK_THROWS_WITH_AS(small().save("/dev/null/x"), Contains("Results::save: cannot make the folder /dev/null/x: "),
                       FileError);
  const Folder folder("compare-targets");
  CHECK_THROWS_WITH_AS(read_targets(folder.file("no.json")), Contains("cannot open "), FileError);
  small().save(folder.path.string(), false);
  CHECK(read_targets(folder.file("results.json")).empty());  // a known minimum needs none
  for (const char* file : {"runs.csv", "curves.csv"})
    CHECK_THROWS_WITH_AS(read_targets(folder.file(file)), Contains("is no results.json of a comparison"),
                         data::FormatError);
  std::ofstream(folder.path / "other.json") << R"({"problems": [{"name": "net"}]})";
  CHECK_THROWS_WITH_AS(read_targets(folder.file("other.json")), Contains("is no results.json"), data::FormatError);
  Run run = run_of("net, of 2", "adam:lr=0.1", Phase::defaults, 1, 0.125);
  const Results results({net()}, {adam()}, {.trials = 0, .seeds = 1}, {run});
  results.save(folder.path.string(), false);
  CHECK(read_targets(folder.file("results.json")).at("net, of 2") == results.targets("net, of 2").values);
  std::string rising = R"({"problems": [{"name": "net", "targets_are": "losses", "targets": [1)";
  for (int k = 0; k < 28; ++k) rising += ", 2";
  std::ofstream(folder.path / "other.json") << rising << "]}]}";
  CHECK_THROWS_WITH_AS(read_targets(folder.file("other.json")), Contains("other.json: the targets of net ascend"),
                       data::FormatError);
}
