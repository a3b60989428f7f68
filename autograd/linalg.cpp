#include <ravine/autograd/linalg.hpp>

#include <algorithm>
#include <array>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>

namespace ravine {
namespace {

constexpr auto no = Transpose::no, yes = Transpose::yes;
constexpr Transpose other(Transpose t) { return t == yes ? no : yes; }

Shape as_matrix(const Variable& x) {
  Index rows = 1;
  for (int d = 0; d + 1 < x.rank(); ++d) rows *= x.shape()[d];
  return {rows, x.size(-1)};
}

/// Multiplied elementwise, keeps the lower triangle of a matrix and half the diagonal.
Tensor lower_triangle(Index n, DType dtype) {
  const Tensor i = arange(n).reshape({n, 1}), j = arange(n);
  return (gt(i, j).to(dtype) + ge(i, j).to(dtype)) / 2.0;
}

}  // namespace

Variable matmul(const Variable& a, const Variable& b, Transpose ta, Transpose tb) {
  if (a.rank() < 2 || b.rank() < 2 || (a.rank() > 2 && b.rank() == 2 && ta == no)) {
    const Shape shape = detail::matmul_shape(a.shape(), b.shape(), ta, tb);
    const Variable right = b.rank() == 1 ? b.reshape({b.numel(), 1}) : b;
    // In front of a single matrix, batches are further rows.
    const bool rows = a.rank() == 1 || (right.rank() == 2 && ta == no);
    return matmul(rows ? a.reshape(as_matrix(a)) : a, right, ta, tb).reshape(shape);
  }
  return record(
      "matmul", matmul(a.value(), b.value(), ta, tb),
      {{a,
        [b, ta, tb, shape = a.shape()](auto dy) {
          return sum_to(ta == yes ? matmul(like(dy, b), dy, tb, yes) : matmul(dy, like(dy, b), no, other(tb)), shape);
        }},
       {b, [a, ta, tb, shape = b.shape()](auto dy) {
          return sum_to(tb == yes ? matmul(dy, like(dy, a), yes, ta) : matmul(like(dy, a), dy, other(ta), no), shape);
        }}});
}

Variable linear(const Variable& x, const Variable& weight, const Variable& bias) {
  if (x.rank() != 2) {
    detail::check_linear(x.shape(), weight.shape());
    Shape shape = x.shape();
    shape[x.rank() - 1] = weight.size(0);
    return linear(x.reshape(as_matrix(x)), weight, bias).reshape(shape);
  }
  const bool to_x = detail::wants_gradient(x);
  if (!bias.defined())
    return record("linear", linear(x.value(), weight.value()), {x, weight}, [x, weight, to_x](auto dy) {
      std::array<decltype(dy), 2> d;
      if (to_x) d[0] = matmul(dy, like(dy, weight), no, no);
      d[1] = matmul(dy, like(dy, x), yes, no);
      return d;
    });
  return record("linear", linear(x.value(), weight.value(), bias.value()), {x, weight, bias},
                [x, weight, to_x](auto dy) {
                  std::array<decltype(dy), 3> d;
                  if (to_x) d[0] = matmul(dy, like(dy, weight), no, no);
                  d[1] = matmul(dy, like(dy, x), yes, no);
                  d[2] = sum(dy, 0);
                  return d;
                });
}

Variable solve(const Variable& a, const Variable& b) {
  // db = A^-T dx, dA = -db x^T.
  return record("solve", solve(a.value(), b.value()), {a, b}, [a](auto dx, const auto& x) {
    const Shape columns{x.size(0), x.numel() / std::max<Index>(1, x.size(0))};
    auto db = solve(transpose(like(dx, a)), dx);
    return std::array{-matmul(reshape(db, columns), reshape(x, columns), no, yes), db};
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
