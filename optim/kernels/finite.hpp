/// @file
/// A look for NaN and infinity in several arrays, compiled once for each instruction set.
#pragma once

#include <ravine/core/dtype.hpp>
#include <ravine/core/isa.hpp>

namespace ravine::detail {

/// False if one of the n[k] values at x[k] is NaN or infinite, k < arrays.
using FiniteLoop = bool (*)(const float* const* x, const Index* n, int arrays);

/// Defined by kernels/finite.cpp for the instruction set it is compiled for.
template <Isa isa>
[[gnu::visibility("hidden")]] FiniteLoop finite_loop();

}  // namespace ravine::detail
