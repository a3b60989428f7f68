// Eigen under a name of our own, here alone: a program's Eigen may be another version or have other flags.
#define Eigen ravine_eigen_qr
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_MPL2_ONLY
#include <Eigen/QR>

#include <ravine/optim/parameterwise/orthonormal.hpp>

namespace ravine::detail {

Tensor orthonormal(const Tensor& A) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Index n = A.size(0);
  const Tensor given = A.to(f64);
  const Eigen::HouseholderQR<Matrix> qr(Eigen::Map<const Matrix>(given.raw<double>(), n, n));
  Tensor Q({n, n}, f64);
  Eigen::Map<Matrix>(Q.raw<double>(), n, n) = qr.householderQ() * Matrix::Identity(n, n);
  return Q.to(A.dtype());
}

}  // namespace ravine::detail
