/// @file
/// AdaHessian: Adam with the curvature of the loss in place of the squares of its gradients.
#pragma once

#include <vector>

#include <ravine/core/callable.hpp>
#include <ravine/core/math.hpp>
#include <ravine/core/random.hpp>
#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

/// From the parameters of a group and their gradients (recorded; undefined where the loss does not depend on the
/// parameter) to the diagonal of the Hessian or an estimate of it: a tensor for each parameter, of its shape.
using HessianDiagonal =
    Callable<std::vector<Tensor>(const std::vector<Variable>& params, const std::vector<Variable>& gradients)>;

/// Hutchinson's estimate: the mean over samples of z ⊙ (H z), where H z is the gradient of gᵀz and the elements of z
/// are 1 or -1 at random. Exact if H is diagonal. Throws std::invalid_argument unless samples > 0.
///
/// Source: Hutchinson (1990); Bekas, Kokiopoulou & Saad (2007) for the diagonal.
std::vector<Tensor> hutchinson_diagonal(const std::vector<Variable>& params, const std::vector<Variable>& gradients,
                                        Index samples = 1, Generator& generator = default_generator());

struct AdaHessianOptions {
  double lr = 0.15;            ///< step size α, > 0
  double beta1 = 0.9;          ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;        ///< decay of the mean of squared curvatures, in [0, 1)
  double eps = 1e-4;           ///< ε, >= 0
  double power = 1.0;          ///< k, in [0, 1]: 0 ignores the curvature
  Index block = 1;             ///< so many neighbouring elements share their mean curvature, >= 1
  Index samples = 1;           ///< vectors z for an estimate, 1 to 9999; small networks do better with several
  double weight_decay = 0.0;   ///< λ, >= 0, decoupled: subtracts α λ θ
  HessianDiagonal diagonal{};  ///< in place of Hutchinson's estimate

  static void fields(auto&& field) {
    field("lr", &AdaHessianOptions::lr, positive);
    field("beta1", &AdaHessianOptions::beta1, below_one);
    field("beta2", &AdaHessianOptions::beta2, below_one);
    field("eps", &AdaHessianOptions::eps, non_negative);
    field("power", &AdaHessianOptions::power, up_to_one);
    field("block", &AdaHessianOptions::block, at_least_one);
    field("samples", &AdaHessianOptions::samples, up_to_9999);
    field("weight_decay", &AdaHessianOptions::weight_decay, non_negative);
  }
  static constexpr Range up_to_9999{1.0, 9999.0, true, true, "in [1, 9999]"};
};

/// AdaHessian, in update t = 1, 2, …, with D the diagonal of the Hessian, averaged over blocks:
///
///     m ← β1 m + (1 - β1) g                  m̂ = m / (1 - β1^t)
///     v ← β2 v + (1 - β2) D²                 v̂ = v / (1 - β2^t)
///     θ ← θ - α m̂ / ((√v̂)^k + ε) - α λ θ
///
/// Needs a closure; g and D are those of one evaluation, whose graph is differentiated twice. Gradient callbacks change
/// g, not D. As D is squared, a saddle does not attract. Where D is infinite, θ stays from then on. A block is a run of
/// a parameter's elements in memory, the last one perhaps shorter. The callable `diagonal` is not part of the state.
/// The slots are "m" and "v"; m is not kept for β1 = 0.
///
/// Source: Yao et al., AdaHessian (2020), named in the lectures.
class AdaHessian final : public Elementwise<AdaHessian, AdaHessianOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "AdaHessian";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v"};
  static bool uses(const AdaHessianOptions& o, std::size_t slot) { return slot == 1 || o.beta1 > 0.0; }

  /// v is up to date by then.
  struct Rule {
    double rate, beta1, scale, power, eps, decay;
    Rule(const AdaHessianOptions& o, double lr, Index t)
        : rate(lr / (1.0 - math::pow(o.beta1, static_cast<double>(t)))),
          beta1(o.beta1),
          scale(1.0 / (1.0 - math::pow(o.beta2, static_cast<double>(t)))),
          power(o.power),
          eps(o.eps),
          decay(lr * o.weight_decay) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, const T& v) const {
      m = T(beta1) * m + T(1.0 - beta1) * g;
      const T root = math::sqrt(T(scale) * v);
      const T step = T(rate) * m / ((power == 1.0 ? root : math::pow(root, T(power))) + T(eps));
      theta -= (m == T(0) ? T(0) : step) + T(decay) * theta;
    }
  };

  bool needs_closure() const override { return true; }

 private:
  double advance(Closure closure) override;
  /// D, of all parameters. A group's own callable counts as one product.
  std::vector<Tensor> diagonals(const std::vector<Variable>& gradients);
};

extern template class Grouped<AdaHessianOptions>;
extern template class Elementwise<AdaHessian, AdaHessianOptions>;

}  // namespace ravine::optim
