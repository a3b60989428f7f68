#include <ravine/core/shape.hpp>

#include <algorithm>

#include <ravine/core/error.hpp>
#include <ravine/core/text.hpp>

namespace ravine {

using detail::text;

void Shape::refuse_rank(std::size_t rank) {
  throw ShapeError(text("Shape: at most ", max_rank, " dimensions, got ", rank));
}

void Shape::assign(std::span<const Index> sizes) {
  if (sizes.size() > max_rank) refuse_rank(sizes.size());
  rank_ = static_cast<int>(sizes.size());
  std::copy(sizes.begin(), sizes.end(), sizes_);
}

void Shape::push_back(Index size) {
  if (rank_ == max_rank) refuse_rank(max_rank + 1);
  sizes_[rank_++] = size;
}

std::string to_string(const Shape& shape) {
  std::string out = "(";
  for (int d = 0; d < shape.rank(); ++d) {
    if (d > 0) out += ", ";
    out += std::to_string(shape[d]);
  }
  return out + ")";
}

Dims::Dims(const Index* dims, std::size_t count) {
  if (count == 0) return;  // all dimensions
  if (count > max_rank) throw ShapeError(text("Dims: at most ", max_rank, " dimensions, got ", count));
  rank_ = static_cast<int>(count);
  std::copy_n(dims, count, dims_);
}

std::span<const Index> Dims::listed() const { return {dims_, static_cast<std::size_t>(std::max(rank_, 0))}; }

unsigned Dims::mask(const char* op, const Shape& shape) const {
  if (rank_ < 0) return (1u << shape.rank()) - 1;
  unsigned mask = 0;
  for (int i = 0; i < rank_; ++i) {
    const unsigned bit = 1u << detail::wrap_dim(op, dims_[i], shape);
    if (mask & bit) throw ShapeError(text(op, ": dimension ", dims_[i], " of ", shape, " is named twice"));
    mask |= bit;
  }
  return mask;
}

namespace detail {

int wrap_dim(const char* op, Index dim, const Shape& shape) {
  const int rank = shape.rank();
  if (dim < -rank || dim >= rank) throw ShapeError(text(op, ": there is no dimension ", dim, " in shape ", shape));
  return static_cast<int>(dim < 0 ? dim + rank : dim);
}

bool broadcast(const Shape& a, const Shape& b, Shape& result) {
  result = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  const int skipped = result.rank() - shorter.rank();
  for (int d = 0; d < shorter.rank(); ++d) {
    Index& size = result[skipped + d];
    if (size == 1) size = shorter[d];
    if (shorter[d] != size && shorter[d] != 1) return false;
  }
  return true;
}

Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b) {
  Shape out;
  if (!broadcast(a, b, out)) throw ShapeError(text(op, ": shapes ", a, " and ", b, " do not broadcast"));
  return out;
}

Shape reduced_shape(const Shape& shape, unsigned mask, bool keepdim) {
  Shape out;
  for (int d = 0; d < shape.rank(); ++d) {
    const bool reduced = mask >> d & 1u;
    if (!reduced) out.push_back(shape[d]);
    if (reduced && keepdim) out.push_back(1);
  }
  return out;
}

}  // namespace detail
}  // namespace ravine
