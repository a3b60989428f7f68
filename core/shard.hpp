/// @file
/// Parts of a batch that are computed on apart.
#pragma once

#include <ravine/core/tensor.hpp>

namespace ravine {

/// Some rows of a batch, on which a thread computes as if there were no others; dist::DataParallel makes them. What
/// must know of the others asks for the current one: a random tensor with as many rows is that of the whole batch, cut;
/// batch normalization takes the moments of all rows; and a module of one's own can do as it does.
class Shard {
 public:
  Index first = 0;              ///< where its rows begin in the batch
  Index rows = 0;               ///< its own
  Index batch = 0;              ///< those of the batch
  bool sync_batch_norm = true;  ///< whether batch normalization is over the whole batch

  /// The sum of what all shards give here, each as often as the others. All wait for it.
  ///   part  f64, of the same shape everywhere
  /// Throws DTypeError, std::logic_error.
  virtual Tensor sum(Tensor part) = 0;

  /// The one on which this thread computes; null where it computes on whole batches.
  static Shard* current();
  /// Makes it the current one, and returns the one before.
  static Shard* enter(Shard* shard);

 protected:
  ~Shard() = default;
};

namespace detail {

[[gnu::tls_model("initial-exec")]] inline constinit thread_local Shard* current_shard = nullptr;

}  // namespace detail

inline Shard* Shard::current() { return detail::current_shard; }
inline Shard* Shard::enter(Shard* shard) { return std::exchange(detail::current_shard, shard); }

}  // namespace ravine
