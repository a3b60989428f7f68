#include <ravine/core/memory.hpp>

#include <doctest/doctest.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>

#include "../in_child.hpp"
#include "../recycled.hpp"

using namespace ravine;
using detail::class_bytes;
using detail::give_block;
using detail::size_class;
using detail::take_block;

namespace {

// The class of 3 MiB, which nothing else here uses.
constexpr int own_class = size_class(std::size_t{3} << 20);

template <class F>
void on_a_thread(F f) {
  std::thread(f).join();
}

}  // namespace

TEST_CASE("size classes: each holds what is asked for, wastes at most an eighth, and is a multiple of 64") {
  std::size_t last = 0;
  for (int c = 0; c < detail::class_count; ++c) {
    const std::size_t bytes = class_bytes(c);
    CHECK(bytes % 64 == 0);
    CHECK(bytes > last);
    CHECK(size_class(bytes) == c);
    CHECK(size_class(last + 1) == c);  // no hole between the classes
    if (c > 16) CHECK(static_cast<double>(bytes) <= 1.126 * static_cast<double>(last + 1));
    last = bytes;
  }
  CHECK(size_class(0) == 0);
  CHECK(size_class(1) == 0);
  CHECK(size_class(64) == 0);
  CHECK(size_class(65) == 1);
  CHECK(size_class(detail::header_bytes + (std::size_t{1} << 48)) < detail::class_count);  // the largest tensor's
}

TEST_CASE("size classes: a header and a power of two behind it fill a block") {
  for (std::size_t bytes = 64; bytes <= std::size_t{1} << 48; bytes *= 2)
    CHECK(class_bytes(size_class(detail::header_bytes + bytes)) == detail::header_bytes + bytes);
}

TEST_CASE("blocks are aligned to 64 bytes, distinct and writable to their ends") {
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{64}, std::size_t{65}, std::size_t{1025}, std::size_t{100'000}}) {
    const int c = size_class(bytes);
    std::set<void*> blocks;
    for (int i = 0; i < 20; ++i) {
      void* block = take_block(c);
      CHECK(reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
      static_cast<char*>(block)[0] = 1;
      static_cast<char*>(block)[class_bytes(c) - 1] = 1;
      blocks.insert(block);
    }
    CHECK(blocks.size() == 20);
    for (void* block : blocks) give_block(block, c);
  }
}

TEST_CASE("a block that was given back is the next one taken") {
  if (!recycled) return;
  void* first = take_block(own_class);
  give_block(first, own_class);
  CHECK(take_block(own_class) == first);
  void* second = take_block(own_class);
  give_block(first, own_class);
  give_block(second, own_class);
  CHECK(take_block(own_class) == second);
  CHECK(take_block(own_class) == first);
  give_block(first, own_class);
  give_block(second, own_class);
}

TEST_CASE("tensors of one size take turns in the same memory") {
  if (!recycled) return;
  const void* at = Tensor({1234}, f32).bytes();
  for (int i = 0; i < 5; ++i) CHECK(Tensor({1234}, f32).bytes() == at);
}

TEST_CASE("a thread that ends hands its blocks over") {
  if (!recycled) return;
  constexpr int c = size_class(std::size_t{5} << 20);
  std::set<void*> before;
  SUBCASE("those it took and gave back") {
    on_a_thread([&] {
      for (int i = 0; i < 3; ++i) before.insert(take_block(c));
      for (void* block : before) give_block(block, c);
    });
  }
  SUBCASE("those it only gave back") {
    for (int i = 0; i < 3; ++i) before.insert(take_block(c));
    on_a_thread([&] {
      for (void* block : before) give_block(block, c);
    });
  }
  // A new thread has none of its own, and the ones that were handed over last are on top.
  std::set<void*> after;
  on_a_thread([&] {
    for (int i = 0; i < 3; ++i) after.insert(take_block(c));
    for (void* block : after) give_block(block, c);
  });
  CHECK(after == before);
}

TEST_CASE("a thread that only makes blocks and one that only frees them go round with a bounded number") {
  if (!recycled) return;
  constexpr int c = size_class(std::size_t{7} << 20);
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<void*> passed;
  bool done = false;
  std::thread consumer([&] {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return !passed.empty() || done; });
      if (passed.empty()) return;
      give_block(passed.back(), c);
      passed.pop_back();
      changed.notify_all();
    }
  });
  std::set<void*> distinct;
  for (int i = 0; i < 500; ++i) {
    void* block = take_block(c);
    distinct.insert(block);
    std::unique_lock lock(mutex);
    passed.push_back(block);
    changed.notify_all();
    changed.wait(lock, [&] { return passed.empty(); });
  }
  {
    const std::lock_guard lock(mutex);
    done = true;
    changed.notify_all();
  }
  consumer.join();
  CHECK(distinct.size() <= 16);
}

TEST_CASE("tensors made on one thread may end on another") {
  release_memory();
  std::vector<Tensor> made;
  std::size_t bytes = 0;
  on_a_thread([&] {
    for (Index i = 0; i < 100; ++i) made.push_back(full({i * 37}, i, f32));
  });
  for (Index i = 0; i < 100; ++i) {
    const Tensor& x = made[static_cast<std::size_t>(i)];
    CHECK(sum(x).item() == static_cast<double>(i * i * 37));
    bytes += class_bytes(size_class(detail::header_bytes + static_cast<std::size_t>(x.numel()) * 4));
  }
  const std::size_t before = memory_held();
  on_a_thread([&] { made.clear(); });
  CHECK(memory_held() == before + (recycled ? bytes : 0));  // each block once
}

TEST_CASE("memory: what is held is what was given back, and can be released") {
  release_memory();
  const std::size_t before = memory_held();  // of other threads
  constexpr std::size_t bytes = class_bytes(own_class);
  void* const first = take_block(own_class);
  void* const second = take_block(own_class);
  CHECK(memory_held() == before);  // what is in use does not count
  give_block(first, own_class);
  CHECK(memory_held() == before + (recycled ? bytes : 0));
  give_block(second, own_class);
  CHECK(memory_held() == before + (recycled ? 2 * bytes : 0));
  if (recycled) give_block(take_block(own_class), own_class);
  CHECK(memory_held() == before + (recycled ? 2 * bytes : 0));
  release_memory();
  CHECK(memory_held() == before);
  release_memory();
  CHECK(memory_held() == before);
  give_block(take_block(own_class), own_class);  // goes on as if nothing had been
  CHECK(memory_held() == before + (recycled ? bytes : 0));
}

TEST_CASE("memory: other threads' blocks count, stay with them, and are released when they end") {
  release_memory();
  const std::size_t before = memory_held(), bytes = recycled ? class_bytes(own_class) : 0;
  std::mutex mutex;
  std::condition_variable changed;
  int step = 0;
  const auto reach = [&](int next) {
    const std::lock_guard lock(mutex);
    step = next;
    changed.notify_all();
  };
  const auto wait_for = [&](int wanted) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return step == wanted; });
  };
  std::thread other([&] {
    give_block(take_block(own_class), own_class);
    reach(1);
    wait_for(2);
    release_memory();
    reach(3);
    wait_for(4);
    give_block(take_block(own_class), own_class);
  });
  wait_for(1);
  CHECK(memory_held() == before + bytes);
  release_memory();
  CHECK(memory_held() == before + bytes);
  reach(2);
  wait_for(3);
  CHECK(memory_held() == before);
  reach(4);
  other.join();
  CHECK(memory_held() == before + bytes);  // handed over to the shared lists
  release_memory();
  CHECK(memory_held() == before);
}

TEST_CASE("memory: a child process forgets the lists of threads that it has not" * doctest::skip(!can_fork)) {
  release_memory();
  const std::size_t bytes = recycled ? class_bytes(own_class) : 0;
  std::mutex mutex;
  std::condition_variable changed;
  int step = 0;
  std::thread other([&] {
    give_block(take_block(own_class), own_class);
    std::unique_lock lock(mutex);
    step = 1;
    changed.notify_all();
    changed.wait(lock, [&] { return step == 2; });
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return step == 1; });
  }
  const std::size_t before = memory_held();
  CHECK(in_child([&] {
    const bool forgotten = memory_held() + bytes == before;
    on_a_thread([] { give_block(take_block(own_class), own_class); });
    return forgotten && memory_held() == before;
  }));
  CHECK(memory_held() == before);
  {
    const std::lock_guard lock(mutex);
    step = 2;
    changed.notify_all();
  }
  other.join();
}

TEST_CASE("memory: more than the lists take is given back at once") {
  if (!recycled) return;
  constexpr std::size_t large = std::size_t{512} << 20;
  constexpr int c = size_class(large);
  release_memory();
  const std::size_t before = memory_held();
  std::vector<void*> blocks(24);  // 4 stay with the thread, 16 are shared
  for (void*& block : blocks) block = take_block(c);
  for (void* block : blocks) give_block(block, c);
  CHECK(memory_held() == before + 20 * class_bytes(c));
  release_memory();
  CHECK(memory_held() == before);
}

TEST_CASE("memory: counting and releasing while other threads work") {
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([] {
      for (Index i = 1; i < 2000; ++i) {
        const Tensor x = full({i}, i, i64);
        if (x.at<Index>({i - 1}) != i) FAIL("a block with two owners");
        if (i % 50 == 0) release_memory();
      }
    });
  for (int i = 0; i < 50; ++i) CHECK(memory_held() < std::size_t{1} << 40);
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("a reference count knows its last holder") {
  detail::RefCount count;
  CHECK(count.get() == 1);
  count.increment();
  CHECK_FALSE(count.decrement());
  CHECK(count.decrement());
  CHECK(count.get() == 0);
  count.set(3);
  CHECK(count.get() == 3);
}

TEST_CASE("copies on several threads count right") {
  const Tensor shared({10}, f32);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        const Tensor one = shared, two = one;
        static_cast<void>(two);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(shared.unique());
}

TEST_CASE("memory: threads that end do not disturb what is held") {
  std::atomic<bool> stop = false;
  std::thread others([&] {
    while (!stop) std::thread([] { zeros({4}); }).join();
  });
  std::size_t most = 0;
  for (int i = 0; i < 20000; ++i) most = std::max(most, memory_held());
  stop = true;
  others.join();
  CHECK(most < std::size_t{1} << 40);
}
