#include <ravine/data/dataset.hpp>

#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>

namespace ravine::data {
TensorDataset::TensorDataset(Tensor inputs, Tensor targets) : inputs_(std::move(inputs)), targets_(std::move(targets)) {
  if (inputs_.rank() == 0 || targets_.rank() == 0 || inputs_.size(0) != targets_.size(0))
    throw ShapeError(detail::text("TensorDataset: inputs ", inputs_.shape(), " and targets ", targets_.shape(),
                                  " need the same number of rows"));
}

TensorDataset TensorDataset::take(const Tensor& positions) const {
  return {index_select(inputs_, 0, positions), index_select(targets_, 0, positions)};
}

}  // namespace ravine::data
