/// @file
/// Loops over a parameter for rules that have to add something up before they know the step, compiled once for each
/// instruction set; for the library's sources, not its public headers.
#pragma once

#include <array>
#include <type_traits>

#include <ravine/core/isa.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// What a pass adds up.
using Sums = std::array<double, 2>;

// A pass is a rule with the number of slots that it sees; one that adds up has two more arguments, to add to.

/// Whether a sum of squares in the parameter's dtype has lost nothing by its range.
inline bool in_range(double squares) { return squares > 1e-30 && squares < 1e30; }

/// What these rules have of Adam: m and v, and from them m̂ / (√v̂ + ε) times lr.
struct Moments {
  double beta1, beta2;
  AdamStep step;
  Moments(const auto& o, double lr, Index t)
      : beta1(o.beta1), beta2(o.beta2), step(lr, o.beta1, o.beta2, t, o.eps, false, true) {}

  template <class T>
  [[gnu::always_inline]] void renew(T g, T& m, T& v) const {
    m = T(beta1) * m + T(1.0 - beta1) * g;
    v = T(beta2) * v + T(1.0 - beta2) * g * g;
  }
};

/// Brings m and v up to date; θ² and u² of u = m̂ / (√v̂ + ε) + λ θ.
struct LAMBSums {
  static constexpr std::size_t slots = 2;
  Moments adam;
  double decay;
  template <class T>
  [[gnu::always_inline]] void operator()(T theta, T g, T& m, T& v, T& size, T& length) const {
    adam.renew(g, m, v);
    const T u = adam.step(m, v) + T(decay) * theta;
    size += theta * theta;
    length += u * u;
  }
};
/// θ ← θ - rate u.
struct LAMBStep {
  static constexpr std::size_t slots = 2;
  Moments adam;
  double decay, rate;
  template <class T>
  [[gnu::always_inline]] void operator()(T& theta, T /*g*/, T m, T v) const {
    theta -= T(rate) * (adam.step(m, v) + T(decay) * theta);
  }
};

/// θ² and (g + λ θ)².
struct LARSSums {
  static constexpr std::size_t slots = 0;
  double decay;
  template <class T>
  [[gnu::always_inline]] void operator()(T theta, T g, T& size, T& length) const {
    const T sum = g + T(decay) * theta;
    size += theta * theta;
    length += sum * sum;
  }
};

/// Brings m and v up to date; how many elements have a gradient of the sign of m.
struct CautiousAdamWSums {
  static constexpr std::size_t slots = 2;
  Moments adam;
  template <class T>
  [[gnu::always_inline]] void operator()(T /*theta*/, T g, T& m, T& v, T& agree, T& /*nothing*/) const {
    adam.renew(g, m, v);
    agree += m * g > T(0) ? T(1) : T(0);
  }
};
/// θ ← θ - φ times Adam's step - decay θ; NaN times 0 stays NaN.
struct CautiousAdamWStep {
  static constexpr std::size_t slots = 2;
  Moments adam;
  double decay;
  template <class T>
  [[gnu::always_inline]] void operator()(T& theta, T g, T m, T v) const {
    theta -= adam.step(m, v) * (m * g > T(0) ? T(1) : T(0)) + T(decay) * theta;
  }
};

/// How many elements have a gradient of the sign of Lion's direction.
struct CautiousLionSums {
  static constexpr std::size_t slots = 1;
  double beta1;
  template <class T>
  [[gnu::always_inline]] T direction(T g, T m) const {
    return sign_of(T(beta1) * m + T(1.0 - beta1) * g);
  }
  template <class T>
  [[gnu::always_inline]] void operator()(T /*theta*/, T g, T m, T& agree, T& /*nothing*/) const {
    agree += direction(g, m) * g > T(0) ? T(1) : T(0);
  }
};
/// θ ← θ - rate φ u - decay θ, and the mean after it.
struct CautiousLionStep {
  static constexpr std::size_t slots = 1;
  CautiousLionSums of;
  double beta2, rate, decay;
  template <class T>
  [[gnu::always_inline]] void operator()(T& theta, T g, T& m) const {
    const T u = of.direction(g, m);
    theta -= T(rate) * (u * (u * g > T(0) ? T(1) : T(0))) + T(decay) * theta;
    m = T(beta2) * m + T(1.0 - beta2) * g;
  }
};

/// c² of the corrected gradient c = g + factor (g - g'); the slot is g'.
struct MARSSums {
  static constexpr std::size_t slots = 1;
  double factor;
  template <class T>
  [[gnu::always_inline]] T corrected(T g, T previous) const {
    return g + (g - previous) * T(factor);
  }
  template <class T>
  [[gnu::always_inline]] void operator()(T /*theta*/, T g, T previous, T& length, T& /*nothing*/) const {
    const T c = corrected(g, previous);
    length += c * c;
  }
};
/// AdamW with c / length for the gradient.
struct MARSAdamWStep {
  static constexpr std::size_t slots = 3;
  MARSSums of;
  Moments adam;
  double length, decay;
  template <class T>
  [[gnu::always_inline]] void operator()(T& theta, T g, T& previous, T& m, T& v) const {
    adam.renew(of.corrected(g, previous) / T(length), m, v);
    theta -= adam.step(m, v) + T(decay) * theta;
    previous = g;
  }
};
/// A step against the sign of the mean of c / length.
struct MARSLionStep {
  static constexpr std::size_t slots = 2;
  MARSSums of;
  double beta1, length, rate, decay;
  template <class T>
  [[gnu::always_inline]] void operator()(T& theta, T g, T& previous, T& m) const {
    m = T(beta1) * m + T(1.0 - beta1) * (of.corrected(g, previous) / T(length));
    theta -= T(rate) * sign_of(m) + T(decay) * theta;
    previous = g;
  }
};

/// Adafactor of a vector, V up to date; θ² and U² of U = g / max(√V, ε).
struct AdafactorSums {
  static constexpr std::size_t slots = 1;
  double beta2, eps;
  template <class T>
  [[gnu::always_inline]] T scaled(T g, T v) const {
    const T u = g / larger(T(eps), math::sqrt(v));
    return g == T(0) ? g : u;
  }
  template <class T>
  [[gnu::always_inline]] void operator()(T theta, T g, T& v, T& size, T& length) const {
    v = T(beta2) * v + T(1.0 - beta2) * g * g;
    const T u = scaled(g, v);
    size += theta * theta;
    length += u * u;
  }
};
/// θ ← θ - rate U - decay θ.
struct AdafactorStep {
  static constexpr std::size_t slots = 1;
  AdafactorSums of;
  double rate, decay;
  template <class T>
  [[gnu::always_inline]] void operator()(T& theta, T g, T v) const {
    theta -= T(rate) * of.scaled(g, v) + T(decay) * theta;
  }
};

/// s ← keep s + gain g; g (θ₀ - θ) and |s|.
struct ProdigySums {
  static constexpr std::size_t slots = 2;
  double keep, gain;
  template <class T>
  [[gnu::always_inline]] void operator()(T theta, T g, T& s, T start, T& along, T& size) const {
    s = T(keep) * s + T(gain) * g;
    along += g * (start - theta);
    size += math::abs(s);
  }
};
/// AdamW with d g for the gradient.
struct ProdigyStep {
  static constexpr std::size_t slots = 2;
  optim::AdamW::Rule adamw;
  double d;
  template <class T>
  [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v) const {
    adamw(theta, T(d) * g, m, v);
  }
};

/// g s / (√v + ε) with the old s; s ← keep s + gain g; |s|.
struct DAdaptSums {
  static constexpr std::size_t slots = 2;
  double keep, gain, eps;
  template <class T>
  [[gnu::always_inline]] void operator()(T /*theta*/, T g, T& s, T v, T& along, T& size) const {
    const T scaled = s / (math::sqrt(v) + T(eps));
    along += g * (s == T(0) ? T(0) : scaled);
    s = T(keep) * s + T(gain) * g;
    size += math::abs(s);
  }
};
/// A step by m, which has the rate q in it.
struct DAdaptStep {
  static constexpr std::size_t slots = 2;
  double beta1, beta2, eps, q, decay;
  template <class T>
  [[gnu::always_inline]] void operator()(T& theta, T g, T& v, T& m) const {
    m = T(beta1) * m + T(1.0 - beta1) * (T(q) * g);
    v = T(beta2) * v + T(1.0 - beta2) * g * g;
    const T step = m / (math::sqrt(v) + T(eps));
    theta -= (m == T(0) ? T(0) : step) + T(decay) * theta;
  }
};

template <class... P>
struct PassList {
  static constexpr std::size_t size = sizeof...(P);
  template <class One>
  static consteval std::size_t place() {
    std::size_t at = 0;
    static_cast<void>(((std::is_same_v<One, P> || (++at, false)) || ...));
    return at;
  }
};
using Passes = PassList<LAMBSums, LAMBStep, LARSSums, CautiousAdamWSums, CautiousAdamWStep, CautiousLionSums,
                        CautiousLionStep, MARSSums, MARSAdamWStep, MARSLionStep, AdafactorSums, AdafactorStep,
                        ProdigySums, ProdigyStep, DAdaptSums, DAdaptStep>;

/// A pass over the elements [begin, end), and what it adds up.
template <class T>
using PassLoop = Sums (*)(const void* pass, T* theta, const T* g, T* const* slots, Index begin, Index end);

struct PassLoops {
  PassLoop<float> f32;
  PassLoop<double> f64;
};
/// In the order of Passes.
using PassTable = std::array<PassLoops, Passes::size>;

/// Defined by kernels/passes.cpp for the instruction set it is compiled for.
template <Isa isa>
const PassTable& pass_table();

}  // namespace ravine::detail
#pragma GCC visibility pop
