/// @file
/// Rprop.
#pragma once

#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>

namespace ravine::optim {

struct RpropOptions {
  double lr = 0.01;        ///< the first step of every element, > 0; a schedule changes nothing
  double eta_minus = 0.5;  ///< factor η₋ of a step where the sign changes, in (0, 1)
  double eta_plus = 1.2;   ///< factor η₊ where it stays, > 1
  double step_min = 1e-6;  ///< least step, >= 0
  double step_max = 50.0;  ///< longest step, >= step_min

  static void fields(auto&& field) {
    field("lr", &RpropOptions::lr, positive);
    field("eta_minus", &RpropOptions::eta_minus, inside_one);
    field("eta_plus", &RpropOptions::eta_plus, above_one);
    field("step_min", &RpropOptions::step_min, non_negative);
    field("step_max", &RpropOptions::step_max, non_negative);
  }
  const char* conflict() const { return step_min > step_max ? "step_min is above step_max" : nullptr; }
};

/// A step Δ for each element, lr at first, that follows the signs of its gradient g and of the one before, g':
///
///     Δ ← Δ η₊ where g g' > 0, Δ η₋ where g g' < 0, within step_min and step_max
///     g ← 0 where g g' < 0        θ ← θ - Δ sign(g)        g' ← g
///
/// For whole data sets: the signs of batches change by chance. The slots are "step", Δ, and "previous", g'.
///
/// Source: Riedmiller & Braun, A direct adaptive method for faster backpropagation learning: the RPROP algorithm
/// (1993); this form, which does not step back, is iRprop⁻ of Igel & Hüsken (2000), as in PyTorch.
class Rprop final : public Elementwise<Rprop, RpropOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Rprop";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"step", "previous"};
  static double initial(const RpropOptions& o, std::size_t slot) { return slot == 0 ? o.lr : 0.0; }

  struct Rule {
    double less, more, least, most;
    Rule(const RpropOptions& o, double /*lr*/, Index /*t*/)
        : less(o.eta_minus), more(o.eta_plus), least(o.step_min), most(o.step_max) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& step, T& previous) const {
      const T same = detail::sign_of(g) * detail::sign_of(previous);
      const T longer = step * (same > T(0) ? T(more) : same < T(0) ? T(less) : T(1));
      const T next = longer < T(least) ? T(least) : longer;
      step = next > T(most) ? T(most) : next;
      g = same < T(0) ? T(0) : g;
      theta -= step * detail::sign_of(g);
      previous = g;
    }
  };
};

}  // namespace ravine::optim
