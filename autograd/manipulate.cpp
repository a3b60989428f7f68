#include <ravine/autograd/manipulate.hpp>

#include <ravine/autograd/reduce.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>

namespace ravine {
namespace {

std::vector<Tensor> values(const std::vector<Variable>& parts) {
  std::vector<Tensor> result;
  result.reserve(parts.size());
  for (const Variable& part : parts) result.push_back(part.value());
  return result;
}

}  // namespace

Variable transpose(const Variable& x, Index dim0, Index dim1) {
  return record("transpose", transpose(x.value(), dim0, dim1),
                {{x, [dim0, dim1](auto dy) { return transpose(dy, dim0, dim1); }}});
}

Variable permute(const Variable& x, const Dims& dims) {
  Tensor y = permute(x.value(), dims);
  std::vector<Index> back(static_cast<std::size_t>(x.rank()));
  Index to = 0;
  for (const Index dim : dims.listed()) back[static_cast<std::size_t>(dim < 0 ? dim + x.rank() : dim)] = to++;
  return record("permute", std::move(y), {{x, [back = Dims(back)](auto dy) { return permute(dy, back); }}});
}

Variable flip(const Variable& x, const Dims& dims) {
  return record("flip", flip(x.value(), dims), {{x, [dims](auto dy) { return flip(dy, dims); }}});
}

Variable squeeze(const Variable& x, const Dims& dims) {
  return record("squeeze", squeeze(x.value(), dims), {{x, [from = x.shape()](auto dy) { return reshape(dy, from); }}});
}

Variable unsqueeze(const Variable& x, Index dim) {
  return record("unsqueeze", unsqueeze(x.value(), dim),
                {{x, [from = x.shape()](auto dy) { return reshape(dy, from); }}});
}

Variable reshape(const Variable& x, const Shape& shape) {
  return record("reshape", x.value().reshape(shape), {{x, [from = x.shape()](auto dy) { return reshape(dy, from); }}});
}

Variable slice(const Variable& x, Index dim, Index begin, Index end) {
  Tensor y = x.value().slice(dim, begin, end);
  const Index first = begin < 0 ? begin + x.size(dim) : begin;
  return record("slice", std::move(y),
                {{x, [dim, first, shape = x.shape()](auto dy) { return slice_pullback(dy, shape, dim, first); }}});
}

Variable slice_pullback(const Variable& dy, const Shape& shape, Index dim, Index begin) {
  return record("slice_pullback", slice_pullback(dy.value(), shape, dim, begin),
                {{dy, [dim, begin, end = begin + dy.size(dim)](auto d) { return slice(d, dim, begin, end); }}});
}

Variable broadcast_to(const Variable& x, const Shape& shape) {
  return record("broadcast_to", broadcast_to(x.value(), shape),
                {{x, [from = x.shape()](auto dy) { return sum_to(std::move(dy), from); }}});
}

Variable concat(const std::vector<Variable>& parts, Index dim) {
  Tensor joined = concat(values(parts), dim);
  std::vector<Edge> edges;
  edges.reserve(parts.size());
  Index begin = 0;
  for (const Variable& part : parts) {
    const Index end = begin + part.size(dim);
    edges.emplace_back(part, [dim, begin, end](auto dy) { return slice(dy, dim, begin, end); });
    begin = end;
  }
  return record("concat", std::move(joined), edges);
}

Variable stack(const std::vector<Variable>& parts, Index dim) {
  Tensor stacked = stack(values(parts), dim);
  std::vector<Edge> edges;
  edges.reserve(parts.size());
  for (std::size_t k = 0; k < parts.size(); ++k)
    edges.emplace_back(parts[k], [dim, i = static_cast<Index>(k), shape = parts[k].shape()](auto dy) {
      return reshape(slice(dy, dim, i, i + 1), shape);
    });
  return record("stack", std::move(stacked), edges);
}

std::vector<Variable> split(const Variable& x, Index size, Index dim) {
  return split(x, detail::split_sizes(x.shape(), size, dim), dim);
}
std::vector<Variable> split(const Variable& x, const std::vector<Index>& sizes, Index dim) {
  return detail::pieces(x, sizes, dim);
}
std::vector<Variable> split(const Variable& x, std::initializer_list<Index> sizes, Index dim) {
  return split(x, std::vector(sizes), dim);
}
std::vector<Variable> chunk(const Variable& x, Index n, Index dim) {
  return split(x, detail::chunk_sizes(x.shape(), n, dim), dim);
}

Variable index_select(const Variable& x, Index dim, const Tensor& index) {
  return record("index_select", index_select(x.value(), dim, index),
                {{x, [dim, index = Variable(index), shape = x.shape()](auto dy) {
                    return index_select_pullback(dy, shape, dim, index.value());
                  }}});
}

Variable index_select_pullback(const Variable& dy, const Shape& shape, Index dim, const Tensor& index) {
  return record("index_select_pullback", index_select_pullback(dy.value(), shape, dim, index),
                {{dy, [dim, index = Variable(index)](auto d) { return index_select(d, dim, index.value()); }}});
}

Variable gather(const Variable& x, Index dim, const Tensor& index) {
  return record("gather", gather(x.value(), dim, index),
                {{x, [dim, index = Variable(index), shape = x.shape()](auto dy) {
                    return gather_pullback(dy, shape, dim, index.value());
                  }}});
}

Variable gather_pullback(const Variable& dy, const Shape& shape, Index dim, const Tensor& index) {
  return record("gather_pullback", gather_pullback(dy.value(), shape, dim, index),
                {{dy, [dim, index = Variable(index)](auto d) { return gather(d, dim, index.value()); }}});
}

Variable Variable::operator[](Index i) const {
  Shape row = shape();
  const Index first = i < 0 && rank() > 0 ? i + row[0] : i;
  if (rank() > 0) row[0] = 1;
  const auto pullback = [first, row, from = shape()](auto dy) {
    return slice_pullback(ravine::reshape(dy, row), from, 0, first);
  };
  return record("operator[]", value()[i], {{*this, pullback}});
}

Variable Variable::slice(Index dim, Index begin, Index end) const { return ravine::slice(*this, dim, begin, end); }

Variable Variable::reshape(const Shape& shape) const { return ravine::reshape(*this, shape); }

Variable Variable::to(DType dtype) const {
  if (dtype == this->dtype()) return *this;
  if (!is_floating(dtype)) return value().to(dtype);
  return record("to", value().to(dtype), {{*this, [from = this->dtype()](auto dy) { return dy.to(from); }}});
}

}  // namespace ravine
