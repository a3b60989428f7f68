// Every trajectory of tests/golden, at the tolerance the files state.
#include "golden.hpp"

#include <doctest/doctest.h>

namespace rv = ravine;
using golden::Json;

namespace {

const std::string directory = RAVINE_SOURCE "/tests/golden/";

struct Expected {
  const char* file;
  int ran;
  int whole_only = 0;  // of these cannot run with the parameters in two
};

constexpr Expected trajectories[] = {
    {"adabelief.json", 22},
    {"adadelta.json", 21},
    {"adagrad_rms.json", 16},
    {"adagrad_sum.json", 21},
    {"adahessian_exact.json", 18, 1},
    {"adahessian_hutchinson.json", 8, 1},
    {"adam.json", 18},
    {"adam_decay.json", 20},
    {"adam_forms.json", 16},
    {"clipped_regularized.json", 12},
    {"degenerate.json", 21},
    {"factored_adam.json", 4, 3},
    {"gd.json", 12},
    {"momentum_accumulator.json", 15},
    {"momentum_velocity.json", 15},
    {"nesterov_lookahead.json", 17},
    {"nesterov_reparam.json", 17},
    {"rmsprop_eps_inside.json", 16},
    {"rmsprop_eps_outside.json", 16},
    {"rmsprop_first_gradient.json", 16},
    {"sam.json", 19},
    {"scheduled.json", 20},
    {"sgd_stochastic.json", 8},
};

const Json& functions() {
  static const Json file = golden::read_json(directory + "functions.json");
  return file;
}

void check(const Expected& expected, const golden::How& how) {
  CAPTURE(expected.file);
  const golden::Report report = golden::check_file(golden::read_json(directory + expected.file), functions(), how);
  for (const std::string& failure : report.failures) FAIL_CHECK(failure);
  int not_expressible = 0;
  for (const auto& [reason, count] : report.not_expressible) not_expressible += count;
  CHECK(not_expressible == (how.split ? expected.whole_only : 0));
  CHECK(report.ran == expected.ran - not_expressible);
  CHECK(report.passed == report.ran);
}

}  // namespace

TEST_CASE("golden: functions have the reference's values and derivatives of first and second order") {
  check({"functions.json", 14}, {});
}

TEST_CASE("golden: the tests' schedules, clipping and regularizers agree with the tables") {
  check({"schedules.json", 10}, {});
  check({"clipping.json", 30}, {});
  check({"regularizers.json", 16}, {});
}

TEST_CASE("golden: SAM's perturbation agrees with the table in every norm") {
  check({"sam_perturbation.json", 60}, {});
}

TEST_CASE("golden: gradient descent follows the closed form") { check({"closed_form_gd.json", 20}, {}); }

TEST_CASE("golden: trajectories in f64") {
  for (const Expected& expected : trajectories) check(expected, {});
}

TEST_CASE("golden: the same trajectories with the parameters in two Variables of different shapes") {
  for (const Expected& expected : trajectories) check(expected, {.split = true});
}

TEST_CASE("golden: the first 20 updates in f32") {
  for (const Expected& expected : trajectories) check(expected, {.dtype = rv::f32});
}

TEST_CASE("golden: a state saved and loaded in the middle changes no bit") {
  for (const auto& [file, ran, whole_only] : trajectories)
    for (const rv::DType dtype : {rv::f32, rv::f64}) {
      const Json cases = golden::read_json(directory + file).at("cases");
      for (const Json& c : cases) {
        CAPTURE(c.at("id").get<std::string>());
        CHECK(golden::survives_reload(c, functions(), {.dtype = dtype, .split = whole_only == 0}, 7));
      }
    }
}

TEST_CASE("golden: a wrong trajectory and unknown words are failures") {
  Json file = golden::read_json(directory + "gd.json");
  Json c = file.at("cases")[0];
  file["cases"] = Json::array({c});
  CHECK(golden::check_file(file, functions()).ok());

  const auto failure = [&](const Json& changed) {
    file["cases"][0] = changed;
    const golden::Report report = golden::check_file(file, functions());
    CHECK(!report.ok());
    CHECK(report.not_expressible.empty());
    return report.failures.empty() ? std::string() : report.failures[0];
  };
  Json wrong = c;
  wrong["trajectory"][5][1] = wrong["trajectory"][5][1].get<double>() * (1.0 + 1e-9) + 1e-11;
  CHECK(failure(wrong).find("theta after 6 updates[1]") != std::string::npos);
  wrong = c;
  wrong["optimizer"] = "rprop";
  CHECK(failure(wrong).find("optimizer rprop") != std::string::npos);
  wrong = c;
  wrong["options"]["trust"] = 1.0;
  CHECK(failure(wrong).find("option trust") != std::string::npos);
  wrong = c;
  wrong["options"]["form"] = "heavy";
  CHECK(failure(wrong).find("form \"heavy\"") != std::string::npos);
}
