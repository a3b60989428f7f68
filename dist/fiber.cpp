#include <sys/mman.h>

#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include <ravine/dist/fiber.hpp>

// The address sanitizer of a program that has one is told which stack it is on: else it would take what is right for
// wrong.
extern "C" {
__attribute__((weak)) void __sanitizer_start_switch_fiber(void** kept, const void* bottom, std::size_t size);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void* kept, const void** bottom, std::size_t* size);
}

namespace ravine::detail {
namespace {

/// Before a stack is left for another, for ever if nothing is kept of it; and on the other.
void leave(void** kept, const void* bottom, std::size_t size) {
  if (__sanitizer_start_switch_fiber) __sanitizer_start_switch_fiber(kept, bottom, size);
}
void arrive(void* kept, const void** bottom = nullptr, std::size_t* size = nullptr) {
  if (__sanitizer_finish_switch_fiber) __sanitizer_finish_switch_fiber(kept, bottom, size);
}

}  // namespace

/// As large as that of a main program; memory is what has been touched of it. Below it lies a page that nobody may
/// touch.
struct Fiber::Stack {
  static constexpr std::size_t size = std::size_t{8} << 20, guard = std::size_t{64} << 10;

  Stack() : memory(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    if (memory == MAP_FAILED) throw std::bad_alloc();
    mprotect(memory, guard, PROT_NONE);
  }
  ~Stack() { munmap(memory, size); }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  /// Those that are free; the next fiber of this thread takes one of them.
  static std::vector<std::unique_ptr<Stack>>& spare() {
    static thread_local std::vector<std::unique_ptr<Stack>> stacks;
    return stacks;
  }

  void* memory;
};

Fiber::Fiber() = default;
Fiber::~Fiber() = default;

void Fiber::end() {
  ended_ = true;
  while (!over()) go_on();
}

void Fiber::start(std::function<void()> f) {
  f_ = std::move(f);
  auto& spare = Stack::spare();
  if (spare.empty()) spare.push_back(std::make_unique<Stack>());
  stack_ = std::move(spare.back());
  spare.pop_back();
  getcontext(&inside_);
  inside_.uc_stack.ss_sp = stack_->memory;
  inside_.uc_stack.ss_size = Stack::size;
  inside_.uc_link = &outside_;
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&inside_, reinterpret_cast<void (*)()>(&Fiber::run), 2, static_cast<unsigned>(self >> 32),
              static_cast<unsigned>(self));
}

void Fiber::run(unsigned high, unsigned low) {
  auto* const self = reinterpret_cast<Fiber*>(std::uintptr_t{high} << 32 | low);
  arrive(nullptr, &self->outside_bottom_, &self->outside_size_);
  try {
    if (!self->ended_) self->f_();
  } catch (const Ended&) {
  }
  self->done_ = true;
  leave(nullptr, self->outside_bottom_, self->outside_size_);
}

void Fiber::go_on() {
  void* kept = nullptr;
  leave(&kept, stack_->memory, Stack::size);
  swapcontext(&outside_, &inside_);
  arrive(kept);
  if (done_) Stack::spare().push_back(std::move(stack_));
}

void Fiber::pause() {
  void* kept = nullptr;
  leave(&kept, outside_bottom_, outside_size_);
  swapcontext(&inside_, &outside_);
  arrive(kept, &outside_bottom_, &outside_size_);
  if (ended_) throw Ended();
}

}  // namespace ravine::detail
