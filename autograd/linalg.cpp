#include <ravine/autograd/linalg.hpp>

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
  return record("matmul", matmul(a.value(), b.value(), ta, tb),
                {{a,
                  [b, ta, tb](auto dy) {
                    return ta == yes ? matmul(like(dy, b), dy, tb, yes) : matmul(dy, like(dy, b), no, other(tb));
                  }},
                 {b, [a, ta, tb](auto dy) {
                    return tb == yes ? matmul(dy, like(dy, a), yes, ta) : matmul(like(dy, a), dy, other(ta), no);
                  }}});
}

Variable matmul(const Variable& a, const Variable& b) {
  if (a.rank() == 2 && b.rank() == 2) return matmul(a, b, no, no);
  const Shape shape = matmul(a.value(), b.value()).shape();  // refuses what does not fit
  const Variable left = a.rank() == 1 ? a.reshape({1, a.numel()}) : a;
  const Variable right = b.rank() == 1 ? b.reshape({b.numel(), 1}) : b;
  return matmul(left, right, no, no).reshape(shape);
}

Variable linear(const Variable& x, const Variable& weight, const Variable& bias) {
  if (x.rank() != 2 && x.rank() > 0) {
    Shape shape = x.shape();
    const Variable y = linear(x.reshape(as_matrix(x)), weight, bias);
    shape[x.rank() - 1] = y.size(1);
    return y.reshape(shape);
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
