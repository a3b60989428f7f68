/// @file
/// Functions that can be left in their midst; for the library's sources, not its public headers.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace ravine::detail {

/// Runs a function on a stack of its own, on the thread that asks it to go on, and until it pauses. The function must
/// not throw, but for Ended. It must be over before the fiber is destroyed.
class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void start(std::function<void()> f);
  /// Until it pauses or is over.
  void go_on();
  bool over() const { return !stack_; }

  /// Within its function: leaves it until it is to go on. Throws Ended if it is not to.
  void pause();
  struct Ended {};
  /// Ends it where it pauses.
  void end();

 private:
  struct Stack;
  static void run(unsigned high, unsigned low);

  std::function<void()> f_;
  std::unique_ptr<Stack> stack_;
  ucontext_t inside_, outside_;
  const void* outside_bottom_ = nullptr;  // for sanitizers
  std::size_t outside_size_ = 0;
  bool done_ = false, ended_ = false;
};

}  // namespace ravine::detail
