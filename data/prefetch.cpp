#include <ravine/data/prefetch.hpp>

#include <algorithm>
#include <chrono>

#include <ravine/core/threads.hpp>

namespace ravine::data {

Prefetch::Prefetch(Index ahead, Make make) : make_(std::move(make)), slots_(static_cast<std::size_t>(ahead)) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t threads = std::min(slots_.size(), cores);
  threads_.reserve(threads);
  try {
    while (threads_.size() < threads) threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  } catch (const std::exception&) {  // no more of them can be had
  }
}

Prefetch::~Prefetch() {
  for (std::jthread& thread : threads_) thread.request_stop();
  { const std::lock_guard lock(mutex_); }  // nobody is between looking and waiting
  wanted_.notify_all();
}

void Prefetch::start(Index first, Index end) {
  const std::lock_guard lock(mutex_);
  next_ = first;
  end_ = end;
  limit_ = std::min(first + static_cast<Index>(slots_.size()), end);
  mode_ = detail::floating_point_mode();
  if (slow_) wanted_.notify_all();
}

// True if it took longer than it takes to wake a thread, with room for the caches of two processors.
bool Prefetch::make(Index number, Batch& batch, const std::stop_token& stop) const {
  const auto begin = std::chrono::steady_clock::now();
  make_(number, batch, stop);
  return std::chrono::steady_clock::now() - begin > std::chrono::microseconds(20);
}

void Prefetch::work(const std::stop_token& stop) {
  detail::compute_alone();
  std::unique_lock lock(mutex_);
  for (;;) {
    wanted_.wait(lock, [&] { return stop.stop_requested() || next_ < limit_; });
    if (stop.stop_requested()) return;
    const Index number = next_++;
    detail::set_floating_point_mode(mode_);
    lock.unlock();
    Slot& mine = slot(number);
    bool slow = true;
    try {
      slow = make(number, mine.batch, stop);
    } catch (...) {
      mine.error = std::current_exception();
    }
    lock.lock();
    slow_ = slow;
    mine.made = true;
    made_.notify_one();
  }
}

void Prefetch::take(Index number, Batch& batch) {
  std::unique_lock lock(mutex_);
  if (next_ == number) {
    ++next_;
    lock.unlock();
    const bool slow = make(number, batch, {});
    lock.lock();
    slow_ = slow;
  } else {
    Slot& next = slot(number);
    made_.wait(lock, [&] { return next.made; });
    next.made = false;
    std::swap(batch, next.batch);
    if (next.error) std::rethrow_exception(next.error);
  }
  limit_ = std::min(number + 1 + static_cast<Index>(slots_.size()), end_);
  const bool wake = slow_ && next_ < limit_;
  lock.unlock();
  if (wake) wanted_.notify_one();
}

}  // namespace ravine::data
