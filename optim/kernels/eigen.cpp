#include <ravine/optim/kernels/eigen.hpp>

#include <Eigen/Eigenvalues>
#include <Eigen/QR>

namespace ravine::detail {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

bool symmetric(const double* A, Index n, double* values, double* vectors) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(Eigen::Map<const Matrix>(A, n, n));
  if (solver.info() != Eigen::Success) return false;
  Eigen::Map<Eigen::VectorXd>(values, n) = solver.eigenvalues();
  Eigen::Map<Matrix>(vectors, n, n) = solver.eigenvectors();
  return true;
}

void orthonormal(const double* A, Index n, double* Q) {
  const Eigen::HouseholderQR<Matrix> qr(Eigen::Map<const Matrix>(A, n, n));
  Eigen::Map<Matrix>(Q, n, n) = qr.householderQ() * Matrix::Identity(n, n);
}

}  // namespace

template <>
EigenLoops eigen_loops<Isa::RAVINE_KERNEL_ISA>() {
  return {symmetric, orthonormal};
}

}  // namespace ravine::detail
