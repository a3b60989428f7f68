/// @file
/// The loss of a network along two directions of its parameters, and paths of training seen from there.
///
///     const Tensor path = stack(points, 0);        // of parameters_to_vector(model.parameters()) after each epoch
///     const optim::PCA axes = optim::pca(path, 2);
///     const optim::LossSurface surface(model.parameters(), loss, {path[-1], axes.components[0], axes.components[1]});
///     surface(tensor({0.5, -1}, f64)).item();      // the loss at path[-1] + 0.5 · first axis - 1 · second axis
#pragma once

#include <vector>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/callable.hpp>
#include <ravine/core/random.hpp>

namespace ravine::optim {

/// The elements of all parameters one after the other, (P), in f64, which holds f32 exactly. Throws
/// std::invalid_argument for no parameters, and for one that is undefined, an integer tensor, the result of an op or
/// comes twice.
Tensor parameters_to_vector(const std::vector<Variable>& parameters);
/// The reverse, in place. Throws as above, and ShapeError, DTypeError for another vector than (P), f32 or f64.
void vector_to_parameters(const Tensor& vector, const std::vector<Variable>& parameters);

/// A random direction (P) in which the surfaces of different networks can be compared: normal, and in each filter (a
/// row of a parameter of two or more dimensions: what leads to one output) of the length which that has itself.
/// Parameters of fewer dimensions, such as biases, stay where they are: 0. Throws as `parameters_to_vector`, and
/// std::invalid_argument if nothing moves: no parameter has two dimensions, or all that have are 0.
/// Source: Li et al., Visualizing the loss landscape of neural nets (2018), section 4.
Tensor filter_normalized_direction(const std::vector<Variable>& parameters, Generator& generator = default_generator());

/// The directions in which points differ most.
struct PCA {
  Tensor mean;                      ///< (P) f64
  Tensor components;                ///< (k, P) f64: orthonormal rows, whose larger end is positive
  Tensor explained_variance_ratio;  ///< (k) f64: the share of all variance along each one, descending
};

/// Of the rows of `points` (n, P), f32 or f64, as the steps of one path or of several (`concat`). Throws ShapeError,
/// DTypeError, and std::invalid_argument for NaN or infinity, and unless the points differ in as many directions.
PCA pca(const Tensor& points, Index components);

/// The points origin + a x + b y.
struct Plane {
  Tensor origin, x, y;  ///< (P) each, f32 or f64; x and y need be neither orthogonal nor of length 1

  /// From coordinates (n, 2) to points (n, P), in f64.
  Tensor points(const Tensor& coordinates) const;
  /// The coordinates (n, 2) of the plane's points that are nearest to these (n, P), in f64.
  Tensor project(const Tensor& points) const;
};

/// Points seen from a plane, and what that hides: the gap between `projected_loss` and `loss`.
struct Projection {
  Tensor coordinates;     ///< (n, 2): where the nearest points of the plane are
  Tensor distance;        ///< (n): how far away
  Tensor loss;            ///< (n): at the points themselves
  Tensor projected_loss;  ///< (n): at the nearest points of the plane
};

/// The loss on a plane through the parameters of a model: a function of two coordinates, as the landscapes are.
///
/// Each evaluation moves the parameters, runs the closure and moves them back exactly, also if it throws. Gradients,
/// running statistics and the thread's random numbers are left alone, and each evaluation sees the same random numbers.
/// Evaluate modules in the mode in which the surface is meant.
class LossSurface {
 public:
  /// loss: the closure of a step, always over the same examples. Throws as `parameters_to_vector`; ShapeError,
  /// DTypeError for tensors of the plane that are no floating (P), std::invalid_argument for directions that are
  /// parallel, 0 or not finite.
  LossSurface(std::vector<Variable> parameters, Callable<Variable()> loss, Plane plane);

  const Plane& plane() const { return plane_; }
  /// The loss at the point with these coordinates, theta (2), f32 or f64; the result has theta's dtype, and first
  /// derivatives in theta. Throws ShapeError, DTypeError, and std::logic_error for a closure that returns no scalar and
  /// for a second derivative.
  Variable operator()(const Variable& theta) const;
  /// Where points (n, P), as of a path, are from here. Throws ShapeError, DTypeError.
  Projection project(const Tensor& points) const;

 private:
  /// The loss at a point (P); with its slopes along x and y, (2), if they are wanted.
  double evaluate(const Tensor& point, Tensor* slopes) const;

  std::vector<Variable> parameters_;
  Callable<Variable()> loss_;
  Plane plane_;
};

}  // namespace ravine::optim

namespace ravine::detail {

/// The number of their elements; throws as `parameters_to_vector`, naming op.
Index check_parameters(const char* op, const std::vector<Variable>& parameters);
/// The loss itself; std::logic_error, naming op, if it is no scalar.
Variable checked_loss(const char* op, Variable loss);

}  // namespace ravine::detail
