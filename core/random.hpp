/// @file
/// Counter-based random numbers: the same stream on every machine, and on any number of threads.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <ravine/core/state_dict.hpp>

namespace ravine {

/// Philox4x32 with ten rounds: a keyed bijection that turns a counter into 128 random bits.
/// Source: Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// A stream of random numbers: a seed and the number of 128-bit blocks drawn. Not for several threads at once.
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0) : seed_(seed) {}

  std::uint64_t seed() const { return seed_; }
  /// Blocks drawn so far.
  std::uint64_t position() const { return position_; }
  /// Starts anew.
  void set(std::uint64_t seed, std::uint64_t position = 0) {
    seed_ = seed;
    position_ = position;
  }

  /// The next 64 random bits.
  std::uint64_t next();
  /// Uniform in [0, 1), with 53 bits.
  double next_uniform();
  /// Uniform in {0, …, bound - 1}, from 128 bits: probabilities are off by less than 2^-64 of themselves.
  /// Throws std::invalid_argument unless bound > 0.
  Index next_below(Index bound);

  /// Skips `blocks` blocks and returns the position of the first: element i of a random tensor reads block
  /// first + i / (elements to a block), whichever thread fills it.
  std::uint64_t reserve(std::uint64_t blocks) {
    const std::uint64_t first = position_;
    position_ += blocks;
    return first;
  }
  /// Block number `position` of this seed's stream.
  std::array<std::uint32_t, 4> block(std::uint64_t position) const;

  /// {"position", "seed"}, of rank 0 and i64 each.
  StateDict state_dict() const;
  /// Throws std::invalid_argument that names what is missing, unexpected or of another shape or type.
  void load_state_dict(const StateDict& state);

 private:
  std::uint64_t seed_;
  std::uint64_t position_ = 0;
};

/// This thread's generator, used wherever no other is given. Its seed is 0 until `manual_seed` on this thread.
Generator& default_generator();

/// Starts this thread's default generator anew.
void manual_seed(std::uint64_t seed);

/// Independent samples of the normal distribution of mean 0 and variance 1. Throws DTypeError for an integer dtype.
/// Source: Box, Muller: A note on the generation of random normal deviates (1958).
Tensor randn(const Shape& shape, DType dtype = f32, Generator& generator = default_generator());
Tensor randn(const Shape& shape, Generator& generator);

/// Uniform in [low, high), the bounds rounded to the dtype; low if they are equal. Throws std::invalid_argument if
/// low > high or the range is not finite, DTypeError for an integer dtype.
Tensor uniform(const Shape& shape, double low = 0.0, double high = 1.0, DType dtype = f32,
               Generator& generator = default_generator());
Tensor uniform(const Shape& shape, double low, double high, Generator& generator);

/// Integers in [low, high), i64. Throws std::invalid_argument if low >= high.
Tensor randint(Index low, Index high, const Shape& shape, Generator& generator = default_generator());

/// 0, …, n - 1 in random order (Fisher-Yates), i64. Throws std::invalid_argument if n < 0.
Tensor permutation(Index n, Generator& generator = default_generator());

}  // namespace ravine
