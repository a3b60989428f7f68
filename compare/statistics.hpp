/// @file
/// Statistics of runs, some of which failed: infinity, the cost or loss of a failure, takes part as the largest value.
#pragma once

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <ravine/core/tensor.hpp>

namespace ravine::compare {

/// The value in the middle, or the mean of the two there. Throws std::invalid_argument for no values, or NaN.
double median(std::vector<double> values);

/// What a quarter, a half and three quarters of the values do not exceed.
struct Quartiles {
  double median, q1, q3;
};

/// Between two values by linear interpolation, as NumPy's percentile does by default; infinite if the upper one is and
/// counts. Throws as median.
Quartiles quartiles(std::vector<double> values);

/// From low to high, both included.
struct Interval {
  double low, high;
};

/// Bootstrap intervals of the median of n values: n of them are drawn with replacement 10,000 times over. Which ones is
/// decided by n and the seed alone, so that the same runs always have the same interval.
/// Source: Efron, Tibshirani: An Introduction to the Bootstrap (1993), 13.3, the percentile interval.
class MedianBootstrap {
 public:
  static constexpr Index resamples = 10000;

  /// Throws std::invalid_argument unless n > 0.
  explicit MedianBootstrap(Index n, std::uint64_t seed = 0);

  /// Holds 95 % of the resamples' medians, all but the 250 lowest and the 250 highest, and the median itself. Throws
  /// std::invalid_argument unless there are n values, none of them NaN.
  Interval operator()(std::vector<double> values) const;

 private:
  std::size_t n_;
  std::vector<std::pair<std::size_t, std::size_t>> middles_;  // of each resample, as places among the sorted values
};

/// A point of a step function: from x on, y.
struct Step {
  double x, y;
  bool operator==(const Step&) const = default;
};

/// The empirical distribution of costs: at each of them that is finite and not above the limit, the fraction of all
/// values, infinite ones too, that do not exceed it. Throws std::invalid_argument for NaN.
std::vector<Step> ecdf(std::vector<double> costs, double limit = std::numeric_limits<double>::infinity());

/// How many times the lowest cost of a problem a method pays: cost[method][problem], all of the same length, divided by
/// the lowest of the problem; infinity stays, also where it is the lowest. The ecdf of a method's ratios is its
/// performance profile. Source: Dolan, Moré: Benchmarking optimization software with performance profiles (2002).
std::vector<std::vector<double>> ratios_to_best(std::vector<std::vector<double>> cost);

/// What tuning with fewer trials would have brought: of trials ranked from the best to the worst, the expected value of
/// the best among k drawn at random, for k = 1, 2, …, all.
/// Source: Dodge et al.: Show your work (2019), here without replacement.
std::vector<double> expected_best(const std::vector<double>& ranked);

}  // namespace ravine::compare
