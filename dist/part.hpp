/// @file
/// A shard of a batch while this rank computes on it; for the library's sources, not its public headers.
#pragma once

#include <exception>
#include <string>
#include <vector>

#include <ravine/core/random.hpp>
#include <ravine/core/shard.hpp>
#include <ravine/dist/evaluation.hpp>
#include <ravine/dist/fiber.hpp>
#include <ravine/dist/tree.hpp>

namespace ravine::detail {

/// A shard of this rank. It has what its thread has while it computes on it: shards that wait for each other take
/// turns.
class Part final : public Shard {
 public:
  Part(const Task& task, const Cut& cut, Index number);
  ~Part();
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  /// Until it waits for a sum, rests, or is over. Throws what the loss throws.
  ///   before    the first row of this rank
  ///   complete  is called on gradients that are to be kept, if there is one
  void go_on(const Task& task, Index before, Differentiate differentiate, const LeafHook* complete);
  bool over() const { return rows == 0 || (started_ && fiber_.over()); }
  bool waits() const { return started_ && !fiber_.over() && !rests_; }
  bool rests() const { return rests_; }
  /// Within it: puts the gradient of a variable aside, which is complete.
  void keep(std::size_t variable);
  /// Within it: lets others come as far.
  void rest();
  /// The gradients of some variables, which are complete; nothing of no rows.
  std::vector<Tensor> take(const std::vector<std::size_t>& variables);
  /// When it is over: one vector of the loss, and for each variable whether it had a gradient.
  std::vector<Tensor> take_loss();

  Tensor sum(Tensor part) override;

  const Index number;
  Tensor given;  // to a sum; then the sum
  Generator generator;

 private:
  void compute(const Task& task, Index before, Differentiate differentiate, const LeafHook* complete);
  void refuse_late() const;
  void trade();

  const std::vector<Variable>& variables_;
  ThreadState state_;
  std::string module_path_;
  Shard* shard_ = this;
  std::vector<std::pair<Variable, Tensor>> buffers_;  // as this shard moves them; the first moves what is there
  std::vector<Tensor> gradients_, kept_;
  std::vector<char> closed_;  // whose gradient is kept, or frozen from the beginning
  Tensor loss_;
  std::vector<char> captured_;  // by a sweep
  bool started_ = false, rests_ = false;
  std::exception_ptr error_;
  Fiber fiber_;
};

}  // namespace ravine::detail
