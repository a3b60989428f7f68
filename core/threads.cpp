#include <ravine/core/threads.hpp>

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include <ravine/core/memory.hpp>

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

}  // namespace

FlushSubnormals::FlushSubnormals() : saved_(mode()) {
  if ((saved_ & flush_bits) != flush_bits) set_mode(saved_ | flush_bits);
}

FlushSubnormals::~FlushSubnormals() {
  if ((saved_ & flush_bits) != flush_bits) set_mode((mode() & ~flush_bits) | (saved_ & flush_bits));
}

int threads_available() { return omp_in_parallel() ? 1 : omp_get_max_threads(); }

int worker() { return omp_get_thread_num(); }

void compute_alone() { omp_set_num_threads(1); }

unsigned floating_point_mode() { return mode(); }
void set_floating_point_mode(unsigned value) { set_mode(value); }

void run_parallel(Index tasks, FunctionRef<void(Index)> f) {
  const unsigned callers = mode();
  const int threads = static_cast<int>(std::min<Index>(tasks, omp_get_max_threads()));
#pragma omp parallel num_threads(threads)
  {
    const unsigned own = mode();
    if (own != callers) set_mode(callers);
#pragma omp for schedule(dynamic)
    for (Index i = 0; i < tasks; ++i) f(i);
    if (own != callers) set_mode(own);
  }
}

}  // namespace ravine::detail
