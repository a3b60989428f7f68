/// @file
/// Lookahead: any optimizer, with slow parameters that follow its own.
#pragma once

#include <ravine/optim/wrapping.hpp>

namespace ravine::optim {

struct LookaheadOptions {
  Index period = 5;        ///< updates of the base between two of the slow parameters, >= 1
  double slow_rate = 0.5;  ///< how far those go, in (0, 1]

  static void fields(auto&& field) {
    field("period", &LookaheadOptions::period, at_least_one);
    field("slow_rate", &LookaheadOptions::slow_rate, above_zero_to_one);
  }
};

/// The base optimizer's updates, and slow parameters φ, at first θ, that follow it: after every `period` updates
///
///     φ ← φ + slow_rate (θ - φ)        θ ← φ
///
/// The base keeps its own state through that. φ is what to evaluate with (see UseAverages). Works with and without a
/// closure, as the base does; Lookahead's gradient callbacks run with the base's, its rate factor is the base's. The
/// slot is "slow", φ; the state of the base is under "base.".
///
/// Source: Zhang et al., Lookahead optimizer: k steps forward, 1 step back (2019).
class Lookahead final : public Wrapping<LookaheadOptions> {
 public:
  static constexpr const char* name = "Lookahead";
  /// Throws std::invalid_argument for options out of range, and for no base.
  explicit Lookahead(std::unique_ptr<Optimizer> base, LookaheadOptions options = {});

  bool needs_closure() const override;
  /// φ.
  std::vector<Tensor> averages() const override;

 private:
  double advance(Closure closure) override;
  void update() override;
  /// After each of them.
  void synchronize();

  bool through_closure_ = false;  // the base makes the gradients, and runs these callbacks
};

}  // namespace ravine::optim
