#include <ravine/nn/mlp.hpp>

#include <ravine/core/text.hpp>
#include <ravine/nn/activation.hpp>
#include <ravine/nn/dropout.hpp>
#include <ravine/nn/linear.hpp>
#include <ravine/nn/normalization.hpp>

namespace ravine::nn {

Sequential mlp(const std::vector<Index>& sizes, const MlpOptions& options) {
  if (sizes.size() < 2)
    throw std::invalid_argument(detail::text("mlp: needs the sizes of inputs and outputs, got ", sizes.size()));
  Sequential model;
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    model.push_back(Linear(sizes[i - 1], sizes[i]));
    if (i + 1 == sizes.size()) break;
    if (options.batch_norm) model.push_back(BatchNorm1d(sizes[i]));
    model.push_back(ReLU());
    if (options.dropout != 0.0) model.push_back(Dropout(options.dropout));
  }
  return model;
}

}  // namespace ravine::nn
