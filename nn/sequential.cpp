#include <ravine/nn/sequential.hpp>

#include <ravine/core/text.hpp>

namespace ravine::nn {

Index Sequential::size() const { return static_cast<Index>(children().size()); }

std::string Sequential::next_name() const { return std::to_string(size()); }

Module& Sequential::operator[](Index i) const {
  if (i < 0 || i >= size()) throw std::out_of_range(detail::text("Sequential: no module ", i, " among ", size()));
  return *children()[static_cast<std::size_t>(i)].second;
}

Variable Sequential::forward_temporary(Variable&& x) {
  Variable y = std::move(x);
  for (const auto& [name, module] : children()) y = (*module)(std::move(y));
  return y;
}

}  // namespace ravine::nn
