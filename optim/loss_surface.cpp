#include <ravine/optim/loss_surface.hpp>

#include <cmath>
#include <set>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/grad.hpp>
#include <ravine/autograd/reevaluation.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/linalg.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/taylor.hpp>

namespace ravine::detail {

Index check_parameters(const char* op, const std::vector<Variable>& parameters) {
  const auto refuse = [&](const auto&... what) { throw std::invalid_argument(text(op, ": ", what...)); };
  if (parameters.empty()) refuse("no parameters");
  std::set<const void*> seen;
  Index n = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Variable& p = parameters[i];
    if (!p.defined()) refuse("parameter ", i, " is undefined");
    if (!p.is_leaf()) refuse("parameter ", i, " is the result of ", p.node()->op);
    if (!is_floating(p.dtype())) refuse("parameter ", i, " is ", p.dtype(), ", not floating");
    if (!seen.insert(p.node()).second) refuse("parameter ", i, " comes twice");
    n += p.numel();
  }
  return n;
}

Variable checked_loss(const char* op, Variable loss) {
  if (!loss.defined()) throw std::logic_error(text(op, ": the closure returned no loss"));
  if (loss.numel() != 1) throw std::logic_error(text(op, ": the closure returned ", loss.shape(), ", not a scalar"));
  return loss;
}

}  // namespace ravine::detail

namespace ravine::optim {
namespace {

using detail::check_parameters;
using detail::text;

void check_vector(const char* op, const char* what, const Tensor& vector, Index n) {
  if (vector.shape() != Shape{n})
    throw ShapeError(text(op, ": ", what, " must be ", Shape{n}, ", got ", vector.shape()));
  detail::check_floating(op, vector);
}

void check_rows(const char* op, const char* what, const Tensor& rows, Index n) {
  if (rows.rank() != 2 || rows.size(1) != n)
    throw ShapeError(text(op, ": needs ", what, " in rows of ", n, ", got ", rows.shape()));
  detail::check_floating(op, rows);
}

/// The parameters' values as f64 vectors, or other tensors of their shapes.
template <class Part>
Tensor flattened(const std::vector<Variable>& parameters, Part part) {
  std::vector<Tensor> parts;
  for (std::size_t i = 0; i < parameters.size(); ++i) parts.push_back(part(i).reshape({-1}).to(f64));
  return concat(parts, 0);
}

void write(const Tensor& vector, const std::vector<Variable>& parameters) {
  Index begin = 0;
  for (const Variable& p : parameters) {
    Tensor& value = p.node()->value;
    value.copy_from(vector.slice(0, begin, begin + p.numel()).reshape(p.shape()).to(p.dtype()));
    begin += p.numel();
  }
}

/// While it lives, parameters are elsewhere; then they get their values back, exactly, but for one that has another
/// shape or dtype by then.
class Moved {
 public:
  Moved(const Tensor& point, const std::vector<Variable>& parameters) : Moved(parameters) { write(point, parameters); }
  Moved(const Moved&) = delete;
  Moved& operator=(const Moved&) = delete;
  ~Moved() {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      Tensor& value = parameters_[i].node()->value;
      if (value.shape() == values_[i].shape() && value.dtype() == values_[i].dtype()) value.copy_from(values_[i]);
    }
  }

 private:
  explicit Moved(const std::vector<Variable>& parameters) : parameters_(parameters) {
    for (const Variable& p : parameters) values_.push_back(p.value().clone());
  }

  const std::vector<Variable>& parameters_;
  std::vector<Tensor> values_;
};

/// d with each filter as long as that of w.
Tensor filter_normalized(const Tensor& d, const Tensor& w) {
  const Shape rows{w.size(0), w.numel() / std::max<Index>(w.size(0), 1)};
  const Tensor lengths = norm(w.to(f64).reshape(rows), {1}, true), own = norm(d.reshape(rows), {1}, true);
  return d.reshape(rows) * (lengths / maximum(own, 1e-300));
}

/// Row i with a sign that does not depend on how it was computed.
void fix_sign(Tensor rows) {
  for (Index i = 0; i < rows.size(0); ++i)
    if (-min(rows[i]).item() > max(rows[i]).item()) rows[i].copy_from(-rows[i]);
}

/// The last k eigenpairs, largest first: vectors in rows.
Eigenpairs leading(const Tensor& A, Index k) {
  const Eigenpairs all = symmetric_eigen(A);
  const Index n = A.size(0);
  return {flip(all.values.slice(0, n - k, n), {0}), flip(transpose(all.vectors.slice(1, n - k, n)), {0})};
}

double determinant(const Plane& p, double* xx, double* xy, double* yy) {
  *xx = dot(p.x.to(f64), p.x.to(f64));
  *xy = dot(p.x.to(f64), p.y.to(f64));
  *yy = dot(p.y.to(f64), p.y.to(f64));
  return *xx * *yy - *xy * *xy;
}

void check_plane(const char* op, const Plane& plane, Index n) {
  check_vector(op, "the plane's origin", plane.origin, n);
  check_vector(op, "the plane's x", plane.x, n);
  check_vector(op, "the plane's y", plane.y, n);
  double xx, xy, yy;
  if (!(determinant(plane, &xx, &xy, &yy) > 1e-12 * xx * yy))
    throw std::invalid_argument(text(op, ": the plane's directions, of lengths ", std::sqrt(xx), " and ", std::sqrt(yy),
                                     ", are parallel, 0 or not finite"));
}

}  // namespace

Tensor parameters_to_vector(const std::vector<Variable>& parameters) {
  check_parameters("parameters_to_vector", parameters);
  return flattened(parameters, [&](std::size_t i) { return parameters[i].value(); });
}

void vector_to_parameters(const Tensor& vector, const std::vector<Variable>& parameters) {
  const Index n = check_parameters("vector_to_parameters", parameters);
  check_vector("vector_to_parameters", "the vector", vector, n);
  write(vector, parameters);
}

Tensor filter_normalized_direction(const std::vector<Variable>& parameters, Generator& generator) {
  check_parameters("filter_normalized_direction", parameters);
  const Tensor direction = flattened(parameters, [&](std::size_t i) {
    const Tensor& w = parameters[i].value();
    return w.rank() < 2 ? zeros(w.shape(), f64) : filter_normalized(randn(w.shape(), f64, generator), w);
  });
  if (!(total_norm({direction}) > 0.0))
    throw std::invalid_argument(
        "filter_normalized_direction: no parameter moves: none has two dimensions, or all that have are 0");
  return direction;
}

PCA pca(const Tensor& points, Index components) {
  if (points.rank() != 2) throw ShapeError(text("pca: needs points in rows, got ", points.shape()));
  detail::check_floating("pca", points);
  const Index n = points.size(0), P = points.size(1);
  const auto refuse = [](const auto&... what) { throw std::invalid_argument(text("pca: ", what...)); };
  if (components < 0) refuse("components must be >= 0, got ", components);
  if (!all_finite(points)) refuse("a point has NaN or infinity");
  if (components > std::min(n - 1, P))
    refuse(n, " points of ", P, " numbers differ in ", std::max<Index>(0, std::min(n - 1, P)),
           " directions at most, not in ", components);
  const Tensor x = points.to(f64), mean = ravine::mean(x, {0}), d = x - mean;

  // The eigenvectors of dᵀd, (P, P), or those of d dᵀ, (n, n), and dᵀ times them: whichever is smaller.
  const bool few_points = n < P;
  const Eigenpairs pairs =
      leading(few_points ? matmul(d, d, Transpose::no, Transpose::yes) : matmul(d, d, Transpose::yes), components);
  const double all = dot(d, d), rounding = std::max(1e-14 * all, 1e-28 * dot(x, x));
  PCA result{mean, few_points ? matmul(pairs.vectors, d) : pairs.vectors, maximum(pairs.values, 0.0) / all};
  for (Index i = 0; i < components; ++i)
    if (!(pairs.values.at({i}) > rounding)) refuse("the points differ in ", i, " directions only, not in ", components);
  result.components = result.components / norm(result.components, {1}, true);
  fix_sign(result.components);
  return result;
}

Tensor Plane::points(const Tensor& coordinates) const {
  check_plane("Plane::points", *this, origin.numel());
  check_rows("Plane::points", "coordinates", coordinates, 2);
  return origin.to(f64) + matmul(coordinates.to(f64), stack({x.to(f64), y.to(f64)}, 0));
}

Tensor Plane::project(const Tensor& points) const {
  check_plane("Plane::project", *this, origin.numel());
  check_rows("Plane::project", "points", points, origin.numel());
  const Tensor along =
      matmul(points.to(f64) - origin.to(f64), stack({x.to(f64), y.to(f64)}, 0), Transpose::no, Transpose::yes);
  double xx, xy, yy;
  const double det = determinant(*this, &xx, &xy, &yy);
  return matmul(along, tensor({{yy / det, -xy / det}, {-xy / det, xx / det}}, f64));
}

LossSurface::LossSurface(std::vector<Variable> parameters, Callable<Variable()> loss, Plane plane)
    : parameters_(std::move(parameters)), loss_(std::move(loss)), plane_(std::move(plane)) {
  if (!loss_) throw std::invalid_argument("LossSurface: there is no closure");
  check_plane("LossSurface", plane_, check_parameters("LossSurface", parameters_));
  for (Tensor* vector : {&plane_.origin, &plane_.x, &plane_.y}) *vector = vector->to(f64).clone();
}

double LossSurface::evaluate(const Tensor& point, Tensor* slopes) const {
  const Moved moved(point, parameters_);
  const Reevaluation leaves_alone(default_generator());
  const Variable loss = detail::checked_loss("LossSurface", loss_());
  if (slopes) {
    const std::vector<Variable> g = grad(loss, parameters_, {.allow_unused = true});
    const Tensor gradient = flattened(
        parameters_, [&](std::size_t i) { return g[i].defined() ? g[i].value() : zeros_like(parameters_[i].value()); });
    *slopes = tensor({dot(gradient, plane_.x), dot(gradient, plane_.y)}, f64);
  }
  return loss.item();
}

Variable LossSurface::operator()(const Variable& theta) const {
  check_vector("LossSurface", "theta", theta.value(), 2);
  const Tensor point = plane_.points(theta.value().reshape({1, 2}))[0];
  const DType dtype = theta.dtype();
  if (!detail::wants_gradient(theta)) return scalar(evaluate(point, nullptr), dtype);
  Tensor slopes;
  const double loss = evaluate(point, &slopes);
  const auto pullback = [slopes = slopes.to(dtype)]<class V>(V dy) {
    if constexpr (std::is_same_v<V, Variable>) throw std::logic_error("LossSurface: has first derivatives only");
    return dy * V(slopes);
  };
  return record("loss_surface", scalar(loss, dtype), {{theta, pullback}});
}

Projection LossSurface::project(const Tensor& points) const {
  check_rows("LossSurface::project", "points", points, plane_.origin.numel());
  const Tensor all = points.to(f64), coordinates = plane_.project(all), nearest = plane_.points(coordinates);
  const Index n = all.size(0);
  Projection result{coordinates, norm(all - nearest, {1}), Tensor({n}, f64), Tensor({n}, f64)};
  for (Index i = 0; i < n; ++i) {
    result.loss.set({i}, evaluate(all[i], nullptr));
    result.projected_loss.set({i}, evaluate(nearest[i], nullptr));
  }
  return result;
}

}  // namespace ravine::optim
