// Statistics against numbers worked out by hand.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include <ravine/compare/statistics.hpp>

using namespace ravine;
using namespace ravine::compare;
using doctest::Approx;
using doctest::Contains;
using Values = std::vector<double>;

static const double infinity = std::numeric_limits<double>::infinity();

TEST_CASE("a median counts failures as the largest values") {
  CHECK(median({3.0}) == 3.0);
  CHECK(median({4.0, 1.0, 3.0}) == 3.0);
  CHECK(median({4.0, 1.0, 3.0, 2.0}) == 2.5);
  CHECK(median({infinity, 1.0, infinity, 2.0, 3.0}) == 3.0);
  CHECK(median({infinity, 1.0, infinity, 2.0}) == infinity);
  CHECK(median({infinity, infinity}) == infinity);
  CHECK_THROWS_WITH_AS(median({}), "median: there are no values", std::invalid_argument);
  CHECK_THROWS_WITH_AS(median({1.0, std::nan("")}), Contains("median: a value is NaN"), std::invalid_argument);
}

TEST_CASE("quartiles interpolate between values, and are infinite where an infinite one counts") {
  const Quartiles five = quartiles({5.0, 1.0, 4.0, 2.0, 3.0});
  CHECK(five.q1 == 2.0);
  CHECK(five.median == 3.0);
  CHECK(five.q3 == 4.0);
  const Quartiles four = quartiles({1.0, 2.0, 4.0, 8.0});  // places 0.75 and 2.25
  CHECK(four.q1 == 1.75);
  CHECK(four.median == 3.0);
  CHECK(four.q3 == 5.0);
  const Quartiles failed = quartiles({1.0, 2.0, 3.0, infinity, infinity});
  CHECK(failed.q1 == 2.0);
  CHECK(failed.median == 3.0);
  CHECK(failed.q3 == infinity);
  CHECK(quartiles({1.0, 2.0, 3.0, infinity}).q3 == infinity);  // a quarter of the way from 3
  CHECK(quartiles({1.0, 2.0, 3.0, 4.0, infinity}).q3 == 4.0);
  CHECK(quartiles({1.0, 2.0, 3.0, infinity, infinity, infinity}).q3 == infinity);  // between two of them
  CHECK(quartiles({7.0}).q3 == 7.0);
  CHECK_THROWS_WITH_AS(quartiles({}), "quartiles: there are no values", std::invalid_argument);
}

TEST_CASE("a bootstrap interval leaves out 250 medians at each end") {
  // Of three values a resample's median is the lowest with probability 7/27, and so is the highest: both are in.
  const Interval three = MedianBootstrap(3)({30.0, 10.0, 20.0});
  CHECK(three.low == 10.0);
  CHECK(three.high == 30.0);
  // The probability that a median lies at or below the lower end, and below it: 0.0304 and 0.0017 for 9 values, 0.0346
  // and 0.0199 for 20, where it is the mean of two. For an odd n it is that of n/2 or more binomial successes.
  const auto up_to = [](double n) {
    Values values;
    for (double x = n; x >= 1.0; --x) values.push_back(x);
    return values;
  };
  for (const std::uint64_t seed : {0, 1, 2}) {
    CHECK(MedianBootstrap(9, seed)(up_to(9.0)).low == 2.0);
    CHECK(MedianBootstrap(9, seed)(up_to(9.0)).high == 8.0);
    CHECK(MedianBootstrap(20, seed)(up_to(20.0)).low == 6.5);
    CHECK(MedianBootstrap(20, seed)(up_to(20.0)).high == 14.5);
  }
  const auto low = [&](std::uint64_t seed) { return MedianBootstrap(200, seed)(up_to(200.0)).low; };
  CHECK(low(1) == low(1));
  CHECK((low(1) != low(2) || low(1) != low(3) || low(1) != low(4)));
}

TEST_CASE("a bootstrap interval holds the median whatever failed, and depends on n, the seed and the values alone") {
  for (Index n = 1; n <= 6; ++n)
    for (Index failed = 0; failed <= n; ++failed) {
      Values values(static_cast<std::size_t>(n), infinity);
      for (Index i = 0; i < n - failed; ++i) values[static_cast<std::size_t>(i)] = std::exp(static_cast<double>(i));
      const Interval interval = MedianBootstrap(n)(values);
      CHECK(interval.low <= median(values));
      CHECK(median(values) <= interval.high);
    }
  const Values values{5.0, 1.0, 4.0, 2.0, 3.0, 8.0, 6.0, 9.0};
  const Interval a = MedianBootstrap(8, 7)(values), b = MedianBootstrap(8, 7)({9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0});
  CHECK(a.low == b.low);
  CHECK(a.high == b.high);
  CHECK(MedianBootstrap(2)({1.0, infinity}).low == 1.0);
  CHECK(MedianBootstrap(2)({1.0, infinity}).high == infinity);
  CHECK_THROWS_WITH_AS(MedianBootstrap(0), "MedianBootstrap: n must be > 0, got 0", std::invalid_argument);
  CHECK_THROWS_WITH_AS(MedianBootstrap(2)({1.0}), "MedianBootstrap: 1 values, expected 2", std::invalid_argument);
}

TEST_CASE("an empirical distribution counts what was not reached, and ends at the limit") {
  CHECK(ecdf({20.0, 10.0, infinity, 10.0, 40.0}) == std::vector<Step>{{10.0, 0.4}, {20.0, 0.6}, {40.0, 0.8}});
  CHECK(ecdf({20.0, 10.0, infinity, 10.0, 40.0}, 20.0) == std::vector<Step>{{10.0, 0.4}, {20.0, 0.6}});
  CHECK(ecdf({infinity}).empty());
  CHECK(ecdf({}).empty());
  CHECK_THROWS_WITH_AS(ecdf({std::nan("")}), Contains("ecdf: a value is NaN"), std::invalid_argument);
}

TEST_CASE("a performance profile compares with the best method of each problem") {
  const auto ratio = ratios_to_best({{100.0, 30.0, infinity, 0.0}, {200.0, 10.0, infinity, 0.0}});
  CHECK(ratio[0] == Values{1.0, 3.0, infinity, 1.0});
  CHECK(ratio[1] == Values{2.0, 1.0, infinity, 1.0});
  CHECK(ecdf(ratio[0], 8.0) == std::vector<Step>{{1.0, 0.5}, {3.0, 0.75}});
  CHECK(ratios_to_best({}).empty());
}

TEST_CASE("the expected best of k trials runs from the mean to the best") {
  // Of two of three trials the best is in with probability 2/3, else the second is the better one.
  const Values expected = expected_best({9.0, 6.0, 3.0});
  REQUIRE(expected.size() == 3);
  CHECK(expected[0] == Approx(6.0));
  CHECK(expected[1] == Approx(8.0));
  CHECK(expected[2] == 9.0);
  CHECK(expected_best({4.0}) == Values{4.0});
  CHECK(expected_best({}).empty());
}
