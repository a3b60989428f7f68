/// @file
/// Sums over ranks that are made while a rank computes; for the library's sources, not its public headers.
#pragma once

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include <ravine/dist/tree.hpp>

namespace ravine::detail {

/// Sums over all ranks, which all make in one order, each as soon as all ranks have given their parts of it: on a
/// thread of its own, while this one goes on, if that is asked for and there can be one.
class Exchanges {
 public:
  explicit Exchanges(Messages& messages) : messages_(messages) {}
  /// Gives zeros for what has not been given, so that nobody waits for it.
  ~Exchanges();
  Exchanges(const Exchanges&) = delete;
  Exchanges& operator=(const Exchanges&) = delete;

  struct Size {
    Index numel;
    DType dtype;
  };
  /// Those that are to come, when there are no others. Whether they are made meanwhile, which is asked for.
  bool begin(const Cut& cut, const std::vector<Size>& sizes, bool overlap);
  /// The nodes over this rank's shards, each of one vector, for one of the sums.
  void give(std::size_t sum, std::vector<Subtree> nodes);
  /// All of them, which all have been given.
  std::vector<Tensor> wait();

  /// There are some that nobody has waited for.
  bool under_way() const { return !sums_.empty(); }

 private:
  struct Sum {
    explicit Sum(const Size& of) : size(of) {}
    Size size;
    std::vector<Subtree> nodes{};
    std::atomic<bool> given = false;
    Tensor result{};
  };
  bool start_thread();
  /// Without memory this rank ends, and the others with it: they wait for its parts.
  void run() noexcept;

  Messages& messages_;
  Cut cut_{};
  std::deque<Sum> sums_;
  std::jthread thread_;
};

}  // namespace ravine::detail
