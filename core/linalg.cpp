#include <ravine/core/linalg.hpp>

#include <ravine/core/gemm.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
namespace {

void check_dtypes(const char* op, const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype()) throw DTypeError(detail::text(op, ": dtypes differ: ", a.dtype(), " and ", b.dtype()));
}

[[noreturn]] void refuse_shapes(const Tensor& a, const Tensor& b) {
  throw ShapeError(detail::text("matmul: cannot multiply ", a.shape(), " by ", b.shape(),
                                "; needs matrices or vectors whose inner sizes agree"));
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, Transpose transpose_a, Transpose transpose_b) {
  const bool ta = transpose_a == Transpose::yes, tb = transpose_b == Transpose::yes;
  if (a.rank() != 2 || b.rank() != 2) refuse_shapes(a, b);
  const Index m = a.shape()[ta], k = a.shape()[!ta], n = b.shape()[!tb];
  if (b.shape()[tb] != k) refuse_shapes(a, b);
  check_dtypes("matmul", a, b);
  Tensor c({m, n}, a.dtype());
  detail::visit_floating("matmul", a.dtype(), [&](auto type) {
    using T = decltype(type);
    detail::gemm<T>(ta, tb, m, n, k, a.raw<T>(), b.raw<T>(), c.raw<T>(), nullptr);
  });
  return c;
}

Tensor matmul(const Tensor& a, const Tensor& b) {
  if (a.rank() == 2 && b.rank() == 2) return matmul(a, b, Transpose::no, Transpose::no);
  if (a.rank() < 1 || a.rank() > 2 || b.rank() < 1 || b.rank() > 2) refuse_shapes(a, b);
  const Tensor left = a.rank() == 1 ? a.reshape({1, a.shape()[0]}) : a;
  const Tensor right = b.rank() == 1 ? b.reshape({b.shape()[0], 1}) : b;
  if (left.shape()[1] != right.shape()[0]) refuse_shapes(a, b);
  const Tensor c = matmul(left, right, Transpose::no, Transpose::no);
  Shape shape;
  if (a.rank() == 2) shape.push_back(a.shape()[0]);
  if (b.rank() == 2) shape.push_back(b.shape()[1]);
  return c.reshape(shape);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (weight.rank() != 2 || x.rank() < 1 || x.shape()[x.rank() - 1] != weight.shape()[1])
    throw ShapeError(detail::text("linear: input ", x.shape(), " does not fit weight ", weight.shape(),
                                  "; the input's last size must be ",
                                  weight.rank() == 2 ? std::to_string(weight.shape()[1]) : "weight's second"));
  const Index out = weight.shape()[0], in = weight.shape()[1];
  if (bias.defined() && bias.shape() != Shape{out})
    throw ShapeError(detail::text("linear: bias ", bias.shape(), " does not fit weight ", weight.shape()));
  check_dtypes("linear", x, weight);
  if (bias.defined()) check_dtypes("linear", x, bias);
  Shape shape = x.shape();
  shape[x.rank() - 1] = out;
  Index rows = 1;
  for (int d = 0; d + 1 < x.rank(); ++d) rows *= x.shape()[d];
  Tensor y(shape, x.dtype());
  detail::visit_floating("linear", x.dtype(), [&](auto type) {
    using T = decltype(type);
    detail::gemm<T>(false, true, rows, out, in, x.raw<T>(), weight.raw<T>(), y.raw<T>(), bias.raw<T>());
  });
  return y;
}

}  // namespace ravine
