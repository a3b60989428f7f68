// Runs the reference files of tests/golden: optimizer trajectories and the tables beside them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "golden_functions.hpp"

namespace golden {

/// How a file's trajectories are run.
struct Settings {
  ravine::DType dtype = ravine::f64;  // f32: by its own, looser rule
  bool split = false;                 // the parameters as two Variables of different shapes instead of one
};

/// What came of a file's cases.
struct Report {
  int cases = 0, ran = 0, passed = 0;
  std::map<std::string, int> not_expressible;  // cases that no class can run yet, counted by the reason
  std::map<std::string, int> unknown;          // cases that name what the runner does not know, with what it knows
  double worst = 0.0;                          // largest deviation, in units of the tolerance
  std::vector<std::string> failures;

  bool ok() const { return failures.empty() && unknown.empty() && passed == ran; }
};

Json read_json(const std::string& path);

/// Whether the case's update mixes elements of a parameter, so that another division into parameters is another one.
bool depends_on_shape(const Json& one_case);

/// Checks a file of any kind. A case with an optimizer, option, function or other word that is not known is counted,
/// and not ok; the other cases run.
Report check_file(const Json& file, const Json& functions, const Settings& settings = {});

/// Runs a trajectory twice, once with the optimizer replaced after `steps` updates by a new one that has loaded its
/// state: true if every update gives the same bits.
bool survives_reload(const Json& file, const Json& one_case, const Json& functions, const Settings& settings,
                     int steps);

}  // namespace golden
