// Runs: targets, scores, seeds, and that a run is the same wherever it is made.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include <ravine/compare/run.hpp>

using namespace ravine;
using namespace ravine::compare;

TEST_CASE("targets are four to a decade: of the way to the minimum, or of the fall where there is none") {
  const auto way = targets(2.0, 12.0);
  CHECK(way[0] == doctest::Approx(2.0 + 1.0));
  CHECK(way[12] == doctest::Approx(2.0 + 1e-3));
  CHECK(way[28] - 2.0 == doctest::Approx(1e-7));
  const auto fall = targets(-std::numeric_limits<double>::infinity(), 0.25);
  CHECK(fall[0] == doctest::Approx(0.25 - 1e-5));
  CHECK(fall[20] == doctest::Approx(-0.75));
  CHECK(fall[28] == doctest::Approx(0.25 - 100.0));
}

TEST_CASE("no seed serves tuning and scoring") {
  const Protocol most{.tune_seeds = 100000, .seeds = 1000000};
  most.check();
  const auto scoring = most.scoring_seeds();
  const std::set<std::uint64_t> set(scoring.begin(), scoring.end());
  CHECK(set.size() == 1000000);
  for (const std::uint64_t seed : most.tuning_seeds()) REQUIRE(!set.contains(seed));
}
