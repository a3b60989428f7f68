#include <ravine/dist/exchanges.hpp>

#include <ravine/core/factories.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::detail {

Exchanges::~Exchanges() {
  if (sums_.empty()) return;
  messages_.be_patient(false);
  for (std::size_t k = 0; k < sums_.size(); ++k) {
    if (sums_[k].given) continue;
    std::vector<Subtree> nodes = nodes_of(cut_, messages_.rank());
    for (Subtree& node : nodes)
      if (!cut_.empty(node.begin, node.count)) node.sums = {zeros({sums_[k].size.numel}, sums_[k].size.dtype)};
    give(k, std::move(nodes));
  }
  thread_.joinable() ? thread_.join() : run();
}

void Exchanges::begin(const Cut& cut, const std::vector<Size>& sizes, bool meanwhile) {
  cut_ = cut;
  sums_.clear();
  for (const Size& size : sizes) sums_.emplace_back(size);
  error_ = nullptr;
  if (!meanwhile || !on_threads || !messages_.from_threads()) return;
  messages_.be_patient(true);
  thread_ = std::jthread([this, mode = floating_point_mode()] {
    compute_alone();
    set_floating_point_mode(mode);
    run();
  });
}

void Exchanges::give(std::size_t sum, std::vector<Subtree> nodes) {
  sums_[sum].nodes = std::move(nodes);
  sums_[sum].given = true;
  sums_[sum].given.notify_one();
}

std::vector<Tensor> Exchanges::wait() {
  messages_.be_patient(false);
  thread_.joinable() ? thread_.join() : run();
  std::vector<Tensor> results;
  for (Sum& sum : sums_) results.push_back(std::move(sum.result));
  sums_.clear();
  if (error_) std::rethrow_exception(error_);
  return results;
}

void Exchanges::run() {
  try {
    for (Sum& sum : sums_) {
      sum.given.wait(false);
      sum.result = sum_over_ranks(messages_, cut_, sum.nodes, Tensor({sum.size.numel}, sum.size.dtype));
      sum.nodes.clear();
    }
  } catch (...) {
    error_ = std::current_exception();
  }
}

}  // namespace ravine::detail
