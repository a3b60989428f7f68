// Eigen under a name of our own, here alone: a program's Eigen may be another version or have other flags.
#define Eigen ravine_eigen_solve
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_MPL2_ONLY
#include <Eigen/Cholesky>
#include <Eigen/LU>

#include <ravine/core/linalg.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
namespace {

using detail::text;

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

bool is_square(const Shape& shape) { return shape.rank() == 2 && shape[0] == shape[1]; }

template <class T>
void solve(const T* a, const T* b, T* x, Index n, Index columns) {
  const Eigen::PartialPivLU<Matrix<T>> lu(Eigen::Map<const Matrix<T>>(a, n, n));
  for (Index i = 0; i < n; ++i)
    if (lu.matrixLU()(i, i) == T(0))
      throw std::invalid_argument(text("solve: the matrix ", Shape{n, n}, " is singular: pivot ", i, " is 0"));
  Eigen::Map<Matrix<T>>(x, n, columns) = lu.solve(Eigen::Map<const Matrix<T>>(b, n, columns));
}

}  // namespace

Tensor solve(const Tensor& a, const Tensor& b) {
  const Index n = a.rank() > 0 ? a.shape()[0] : 0;
  if (!is_square(a.shape()) || b.rank() < 1 || b.rank() > 2 || b.shape()[0] != n)
    throw ShapeError(
        text("solve: needs a matrix (n, n) and a right-hand side (n) or (n, k), got ", a.shape(), " and ", b.shape()));
  detail::check_dtypes("solve", a, b);
  Tensor x(b.shape(), a.dtype());
  detail::visit_floating("solve", a.dtype(), [&](auto type) {
    using T = decltype(type);
    if (n > 0) solve(a.raw<T>(), b.raw<T>(), x.raw<T>(), n, b.numel() / n);
  });
  return x;
}

Tensor cholesky(const Tensor& a) {
  if (!is_square(a.shape())) throw ShapeError(text("cholesky: needs a square matrix, got ", a.shape()));
  Tensor l(a.shape(), a.dtype());
  detail::visit_floating("cholesky", a.dtype(), [&](auto type) {
    using T = decltype(type);
    const Index n = a.shape()[0];
    if (n == 0) return;
    const Eigen::LLT<Matrix<T>> llt(Eigen::Map<const Matrix<T>>(a.raw<T>(), n, n));
    const Matrix<T> lower = llt.matrixL();
    // Eigen takes NaN for positive.
    if (llt.info() != Eigen::Success || !(lower.diagonal().array() > T(0)).all())
      throw std::invalid_argument(text("cholesky: the matrix ", a.shape(), " is not positive definite"));
    Eigen::Map<Matrix<T>>(l.raw<T>(), n, n) = lower;
  });
  return l;
}

}  // namespace ravine
