/// @file
/// Memory that is used again, and counted references: what makes a small step cost nanoseconds instead of microseconds.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace ravine {

/// Bytes that wait for new tensors and graphs, in the lists of all threads and the shared ones; what is in use does not
/// count. While other threads are at work it is what they had a moment ago.
std::size_t memory_held();

/// Gives what this thread's lists and the shared ones hold back to the system. What waits in the lists of other threads
/// stays there, until they call this themselves or end.
void release_memory();

}  // namespace ravine

namespace ravine::detail {

/// True while the process has one thread, as far as the C library can tell.
inline bool single_threaded() {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded;
#else
  return false;
#endif
}

/// An intrusive, atomic reference count. Starts at one. A sole owner, and a process of one thread, do not pay for
/// locked instructions, which wait for all earlier writes.
class RefCount {
 public:
  void increment() {
    if (single_threaded())
      count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    else
      count_.fetch_add(1, std::memory_order_relaxed);
  }

  /// True when the last reference went.
  bool decrement() {
    const int count = count_.load(std::memory_order_acquire);
    if (count == 1 || single_threaded()) {
      count_.store(count - 1, std::memory_order_relaxed);
      return count == 1;
    }
    return count_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

  int get() const { return count_.load(std::memory_order_acquire); }
  void set(int value) { count_.store(value, std::memory_order_relaxed); }

 private:
  std::atomic<int> count_{1};
};

/// In a tensor's block, so many bytes that say what it is stand before the elements.
inline constexpr std::size_t header_bytes = 64;

/// Blocks come in size classes: for a header and steps of 64 bytes up to 1 KiB, then eight classes to a doubling. A
/// power of two and its header fit exactly.
constexpr int size_class(std::size_t bytes) {
  if (bytes <= header_bytes + 1024) return bytes == 0 ? 0 : static_cast<int>((bytes - 1) / 64);
  const unsigned long long last = bytes - header_bytes - 1;
  const int top = 63 - __builtin_clzll(last);  // >= 10
  return 17 + (top - 10) * 8 + static_cast<int>((last >> (top - 3)) & 7);
}

/// Bytes in a block of class c.
constexpr std::size_t class_bytes(int c) {
  if (c < 17) return static_cast<std::size_t>(c + 1) * 64;
  return header_bytes + (static_cast<std::size_t>(9 + (c - 17) % 8) << ((c - 17) / 8 + 7));
}

inline constexpr int class_count = size_class(header_bytes + (std::size_t{1} << 48)) + 1;
/// The class of a header whose elements lie in a file: no list has room for it.
inline constexpr int mapped_class = class_count;

/// Free blocks of one class, chained through themselves, and how many more are kept.
struct BlockList {
  struct Free {
    Free* next;
  };
  Free* head = nullptr;
  std::atomic<int> room{0};  // written by the owner only; others may read it

  void push(void* block) {
    head = ::new (block) Free{head};
    add_room(-1);
  }
  void* pop() {
    Free* block = head;
    head = block->next;
    add_room(1);
    return block;
  }
  int get_room() const { return room.load(std::memory_order_relaxed); }
  void add_room(int blocks) { room.store(get_room() + blocks, std::memory_order_relaxed); }
};

/// The lists of this thread; before it keeps blocks, and when it has handed them over, some that neither give nor take.
/// What every op reads of its thread is a few bytes in the initial-exec model: no call, in a shared object either, and
/// few enough for one that is loaded later.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local BlockList* thread_blocks;
void* take_elsewhere(int c);
void give_elsewhere(void* block, int c) noexcept;
/// While it is locked nobody changes the shared stock: a child process must find it whole.
void lock_shared_blocks();
void unlock_shared_blocks();
void unlock_shared_blocks_in_child();  // which has one thread

/// A block of class c, aligned to 64 bytes, uninitialised: from this thread's free list if it has one.
/// Throws std::bad_alloc.
inline void* take_block(int c) {
  BlockList& list = thread_blocks[c];
  return list.head ? list.pop() : take_elsewhere(c);
}

/// Gives a block back, on any thread. Each thread keeps a bounded stock; what is over goes to a shared one
/// (so that a thread that only produces feeds one that only consumes) and beyond that to the system.
inline void give_block(void* block, int c) noexcept {
  BlockList& list = thread_blocks[c];
  return list.get_room() > 0 ? list.push(block) : give_elsewhere(block, c);
}

}  // namespace ravine::detail
