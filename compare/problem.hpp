/// @file
/// What optimizers are compared on.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <ravine/core/callable.hpp>
#include <ravine/optim/landscapes.hpp>

/// Comparing optimizers: problems, methods, runs, and what they say.
namespace ravine::compare {

/// One start of a problem, for one run. It belongs to the thread that made it.
struct Instance {
  std::vector<Variable> parameters{};  ///< at the start
  Callable<Variable()> loss{};         ///< what a step lowers: of a network the loss of the step's mini-batch
  Callable<double()> value{};          ///< the loss that counts, looked at after each step; if empty, loss()
  Callable<double()> test_loss{};      ///< on rows that training does not see; may be empty
  Callable<void()> next_batch{};       ///< before each step; if empty, all steps have the same loss
  /// As `value`, with its graph, which pictures of a network's loss need to find the directions of largest curvature;
  /// if both are empty, loss(). Batch norm is by the statistics of all rows.
  Callable<Variable()> objective{};
};

/// Something to minimize, from a start for each seed.
///
///     Problem mine{"my_problem", [](std::uint64_t seed) {
///                    Generator generator(seed);
///                    const Variable theta = parameter(randn({2}, f64, generator));
///                    return Instance{{theta}, [=] { return sum(square(theta)); }};
///                  }};
///
/// Instances of one seed are the same; they are made and run on several threads at once.
struct Problem {
  std::string name;
  Callable<Instance(std::uint64_t seed)> make;
  /// The lowest value: targets are parts of the way there. -infinity if there is none: targets are so much of a fall.
  /// Not known: targets lie between `guess` and the lowest value that any run reaches, as those of networks do.
  std::optional<double> minimum{};
  /// A loss that takes no learning, that of guessing the mean or the class frequencies; NaN: that of the start of the
  /// first scoring seed.
  double guess = std::numeric_limits<double>::quiet_NaN();
  std::optional<landscapes::Landscape> landscape{};  ///< for pictures, where the parameters are one vector
  /// Of the data it is made of, as those of a file: a comparison that was interrupted does not go on with others.
  std::string checksum{};
};

/// A problem by its name:
///   beale, …                     one of landscapes::all(); a seed moves its start a little
///   beale@7                      rotated, shifted and scaled by the seed 7, with its start, minima and minimum
///   quadratic:dim=10,condition=100   curvatures from 1 to 100, equal steps of the logarithm; with @7 as well
///   mlp:friedman1, sine, two_moons, spirals, cars   a network on these data: `problem_names()`
///   mlp:FILE.csv,target=COLUMN   on a table: numbers are regression, text is classes
/// and behind a network's data hidden=32-32, activation=tanh, batch_norm=true, batch=64.
/// Throws std::invalid_argument, with what there is, for another name or option; data::FileError, data::FormatError.
Problem problem(const std::string& name);

/// The names that `problem` knows, in the order of a comparison of all.
std::vector<std::string> problem_names();

}  // namespace ravine::compare
