#include <ravine/core/memory.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <new>

namespace ravine::detail {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool recycle = false;  // so that a use after free is seen
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool recycle = false;
#else
constexpr bool recycle = true;
#endif
#else
constexpr bool recycle = true;
#endif

struct Free {
  Free* next;
};

struct Stock {
  Free* head = nullptr;
  int count = 0;

  void push(void* block) {
    head = new (block) Free{head};
    ++count;
  }
  void* pop() {
    Free* block = head;
    head = block->next;
    --count;
    return block;
  }
};

// How many blocks of a class are kept, by bytes but a few at least: training steps with large activations need them.
constexpr int limit(int c, std::size_t bytes, std::size_t blocks) {
  return static_cast<int>(std::max(bytes / class_bytes(c), blocks));
}
constexpr auto thread_limits = [] {
  std::array<int, class_count> limits{};
  for (int c = 0; c < class_count; ++c) limits[static_cast<std::size_t>(c)] = limit(c, std::size_t{16} << 20, 4);
  return limits;
}();
constexpr int shared_limit(int c) { return limit(c, std::size_t{64} << 20, 8); }

// Constant-initialised and trivially destroyed: using it needs no guard, and it outlives every other thread_local.
struct ThreadStock {
  Stock stocks[class_count];
  bool open = false;    // keeps blocks, which go to the shared stock when the thread ends
  bool closed = false;  // they have gone: the thread is ending
};
constinit thread_local ThreadStock mine;

struct SharedStock {
  std::mutex mutex;
  Stock stocks[class_count];
};
SharedStock& shared() {
  static SharedStock& stock = *new SharedStock;  // never destroyed: blocks come back until the last thread has ended
  return stock;
}

void give_shared(void* block, int c) {
  {
    SharedStock& s = shared();
    const std::lock_guard lock(s.mutex);
    if (s.stocks[c].count < shared_limit(c)) return s.stocks[c].push(block);
  }
  std::free(block);
}

struct HandOver {
  ~HandOver() {
    mine.open = false;
    mine.closed = true;
    for (int c = 0; c < class_count; ++c)
      while (mine.stocks[c].head) give_shared(mine.stocks[c].pop(), c);
  }
};

/// Whether this thread may keep blocks; from the first time on, they are handed over at its end.
bool open_stock() {
  if (!mine.open && !mine.closed) {
    static thread_local HandOver hand_over;
    static_cast<void>(hand_over);
    mine.open = true;
  }
  return mine.open;
}

void* take_elsewhere(int c) {
  if (recycle) {
    open_stock();
    SharedStock& s = shared();
    const std::lock_guard lock(s.mutex);
    if (s.stocks[c].head) return s.stocks[c].pop();
  }
  void* block = std::aligned_alloc(64, class_bytes(c));
  if (!block) throw std::bad_alloc();
  return block;
}

}  // namespace

void* take_block(int c) {
  if (mine.stocks[c].head) [[likely]]
    return mine.stocks[c].pop();
  return take_elsewhere(c);
}

void give_block(void* block, int c) noexcept {
  if (!recycle) return std::free(block);
  if (mine.stocks[c].count < thread_limits[static_cast<std::size_t>(c)] && (mine.open || open_stock())) [[likely]]
    return mine.stocks[c].push(block);
  give_shared(block, c);
}

}  // namespace ravine::detail
