// Every file of tests/golden, at the tolerance it states.
#include "golden.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include <doctest/doctest.h>

namespace rv = ravine;
using golden::Json;

namespace {

const std::string directory = RAVINE_SOURCE "/tests/golden/";

const Json& functions() {
  static const Json file = golden::read_json(directory + "functions.json");
  return file;
}

std::map<std::string, Json> trajectories_in(const std::string& folder) {
  std::map<std::string, Json> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    Json file = golden::read_json(entry.path().string());
    if (file.at("schema") == "ravine-golden-trajectories/1") all[entry.path().filename().string()] = std::move(file);
  }
  return all;
}

/// Every file of trajectories, by name: those that make.py makes, and those of other libraries.
const std::map<std::string, Json>& trajectories() {
  static const std::map<std::string, Json> files = trajectories_in(directory);
  return files;
}
const std::map<std::string, Json>& peers() {
  static const std::map<std::string, Json> files = trajectories_in(directory + "peers/");
  return files;
}

/// Every case passes, but for those that are not expressible, whose number it returns.
int check(const std::string& name, const Json& file, const golden::Settings& settings = {}) {
  CAPTURE(name);
  const golden::Report report = golden::check_file(file, functions(), settings);
  for (const std::string& failure : report.failures) FAIL_CHECK(failure);
  for (const auto& [what, count] : report.unknown) FAIL_CHECK(what);
  int not_expressible = 0;
  for (const auto& [reason, count] : report.not_expressible) not_expressible += count;
  CHECK(report.cases > 0);
  CHECK(report.passed == report.cases - not_expressible);
  return not_expressible;
}

void check_table(const std::string& name) { CHECK(check(name, golden::read_json(directory + name)) == 0); }

/// Of all trajectories.
int check_trajectories(const golden::Settings& settings) {
  int not_expressible = 0;
  for (const auto& [name, file] : trajectories()) not_expressible += check(name, file, settings);
  return not_expressible;
}

}  // namespace

TEST_CASE("golden: functions have the reference's values and derivatives of first and second order") {
  check_table("functions.json");
}

TEST_CASE("golden: the tests' schedules, clipping and regularizers agree with the tables") {
  check_table("schedules.json");
  check_table("clipping.json");
  check_table("regularizers.json");
}

TEST_CASE("golden: SAM's perturbation agrees with the table in every norm") { check_table("sam_perturbation.json"); }

TEST_CASE("golden: gradient descent follows the closed form") { check_table("closed_form_gd.json"); }

TEST_CASE("golden: trajectories in f64") {
  CHECK(trajectories().size() == 25);
  CHECK(check_trajectories({}) == 0);
}

TEST_CASE("golden: the same trajectories with the parameters in two Variables of different shapes") {
  CHECK(check_trajectories({.split = true}) == 5);  // whose update mixes the elements of a parameter
}

TEST_CASE("golden: the first 20 updates in f32") { CHECK(check_trajectories({.dtype = rv::f32}) == 0); }

TEST_CASE("golden: other libraries' trajectories, in f64 and the first 20 updates in f32") {
  CHECK(peers().size() == 34);
  for (const rv::DType dtype : {rv::f64, rv::f32})
    for (const auto& [name, file] : peers()) CHECK(check(name, file, {.dtype = dtype}) == 0);
}

TEST_CASE("golden: a state saved and loaded in the middle changes no bit") {
  for (const auto& files : {trajectories(), peers()})
    for (const auto& [name, file] : files)
      for (const rv::DType dtype : {rv::f32, rv::f64})
        for (const Json& c : file.at("cases")) {
          CAPTURE(c.at("id").get<std::string>());
          const bool split = !golden::depends_on_shape(c);
          CHECK(golden::survives_reload(file, c, functions(), {.dtype = dtype, .split = split}, 7));
        }
}

TEST_CASE("golden: a wrong trajectory is a failure") {
  Json file = trajectories().at("gd.json");
  file["cases"] = Json::array({file.at("cases")[0]});
  CHECK(golden::check_file(file, functions()).ok());
  Json& coordinate = file["cases"][0]["trajectory"][5][1];
  coordinate = coordinate.get<double>() * (1.0 + 1e-9) + 1e-11;
  const golden::Report report = golden::check_file(file, functions());
  CHECK(!report.ok());
  CHECK(report.failures.size() == 1);
  CHECK(report.failures.at(0).find("theta after 6 updates[1]") != std::string::npos);
}

TEST_CASE("golden: what is not known is named, with what is, and the other cases run") {
  Json file = trajectories().at("gd.json");
  const Json right = file.at("cases");
  const auto unknown = [&](const char* key, const Json& value) {
    file["cases"] = right;
    file["cases"][1].merge_patch({{key, value}});
    const golden::Report report = golden::check_file(file, functions());
    CHECK(!report.ok());
    CHECK(report.failures.empty());
    CHECK(report.passed == report.cases - 1);
    REQUIRE(report.unknown.size() == 1);
    return report.unknown.begin()->first;
  };
  const auto starts = [](const std::string& text, const char* start) {
    CAPTURE(text);
    CHECK(text.starts_with(start));
  };
  starts(unknown("optimizer", "cprop"),
         "not known: make: no optimizer 'cprop', there are: adabelief, adabound, adadelta,");
  starts(unknown("options", {{"trust", 1.0}}), "not known: sgd: no option 'trust', there are: lr, momentum,");
  starts(unknown("options", {{"form", "heavy"}}),
         "not known: sgd: form must be one of accumulator, velocity, got 'heavy'");
  starts(unknown("function", "valley"), "not known: function valley (known: beale, rosenbrock,");
  starts(unknown("schedule", {{"kind", "sawtooth"}}), "not known: schedule sawtooth (known: constant, step,");
  starts(unknown("clipping", {{"kind", "sign"}, {"limit", 1.0}}), "not known: clipping sign (known: value, norm)");
  starts(unknown("regularizer", {{"kind", "l0"}, {"lam", 1.0}}), "not known: regularizer l0 (known: half_l2, l2,");
}

TEST_CASE("golden: a file brings its functions, and needs none for a landscape") {
  Json file = trajectories().at("gd.json");
  file["cases"] = Json::array({file.at("cases")[5]});
  REQUIRE(file["cases"][0]["function"] == "quad_diag_1_50");
  file["cases"][0]["function"] = "bowl";
  CHECK(!golden::check_file(file, functions()).ok());
  file["functions"] = {{{"name", "bowl"}, {"params", {{"A", {{1.0, 0.0}, {0.0, 50.0}}}}}}};
  CHECK(golden::check_file(file, functions()).ok());
  file["cases"][0]["function"] = "ravine";  // the same, by the library
  file.erase("functions");
  CHECK(golden::check_file(file, Json::object()).ok());
}

TEST_CASE("golden: a case's parameters are Variables of their own") {
  Json file = trajectories().at("factored_adam.json");
  file["cases"] = Json::array({file.at("cases")[0]});
  file["cases"][0]["parameters"] = {{4, 3}};
  CHECK(golden::check_file(file, functions()).ok());
  file["cases"][0]["parameters"] = {{2, 3}, {2, 3}};
  CHECK(!golden::check_file(file, functions()).ok());
}
