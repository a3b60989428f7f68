#include <ravine/core/linalg.hpp>

#include <algorithm>
#include <utility>

#include <ravine/core/gemm.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine {
namespace {

using detail::check_dtypes;

/// How many rows a tensor has, whatever dimensions they are counted in.
Index rows_of(const Shape& x) {
  Index rows = 1;
  for (int d = 0; d + 1 < x.rank(); ++d) rows *= x[d];
  return rows;
}

/// The last two sizes of an operand, transposed if that is asked for; a vector is a row on the left, else a column.
struct Matrix {
  Matrix(const Shape& x, bool transposed, bool left)
      : rows(x.rank() > 1 ? x[x.rank() - 2]
             : left       ? 1
                          : x[0]),
        columns(x.rank() > 1 || left ? x[x.rank() - 1] : 1) {
    if (transposed) std::swap(rows, columns);
  }
  Index rows, columns;
};

/// The sizes in front of the matrices.
Shape batches(const Shape& x) {
  return x.rank() <= 2 ? Shape{} : Shape(std::span(x.begin(), static_cast<std::size_t>(x.rank() - 2)));
}

[[noreturn]] void refuse_product(const Shape& a, const Shape& b, bool ta, bool tb, const std::string& why) {
  throw ShapeError(detail::text("matmul: cannot multiply ", a, ta ? " transposed" : "", " by ", b,
                                tb ? " transposed" : "", ": ", why));
}

/// Which of an operand's matrices, in batches of its own shape, is multiplied for the i-th of the result.
Index source(Index i, const Shape& own, const Shape& batch) {
  Index at = 0, stride = 1;
  for (int d = batch.rank() - 1, s = own.rank() - 1; s >= 0; --d, --s) {
    at += own[s] == 1 ? 0 : i % batch[d] * stride;
    stride *= own[s];
    i /= batch[d];
  }
  return at;
}

/// The product where an operand is a vector or a batch of matrices.
Tensor batched_product(const Tensor& a, const Tensor& b, const Shape& shape, bool ta, bool tb) {
  check_dtypes("matmul", a, b);
  // In front of a single matrix, batches are further rows.
  const bool rows = b.rank() <= 2 && !ta;
  const Shape left = rows ? Shape{} : batches(a.shape()), right = batches(b.shape());
  const Shape batch = detail::broadcast_shapes("matmul", left, right);
  const Matrix p(a.shape(), ta, true), q(b.shape(), tb, false);
  const Index m = rows ? rows_of(a.shape()) : p.rows, n = q.columns, k = q.rows;
  Tensor c(shape, a.dtype());
  detail::visit_floating("matmul", a.dtype(), [&](auto type) {
    using T = decltype(type);
    T* const y = c.raw<T>();
    const auto run = [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i)
        detail::gemm<T>(ta, tb, m, n, k, a.raw<T>() + source(i, left, batch) * m * k,
                        b.raw<T>() + source(i, right, batch) * k * n, y + i * m * n, nullptr);
    };
    // Small products are handed out; a large one has all threads.
    if (m * n * k < detail::large_work)
      detail::parallel_for(batch.numel(), detail::large_work / std::max<Index>(1, m * n * k), run);
    else
      run(0, batch.numel());
  });
  return c;
}

}  // namespace

Shape detail::matmul_shape(const Shape& a, const Shape& b, Transpose transpose_a, Transpose transpose_b) {
  const bool ta = transpose_a == Transpose::yes, tb = transpose_b == Transpose::yes;
  if (a.rank() == 0 || b.rank() == 0) refuse_product(a, b, ta, tb, "a scalar is no matrix, operator* takes it");
  if ((a.rank() == 1 && ta) || (b.rank() == 1 && tb)) refuse_product(a, b, ta, tb, "a vector has no transpose");
  const Matrix p(a, ta, true), q(b, tb, false);
  if (p.columns != q.rows)
    refuse_product(a, b, ta, tb, text("the inner sizes, ", p.columns, " and ", q.rows, ", differ"));
  Shape shape;
  if (!broadcast(batches(a), batches(b), shape))
    refuse_product(a, b, ta, tb, text("the batches, ", batches(a), " and ", batches(b), ", do not broadcast"));
  if (a.rank() > 1) shape.push_back(p.rows);
  if (b.rank() > 1) shape.push_back(q.columns);
  return shape;
}

Tensor matmul(const Tensor& a, const Tensor& b, Transpose transpose_a, Transpose transpose_b) {
  const bool ta = transpose_a == Transpose::yes, tb = transpose_b == Transpose::yes;
  const bool matrices = a.rank() == 2 && b.rank() == 2 && a.shape()[!ta] == b.shape()[tb];
  if (!matrices)
    return batched_product(a, b, detail::matmul_shape(a.shape(), b.shape(), transpose_a, transpose_b), ta, tb);
  const Index m = a.shape()[ta], k = a.shape()[!ta], n = b.shape()[!tb];
  check_dtypes("matmul", a, b);
  Tensor c({m, n}, a.dtype());
  detail::visit_floating("matmul", a.dtype(), [&](auto type) {
    using T = decltype(type);
    detail::gemm<T>(ta, tb, m, n, k, a.raw<T>(), b.raw<T>(), c.raw<T>(), nullptr);
  });
  return c;
}

void detail::check_linear(const Shape& x, const Shape& weight) {
  if (weight.rank() != 2 || x.rank() < 1 || x[x.rank() - 1] != weight[1])
    throw ShapeError(text("linear: input ", x, " does not fit weight ", weight, "; the input's last size must be ",
                          weight.rank() == 2 ? std::to_string(weight[1]) : "weight's second"));
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  detail::check_linear(x.shape(), weight.shape());
  const Index out = weight.shape()[0], in = weight.shape()[1];
  if (bias.defined() && bias.shape() != Shape{out})
    throw ShapeError(detail::text("linear: bias ", bias.shape(), " does not fit weight ", weight.shape()));
  check_dtypes("linear", x, weight);
  if (bias.defined()) check_dtypes("linear", x, bias);
  Shape shape = x.shape();
  shape[x.rank() - 1] = out;
  Tensor y(shape, x.dtype());
  detail::visit_floating("linear", x.dtype(), [&](auto type) {
    using T = decltype(type);
    detail::gemm<T>(false, true, rows_of(x.shape()), out, in, x.raw<T>(), weight.raw<T>(), y.raw<T>(), bias.raw<T>());
  });
  return y;
}

}  // namespace ravine
