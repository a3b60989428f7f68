#include <ravine/train/beside_model.hpp>

#include <algorithm>
#include <stdexcept>

#include <ravine/core/text.hpp>

namespace ravine::detail {

std::vector<std::size_t> beside_model(const nn::Module& model, const optim::Optimizer& optimizer) {
  const auto of_model = model.parameters();
  const auto& all = optimizer.parameters();
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (std::none_of(of_model.begin(), of_model.end(), [&](const Variable& p) { return p.node() == all[i].node(); }))
      places.push_back(i);
  return places;
}

void check_trains_model(const char* op, const nn::Module& model, const optim::Optimizer& optimizer,
                        const data::DataLoader& loader) {
  const auto of_model = model.parameters();
  if (beside_model(model, optimizer).size() == optimizer.parameters().size() &&
      std::any_of(of_model.begin(), of_model.end(), [](const Variable& p) { return p.requires_grad(); }))
    throw std::invalid_argument(
        text(op, ": the optimizer has none of the model's parameters, which would stay as they are"));
  if (loader.options().part)
    throw std::invalid_argument(text(op,
                                     ": the loader makes a part of each batch only; what many processes have of it ",
                                     "is added up by dist::DataParallel::step"));
}

}  // namespace ravine::detail
