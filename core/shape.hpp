/// @file
/// The sizes of a tensor's dimensions, and lists of dimensions to reduce over.
#pragma once

#include <cassert>
#include <initializer_list>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <ravine/core/dtype.hpp>

namespace ravine {

/// The most dimensions a tensor may have.
inline constexpr int max_rank = 8;

/// Sizes of the dimensions, outermost first, kept inline. `Shape{}` is a scalar's: rank 0, one element.
class Shape {
 public:
  Shape() { sizes_[0] = sizes_[1] = 0; }
  /// Throws ShapeError for more than max_rank sizes.
  Shape(std::initializer_list<Index> sizes) : Shape() {
    if (sizes.size() > max_rank) refuse_rank(sizes.size());
    for (const Index size : sizes) sizes_[rank_++] = size;
  }
  /// The same of a span, vector or array. A template, so that compilers do not ask of each shape that is copied whether
  /// it is one, which is slow.
  template <class Sizes>
  requires(!std::is_same_v<Sizes, Shape> &&
           std::is_convertible_v<const Sizes&, std::span<const Index>>) explicit Shape(const Sizes& sizes)
      : Shape() {
    assign(sizes);
  }

  // Only the sizes in use are copied: a copy of the whole object reads fields that were just written one by one,
  // which stalls, and costs a tiny training step 4 %.
  Shape(const Shape& other) { *this = other; }
  Shape& operator=(const Shape& other) {
    rank_ = other.rank_;
    sizes_[0] = other.sizes_[0];
    sizes_[1] = other.sizes_[1];
    for (int d = 2; d < rank_; ++d) sizes_[d] = other.sizes_[d];
    return *this;
  }

  int rank() const { return rank_; }
  /// Size of dimension d in [0, rank); unchecked in release builds. See Tensor::size for negative dimensions.
  Index operator[](int d) const {
    assert(d >= 0 && d < rank_);
    return sizes_[d];
  }
  Index& operator[](int d) {
    assert(d >= 0 && d < rank_);
    return sizes_[d];
  }
  /// Product of the sizes; 1 for a scalar.
  Index numel() const {
    Index n = 1;
    for (int d = 0; d < rank_; ++d) n *= sizes_[d];
    return n;
  }
  /// Adds a dimension at the end. Throws ShapeError past max_rank.
  void push_back(Index size);

  const Index* begin() const { return sizes_; }
  const Index* end() const { return sizes_ + rank_; }

  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int d = 0; d < rank_; ++d)
      if (sizes_[d] != other.sizes_[d]) return false;
    return true;
  }

 private:
  void assign(std::span<const Index> sizes);
  [[noreturn]] static void refuse_rank(std::size_t rank);

  Index sizes_[max_rank];  // those from rank_ on have no meaning
  int rank_ = 0;
};

/// "(2, 3)", "(4)", "()".
std::string to_string(const Shape& shape);

/// Dimensions of a tensor, as to reduce over: one, several (in braces, a vector or a span), or all, which an empty list
/// means and the default is. Negative ones count from the end. Throws ShapeError for more than max_rank.
class Dims {
 public:
  Dims() = default;
  Dims(Index dim) : rank_(1) { dims_[0] = dim; }
  Dims(std::initializer_list<Index> dims) : Dims(dims.begin(), dims.size()) {}
  Dims(const std::vector<Index>& dims) : Dims(dims.data(), dims.size()) {}
  Dims(std::span<const Index> dims) : Dims(dims.data(), dims.size()) {}

  /// Those that were listed, as they were; none for all.
  std::span<const Index> listed() const;
  /// Bit d is set when dimension d of a tensor of this rank is named. Throws ShapeError, naming `op`, for a
  /// dimension that is not there or named twice.
  unsigned mask(const char* op, const Shape& shape) const;

 private:
  Dims(const Index* dims, std::size_t count);

  Index dims_[max_rank] = {};
  int rank_ = -1;  // -1: all dimensions
};

namespace detail {

/// `dim` in [0, rank), counted from the end if negative; ShapeError, naming `op`, otherwise.
int wrap_dim(const char* op, Index dim, const Shape& shape);

/// Gives the shape two operands broadcast to by NumPy's rule; false if there is none.
bool broadcast(const Shape& a, const Shape& b, Shape& result);
/// The same; ShapeError, naming `op`, if there is none.
Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b);

/// `shape` without the dimensions in `mask`, or with size 1 there.
Shape reduced_shape(const Shape& shape, unsigned mask, bool keepdim);

/// A shape seen from one of its dimensions: element (o, i, k) is at (o size + i) inner + k.
struct DimLayout {
  DimLayout(const Shape& shape, int dim) : size(shape[dim]) {
    for (int d = 0; d < dim; ++d) outer *= shape[d];
    for (int d = dim + 1; d < shape.rank(); ++d) inner *= shape[d];
  }
  Index outer = 1, size, inner = 1;
};

}  // namespace detail
}  // namespace ravine
