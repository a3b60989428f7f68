/// @file
/// Messages between the processes that mpirun has started; for the library's sources, not its public headers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

namespace ravine::detail {

/// So many seconds the first rank may wait for the last to begin. Tests take less.
inline int longest_start = 300;

/// For a rank whose end was explained, so that nobody else has to: launchers end all with the first one, and lose what
/// they have not passed on by then.
void let_others_speak();

/// All that is used of MPI. It only carries words of four bytes, and adds up nothing: who adds decides on the order.
/// Without MPI there is one process, which has nobody to write to.
class Messages {
 public:
  Messages(int& argc, char**& argv);
  ~Messages();
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  /// Others between the same ranks, which all make them: in an order of their own, as of another thread. For once.
  std::unique_ptr<Messages> duplicate() const;
  /// Whether there may be another thread.
  bool from_threads() const;
  /// Whether there is anybody to write to still: not after MPI's end, nor in a process that this one has forked.
  bool open() const;

  int rank() const { return rank_; }
  int size() const { return size_; }
  /// Bytes that this rank has had others get; what MPI adds to them, or has others pass on, is not in it.
  std::int64_t sent() const { return sent_; }
  /// Whether who waits for the end of a message leaves the processor to others meanwhile.
  void sleep_between_tests(bool sleeps) { sleeps_ = sleeps; }

  /// Gives every rank what all have, in their order: so many words of each.
  void all_gather(const void* mine, void* all, std::span<const int> words);
  /// Gives each rank its part of what is here, and has from each the part for this one.
  void all_to_all(const void* out, std::span<const int> out_words, void* in, std::span<const int> in_words);
  /// Sends to one rank and receives from it; no words: neither.
  void swap(int partner, const void* out, int out_words, void* in, int in_words);
  /// Gives every rank what one has.
  void broadcast(int from, void* data, int words);

 private:
  Messages() = default;

  int rank_ = 0, size_ = 1;
  std::atomic<std::int64_t> sent_ = 0;
  std::atomic<bool> sleeps_ = false;
  [[maybe_unused]] int number_ = 0;  // which of the communicators
};

}  // namespace ravine::detail
