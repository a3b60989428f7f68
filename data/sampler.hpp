/// @file
/// Which examples an epoch hands out, and in which order, where it is not all of them in a random one.
#pragma once

#include <span>

#include <ravine/core/callable.hpp>
#include <ravine/core/random.hpp>
#include <ravine/core/tensor.hpp>

namespace ravine::data {

/// The order of an epoch. A sampler of your own is such a pair.
struct Sampler {
  Index size = 0;  ///< examples in an epoch
  /// Fills in the number of the example at each place; all that is random in it comes from the generator.
  Callable<void(std::span<Index> order, Generator& generator)> draw = {};
  Index dataset_size = 0;  ///< examples in the dataset that it is for; 0: a dataset of any size
};

/// Draws each example of an epoch anew, with a probability in proportion to its weight: {1, 1, 8} draws the third one
/// eight times as often as the first. So classes of few examples can be seen as often as others: 1 / (examples of the
/// class) as weights.
///   weights   (N), not negative, of any type
///   size      examples in an epoch
/// Throws ShapeError for another rank; std::invalid_argument if a weight is negative or not finite, if none is positive
/// or if size < 1.
Sampler weighted_sampler(const Tensor& weights, Index size);

/// Hands out every example once, at random, but so that each batch has its share of every class: of one that makes up a
/// share s of the dataset, less than 1 + s * (number of classes) examples more or fewer than s * batch_size.
///   classes   (N) of an integer type: the class of each example
/// Throws ShapeError for another rank, DTypeError for another type.
Sampler stratified_sampler(const Tensor& classes);

}  // namespace ravine::data
