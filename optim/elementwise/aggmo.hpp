/// @file
/// Aggregated momentum.
#pragma once

#include <vector>

#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

struct AggMoOptions {
  double lr = 1e-3;                           ///< step size α, > 0
  std::vector<double> betas{0.0, 0.9, 0.99};  ///< decays β_k of K momenta, 1 to 8 of them, each in [0, 1)
  double weight_decay = 0.0;                  ///< λ, >= 0: adds λ θ to the gradient

  static void fields(auto&& field) {
    field("lr", &AggMoOptions::lr, positive);
    field("betas", &AggMoOptions::betas, below_one);
    field("weight_decay", &AggMoOptions::weight_decay, non_negative);
  }
  const char* conflict() const { return betas.empty() || betas.size() > 8 ? "betas must be 1 to 8 numbers" : nullptr; }
};

/// The mean of K steps of momentum, which damp each other's oscillations:
///
///     b_k ← β_k b_k + g for each k        θ ← θ - α / K Σ_k b_k
///
/// The b_k are sums, not means, so one with a longer memory has a larger share. The slots are "b0", "b1", …; one whose
/// β is 0 is not kept.
///
/// Source: Lucas et al., Aggregated momentum: stability through passive damping (2019).
class AggMo final : public Elementwise<AggMo, AggMoOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "AggMo";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"};
  static bool uses(const AggMoOptions& o, std::size_t slot) { return slot < o.betas.size() && o.betas[slot] > 0.0; }

  struct Rule {
    double rate, betas[8] = {}, decay;
    std::size_t slots_used;  // of the slots; the others are not seen
    Rule(const AggMoOptions& o, double lr, Index /*t*/)
        : rate(lr / static_cast<double>(o.betas.size())), decay(o.weight_decay), slots_used(o.betas.size()) {
      for (std::size_t k = 0; k < slots_used; ++k) betas[k] = o.betas[k];
    }

    template <class T, class... Slot>
    [[gnu::always_inline]] void operator()(T& theta, T g, Slot&... b) const {
      g += T(decay) * theta;
      T sum = T(0);
      int k = 0;
      ((b = T(betas[k++]) * b + g, sum += b), ...);
      theta -= T(rate) * sum;
    }
  };
};

}  // namespace ravine::optim
