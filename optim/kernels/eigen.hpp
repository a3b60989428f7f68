/// @file
/// Decompositions by Eigen, compiled once for each instruction set; for the library's sources, not its public headers.
#pragma once

#include <ravine/core/dtype.hpp>
#include <ravine/core/isa.hpp>

namespace ravine::detail {

/// Of matrices of n by n, row by row.
struct EigenLoops {
  /// Eigenvalues of a symmetric one, ascending, and in columns their eigenvectors; false if the iteration fails.
  bool (*symmetric)(const double* A, Index n, double* values, double* vectors);
  /// The orthonormal factor of a QR decomposition.
  void (*orthonormal)(const double* A, Index n, double* Q);
};

/// Defined by kernels/eigen.cpp for the instruction set it is compiled for.
template <Isa isa>
[[gnu::visibility("hidden")]] EigenLoops eigen_loops();

/// Those for this processor.
[[gnu::visibility("hidden")]] const EigenLoops& active_eigen_loops();

}  // namespace ravine::detail
