#include <ravine/core/threads.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cfenv>
#include <limits>
#include <thread>
#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/linalg.hpp>
#include <ravine/core/reduce.hpp>

#include "../in_child.hpp"
#include "reference.hpp"
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

using namespace ravine;
using detail::FlushSubnormals;
using detail::parallel_for;
using detail::ThreadCount;

namespace {

/// On all threads there are.
template <class F>
void run_parallel(Index tasks, const F& f) {
  detail::run_parallel(tasks, detail::threads_available(), f);
}

/// True if this thread computes subnormal results as zero.
bool flushes() {
  volatile float small = std::numeric_limits<float>::min(), half = 0.5F;
  const float product = small * half;
  return product == 0.0F;
}

/// Runs f(0), f(1) and f(2) on as many threads. Each task waits for the others: on fewer threads this would not end, so
/// it gives up in the end, and returns false.
template <class F>
bool on_each_of_three(const F& f) {
  std::atomic<int> arrived{0};
  run_parallel(3, [&](Index i) {
    ++arrived;
    for (long patience = 0; arrived < 3 && patience < 2'000'000'000; ++patience) std::this_thread::yield();
    f(static_cast<std::size_t>(i));
  });
  return arrived == 3;
}

/// Work that uses every parallel loop there is.
void work() {
  const Tensor a = random_tensor({300, 400}, f32), b = random_tensor({400, 300}, f32);
  matmul(a, b);
  exp(a) + a;
  sum(a);
  sum(a, 0);
  sum(a, 1);
}

}  // namespace

TEST_CASE("every task runs once, whatever the number of threads") {
  for (const int count : {1, 2, 3, 8})
    for (const Index tasks : {0, 1, 2, 7, 100}) {
      const Threads threads(count);
      std::vector<int> runs(static_cast<std::size_t>(tasks), 0);
      run_parallel(tasks, [&](Index i) { ++runs[static_cast<std::size_t>(i)]; });
      CHECK(runs == std::vector<int>(static_cast<std::size_t>(tasks), 1));
    }
}

TEST_CASE("parallel_for covers [0, n) once, in as many pieces for each thread") {
  for (const int count : {2, 3, 8})
    for (const Index piece : {10, 128})
      for (const Index n : {0, 1, 9, 10, 11, 95, 128, 129, 700, 5000}) {
        const Threads threads(count);
        std::vector<std::atomic<int>> covered(static_cast<std::size_t>(n));
        std::atomic<Index> pieces{0}, longest{0};
        parallel_for(n, piece, [&](Index begin, Index end) {
          if (n > piece && piece % 64 == 0) CHECK(begin % 64 == 0);
          ++pieces;
          if (end < n || begin == 0) longest = end - begin;
          for (Index i = begin; i < end; ++i) ++covered[static_cast<std::size_t>(i)];
        });
        for (const auto& times : covered) CHECK(times == 1);
        CAPTURE(count);
        CAPTURE(n);
        CHECK(pieces == (n == 0 ? 0 : n <= piece ? 1 : (n + longest - 1) / longest));
        CHECK((n <= piece || longest <= piece));
      }
  CHECK(detail::even_piece(40'000, 32'768, 2) == 20'032);   // whole blocks of 64
  CHECK(detail::even_piece(100'000, 32'768, 2) == 25'024);  // two for each
  CHECK(detail::even_piece(100'000, 32'768, 3) == 16'704);
  CHECK(detail::even_piece(40'000, 32'768, 32) == 5'056);  // an eighth
  CHECK(detail::even_piece(30, 10, 2) == 8);
}

TEST_CASE("small work, one thread and nested work stay on the calling thread") {
  const std::thread::id here = std::this_thread::get_id();
  const auto stays = [&](Index n) {
    bool all = true;
    parallel_for(n, 10, [&](Index, Index) { all &= std::this_thread::get_id() == here; });
    return all;
  };
  const Threads many(4);
  CHECK(stays(10));
  {
    const Threads one(1);
    CHECK(detail::threads_available() == 1);
    CHECK(stays(1000));
  }
  CHECK(detail::threads_available() == 4);
  std::vector<int> nested(4, -1);
  run_parallel(4, [&](Index i) { nested[static_cast<std::size_t>(i)] = detail::threads_available(); });
  CHECK(nested == std::vector<int>{1, 1, 1, 1});
}

TEST_CASE("work is done by several threads") {
  const Threads threads(3);
  std::vector<std::thread::id> workers(3);
  CHECK(on_each_of_three([&](std::size_t i) { workers[i] = std::this_thread::get_id(); }));
  CHECK(workers[0] != workers[1]);
  CHECK(workers[1] != workers[2]);
}

TEST_CASE("a thread begins with its own part of the tasks, so that it meets what is in its cache") {
  const Threads threads(3);
  std::atomic<int> arrived{0};
  std::vector<int> workers(6, -1);
  run_parallel(6, [&](Index i) {
    workers[static_cast<std::size_t>(i)] = detail::worker();
    if (i % 2 == 0) ++arrived;
    for (long patience = 0; arrived < 3 && patience < 2'000'000'000; ++patience) std::this_thread::yield();
  });
  CHECK(workers[0] == 0);
  CHECK(workers[2] == 1);
  CHECK(workers[4] == 2);
}

TEST_CASE("settings of OpenMP are after every call as before") {
  const Threads threads(3);
  const int dynamic = omp_get_dynamic(), levels = omp_get_max_active_levels();
  work();
  CHECK(omp_get_max_threads() == 3);
  CHECK(omp_get_dynamic() == dynamic);
  CHECK(omp_get_max_active_levels() == levels);
  CHECK_FALSE(omp_in_parallel());
}

TEST_CASE("the caller's floating-point mode is after every call as before") {
  const int rounding_mode = std::fegetround();
  std::fesetround(FE_UPWARD);
  work();
  CHECK(std::fegetround() == FE_UPWARD);
  std::fesetround(rounding_mode);
#if defined(__SSE2__)
  for (const unsigned bits : {0U, 0x8000U, 0x0040U, 0x8040U}) {
    const unsigned saved = _mm_getcsr(), wanted = (saved & ~0x8040U) | bits;
    _mm_setcsr(wanted);
    work();
    { const FlushSubnormals flush; }
    const unsigned after = _mm_getcsr();
    _mm_setcsr(saved);
    CHECK((after & ~0x3fU) == (wanted & ~0x3fU));  // the lowest bits say what has happened, not what shall
  }
#endif
}

TEST_CASE("FlushSubnormals holds for its scope, also nested") {
  REQUIRE_FALSE(flushes());
  {
    const FlushSubnormals outer;
    CHECK(flushes());
    {
      const FlushSubnormals inner;
      CHECK(flushes());
    }
    CHECK(flushes());
  }
  CHECK_FALSE(flushes());
}

TEST_CASE("workers handle subnormal numbers as the caller does, and get their own way back") {
  const Threads threads(3);
  const auto workers_flush = [&] {
    std::vector<int> result(3, -1);
    on_each_of_three([&](std::size_t i) { result[i] = flushes() ? 1 : 0; });
    return result;
  };
  CHECK(workers_flush() == std::vector<int>(3, 0));
  {
    const FlushSubnormals flush;
    CHECK(workers_flush() == std::vector<int>(3, 1));
  }
  std::atomic<int> still{0};
#pragma omp parallel num_threads(3)
  if (flushes()) ++still;
  CHECK(still == 0);
  CHECK(workers_flush() == std::vector<int>(3, 0));
}

TEST_CASE("an op gives the same subnormal numbers on any number of threads") {
  const Tensor tiny = full({100'000}, std::numeric_limits<float>::min());
  CHECK(same_bits_on_any_threads([&] { return tiny * 0.25; }));
  CHECK((tiny * 0.25).at({99'999}) > 0);
  const FlushSubnormals flush;
  CHECK(same_bits_on_any_threads([&] { return tiny * 0.25; }));
  CHECK((tiny * 0.25).at({99'999}) == 0);
}

TEST_CASE("several threads of the user compute at once") {
  const Tensor a = random_tensor({120, 130}, f32), b = random_tensor({130, 110}, f32), expected = matmul(a, b);
  std::vector<int> right(4, 0);
  std::vector<std::thread> users;
  for (std::size_t t = 0; t < right.size(); ++t)
    users.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) right[t] += bitwise_equal(matmul(a, b), expected) ? 1 : 0;
    });
  for (std::thread& user : users) user.join();
  CHECK(right == std::vector<int>(4, 20));
}

TEST_CASE("a child process computes on several threads, and so does its parent afterwards" * doctest::skip(!can_fork)) {
  const Threads threads(3);
  const Tensor a = random_tensor({120, 130}, f32), b = random_tensor({130, 110}, f32), expected = matmul(a, b);
  const auto right = [&] {
    work();
    return bitwise_equal(matmul(a, b), expected);
  };
  CHECK(in_child(right));
  CHECK(in_child(right));  // also where the parent has no team
  CHECK(right());
  CHECK(in_child([&] { return right() && in_child(right) && right(); }));
  CHECK(right());
}

TEST_CASE("a thread of the user forks, and one of a parallel region" * doctest::skip(!can_fork)) {
  const Threads threads(3);
  const Tensor a = random_tensor({120, 130}, f32), b = random_tensor({130, 110}, f32), expected = matmul(a, b);
  const auto right = [&] { return bitwise_equal(matmul(a, b), expected); };
  bool of_user = false;
  std::thread([&] { of_user = right() && in_child(right) && right(); }).join();
  CHECK(of_user);
  std::vector<int> of_worker(3, 0);
  run_parallel(3, [&](Index i) { of_worker[static_cast<std::size_t>(i)] = in_child(right) ? 1 : 0; });
  CHECK(of_worker == std::vector<int>(3, 1));
  CHECK(right());
}

TEST_CASE("a fork while other threads compute" * doctest::skip(!can_fork)) {
  const Threads threads(3);
  const Tensor a = random_tensor({120, 130}, f32), b = random_tensor({130, 110}, f32), expected = matmul(a, b);
  std::atomic<bool> stop{false}, all_right{true};
  std::vector<std::thread> users;
  for (int t = 0; t < 2; ++t)
    users.emplace_back([&] {
      while (!stop) {
        if (!bitwise_equal(matmul(a, b), expected)) all_right = false;
        zeros({1 << 20}).fill(1.0);  // takes and gives shared blocks
      }
    });
  for (int i = 0; i < 10; ++i) CHECK(in_child([&] { return bitwise_equal(matmul(a, b), expected); }));
  stop = true;
  for (std::thread& user : users) user.join();
  CHECK(all_right);
}

TEST_CASE("regions that lose time get half as many threads, for ten times as long") {
  constexpr std::int64_t credit = ThreadCount::credit;
  ThreadCount count;
  CHECK(count.get(8, 0) == 8);
  CHECK(count.get(5, 0) == 5);
  SUBCASE("gains do not change it, nor losses that they make up for") {
    for (int i = 0; i < 100; ++i) {
      count.learn(credit, credit / 2, i);
      count.learn(0, credit / 2, i);
    }
    CHECK(count.get(8, 100) == 8);
  }
  SUBCASE("many gains make up for no more than the credit") {
    for (int i = 0; i < 100; ++i) count.learn(credit, 0, i);
    count.learn(0, credit, 100);
    CHECK(count.get(8, 100) == 8);
    count.learn(0, 1, 100);
    CHECK(count.get(8, 100) == 4);
  }
  SUBCASE("what was lost before the change is the measure") {
    const std::int64_t later = 1000, wait = 10 * 3 * credit;
    count.learn(credit, 4 * credit, later);
    CHECK(count.get(8, later) == 4);
    CHECK(count.get(1, later) == 1);
    count.learn(0, credit, later);
    CHECK(count.get(8, later) == 4);
    CHECK(count.get(8, later + wait - 1) == 4);
    CHECK(count.get(8, later + wait) == 8);
    count.learn(0, credit, later + wait);  // the credit is whole again
    CHECK(count.get(8, later + wait) == 8);
  }
  SUBCASE("it is halved again, and the times add up") {
    for (int i = 0; i < 3; ++i) count.learn(0, 2 * credit, 0);
    CHECK(count.get(8, 0) == 1);
    CHECK(count.get(32, 0) == 4);
    const std::int64_t wait = (10 + 20 + 40) * 2 * credit;
    CHECK(count.get(8, wait - 1) == 1);
    CHECK(count.get(8, wait) == 8);
  }
  SUBCASE("a process that was stopped for an hour has not lost an hour") {
    count.learn(0, 3600 * std::int64_t{1'000'000'000}, 0);
    CHECK(count.get(8, 0) == 4);
    CHECK(count.get(8, 10 * 10 * credit) == 8);
  }
  SUBCASE("where it fails again at once it waits twice as long, up to a hundred times; where not, ten times") {
    std::int64_t now = 0;
    const auto waits = [&] {  // in losses
      count.learn(0, 2 * credit, now);
      std::int64_t times = 1;
      while (count.get(2, now + times * 2 * credit) == 1) ++times;
      now += times * 2 * credit;
      return times;
    };
    for (const std::int64_t expected : {10, 20, 40, 80, 100, 100}) CHECK(waits() == expected);
    now += 100 * 2 * credit;
    CHECK(waits() == 10);
  }
}

TEST_CASE("there are as many threads as processors, but where they are held") {
  const Threads threads(1000);
  CHECK(detail::threads_available() == 1000);  // as tests/main.cpp has it
  detail::hold_threads(false);
  CHECK(detail::threads_available() <= omp_get_num_procs());
  detail::hold_threads(true);
}
