/// @file
/// Elementwise ops by their kernels; for the library's sources.
#pragma once

#include <initializer_list>

#include <ravine/core/kernels/active.hpp>
#include <ravine/core/tensor.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// What an elementwise op reads: a tensor, or a number, which takes the tensors' type.
struct Operand {
  Operand(const Tensor& x) : tensor(&x) {}
  /// The result may lie in x's memory, if nobody else holds it.
  Operand(Tensor&& x) : tensor(&x), own(&x) {}
  Operand(Scalar x) : number(x) {}
  Operand(double x) : number(x) {}

  const Tensor* tensor = nullptr;
  Tensor* own = nullptr;
  Scalar number = 0;
};

/// The op on operands that broadcast by NumPy's rule. Throws DTypeError and ShapeError as core/elementwise.hpp says,
/// naming the op. The condition of `where` is not checked.
Tensor map(kernels::Op op, std::initializer_list<Operand> operands);
/// The same where all tensors must have the shape of the first; ShapeError otherwise.
Tensor map_same(kernels::Op op, std::initializer_list<Operand> operands);

}  // namespace ravine::detail
#pragma GCC visibility pop
