#include <ravine/core/threads.hpp>

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include <ravine/core/memory.hpp>
#include <ravine/core/processors.hpp>

namespace ravine::detail {
namespace {

// The part of the processor's floating-point mode that makes subnormal numbers zero, on the way in and out.
#if defined(__SSE2__)
constexpr unsigned flush_bits = 0x8040;
unsigned mode() { return _mm_getcsr(); }
void set_mode(unsigned value) { _mm_setcsr(value); }
#elif defined(__aarch64__)
constexpr unsigned flush_bits = 1U << 24;
unsigned mode() {
  unsigned long value;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return static_cast<unsigned>(value);
}
void set_mode(unsigned value) { asm volatile("msr fpcr, %0" ::"r"(static_cast<unsigned long>(value))); }
#else
constexpr unsigned flush_bits = 0;
unsigned mode() { return 0; }
void set_mode(unsigned) {}
#endif

// A process that fork() makes has one thread, and would wait for ever for the others of the caller's team. So the team
// is dissolved first, and made anew when there is work for it. Its threads give their blocks back as they end.
void before_fork() {
  omp_pause_resource_all(omp_pause_soft);
  lock_shared_blocks();
}
[[maybe_unused]] const int at_fork = pthread_atfork(before_fork, unlock_shared_blocks, unlock_shared_blocks_in_child);

std::atomic<bool> held = false;
constinit thread_local ThreadCount count;

std::int64_t now() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

int all_threads() { return held ? omp_get_max_threads() : std::min(omp_get_max_threads(), processors()); }

/// The tasks [next, end) that a thread begins with, as nobody has begun them yet.
struct alignas(64) Share {
  std::atomic<Index> next;
  Index end;
};
constexpr int most_shares = 64;

/// Returns how long one thread would have taken.
std::int64_t run_region(Index tasks, int threads, FunctionRef<void(Index)> f) {
  if (tasks <= 1 || threads == 1) {
    const std::int64_t begin = now();
    for (Index i = 0; i < tasks; ++i) f(i);
    return now() - begin;
  }
  const unsigned callers = mode();
  std::int64_t busy = 0, fastest = std::numeric_limits<std::int64_t>::max();  // all threads; a task, on the best one
  // A thread takes its own share, and then what others have left of theirs: from one op to the next it meets the same
  // elements, which are in its cache.
  Share shares[most_shares];
  const int count = std::min(threads, most_shares);
  for (int k = 0; k < count; ++k) {
    shares[k].next = tasks * k / count;
    shares[k].end = tasks * (k + 1) / count;
  }
  // The team is the same for few tasks: OpenMP ends threads that it does not need and starts others for the next
  // region.
#pragma omp parallel num_threads(threads) reduction(+ : busy) reduction(min : fastest)
  {
    const unsigned own = mode();
    if (own != callers) set_mode(callers);
    Index done = 0;
    const std::int64_t begin = now();
    for (int k = omp_get_thread_num(), end = k + count; k < end; ++k) {
      Share& share = shares[k % count];
      for (Index i; (i = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end; ++done) f(i);
    }
    busy = now() - begin;
    if (done > 0) fastest = busy / done;
    if (own != callers) set_mode(own);
  }
  // Threads that had no core for a while were busy for longer; tasks that differ a little must not look like that.
  return std::min(busy, fastest * tasks / 2 * 3);
}

}  // namespace

FlushSubnormals::FlushSubnormals() : saved_(mode()) {
  if ((saved_ & flush_bits) != flush_bits) set_mode(saved_ | flush_bits);
}

FlushSubnormals::~FlushSubnormals() {
  if ((saved_ & flush_bits) != flush_bits) set_mode((mode() & ~flush_bits) | (saved_ & flush_bits));
}

int ThreadCount::get(int most, std::int64_t now) {
  if (halvings_ > 0 && now >= until_) {
    halvings_ = 0;
    balance_ = credit;
    began_ = now;
  }
  return std::max(1, most >> halvings_);
}

void ThreadCount::learn(std::int64_t alone, std::int64_t elapsed, std::int64_t now) {
  // The time in which the process, or the machine, was stopped is no loss by its threads.
  balance_ = std::min(balance_ + std::max(alone - elapsed, -10 * credit), credit);
  if (balance_ >= 0) return;
  const std::int64_t lost = credit - balance_;
  wait_ = std::clamp(now - began_ < wait_ ? 2 * wait_ : 0, 10 * lost, 100 * lost);
  until_ = std::max(until_, now) + wait_;
  ++halvings_;
  balance_ = credit;
}

int threads_available() { return omp_in_parallel() ? 1 : count.get(all_threads(), now()); }

Index even_piece(Index n, Index piece, Index threads) {
  const Index least = (n + piece - 1) / piece, count = std::min((least + threads - 1) / threads * threads, 4 * least);
  const Index length = (n + count - 1) / count, unit = piece % 64 == 0 ? 64 : 1;
  return (length + unit - 1) / unit * unit;
}

int worker() { return omp_get_thread_num(); }

void compute_alone() { omp_set_num_threads(1); }

unsigned floating_point_mode() { return mode(); }
void set_floating_point_mode(unsigned value) { set_mode(value); }

void run_parallel(Index tasks, int threads, FunctionRef<void(Index)> f) {
  const std::int64_t begin = now(), alone = run_region(tasks, threads, f), end = now();
  if (threads > 1 && !held) count.learn(alone, end - begin, end);
}

void run_unequal(Index tasks, FunctionRef<void(Index)> f) { run_region(tasks, all_threads(), f); }

void hold_threads(bool all) { held = all; }

}  // namespace ravine::detail
