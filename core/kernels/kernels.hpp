/// @file
/// The loops behind the ops: plain functions on arrays, compiled once for each instruction set.
///
/// A source in this folder is compiled several times (see cmake/RavineKernels.cmake), with everything in it local but
/// `compiled`, which gives the table of what it offers; active.hpp has that of this processor. A new kernel is a
/// function in such a source and a member here.
#pragma once

#include <cstddef>
#include <tuple>

#include <ravine/core/dtype.hpp>
#include <ravine/core/isa.hpp>

namespace ravine::kernels {

/// The elementwise ops. Numbers that go with one (a slope, a limit) are operands too.
// clang-format off
enum class Op : std::uint8_t {
  neg, abs, sign, square, cube, sqrt, rsqrt, reciprocal, exp, expm1, log, log2, log1p, sin, cos, tan, atan, erf,
  floor, ceil, round, isfinite,
  add, sub, mul, div, maximum, minimum, pow, eq, ne, lt, le, gt, ge,
  clamp,                                           // (x, lo, hi)
  where,                                           // (a, b, condition u8)
  abs_pullback, clamp_pullback,                    // (dy, the op's operands)
  relu, tanh, sigmoid, silu, gelu, gelu_tanh,      // (x)
  leaky_relu, elu, softplus,                       // (x, slope, alpha or beta)
  relu_pullback, tanh_pullback, sigmoid_pullback,  // (dy, y)
  silu_pullback, gelu_pullback, gelu_tanh_pullback, leaky_relu_pullback, elu_pullback, softplus_pullback,
  huber,                                           // (a, b, delta, scale)
  binary_cross_entropy,                            // (logits, targets)
  huber_pullback, binary_cross_entropy_pullback,   // the first operand's gradient, from that of the op
  squared_error_pullback,                          // (dy, a, b, scale)
  count
};
// clang-format on

/// Rows of n elements of an op, one after the other. Each operand has as many in a row, or is a `single` value for all;
/// its rows stand `steps` bytes apart. `out` may be an operand.
struct MapRun {
  static constexpr int max_operands = 5;
  const std::byte* in[max_operands];
  Index steps[max_operands] = {};
  bool single[max_operands];
  std::byte* out;
  Index n, rows = 1;
};

/// Equal operands give equal bits wherever they stand in an array.
struct MapOp {
  const char* name;
  void (*kernel)(const MapRun& run);  // null: the op has no meaning for the element type
  bool gives_u8;                      // 0 or 1, rather than the operands' type
};

/// The elementwise ops of one element type.
template <class T>
struct Map {
  MapOp ops[static_cast<std::size_t>(Op::count)];
  constexpr const MapOp& operator[](Op op) const { return ops[static_cast<std::size_t>(op)]; }
  constexpr MapOp& operator[](Op op) { return ops[static_cast<std::size_t>(op)]; }

  template <Isa>
  static const Map& compiled();
};

/// One value y[i] of each row of a matrix, or y[j] of each column; its rows follow one another, or stand `stride`
/// apart.
template <class T, class Out = T>
struct Reduction {
  void (*rows)(const T* x, Index rows, Index columns, Out* y);
  void (*columns)(const T* x, Index rows, Index columns, Index stride, Out* y);
};

/// What sums and products of all element types are taken in; integers wrap around.
template <class T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double, Index>;

template <class T>
struct Order {
  /// The largest or the smallest element, and where it stands, the first of equals. NaN is both.
  Reduction<T> max, min;
  Reduction<T, Index> argmax, argmin;
  Reduction<T, Wide<T>> sum, product;
  /// Of lines as long: the sums up to each element, or from it on, in double or in integers that wrap around.
  Reduction<T> running, running_from_end;

  template <Isa>
  static const Order& compiled();
};

/// n elements in another type, as `Scalar::to` converts.
template <class T, class To>
using Convert = void (*)(const T* x, To* y, Index n);

/// Elements go elsewhere.
template <class T>
struct Copy {
  void (*fill)(T value, T* y, Index n);
  /// y[i * stride + j] = x[i * row_step + j * column_step], i < rows, j < columns.
  void (*plane)(const T* x, Index row_step, Index column_step, Index rows, Index columns, T* y, Index stride);
  /// y[i] = x[i * stride + positions[i] * step], i < n.
  void (*gather)(const T* x, Index stride, Index step, const Index* positions, Index n, T* y);
  /// The rows of x at n positions, one after the other; and each of n rows added to the one of y at its position. Rows
  /// are `columns` wide and stand a stride apart.
  void (*select)(const T* x, Index x_stride, const Index* positions, Index n, Index columns, T* y, Index y_stride);
  void (*add)(const T* x, Index x_stride, const Index* positions, Index n, Index columns, T* y, Index y_stride);
  std::tuple<Convert<T, float>, Convert<T, double>, Convert<T, std::int64_t>, Convert<T, std::uint8_t>> to;

  template <Isa>
  static const Copy& compiled();
};

template <class T>
struct Reduce {
  /// The sum of n values.
  double (*sum)(const T* x, Index n);
  /// The sum of n products, all in double.
  double (*dot)(const T* x, const T* y, Index n);
  /// The sum over n of (x - y)^2, all in double.
  double (*squared_error)(const T* x, const T* y, Index n);
  /// The sum of n values (scale x)^2, all in double.
  double (*squares)(const T* x, double scale, Index n);
  /// The same of each column: y[j] = the sum over i of (scale x[i * stride + j])^2, j < columns.
  void (*square_columns)(const T* x, double scale, Index rows, Index columns, Index stride, double* y);
  /// False if one of n values is NaN or infinite.
  bool (*finite)(const T* x, Index n);
  /// y[j] = the sum over i of x[i * stride + j], j < columns.
  void (*sum_columns)(const T* x, Index rows, Index columns, Index stride, T* y);

  template <Isa>
  static const Reduce& compiled();
};

/// C (m, n) = op(A) op(B) + bias (n, or null). op transposes A, stored (k, m), or B, stored (n, k). Row-major, with
/// leading dimensions lda, ldb, ldc.
template <class T>
struct Product {
  bool transpose_a, transpose_b;
  Index m, n, k;
  const T* a;
  Index lda;
  const T* b;
  Index ldb;
  T* c;
  Index ldc;
  const T* bias;
};

constexpr Index panel_columns = 32;  // whole panels on any processor

/// How large products are taken: which operand is packed, and how much of both at a time.
struct Blocks {
  bool pack_a, pack_b;
  Index rows, columns, depth;  // columns are whole panels, depth is a multiple of 16
};

/// Products by a register tile, not of two that are transposed. An element's bits depend on k, on whether B is
/// transposed and on whether n is 1, not on m, n, blocks or its place.
template <class T>
struct Gemm {
  void (*small)(const Product<T>& p);
  /// The same, bit for bit, for products beyond the first-level cache. The workspace has room for packed_size(blocks)
  /// elements. n > 1.
  void (*large)(const Product<T>& p, const Blocks& blocks, void* workspace);
  bool wide;  // a row of a panel of B is two cache lines

  template <Isa>
  static const Gemm& compiled();
};

/// Whether sums by rows of a transposed B are in parts, of every second or fourth product: for long ones, as adding
/// the parts up costs as much as six more.
constexpr bool in_pieces(Index k) { return k >= 96; }
/// They are added up after so many products.
template <class T>
constexpr Index depth_of_parts(Index k) {
  constexpr Index deepest = 2048 / sizeof(T);
  const Index blocks = (k + deepest - 1) / deepest;
  return blocks > 1 ? ((k + blocks - 1) / blocks + 15) / 16 * 16 : deepest;
}

/// In elements: op(A) in whole strips of up to 12 rows, and a vector that is written beyond them.
constexpr Index packed_size(const Blocks& b) {
  return ((b.pack_a ? b.rows + 12 : 0) + (b.pack_b ? b.columns : 0)) * b.depth;
}

/// What normalization knows of each line, a row or a column: an array with a value for each. The mean is `mean` and
/// `rest` together, as one number may be coarse beside the deviations from it.
template <class T>
struct Moments {
  T *mean, *rest, *variance, *inverse_std;
};

/// Of deviations, and of their squares.
struct Sums {
  double first = 0.0, second = 0.0;
  void operator+=(const Sums& more) {
    first += more.first;
    second += more.second;
  }
};

/// About the mean of n > 0 values: that of four.
template <class T>
[[gnu::always_inline]] inline T about_the_mean(const T* x, Index n) {
  return ((x[0] + x[n / 4]) + (x[n / 2] + x[n * 3 / 4])) * T(0.25);
}

/// Normalization of the columns of x (rows, columns), or of its rows; y, dy and dx are laid out as x; weight, bias and
/// their gradients hold a value for each column. Rows follow one another, but where they stand `stride` apart.
/// What is for lines that are independent may be handed out in pieces, and what changes elements for any rows.
template <class T>
struct Normalize {
  /// The moments of each line; `variance` is the mean squared deviation from the mean, or from 0. False if some values
  /// lie so far apart that T cannot hold 1 / std, or deviations.
  bool (*column_moments)(const T* x, Index rows, Index columns, Index stride, double eps, const Moments<T>& m);
  bool (*row_moments)(const T* x, Index rows, Index columns, bool about_mean, double eps, const Moments<T>& m);
  /// The same of row i, x (n), in two steps: its deviations from a number, whose sums over pieces may be added up, and
  /// what follows from them.
  Sums (*deviations)(const T* x, Index n, T from);
  bool (*settle)(const T* x, Index n, bool about_mean, double eps, T from, Sums sums, const Moments<T>& m, Index i);
  /// 1 / sqrt(variance + eps), of n lines.
  void (*inverse_std)(const T* variance, double eps, Index n, T* result);
  /// running = keep running + take batch, of n columns; false, and nothing done, if T cannot hold one of them.
  bool (*move)(const T* batch, T keep, T take, Index n, T* running);
  /// y = (x - mean) inverse_std weight + bias.
  void (*columns)(const T* x, Index rows, Index columns, const Moments<const T>& m, const T* weight, const T* bias,
                  T* y);
  void (*rows)(const T* x, Index rows, Index columns, const Moments<const T>& m, const T* weight, const T* bias, T* y);
  /// The gradients of these where the moments come from the same x. dx may be dy. Of columns first dweight and dbias,
  /// then dx, for columns of `count` elements.
  void (*column_sums)(const T* dy, const T* x, Index rows, Index columns, Index stride, const Moments<const T>& m,
                      T* dweight, T* dbias);
  void (*columns_pullback)(const T* dy, const T* x, Index rows, Index columns, Index count, const Moments<const T>& m,
                           const T* weight, const T* dweight, const T* dbias, T* dx);
  /// dweight and dbias are sums over these rows.
  void (*rows_pullback)(const T* dy, const T* x, Index rows, Index columns, bool about_mean, const Moments<const T>& m,
                        const T* weight, T* dx, T* dweight, T* dbias);

  template <Isa>
  static const Normalize& compiled();
};

/// Scores (rows, classes) and the class that each row belongs to.
template <class T>
struct ClassRows {
  const T* scores;
  const Index* target;
  Index ignored;  // a row of this class counts for nothing
  Index rows, classes;
  const T* weight;  // of each class, or null: 1
  T total_weight;   // of all classes
  T hard, share;    // what counts of the row's own class, and of each class
};

template <class T>
struct LinePullback {
  void (*rows)(const T* dy, const T* y, Index rows, Index columns, T* dx);
  void (*columns)(const T* dy, const T* y, Index rows, Index columns, Index stride, T* dx);
};

/// Exponentials are taken of scores less the largest of their row, which does not overflow. It is kept apart from the
/// logarithm of the sum, and its own exponential, 1, from the sum of the others: small results keep their digits.
template <class T>
struct Loss {
  /// log(sum(exp(line))), one value for each line of scores, a row or a column.
  Reduction<T> logsumexp;
  /// Lines from lines, which are laid out as they are; y may be x.
  Reduction<T> softmax, log_softmax;
  /// The gradient of the scores from that of such lines y; dx may be dy.
  LinePullback<T> softmax_pullback, log_softmax_pullback;
  /// The losses of the rows; and for the pullback each row's largest score and the sum of exp(score - top) of the
  /// others.
  void (*cross_entropies)(const ClassRows<T>& in, T* top, T* others, T* losses);
  /// The gradient of the scores from that of the losses.
  void (*cross_entropy_pullback)(const ClassRows<T>& in, const T* top, const T* others, const T* dy, T* dx);

  template <Isa>
  static const Loss& compiled();
};

/// Where random numbers come from: a generator's seed, the position of a block, and how many of its elements to skip.
struct Stream {
  std::uint64_t seed, position;
  Index skipped;
};

/// Random numbers from the blocks of a stream, as core/random.hpp says.
template <class T>
struct Random {
  /// low + range u for u in [0, 1), but at most `last`.
  void (*uniform)(const Stream& stream, T low, T range, T last, T* y, Index n);
  void (*normal)(const Stream& stream, T* y, Index n);

  template <Isa>
  static const Random& compiled();
};
/// Integers in [0, bound), a block for each; one less for each that came before if it is `falling`.
template <>
struct Random<Index> {
  void (*below)(const Stream& stream, std::uint64_t bound, bool falling, Index* y, Index n);

  template <Isa>
  static const Random& compiled();
};

}  // namespace ravine::kernels
