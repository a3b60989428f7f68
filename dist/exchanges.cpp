#include <ravine/dist/exchanges.hpp>

#include <system_error>

#include <ravine/core/factories.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::detail {

Exchanges::~Exchanges() {
  if (sums_.empty()) return;
  messages_.sleep_between_tests(false);
  for (std::size_t k = 0; k < sums_.size(); ++k) {
    if (sums_[k].given) continue;
    std::vector<Subtree> nodes = nodes_of(cut_, messages_.rank());
    for (Subtree& node : nodes)
      if (!cut_.empty(node.begin, node.count)) node.sums = {zeros({sums_[k].size.numel}, sums_[k].size.dtype)};
    give(k, std::move(nodes));
  }
  thread_.joinable() ? thread_.join() : run();
}

bool Exchanges::begin(const Cut& cut, const std::vector<Size>& sizes, bool overlap) {
  cut_ = cut;
  for (const Size& size : sizes) sums_.emplace_back(size);
  return overlap && messages_.from_threads() && start_thread();
}

bool Exchanges::start_thread() try {
  messages_.sleep_between_tests(true);
  thread_ = std::jthread([this, mode = floating_point_mode()] {
    compute_alone();
    set_floating_point_mode(mode);
    run();
  });
  return true;
} catch (const std::system_error&) {  // there may be no more of them; it goes without
  return false;
}

void Exchanges::give(std::size_t sum, std::vector<Subtree> nodes) {
  sums_[sum].nodes = std::move(nodes);
  sums_[sum].given = true;
  sums_[sum].given.notify_one();
}

std::vector<Tensor> Exchanges::wait() {
  messages_.sleep_between_tests(false);
  thread_.joinable() ? thread_.join() : run();
  std::vector<Tensor> results;
  for (Sum& sum : sums_) results.push_back(std::move(sum.result));
  sums_.clear();
  return results;
}

void Exchanges::run() noexcept {
  for (Sum& sum : sums_) {
    sum.given.wait(false);
    sum.result = sum_over_ranks(messages_, cut_, sum.nodes, sum.size.numel, sum.size.dtype);
    sum.nodes.clear();
  }
}

}  // namespace ravine::detail
