/// @file
/// Tensors and Eigen: the elements of a tensor as an Eigen matrix or vector, without a copy, and copies the other way.
/// The only public header that includes Eigen, so <ravine/ravine.hpp> does not include this one.
#pragma once

#include <string>

#include <Eigen/Core>

#include <ravine/core/tensor.hpp>

namespace ravine {

/// Row-major, as tensors are; it can be assigned to and from Eigen's own column-major matrices.
template <class T>
using EigenMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A column.
template <class T>
using EigenVector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

namespace detail {

inline void check_rank(const char* op, const Tensor& x, int rank) {
  if (x.rank() != rank)
    throw ShapeError(std::string(op) + ": needs rank " + std::to_string(rank) + ", got shape " + to_string(x.shape()));
}

}  // namespace detail

/// The elements of a tensor (rows, columns). The tensor must outlive the map, which shares its memory.
/// Throws ShapeError if its rank is not 2, DTypeError if T is not its element type.
template <class T>
Eigen::Map<const EigenMatrix<T>> as_matrix(const Tensor& x) {
  detail::check_rank("as_matrix", x, 2);
  return {x.data<T>(), x.size(0), x.size(1)};
}

/// The elements of a tensor (n). The tensor must outlive the map, which shares its memory.
/// Throws ShapeError if its rank is not 1, DTypeError if T is not its element type.
template <class T>
Eigen::Map<const EigenVector<T>> as_vector(const Tensor& x) {
  detail::check_rank("as_vector", x, 1);
  return {x.data<T>(), x.size(0)};
}

/// `as_matrix`, to be written: counts as one write to the tensor, as `Tensor::mutable_data` does.
template <class T>
Eigen::Map<EigenMatrix<T>> as_mutable_matrix(Tensor& x) {
  detail::check_rank("as_mutable_matrix", x, 2);
  return {x.mutable_data<T>(), x.size(0), x.size(1)};
}

/// `as_vector`, to be written: counts as one write to the tensor, as `Tensor::mutable_data` does.
template <class T>
Eigen::Map<EigenVector<T>> as_mutable_vector(Tensor& x) {
  detail::check_rank("as_mutable_vector", x, 1);
  return {x.mutable_data<T>(), x.size(0)};
}

// A map of a temporary tensor would outlive it.
template <class T>
void as_matrix(const Tensor&&) = delete;
template <class T>
void as_vector(const Tensor&&) = delete;

/// A copy of an Eigen matrix, array or expression: (rows, columns), or (n) for a vector type. Its scalars are float,
/// double, std::int64_t or std::uint8_t and give the dtype; `cast` others first.
template <class Derived>
Tensor from_eigen(const Eigen::DenseBase<Derived>& values) {
  using T = typename Derived::Scalar;
  constexpr bool vector = Derived::IsVectorAtCompileTime;
  Tensor out(vector ? Shape{values.size()} : Shape{values.rows(), values.cols()}, dtype_of<T>());
  Eigen::Map<EigenMatrix<T>>(out.raw<T>(), values.rows(), values.cols()) = values;
  return out;
}

}  // namespace ravine
