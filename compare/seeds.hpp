/// @file
/// Random numbers of a run, each use with a stream of its own; for the library's sources, not its public headers.
#pragma once

#include <utility>

#include <ravine/autograd/engine.hpp>
#include <ravine/core/random.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// What random numbers are for: one use takes no numbers from another.
enum class Stream : std::uint64_t { of_problem, instance, start, data, batches, method };

inline Generator stream(std::uint64_t seed, Stream use) {
  Generator generator;
  generator.set(seed, static_cast<std::uint64_t>(use) << 48);
  return generator;
}

/// While it lives, this thread draws from the generator given and records, whatever its caller does.
class OwnRandomNumbers {
 public:
  explicit OwnRandomNumbers(const Generator& generator) : generator_(std::exchange(default_generator(), generator)) {}
  ~OwnRandomNumbers() { default_generator() = generator_; }
  OwnRandomNumbers(const OwnRandomNumbers&) = delete;
  OwnRandomNumbers& operator=(const OwnRandomNumbers&) = delete;

 private:
  Generator generator_;
  Recording recording_;
};

}  // namespace ravine::detail
#pragma GCC visibility pop
