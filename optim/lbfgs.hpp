/// @file
/// L-BFGS with a line search.
#pragma once

#include <vector>

#include <ravine/core/random.hpp>
#include <ravine/optim/groups.hpp>

namespace ravine::optim {

struct LBFGSOptions {
  double lr = 1.0;                             ///< the step that a line search tries first, > 0
  Index history = 10;                          ///< pairs of steps and changes of the gradient that are kept, 1 to 9999
  Index max_iterations = 20;                   ///< directions in one step(), >= 1
  Index max_evaluations = 25;                  ///< evaluations of the loss in one line search, >= 1
  double gradient_tolerance = 0.0;             ///< step() ends when no element of the gradient is larger, >= 0
  double change_tolerance = 0.0;               ///< or when no element of θ, or not the loss, changes by more, >= 0
  double relative_gradient_tolerance = 1e-12;  ///< the first as a part of the largest one at the start, >= 0
  double relative_change_tolerance = 1e-12;    ///< the second as a part of the loss, >= 0

  static void fields(auto&& field) {
    field("lr", &LBFGSOptions::lr, positive);
    field("history", &LBFGSOptions::history, up_to_9999);
    field("max_iterations", &LBFGSOptions::max_iterations, at_least_one);
    field("max_evaluations", &LBFGSOptions::max_evaluations, at_least_one);
    field("gradient_tolerance", &LBFGSOptions::gradient_tolerance, non_negative);
    field("change_tolerance", &LBFGSOptions::change_tolerance, non_negative);
    field("relative_gradient_tolerance", &LBFGSOptions::relative_gradient_tolerance, non_negative);
    field("relative_change_tolerance", &LBFGSOptions::relative_change_tolerance, non_negative);
  }
  static constexpr Range up_to_9999{1.0, 9999.0, true, true, "in [1, 9999]"};
};

/// L-BFGS: each iteration goes along d = -H g, with H the inverse Hessian as the last pairs s = Δθ, y = Δg see it, to a
/// point that satisfies the strong Wolfe conditions,
///
///     f(θ + t d) ≤ f(θ) + c1 t gᵀd        |∇f(θ + t d)ᵀd| ≤ c2 |gᵀd|        c1 = 10⁻⁴, c2 = 0.9
///
/// For a loss that is the same function in every evaluation: the whole data set, not a batch. Needs a closure; one
/// step() makes several iterations. All parameters are one vector. Where the loss is not finite, a line search goes
/// back; if it finds nothing better, the parameters stay. Evaluations after a step's first see the same random numbers
/// as it and leave running statistics alone (see Reevaluation). The slots are "s" and "y", `history` rows of a
/// parameter's elements each, filled in turn; "pairs" counts, and "start_gradient" is the largest element of the first
/// gradient of all.
///
/// `stopped()` says why a step ended before its iterations were used up: "gradient_tolerance" or "change_tolerance",
/// absolute or relative; "line_search", where no better point was found, at once where the loss is flat but for
/// rounding; "not_finite", of a loss or gradient.
///
/// Source: Nocedal & Wright, Numerical optimization (2006), algorithms 7.4, 3.5, 3.6.
class LBFGS final : public Grouped<LBFGSOptions> {
 public:
  static constexpr const char* name = "LBFGS";
  /// Throws std::invalid_argument for options out of range, and as Optimizer.
  explicit LBFGS(std::vector<Variable> params, LBFGSOptions options = {});

  bool needs_closure() const override { return true; }
  const char* stopped() const override { return stopped_; }

  /// A state of before there were relative tolerances has none: they are 0 then.
  void load_state_dict(const StateDict& state) override;

 private:
  /// A vector of all parameters' elements, cut into their shapes.
  using Vector = std::vector<Tensor>;
  struct Pair {
    Vector s, y;
    double product;  // sᵀy
  };
  struct Point {
    double f;      // loss
    double slope;  // gᵀd
    double t;      // how far along d
    Vector g;      // gradient
  };
  /// A line to search along, with what its evaluations need.
  struct Line {
    Closure closure;
    const Generator& before;  // the random numbers of the step's first evaluation
    const Vector &start, &d;
  };

  double advance(Closure closure) override;
  void update() override {}  // advance does it all
  void check_loaded(const Group& present, const LBFGSOptions& loaded) const override;

  Vector gradient() const;
  /// The pairs that are kept, from the oldest; rows of the state.
  std::vector<Pair> kept() const;
  void keep(const Pair& pair);
  /// -H g from the last pairs.
  Vector direction(const std::vector<Pair>& pairs, const Vector& g) const;
  /// Evaluates at start + t d, where the parameters are then.
  Point look(const Line& line, double t);
  /// The point to go on from; the parameters are somewhere else.
  Point search(const Line& line, Point from, double t);
  /// The length that a line search tries first.
  double first_length(const std::vector<Pair>& pairs, const Point& at) const;
  /// Why there is no going on from a point with this loss and gradient, or null; start: the largest of the first one.
  const char* reason_at(double f, const Vector& g, double start) const;
  /// Whether a step s from a loss f to `next` is too short to count.
  bool hardly_moves(const Vector& s, double f, double next) const;

  const Tensor& rows(std::size_t parameter, std::size_t slot) const { return state(2 * parameter + slot); }
  const Tensor& count() const { return state(2 * parameters().size()); }
  const Tensor& start_gradient() const { return state(2 * parameters().size() + 1); }

  const char* stopped_ = nullptr;
  Vector saved_;  // the parameters at the start of a step, while they are elsewhere
};

}  // namespace ravine::optim
