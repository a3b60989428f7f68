/// @file
/// The orthonormal factor of a matrix; for the library's sources, not its public headers.
#pragma once

#include <ravine/core/tensor.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Q of the QR decomposition of a square matrix, by Householder's reflections in double precision.
Tensor orthonormal(const Tensor& A);

}  // namespace ravine::detail
#pragma GCC visibility pop
