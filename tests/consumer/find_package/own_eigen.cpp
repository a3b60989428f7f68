// A program with an Eigen and flags of its own beside ravine's: each must run its own code and agree on the product.
#include <Eigen/Dense>
#include <cstdio>
#include <ravine/eigen.hpp>
#include <ravine/ravine.hpp>

namespace rv = ravine;

int main() {
  rv::manual_seed(1);
  const rv::Tensor a = rv::randn({130, 70}), b = rv::randn({70, 90});
  const rv::Tensor by_ravine = rv::matmul(a, b);
  const Eigen::MatrixXf by_eigen = rv::as_matrix<float>(a) * rv::as_matrix<float>(b);
  const float difference = (rv::as_matrix<float>(by_ravine) - by_eigen).cwiseAbs().maxCoeff();

  const Eigen::MatrixXf gram = by_eigen.transpose() * by_eigen + Eigen::MatrixXf::Identity(90, 90);
  const rv::Tensor inverse = rv::from_eigen(gram.inverse());
  const float error = (gram * rv::as_matrix<float>(inverse) - Eigen::MatrixXf::Identity(90, 90)).cwiseAbs().maxCoeff();

  std::printf("own Eigen: products differ by %.1e, an inverse is off by %.1e\n", difference, error);
  return difference < 1e-4F && error < 1e-2F ? 0 : 1;
}
