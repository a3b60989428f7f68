/// @file
/// The backward sweep, and handles to nodes; for the library's sources, not its public headers.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/function_ref.hpp>

namespace ravine::detail {

/// Is told of a leaf that no more gradients come to it in a sweep, which goes on then.
using LeafHook = FunctionRef<void(Node* leaf)>;

/// loss.backward(); the hook, if there is one, is called for each leaf
/// behind the loss, be it frozen since; not for a loss that is one itself.
void backward(const Variable& loss, const LeafHook* complete);

}  // namespace ravine::detail

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Carries d(output)/d(node) from `output` to the leaves, visiting each node once, newest first.
///
/// Without captures the gradients of leaves accumulate in them; with captures, nothing is stored and the gradients of
/// those variables are returned instead (undefined where none arrives).
///   seed          the gradient of output, of its shape
///   create_graph  record the sweep itself, so that its results can be differentiated
///   retain_graph  keep what the sweep uses, for another one
///   complete      is called for each leaf, if there is one
std::vector<Variable> sweep(const Variable& output, Tensor seed, std::span<const Variable> captures, bool create_graph,
                            bool retain_graph, const LeafHook* complete = nullptr);

/// While it lives, this thread records, also within a NoGrad: for functions whose results are derivatives.
class Recording {
 public:
  Recording() : saved_(std::exchange(thread_state.recording, true)) {}
  ~Recording() { thread_state.recording = saved_; }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  bool saved_;
};

/// A Variable for a node that its edges keep alive, though perhaps no Variable does.
Variable revive(Node* node);

}  // namespace ravine::detail
#pragma GCC visibility pop
