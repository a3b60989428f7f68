#include <ravine/train/stop_signals.hpp>

#include <signal.h>

#include <atomic>
#include <mutex>

namespace ravine::train {
namespace {

constexpr int signals[] = {SIGINT, SIGTERM};
std::atomic<bool> noted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // or a handler could not write it

std::mutex mutex;  // of what follows
int alive = 0;
struct sigaction before[2];

void put_back() {
  for (int i = 0; i < 2; ++i) sigaction(signals[i], &before[i], nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  const std::lock_guard lock(mutex);
  if (alive++ > 0) return;
  noted = false;
  struct sigaction note {};
  note.sa_handler = [](int) {
    noted = true;
    put_back();
  };
  note.sa_flags = SA_RESTART;
  for (int i = 0; i < 2; ++i) sigaction(signals[i], nullptr, &before[i]);
  for (int i = 0; i < 2; ++i)
    if (before[i].sa_handler != SIG_IGN) sigaction(signals[i], &note, nullptr);  // as a shell has it in the background
}

StopSignals::~StopSignals() {
  const std::lock_guard lock(mutex);
  if (--alive == 0) put_back();
}

bool StopSignals::received() { return noted.load(std::memory_order_relaxed); }

}  // namespace ravine::train
