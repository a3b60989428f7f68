#include <ravine/autograd/sort.hpp>

#include <ravine/autograd/manipulate.hpp>

namespace ravine {
namespace {

Sorted<Variable> recorded(const char* op, const Variable& x, Index dim, Sorted<Tensor> sorted) {
  const auto pullback = [dim, index = Variable(sorted.indices), shape = x.shape()](auto dy) {
    return gather_pullback(dy, shape, dim, index.value());
  };
  return {record(op, std::move(sorted.values), {{x, pullback}}), sorted.indices};
}

}  // namespace

Sorted<Variable> sort(const Variable& x, Index dim, bool descending) {
  return recorded("sort", x, dim, sort(x.value(), dim, descending));
}

Sorted<Variable> topk(const Variable& x, Index k, Index dim, bool largest) {
  return recorded("topk", x, dim, topk(x.value(), k, dim, largest));
}

}  // namespace ravine
