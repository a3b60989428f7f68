/// @file
/// Batches made by other threads before they are asked for; for the library's sources, not its public headers.
#pragma once

#include <unistd.h>

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include <ravine/data/loader.hpp>

namespace ravine::data {

/// Makes so many batches of an epoch ahead of who takes them, by as many threads, or one for each core if that is
/// fewer; the memory of the batches stays. Who asks for a batch that none has begun makes it himself: so it works where
/// fewer threads can be started, or none, and they are not woken for batches that are made in less time than that
/// takes.
class Prefetch {
 public:
  /// Makes batch `number`, in the memory of one that is done with if it fits; may give up when asked to stop.
  using Make = std::function<void(Index number, Batch& batch, const std::stop_token& stop)>;

  Prefetch(Index ahead, Make make);
  ~Prefetch();

  /// An epoch whose batches from `first` on, up to `end`, are to be made; of the last one all have been taken.
  void start(Index first, Index end);
  /// The next batch, which is `number`, in exchange for one that is done with. Throws what its making threw, and is
  /// then of no more use.
  void take(Index number, Batch& batch);
  /// False in a process that fork() made: the threads are its parent's.
  bool here() const { return process_ == getpid(); }

 private:
  struct Slot {
    Batch batch;
    std::exception_ptr error;
    bool made = false;
  };
  Slot& slot(Index number) { return slots_[static_cast<std::size_t>(number) % slots_.size()]; }
  void work(const std::stop_token& stop);
  bool make(Index number, Batch& batch, const std::stop_token& stop) const;

  const pid_t process_ = getpid();
  const Make make_;
  std::vector<Slot> slots_;  // batch n goes through the slot n % ahead
  std::mutex mutex_;         // for all that follows
  std::condition_variable wanted_, made_;
  Index next_ = 0;   // the first batch that none has begun
  Index limit_ = 0;  // the first that must not be begun yet: its slot is taken
  Index end_ = 0;
  bool slow_ = true;   // the last batch took longer than it takes to wake a thread
  unsigned mode_ = 0;  // the loop's floating-point mode
  std::vector<std::jthread> threads_;
};

/// Leaves the threads that are not there, and what they may have locked, alone.
struct EndPrefetch {
  void operator()(Prefetch* prefetch) const {
    if (prefetch->here()) delete prefetch;
  }
};

}  // namespace ravine::data
