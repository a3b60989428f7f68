#include <ravine/compare/statistics.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <ravine/core/random.hpp>
#include <ravine/core/text.hpp>

namespace ravine::compare {
namespace {

using Values = std::vector<double>;

Values sorted(const char* op, Values values) {
  if (std::any_of(values.begin(), values.end(), [](double x) { return std::isnan(x); }))
    throw std::invalid_argument(detail::text(op, ": a value is NaN; a failure counts as infinity"));
  std::sort(values.begin(), values.end());
  return values;
}

Values some(const char* op, Values values) {
  if (values.empty()) throw std::invalid_argument(detail::text(op, ": there are no values"));
  return sorted(op, std::move(values));
}

double mean(double a, double b) { return (a + b) / 2.0; }

double middle(const Values& ordered) { return mean(ordered[(ordered.size() - 1) / 2], ordered[ordered.size() / 2]); }

double at_fraction(const Values& ordered, double fraction) {
  const double place = fraction * static_cast<double>(ordered.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double low = ordered[below], high = ordered[std::min(below + 1, ordered.size() - 1)];
  const double share = place - std::floor(place);
  return share == 0.0 || low == high ? low : low + share * (high - low);
}

}  // namespace

double median(Values values) { return middle(some("median", std::move(values))); }

Quartiles quartiles(Values values) {
  const Values ordered = some("quartiles", std::move(values));
  return {middle(ordered), at_fraction(ordered, 0.25), at_fraction(ordered, 0.75)};
}

MedianBootstrap::MedianBootstrap(Index n, std::uint64_t seed) : n_(static_cast<std::size_t>(n)) {
  if (n <= 0) throw std::invalid_argument(detail::text("MedianBootstrap: n must be > 0, got ", n));
  Generator generator(seed);
  std::vector<std::size_t> places(n_);
  for (Index r = 0; r < resamples; ++r) {
    for (auto& place : places) place = static_cast<std::size_t>(generator.next_below(n));
    const auto lower = places.begin() + static_cast<std::ptrdiff_t>((n_ - 1) / 2);
    std::nth_element(places.begin(), lower, places.end());
    middles_.emplace_back(*lower, n_ % 2 == 1 ? *lower : *std::min_element(lower + 1, places.end()));
  }
}

Interval MedianBootstrap::operator()(Values values) const {
  if (values.size() != n_)
    throw std::invalid_argument(detail::text("MedianBootstrap: ", values.size(), " values, expected ", n_));
  const Values ordered = sorted("MedianBootstrap", std::move(values));
  Values medians;
  for (const auto& [lower, upper] : middles_) medians.push_back(mean(ordered[lower], ordered[upper]));
  std::sort(medians.begin(), medians.end());
  const auto tail = static_cast<std::size_t>(resamples / 40);
  return {medians[tail], medians[medians.size() - 1 - tail]};
}

std::vector<Step> ecdf(Values costs, double limit) {
  const Values ordered = sorted("ecdf", std::move(costs));
  std::vector<Step> steps;
  for (std::size_t i = 0; i < ordered.size() && ordered[i] <= limit && std::isfinite(ordered[i]); ++i)
    if (i + 1 == ordered.size() || ordered[i + 1] > ordered[i])
      steps.push_back({ordered[i], static_cast<double>(i + 1) / static_cast<double>(ordered.size())});
  return steps;
}

std::vector<Values> ratios_to_best(std::vector<Values> cost) {
  const std::size_t problems = cost.empty() ? 0 : cost[0].size();
  for (std::size_t p = 0; p < problems; ++p) {
    double best = std::numeric_limits<double>::infinity();
    for (const Values& mine : cost) best = std::min(best, mine[p]);
    for (Values& mine : cost)
      if (std::isfinite(mine[p])) mine[p] = mine[p] == best ? 1.0 : mine[p] / best;
  }
  return cost;
}

std::vector<double> expected_best(const Values& ranked) {
  Values expected;
  const auto n = static_cast<double>(ranked.size());
  for (double k = 1.0; k <= n; ++k) {
    double sum = 0.0, chance = k / n;  // that trial i is drawn and none before it
    for (double i = 0.0; i <= n - k; ++i) {
      sum += chance * ranked[static_cast<std::size_t>(i)];
      chance *= (n - i - k) / (n - i - 1.0);
    }
    expected.push_back(sum);
  }
  return expected;
}

}  // namespace ravine::compare
