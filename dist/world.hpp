/// @file
/// The processes of a program that runs on several at once.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace ravine::detail {

class Messages;

/// Where ranks meet.
enum class Place : std::int64_t { elsewhere, comparison, step, sum, gradients, failure, end };

}  // namespace ravine::detail

namespace ravine::dist {

/// This process's place among those that `mpirun -n N program` has started; one of one without it, and if ravine was
/// built without MPI. The first line of `main`; there is one, and it is not static. All ranks run the same program.
///
/// A rank on which something throws tells the others, which throw std::runtime_error with its number and message as
/// soon as they want something of it; so do they if it ends before them. What nobody catches, or can as others wait,
/// is written to stderr, "dist: rank 2: …", by std::terminate, which then calls the handler that was set before. One
/// that dies, or fails before its World, takes the others with it, by mpirun. Who waits for one that has ended before
/// its World ends within seconds, or, where nobody can see that, after five minutes.
class World {
 public:
  /// Throws std::runtime_error if others have been started with it and it was not built with the MPI of who did.
  World(int& argc, char**& argv);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  int rank() const;
  int size() const;

  // For the library's own sources.

  /// What a rank says to the others.
  struct Word {
    detail::Place place;
    std::uint64_t value = 0;  // the same on all
    std::int64_t rows = 0;    // anything
  };
  /// What all ranks say, in their order; those elsewhere say nothing. Throws std::runtime_error if one has failed or is
  /// somewhere else, or if values are not the same, then naming `what` and who differs.
  std::vector<Word> meet(const Word& mine, const char* what = "program");
  /// Says to all others that this rank cannot go on, and why, if it knows, unless they do; then they throw.
  void fail(const std::exception_ptr& error) noexcept;
  detail::Messages& messages() { return *messages_; }
  /// Of gradients, for Exchanges.
  detail::Messages& other_messages() { return *other_messages_; }

 private:
  void leave() noexcept;
  std::vector<Word> gather(const Word& mine);
  std::string failure(const std::vector<Word>& words, const std::string& mine);

  std::unique_ptr<detail::Messages> messages_, other_messages_;
  int exceptions_;      // under way when it began
  std::string parted_;  // why the ranks are no longer together
  bool told_ = false;   // by another, who knows more
};

}  // namespace ravine::dist
