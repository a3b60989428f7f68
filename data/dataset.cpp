#include <ravine/data/dataset.hpp>

#include <stdexcept>
#include <vector>

#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>

namespace ravine::data {
namespace {

using detail::text;

void check_below(const char* what, Index i, Index size) {
  if (i < 0 || i >= size) throw std::out_of_range(text("subset: ", what, " ", i, " of ", size));
}

struct Subset {
  Dataset dataset;
  std::vector<Index> positions;
  Index size() const { return static_cast<Index>(positions.size()); }
  Example get(Index i) const {
    check_below("example", i, size());
    return dataset.get(positions[static_cast<std::size_t>(i)]);
  }
};

}  // namespace

TensorDataset::TensorDataset(Tensor inputs, Tensor targets) : inputs_(std::move(inputs)), targets_(std::move(targets)) {
  if (inputs_.rank() == 0 || targets_.rank() == 0 || inputs_.size(0) != targets_.size(0))
    throw ShapeError(text("TensorDataset: inputs ", inputs_.shape(), " and targets ", targets_.shape(),
                          " need the same number of rows"));
}

TensorDataset TensorDataset::take(const Tensor& positions) const {
  return {index_select(inputs_, 0, positions), index_select(targets_, 0, positions)};
}

Dataset::Dataset(TensorDataset rows) : size_(rows.size()), rows_(std::move(rows)) {}
Dataset::Dataset(const Dataset&) = default;
Dataset::Dataset(Dataset&&) noexcept = default;
Dataset& Dataset::operator=(const Dataset&) = default;
Dataset& Dataset::operator=(Dataset&&) noexcept = default;
Dataset::~Dataset() = default;

Dataset subset(Dataset dataset, const Tensor& positions) {
  if (positions.rank() != 1) throw ShapeError(text("subset: needs positions (examples), got ", positions.shape()));
  if (positions.dtype() != i64) throw DTypeError(text("subset: positions are i64, got ", positions.dtype()));
  std::vector<Index> chosen = positions.to_vector<Index>();
  for (const Index i : chosen) check_below("position", i, dataset.size());
  return Subset{std::move(dataset), std::move(chosen)};
}

}  // namespace ravine::data
