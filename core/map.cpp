#include <ravine/core/map.hpp>

#include <algorithm>
#include <cstring>

#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::detail {
namespace {

using kernels::MapOp;
using kernels::MapRun;
using kernels::Op;
using Operands = std::initializer_list<Operand>;

Index bytes_of(const Tensor& x) { return static_cast<Index>(size_of(x.dtype())); }

/// Operands that broadcast, by rows of the result, which are contiguous in each of them or one of its elements
/// repeated.
class Broadcast {
 public:
  Broadcast(const MapRun& all, Operands operands, const Shape& result, Index result_bytes)
      : all_(all), count_(operands.size()), result_bytes_(result_bytes) {
    Index packed[MapRun::max_operands];
    std::fill_n(packed, count_, Index{1});
    for (int d = result.rank() - 1; d >= 0; --d) {
      Dim dim{result[d], {}};
      for (std::size_t k = 0; k < count_; ++k)
        if (!all.single[k]) dim.steps[k] = step(*operands.begin()[k].tensor, d - result.rank(), packed[k]);
      add(dim);
    }
    for (std::size_t k = 0; k < count_; ++k) {
      const Operand& x = operands.begin()[k];
      bytes_[k] = x.tensor ? bytes_of(*x.tensor) : 1;
      all_.single[k] = dims_[0].steps[k] == 0;
      all_.steps[k] = dims_[1].steps[k];
    }
  }

  void run(void (*kernel)(const MapRun&)) const {
    const Index columns = dims_[0].size, high = dims_[1].size, rows = all_.n / columns;
    if (rows == 1 || columns > parallel_grain)
      return for_columns(rows, 1, columns, [&](Index i, Index j, Index end) { kernel(part(i, 1, j, end - j)); });
    for_rows(rows, columns, [&](Index i, Index end) {
      for (Index n; i < end; i += n) {
        n = std::min(end - i, high - i % high);
        columns < room / 8 ? several_rows(kernel, part(i, n, 0, columns)) : kernel(part(i, n, 0, columns));
      }
    });
  }

 private:
  struct Dim {
    Index size = 1;
    Index steps[MapRun::max_operands] = {};  // in bytes; 0 where an operand is broadcast
  };

  static constexpr Index room = 512;

  /// n elements of each of some rows that an operand goes through by one step.
  MapRun part(Index row, Index rows, Index first, Index n) const {
    MapRun run = all_;
    run.out = all_.out + (row * dims_[0].size + first) * result_bytes_;
    run.rows = rows;
    run.n = n;
    for (std::size_t k = 0; k < count_; ++k) {
      Index at = first * dims_[0].steps[k], i = row;
      for (int d = 1; i > 0; i /= dims_[d++].size) at += i % dims_[d].size * dims_[d].steps[k];
      run.in[k] = all_.in[k] + at;
    }
    return run;
  }

  /// Short rows, as many at a time as make a long one: what is broadcast is written out first.
  void several_rows(void (*kernel)(const MapRun&), MapRun run) const {
    alignas(64) std::byte rooms[MapRun::max_operands][room * sizeof(double)];
    const Index columns = run.n, high = room / columns;
    MapRun several = run;
    several.rows = 1;
    for (Index i = 0; i < run.rows; i += high) {
      const Index rows = std::min(high, run.rows - i);
      several.n = rows * columns;
      several.out = run.out + i * columns * result_bytes_;
      for (std::size_t k = 0; k < count_; ++k) {
        const std::byte* x = run.in[k] + i * run.steps[k];
        several.single[k] = run.single[k] && run.steps[k] == 0;
        if (several.single[k] || (!run.single[k] && run.steps[k] == columns * bytes_[k]))
          several.in[k] = x;
        else if (i == 0 || run.steps[k] != 0)
          several.in[k] = written_out(x, k, rows, columns, rooms[k]);
      }
      kernel(several);
    }
  }

  const std::byte* written_out(const std::byte* x, std::size_t k, Index rows, Index columns, std::byte* to) const {
    const auto write = [&](auto type) {
      using T = decltype(type);
      kernels::active<kernels::Copy<T>>().plane(reinterpret_cast<const T*>(x), all_.steps[k] / bytes_[k],
                                                all_.single[k] ? 0 : 1, rows, columns, reinterpret_cast<T*>(to),
                                                columns);
    };
    bytes_[k] == 1 ? write(std::uint8_t{}) : bytes_[k] == 4 ? write(float{}) : write(Index{});
    return to;
  }

  /// How far apart an operand's elements are along a dimension, counted from the end as -1, -2, …
  static Index step(const Tensor& x, int d, Index& packed) {
    if (x.rank() + d < 0) return 0;
    const Index size = x.shape()[x.rank() + d];
    return size == 1 ? 0 : std::exchange(packed, packed * size) * bytes_of(x);
  }

  /// Dimensions come innermost first. One that goes on in step with the one before becomes part of it.
  void add(const Dim& dim) {
    if (dim.size == 1) return;
    Dim& inner = dims_[rank_ == 0 ? 0 : rank_ - 1];
    bool joins = rank_ > 0;
    for (std::size_t k = 0; k < count_; ++k) joins &= inner.steps[k] * inner.size == dim.steps[k];
    if (joins)
      inner.size *= dim.size;
    else
      dims_[rank_++] = dim;
  }

  MapRun all_;
  std::size_t count_;
  Index result_bytes_;
  Index bytes_[MapRun::max_operands];  // of an element
  Dim dims_[max_rank + 2];             // at least a row and how many there are of it
  int rank_ = 0;
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
  /// The element of a repeated tensor.
  explicit Number(const Tensor& x) { std::memcpy(this, x.one(), size_of(x.dtype())); }
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
    if (x.own && x.own->unique() && x.own->dtype() == dtype && x.own->shape() == shape) {
      if (x.own->repeated()) x.own->set_repeated(false);
      return std::move(*x.own);
    }
  return Tensor(shape, dtype);
}

Tensor compute(const MapOp& op, Operands operands, const Shape& shape, DType dtype) {
  MapRun all;
  Number numbers[MapRun::max_operands];
  bool in_step = true, alike = true;
  std::size_t k = 0;
  for (const Operand& x : operands) {
    if (x.tensor && !x.tensor->repeated()) {
      all.in[k] = x.tensor->bytes();
      all.single[k] = x.tensor->numel() == 1;
      in_step &= all.single[k] || x.tensor->shape() == shape;
    } else {
      numbers[k] = x.tensor ? Number(*x.tensor) : Number(op.name, x.number, dtype);
      all.in[k] = reinterpret_cast<const std::byte*>(&numbers[k]);
      all.single[k] = true;
    }
    alike &= all.single[k++];
  }
  Tensor y = claim(operands, shape, op.gives_u8 ? u8 : dtype);
  all.n = y.numel();
  if (alike && all.n > 1) [[unlikely]] {
    y.set_repeated(true);
    all.out = y.one();
    all.n = 1;
  } else {
    all.out = y.bytes();
  }
  if (in_step && all.n <= parallel_grain) [[likely]]
    op.kernel(all);
  else if (all.n > 0)
    Broadcast(all, operands, shape, bytes_of(y)).run(op.kernel);
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
