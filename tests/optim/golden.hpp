// Runs the reference files of tests/golden: optimizer trajectories and the tables beside them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "golden_functions.hpp"

namespace golden {

/// How to run a file's trajectories.
struct How {
  ravine::DType dtype = ravine::f64;  // f32: by its own, looser rule
  bool split = false;                 // the parameters as two Variables of different shapes instead of one
};

/// What came of a file's cases.
struct Report {
  int cases = 0, ran = 0, passed = 0;
  std::map<std::string, int> not_expressible;  // cases that no class can run yet, counted by the reason
  double worst = 0.0;                          // largest deviation, in units of the tolerance
  std::vector<std::string> failures;

  bool ok() const { return failures.empty() && passed == ran; }
};

Json read_json(const std::string& path);

/// Checks a file of any kind. An optimizer, option, function or kind of file that is not known is a failure, never
/// passed over.
Report check_file(const Json& file, const Json& functions, const How& how = {});

/// Runs a trajectory twice, once with the optimizer replaced after `steps` updates by a new one that has loaded its
/// state: true if every update gives the same bits. False as well for a case that cannot be run.
bool survives_reload(const Json& one_case, const Json& functions, const How& how, int steps);

}  // namespace golden
