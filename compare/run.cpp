#include <ravine/compare/run.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

#include <ravine/core/text.hpp>

namespace ravine::compare {
namespace {

/// Far from all scoring seeds.
constexpr std::uint64_t first_tuning_seed = 1000001;

std::vector<std::uint64_t> count_from(std::uint64_t first, Index count) {
  std::vector<std::uint64_t> seeds;
  for (Index i = 0; i < count; ++i) seeds.push_back(first + static_cast<std::uint64_t>(i));
  return seeds;
}

void check_number(const char* what, Index value, Index low, Index high) {
  if (value < low || value > high)
    throw std::invalid_argument(detail::text("compare: ", what, " must be from ", low, " to ", high, ", got ", value));
}

}  // namespace

const char* name(Phase phase) {
  constexpr const char* names[] = {"tune", "defaults", "final"};
  return names[static_cast<std::size_t>(phase)];
}

const char* name(Status status) {
  constexpr const char* names[] = {"reached", "budget", "stopped", "diverged"};
  return names[static_cast<std::size_t>(status)];
}

void Protocol::check() const {
  check_number("trials", trials, 0, 100000);
  check_number("tune_seeds", tune_seeds, 1, 100000);
  check_number("seeds", seeds, 1, 1000000);
  check_number("budget", budget, 1, 1000000000);
}

std::vector<std::uint64_t> Protocol::scoring_seeds() const { return count_from(1, seeds); }
std::vector<std::uint64_t> Protocol::tuning_seeds() const { return count_from(first_tuning_seed, tune_seeds); }

double Run::score() const { return status == Status::diverged ? std::numeric_limits<double>::infinity() : final_loss; }

std::array<double, target_count> targets(double minimum, double start_loss) {
  std::array<double, target_count> levels{};
  for (std::size_t k = 0; k < target_count; ++k) {
    const double decades = static_cast<double>(k) / 4.0;
    levels[k] = std::isinf(minimum) ? start_loss - std::pow(10.0, decades - 5.0)
                                    : minimum + std::pow(10.0, -1.0 - decades) * (start_loss - minimum);
  }
  return levels;
}

Index main_target(const Problem& problem) {
  if (!problem.minimum) return 21;
  return std::isinf(*problem.minimum) ? 20 : 12;
}

}  // namespace ravine::compare
