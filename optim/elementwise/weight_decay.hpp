/// @file
/// The two forms of weight decay that several optimizers have.
#pragma once

namespace ravine::optim {

/// Whether λ θ is added to the gradient, before anything else, or α λ θ subtracted from θ, the old one.
enum class WeightDecay { l2, times_lr };

}  // namespace ravine::optim

namespace ravine::detail {

/// λ, where it belongs.
struct DecayFactors {
  double coupled, decoupled;

  DecayFactors(double weight_decay, optim::WeightDecay decay, double lr)
      : coupled(decay == optim::WeightDecay::l2 ? weight_decay : 0.0),
        decoupled(decay == optim::WeightDecay::l2 ? 0.0 : lr * weight_decay) {}
};

/// -1, 0 or 1; NaN stays.
template <class T>
[[gnu::always_inline]] inline T sign_of(T x) {
  return x > T(0) ? T(1) : x < T(0) ? T(-1) : x;
}

/// The larger one; NaN if x is.
template <class T>
[[gnu::always_inline]] inline T larger(T max, T x) {
  return max >= x ? max : x;
}

}  // namespace ravine::detail
