#include <ravine/core/memory.hpp>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include <ravine/core/mapped_file.hpp>

#if defined(__linux__)
#include <malloc.h>
#include <sys/mman.h>
#endif

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

// How many blocks of a class are kept, by bytes but a few at least: training steps with large activations need them.
constexpr int limit(int c, std::size_t bytes, std::size_t blocks) {
  return static_cast<int>(std::max(bytes / class_bytes(c), blocks));
}
constexpr int thread_limit(int c) { return limit(c, std::size_t{16} << 20, 4); }
constexpr int shared_limit(int c) { return limit(c, std::size_t{256} << 20, 16); }

enum class Stock { fresh, open, closed };  // takes no blocks yet; takes them; has handed them over, as the thread ends
constinit thread_local Stock stock = Stock::fresh;

/// From its making to its end a thread keeps blocks; in between others know of its lists.
struct ThreadStock {
  ThreadStock();
  ~ThreadStock();
  BlockList lists[class_count + 1];  // the last has never room
  ThreadStock* next = nullptr;
};
constinit thread_local ThreadStock* own = nullptr;
constinit BlockList no_blocks[class_count + 1];

struct SharedStock {
  SharedStock() {
    for (int c = 0; c < class_count; ++c) lists[c].add_room(shared_limit(c));
  }
  std::mutex mutex;
  BlockList lists[class_count];
  ThreadStock* threads = nullptr;  // those that keep blocks
};
SharedStock& shared() {
  static SharedStock& stock = *new SharedStock;  // never destroyed: blocks come back until the last thread has ended
  return stock;
}

void give_shared(void* block, int c) {
  {
    SharedStock& s = shared();
    const std::lock_guard lock(s.mutex);
    if (s.lists[c].get_room() > 0) return s.lists[c].push(block);
  }
  std::free(block);
}

ThreadStock::ThreadStock() {
  stock = Stock::open;
  for (int c = 0; c < class_count; ++c) lists[c].add_room(thread_limit(c));
  SharedStock& s = shared();
  const std::lock_guard lock(s.mutex);
  next = std::exchange(s.threads, this);
  own = this;
  thread_blocks = lists;
}

ThreadStock::~ThreadStock() {
  stock = Stock::closed;
  thread_blocks = no_blocks;
  for (int c = 0; c < class_count; ++c)
    while (lists[c].head) give_shared(lists[c].pop(), c);
  SharedStock& s = shared();
  const std::lock_guard lock(s.mutex);
  ThreadStock** link = &s.threads;
  while (*link != this) link = &(*link)->next;
  *link = next;
  own = nullptr;
}

void release(BlockList* lists) {
  for (int c = 0; c < class_count; ++c)
    while (lists[c].head) std::free(lists[c].pop());
}

/// Large blocks lie on large pages where the system has them: sweeps over them miss the address cache less.
void* from_system(std::size_t bytes) {
  constexpr std::size_t large_page = std::size_t{2} << 20;
  void* block = nullptr;
  if (posix_memalign(&block, bytes < large_page ? 64 : large_page, bytes) != 0) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
  if (bytes >= large_page) madvise(block, bytes / large_page * large_page, MADV_HUGEPAGE);
#endif
  return block;
}

}  // namespace

void lock_shared_blocks() { shared().mutex.lock(); }
void unlock_shared_blocks() { shared().mutex.unlock(); }
void unlock_shared_blocks_in_child() {
  shared().threads = own;  // the lists of the other threads are gone with them
  if (own) own->next = nullptr;
  unlock_shared_blocks();
}

constinit thread_local BlockList* thread_blocks = no_blocks;

void* take_elsewhere(int c) {
  if (recycle) {
    SharedStock& s = shared();
    const std::lock_guard lock(s.mutex);
    if (s.lists[c].head) return s.lists[c].pop();
  }
  return from_system(class_bytes(c));
}

void give_elsewhere(void* block, int c) noexcept {
  if (c == mapped_class) return free_mapped(block);
  if (!recycle) return std::free(block);
  if (stock == Stock::fresh) {
    // Not in the thread's own storage: one variable in the initial-exec model puts all of a plug-in's there, where
    // there is room for a few hundred bytes.
    static thread_local const std::unique_ptr<ThreadStock> mine(new (std::nothrow) ThreadStock);
    if (mine) return mine->lists[c].push(block);
  }
  give_shared(block, c);
}

}  // namespace ravine::detail

namespace ravine {

std::size_t memory_held() {
  detail::SharedStock& s = detail::shared();
  const std::lock_guard lock(s.mutex);
  std::size_t bytes = 0;
  for (int c = 0; c < detail::class_count; ++c) {
    int blocks = detail::shared_limit(c) - s.lists[c].get_room();
    for (const auto* thread = s.threads; thread; thread = thread->next)
      blocks += detail::thread_limit(c) - thread->lists[c].get_room();
    bytes += static_cast<std::size_t>(blocks) * detail::class_bytes(c);
  }
  return bytes;
}

void release_memory() {
  detail::release(detail::thread_blocks);
  {
    detail::SharedStock& s = detail::shared();
    const std::lock_guard lock(s.mutex);
    detail::release(s.lists);
  }
#if defined(__GLIBC__)
  malloc_trim(0);  // of small blocks the C library keeps the pages
#endif
}

}  // namespace ravine
