#include <algorithm>
#include <array>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/linalg.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>

namespace ravine {
namespace {

/// Multiplied elementwise, keeps the lower triangle of a matrix and half the diagonal.
Tensor lower_triangle(Index n, DType dtype) {
  const Tensor i = arange(n).reshape({n, 1}), j = arange(n);
  return (gt(i, j).to(dtype) + ge(i, j).to(dtype)) / 2.0;
}

}  // namespace

Variable solve(const Variable& a, const Variable& b) {
  // db = A^-T dx, dA = -db x^T.
  return record("solve", solve(a.value(), b.value()), {a, b}, [a](auto dx, const auto& x) {
    const Shape columns{x.size(0), x.numel() / std::max<Index>(1, x.size(0))};
    auto db = solve(transpose(like(dx, a)), dx);
    return std::array{-matmul(reshape(db, columns), reshape(x, columns), Transpose::no, Transpose::yes), db};
  });
}

Variable cholesky(const Variable& a) {
  // dA = L^-T P L^-1, with P the symmetric part of phi(L^T dL), where phi takes the lower triangle and half the
  // diagonal.
  return record("cholesky", cholesky(a.value()), {{a, [](auto dl, const auto& l) {
                                                     const auto upper = transpose(l);
                                                     const auto triangle =
                                                         matmul(upper, dl) * lower_triangle(l.size(0), l.dtype());
                                                     const auto p = (triangle + transpose(triangle)) / 2.0;
                                                     return solve(upper, transpose(solve(upper, p)));
                                                   }}});
}

}  // namespace ravine
