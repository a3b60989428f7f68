#include <ravine/autograd/linalg.hpp>

#include <array>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/reduce.hpp>
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

}  // namespace ravine
