#include <ravine/nn/embedding.hpp>

#include <ravine/autograd/manipulate.hpp>
#include <ravine/core/text.hpp>

namespace ravine::nn {
namespace {

Tensor initial(Index num, Index dim, Generator& generator) {
  if (num < 0 || dim < 0)
    throw std::invalid_argument(detail::text("Embedding: sizes must not be negative, got ", num, " and ", dim));
  return randn({num, dim}, f32, generator);
}

void check_positions(const Tensor& x, Index num) {
  if (x.dtype() != i64) throw DTypeError(detail::text("Embedding: needs positions (i64), got ", x.dtype()));
  const Index* positions = x.raw<Index>();
  for (Index i = 0, n = x.numel(); i < n; ++i)
    if (positions[i] < 0 || positions[i] >= num)
      throw std::out_of_range(detail::text("Embedding: position ", positions[i], " is not in [0, ", num, ")"));
}

}  // namespace

Embedding::Embedding(Index num, Index dim, Generator& generator)
    : weight(register_parameter("weight", initial(num, dim, generator))) {}

Variable Embedding::forward(const Variable& x) {
  check_positions(x.value(), weight.size(0));
  Shape shape = x.shape();
  shape.push_back(weight.size(1));
  return index_select(weight, 0, x.value().reshape({x.numel()})).reshape(shape);
}

std::string Embedding::describe() const {
  return detail::text("Embedding(", weight.size(0), ", ", weight.size(1), ")");
}

}  // namespace ravine::nn
