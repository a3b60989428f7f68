/// @file
/// Pullbacks that are one pass over the elements; for the library's sources.
#pragma once

#include <type_traits>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/map.hpp>

namespace ravine::detail {

inline Operand operand(const Variable& x) { return x.value(); }
inline Operand operand(Scalar x) { return x; }

/// A pullback of the kernel op(dy, x…), where x are variables of dy's shape and numbers. Where the pass is recorded it
/// is plain(dy) instead, of ops on Variables, so that it has derivatives of every order.
template <class Plain, class... X>
auto fused(kernels::Op op, Plain plain, X... x) {
  return [=](auto dy) {
    if constexpr (std::is_same_v<decltype(dy), Tensor>)
      return map_same(op, {std::move(dy), operand(x)...});
    else
      return plain(std::move(dy));
  };
}

}  // namespace ravine::detail
