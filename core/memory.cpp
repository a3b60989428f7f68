#include <ravine/core/memory.hpp>

#include <algorithm>
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

/// Blocks of one class, and how many more it takes.
struct Stock {
  Free* head = nullptr;
  int room = 0;

  void push(void* block) {
    head = new (block) Free{head};
    --room;
  }
  void* pop() {
    Free* block = head;
    head = block->next;
    ++room;
    return block;
  }
};

// How many blocks of a class are kept, by bytes but a few at least: training steps with large activations need them.
constexpr int limit(int c, std::size_t bytes, std::size_t blocks) {
  return static_cast<int>(std::max(bytes / class_bytes(c), blocks));
}
constexpr int thread_limit(int c) { return limit(c, std::size_t{16} << 20, 4); }
constexpr int shared_limit(int c) { return limit(c, std::size_t{64} << 20, 8); }

// Constant-initialised and trivially destroyed: using it needs no guard, and it outlives every other thread_local.
struct ThreadStock {
  enum State { fresh, open, closed };  // takes no blocks yet; takes them; has handed them over, as the thread ends

  Stock stocks[class_count];
  State state = fresh;
};
constinit thread_local ThreadStock mine;

struct SharedStock {
  SharedStock() {
    for (int c = 0; c < class_count; ++c) stocks[c].room = shared_limit(c);
  }
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
    if (s.stocks[c].room > 0) return s.stocks[c].push(block);
  }
  std::free(block);
}

struct HandOver {
  ~HandOver() {
    mine.state = ThreadStock::closed;
    for (int c = 0; c < class_count; ++c) {
      while (mine.stocks[c].head) give_shared(mine.stocks[c].pop(), c);
      mine.stocks[c].room = 0;
    }
  }
};

/// From now on this thread keeps blocks, until its end.
void open_stock() {
  static thread_local HandOver hand_over;
  static_cast<void>(hand_over);
  mine.state = ThreadStock::open;
  for (int c = 0; c < class_count; ++c) mine.stocks[c].room = thread_limit(c);
}

// Not inline, so that the usual case stays a few instructions.
[[gnu::noinline]] void* take_elsewhere(int c) {
  if (recycle) {
    SharedStock& s = shared();
    const std::lock_guard lock(s.mutex);
    if (s.stocks[c].head) return s.stocks[c].pop();
  }
  void* block = std::aligned_alloc(64, class_bytes(c));
  if (!block) throw std::bad_alloc();
  return block;
}

[[gnu::noinline]] void give_elsewhere(void* block, int c) noexcept {
  if (!recycle) return std::free(block);
  if (mine.state == ThreadStock::fresh) {
    open_stock();
    return mine.stocks[c].push(block);
  }
  give_shared(block, c);
}

}  // namespace

void* take_block(int c) {
  Stock& stock = mine.stocks[c];
  return stock.head ? stock.pop() : take_elsewhere(c);
}

void give_block(void* block, int c) noexcept {
  Stock& stock = mine.stocks[c];
  return stock.room > 0 ? stock.push(block) : give_elsewhere(block, c);
}

}  // namespace ravine::detail
