#include <ravine/core/map.hpp>

#include <algorithm>

#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::detail {
namespace {

using kernels::MapOp;
using kernels::MapRun;
using kernels::Op;
using Operands = std::initializer_list<Operand>;

Index bytes_of(const Tensor& x) { return static_cast<Index>(size_of(x.dtype())); }

/// Runs of the result that are contiguous in each operand as well, or one of its elements repeated.
class Broadcast {
 public:
  Broadcast(const MapRun& all, Operands operands, const Shape& result, Index result_bytes)
      : all_(all), count_(operands.size()), result_bytes_(result_bytes) {
    Index packed[MapRun::max_operands];
    std::fill_n(packed, count_, Index{1});
    for (int d = result.rank() - 1; d >= 0; --d) {
      Dim dim{result[d], {}};
      for (std::size_t k = 0; k < count_; ++k) dim.steps[k] = step(operands.begin()[k], d - result.rank(), packed[k]);
      add(dim);
    }
    for (std::size_t k = 0; k < count_; ++k) all_.single[k] = dims_[0].steps[k] == 0;
  }

  /// The elements [begin, end) of the result.
  void run(void (*kernel)(const MapRun&), Index begin, Index end) const {
    const Dim& inner = dims_[0];
    MapRun run = all_;
    for (Index at = begin; at < end; at += run.n) {
      const Index row = at / inner.size, first = at - row * inner.size;
      run.n = std::min(inner.size - first, end - at);
      run.out = static_cast<std::byte*>(all_.out) + at * result_bytes_;
      for (std::size_t k = 0; k < count_; ++k)
        run.in[k] = static_cast<const std::byte*>(all_.in[k]) + first * inner.steps[k] + offset(k, row);
      kernel(run);
    }
  }

 private:
  struct Dim {
    Index size = 1;
    Index steps[MapRun::max_operands] = {};  // in bytes; 0 where an operand is broadcast
  };

  /// How far apart an operand's elements are along a dimension, counted from the end as -1, -2, …
  static Index step(const Operand& x, int d, Index& packed) {
    if (!x.tensor || x.tensor->rank() + d < 0) return 0;
    const Index size = x.tensor->shape()[x.tensor->rank() + d];
    return size == 1 ? 0 : std::exchange(packed, packed * size) * bytes_of(*x.tensor);
  }

  /// Dimensions come innermost first. One that goes on in step with the one before becomes part of it.
  void add(const Dim& dim) {
    if (dim.size == 1) return;
    Dim& inner = dims_[rank_ - 1];
    const auto in_step = [&](std::size_t k) { return inner.steps[k] * inner.size == dim.steps[k]; };
    bool joins = true;
    for (std::size_t k = 0; k < count_; ++k) joins &= in_step(k);
    if (rank_ == 1 && inner.size == 1)
      inner = dim;
    else if (joins)
      inner.size *= dim.size;
    else
      dims_[rank_++] = dim;
  }

  /// Where the row-th run of an operand begins, in bytes.
  Index offset(std::size_t k, Index row) const {
    if (rank_ == 1) return 0;
    Index bytes = 0;
    for (int d = 1; d + 1 < rank_; row /= dims_[d++].size) bytes += row % dims_[d].size * dims_[d].steps[k];
    return bytes + row * dims_[rank_ - 1].steps[k];
  }

  MapRun all_;
  std::size_t count_;
  Index result_bytes_;
  Dim dims_[max_rank];
  int rank_ = 1;
};

[[noreturn]] void refuse(const char* op, Scalar number, DType dtype) {
  if (!number.integral())
    throw DTypeError(text(op, ": a floating scalar with a tensor of ", dtype, "; convert it with to()"));
  throw DTypeError(text(op, ": ", number, " does not fit a tensor of ", dtype, "; convert it with to()"));
}

/// A number in the tensors' type.
union Number {
  float f32;
  double f64;
  Index i64;
  std::uint8_t u8;

  Number() {}
  Number(const char* op, Scalar number, DType dtype) {
    switch (dtype) {
      case DType::f32: f32 = number.to<float>(); break;
      case DType::f64: f64 = number.to<double>(); break;
      case DType::i64: i64 = number.to<Index>(); break;
      case DType::u8:
        u8 = number.to<std::uint8_t>();
        if (u8 != number.to<Index>()) refuse(op, number, dtype);
    }
  }
};

/// Throws DTypeError unless the op takes these types.
void check_types(const MapOp& op, Operands operands, const Tensor& first) {
  for (const Operand& x : operands)
    if (x.tensor)
      check_dtypes(op.name, first, *x.tensor);
    else if (!is_floating(first.dtype()) && !x.number.integral())
      refuse(op.name, x.number, first.dtype());
  if (!op.kernel) refuse_dtype(op.name, first.dtype());
}

const Tensor& first_tensor(Operands operands) {
  const Operand* x = operands.begin();
  return x->tensor ? *x->tensor : *x[1].tensor;
}

/// The result's memory: an operand's own where nobody else holds it. The operands keep their shapes.
Tensor claim(Operands operands, const Shape& shape, DType dtype) {
  for (const Operand& x : operands)
    if (x.own && x.own->unique() && x.own->dtype() == dtype && x.own->shape() == shape) return std::move(*x.own);
  return Tensor(shape, dtype);
}

Tensor compute(const MapOp& op, Operands operands, const Shape& shape, DType dtype) {
  MapRun all;
  Number numbers[MapRun::max_operands];
  bool in_step = true;
  std::size_t k = 0;
  for (const Operand& x : operands) {
    if (!x.tensor) numbers[k] = Number(op.name, x.number, dtype);
    all.in[k] = x.tensor ? x.tensor->bytes() : reinterpret_cast<const std::byte*>(&numbers[k]);
    all.single[k] = !x.tensor || x.tensor->numel() == 1;
    in_step &= all.single[k] || x.tensor->shape() == shape;
    ++k;
  }
  Tensor y = claim(operands, shape, op.gives_u8 ? u8 : dtype);
  all.out = y.bytes();
  all.n = y.numel();
  if (in_step && all.n <= parallel_grain) [[likely]] {
    op.kernel(all);
  } else {
    const Broadcast broadcast(all, operands, shape, bytes_of(y));
    parallel_for(all.n, parallel_grain, [&](Index begin, Index end) { broadcast.run(op.kernel, begin, end); });
  }
  return y;
}

}  // namespace

Tensor map(Op op, Operands operands) {
  const Tensor& first = first_tensor(operands);
  const MapOp& entry = kernels::map(first.dtype())[op];
  if (op != Op::where) check_types(entry, operands, first);
  Shape shape = first.shape();
  for (const Operand& x : operands)
    if (x.tensor && x.tensor->shape() != shape) shape = broadcast_shapes(entry.name, shape, x.tensor->shape());
  return compute(entry, operands, shape, first.dtype());
}

Tensor map_same(Op op, Operands operands) {
  const Tensor& first = first_tensor(operands);
  const MapOp& entry = kernels::map(first.dtype())[op];
  check_types(entry, operands, first);
  for (const Operand& x : operands)
    if (x.tensor && x.tensor->shape() != first.shape())
      throw ShapeError(text(entry.name, ": ", first.shape(), " for ", x.tensor->shape()));
  return compute(entry, operands, first.shape(), first.dtype());
}

}  // namespace ravine::detail
