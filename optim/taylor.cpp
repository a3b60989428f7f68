#include <ravine/optim/taylor.hpp>

#include <stdexcept>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/kernels/dispatch.hpp>
#include <ravine/core/linalg.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/kernels/eigen.hpp>

namespace ravine::detail {

const EigenLoops& active_eigen_loops() {
  static const EigenLoops active = with_active_isa([]<Isa isa>() { return eigen_loops<isa>(); });
  return active;
}

}  // namespace ravine::detail

namespace ravine::optim {
namespace {

/// theta - theta_0 as a vector of f64.
Tensor displacement(const char* op, const Tensor& theta, const Tensor& point) {
  if (theta.shape() != point.shape())
    throw ShapeError(detail::text(op, ": theta is ", theta.shape(), ", the point of expansion ", point.shape()));
  return (theta.to(f64) - point.to(f64)).reshape({theta.numel()});
}

double first_order_change(const Taylor& t, const Tensor& d) {
  return sum(t.gradient.to(f64).reshape({d.numel()}) * d).item();
}

}  // namespace

double Taylor::first_order(const Tensor& theta) const {
  return value + first_order_change(*this, displacement("first_order", theta, point));
}

double Taylor::second_order(const Tensor& theta) const {
  const Tensor d = displacement("second_order", theta, point);
  return value + first_order_change(*this, d) + 0.5 * sum(d * matmul(hessian.to(f64), d)).item();
}

Taylor taylor(Function f, const Tensor& theta) {
  Taylor t{theta.clone(), 0.0, {}, {}};
  t.hessian = jacobian(
      [&](const Variable& x) {
        const Variable y = f(x);
        const Variable g = grad(y, {x}, {.create_graph = true})[0];
        t.value = y.item();
        t.gradient = g.value();
        return g;
      },
      t.point);
  return t;
}

Eigenpairs symmetric_eigen(const Tensor& A) {
  if (A.rank() != 2 || A.size(0) != A.size(1))
    throw ShapeError(detail::text("symmetric_eigen: needs a square matrix, got ", A.shape()));
  detail::check_floating("symmetric_eigen", A);
  const Index n = A.size(0);
  if (n == 0) return {Tensor({0}, A.dtype()), A.clone()};
  if (!all_finite(A)) throw std::invalid_argument("symmetric_eigen: an element is NaN or infinite");
  const Tensor symmetric = 0.5 * (A.to(f64) + transpose(A.to(f64)));

  Eigenpairs pairs{Tensor({n}, f64), Tensor({n, n}, f64)};
  if (!detail::active_eigen_loops().symmetric(symmetric.raw<double>(), n, pairs.values.raw<double>(),
                                              pairs.vectors.raw<double>()))
    throw std::runtime_error("symmetric_eigen: the iteration did not converge");
  return {pairs.values.to(A.dtype()), pairs.vectors.to(A.dtype())};
}

CriticalPoint classify_critical_point(const Tensor& hessian, double tolerance) {
  if (!(tolerance >= 0.0))
    throw std::invalid_argument(detail::text("classify_critical_point: tolerance must be >= 0, got ", tolerance));
  const Tensor values = symmetric_eigen(hessian.to(f64)).values;
  const double zero = tolerance * max(abs(values)).item();
  const bool some_positive = max(values).item() > zero, some_negative = min(values).item() < -zero;
  if (some_positive && some_negative) return CriticalPoint::saddle;
  if (min(values).item() > zero) return CriticalPoint::minimum;
  if (max(values).item() < -zero) return CriticalPoint::maximum;
  return CriticalPoint::degenerate;
}

CriticalPoint classify_critical_point(const Taylor& at, double tolerance) {
  const CriticalPoint by_curvature = classify_critical_point(at.hessian, tolerance);
  const bool critical =
      total_norm({at.gradient}) <= tolerance * total_norm({at.hessian}) * (1.0 + total_norm({at.point}));
  return critical ? by_curvature : CriticalPoint::not_critical;
}

}  // namespace ravine::optim
