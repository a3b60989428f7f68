#include <ravine/train/stop_signals.hpp>

#include <signal.h>

#include <atomic>
#include <mutex>

namespace ravine::train {
namespace {

std::atomic<bool> noted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // or a handler could not write it

std::mutex mutex;  // of what follows
int alive = 0;
struct {
  int number;
  struct sigaction before;
} signals[] = {{SIGINT, {}}, {SIGTERM, {}}, {SIGHUP, {}}};

void put_back(int except = 0) {
  for (const auto& signal : signals)
    if (signal.number != except) sigaction(signal.number, &signal.before, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  const std::lock_guard lock(mutex);
  if (alive++ > 0) return;
  noted = false;
  struct sigaction note {};
  note.sa_handler = [](int) {
    noted = true;
    put_back(SIGHUP);  // a terminal that closes sends several
  };
  note.sa_flags = SA_RESTART;
  for (auto& signal : signals) sigaction(signal.number, nullptr, &signal.before);
  for (const auto& [number, before] : signals)
    if (before.sa_handler != SIG_IGN) sigaction(number, &note, nullptr);  // as a shell has it in the background
}

StopSignals::~StopSignals() {
  const std::lock_guard lock(mutex);
  if (--alive == 0) put_back();
}

bool StopSignals::received() { return noted.load(std::memory_order_relaxed); }

}  // namespace ravine::train
