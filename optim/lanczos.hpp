/// @file
/// The largest eigenvalues of matrices that are known by their products alone, as the Hessian of a network is.
#pragma once

#include <ravine/optim/optimizer.hpp>
#include <ravine/optim/taylor.hpp>

namespace ravine::optim {

struct LanczosOptions {
  double tolerance = 1e-4;    ///< a pair is found once |A v - λ v| <= tolerance times the largest |λ|; > 0
  Index max_products = 1000;  ///< for each pair
};

/// The `count` eigenvalues of largest magnitude of a symmetric matrix A (n, n), in descending order of it, and their
/// eigenvectors (n, count), of length 1; their larger end is positive. In double precision, by Lanczos's iteration, one
/// pair after the other, so that equal eigenvalues are found as well.
///   product  A v for v (n) f64, of shape (n), f32 or f64
///   throws   std::invalid_argument for options out of range and unless 0 <= count <= n; ShapeError for a product of
///            another shape; std::runtime_error for one with NaN or infinity, and if max_products do not suffice
/// Source: Lanczos (1950), with full reorthogonalization; Golub, Van Loan: Matrix Computations, chapter 10.
Eigenpairs leading_eigen(FunctionRef<Tensor(const Tensor&)> product, Index n, Index count,
                         const LanczosOptions& options = {});

/// The same for the Hessian of a loss in all parameters together, in the order of `parameters_to_vector`: the first
/// eigenvalue is the sharpness of a minimum. Costs one evaluation of the loss, its gradient, and a pass through that
/// for each product. Gradients, random numbers and running statistics are left alone.
///   throws   as above, as LossSurface for its parameters, and std::logic_error if the loss depends on none of them
Eigenpairs hessian_eigen(const std::vector<Variable>& parameters, Optimizer::Closure loss, Index count,
                         const LanczosOptions& options = {});

}  // namespace ravine::optim
