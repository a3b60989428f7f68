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

/// Runs of the result that are contiguous in each operand as well, or one of its elements repeated. What is broadcast
/// along short ones is written out first, for several at a time.
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
    for (std::size_t k = 0; k < count_; ++k) {
      const Operand& x = operands.begin()[k];
      bytes_[k] = x.tensor ? bytes_of(*x.tensor) : 0;
      dense_[k] = x.tensor && x.tensor->shape() == result;
      if (!short_runs()) all_.single[k] = dims_[0].steps[k] == 0;
    }
  }

  /// The elements [begin, end) of the result.
  void run(void (*kernel)(const MapRun&), Index begin, Index end) const {
    alignas(64) std::byte rooms[MapRun::max_operands][room * sizeof(double)];
    const Dim& inner = dims_[0];
    const Index length = short_runs() ? room / inner.size * inner.size : inner.size;
    MapRun run = all_;
    for (Index at = begin; at < end; at += run.n) {
      const Index row = at / inner.size, first = at - row * inner.size;
      run.n = std::min(length - first, end - at);
      run.out = static_cast<std::byte*>(all_.out) + at * result_bytes_;
      for (std::size_t k = 0; k < count_; ++k)
        if (!short_runs())
          run.in[k] = static_cast<const std::byte*>(all_.in[k]) + first * inner.steps[k] + offset(k, row);
        else if (dense_[k])
          run.in[k] = static_cast<const std::byte*>(all_.in[k]) + at * bytes_[k];
        else if (!all_.single[k] && !(repeats(k) && first == 0 && at > begin + length))
          run.in[k] = written_out(k, row, first, run.n, rooms[k]);
      kernel(run);
    }
  }

 private:
  struct Dim {
    Index size = 1;
    Index steps[MapRun::max_operands] = {};  // in bytes; 0 where an operand is broadcast
  };

  static constexpr Index room = 512;
  bool short_runs() const { return rank_ > 1 && dims_[0].size < room / 8; }
  /// Whether all runs of an operand are the same one.
  bool repeats(std::size_t k) const {
    return std::all_of(dims_ + 1, dims_ + rank_, [k](const Dim& dim) { return dim.steps[k] == 0; });
  }

  /// n elements of an operand, from one of a row on.
  const void* written_out(std::size_t k, Index row, Index first, Index n, std::byte* to) const {
    if (bytes_[k] == 1) return write_out<std::uint8_t>(k, row, first, n, to);
    return bytes_[k] == 4 ? write_out<float>(k, row, first, n, to) : write_out<Index>(k, row, first, n, to);
  }
  template <class T>
  const void* write_out(std::size_t k, Index row, Index first, Index n, void* room) const {
    const Index size = dims_[0].size, step = dims_[0].steps[k] == 0 ? 0 : 1;
    const Index row_step = rank_ == 2 ? dims_[1].steps[k] / bytes_[k] : 0;
    const auto plane = kernels::active<kernels::Copy<T>>().plane;
    auto* to = static_cast<T*>(room);
    for (const T* const end = to + n; to < end; first = 0) {
      const auto* x = reinterpret_cast<const T*>(static_cast<const std::byte*>(all_.in[k]) + offset(k, row));
      const Index left = end - to, rows = rank_ == 2 && first == 0 && left > size ? left / size : 1;
      const Index columns = std::min(size - first, left);
      plane(x + first * step, row_step, step, rows, columns, to, columns);
      to += rows * columns;
      row += rows;
    }
    return room;
  }

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
  Index bytes_[MapRun::max_operands];  // of an element
  bool dense_[MapRun::max_operands];   // where the operand has the result's shape
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

/// For elements as this tensor's.
const MapOp& op_for(const Tensor& x, Op op) {
  using kernels::active, kernels::Map;
  static const MapOp* const ops[] = {active<Map<float>>().ops, active<Map<double>>().ops, active<Map<Index>>().ops,
                                     active<Map<std::uint8_t>>().ops};
  return ops[static_cast<std::size_t>(x.dtype())][static_cast<std::size_t>(op)];
}

}  // namespace

Tensor map(Op op, Operands operands) {
  const Tensor& first = first_tensor(operands);
  const MapOp& entry = op_for(first, op);
  if (op != Op::where) check_types(entry, operands, first);
  Shape shape = first.shape();
  for (const Operand& x : operands)
    if (x.tensor && x.tensor->shape() != shape) shape = broadcast_shapes(entry.name, shape, x.tensor->shape());
  return compute(entry, operands, shape, first.dtype());
}

Tensor map_same(Op op, Operands operands) {
  const Tensor& first = first_tensor(operands);
  const MapOp& entry = op_for(first, op);
  check_types(entry, operands, first);
  for (const Operand& x : operands)
    if (x.tensor && x.tensor->shape() != first.shape())
      throw ShapeError(text(entry.name, ": ", first.shape(), " for ", x.tensor->shape()));
  return compute(entry, operands, first.shape(), first.dtype());
}

}  // namespace ravine::detail
