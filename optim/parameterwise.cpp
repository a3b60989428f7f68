#include <ravine/optim/parameterwise.hpp>

#include <stdexcept>

#include <ravine/core/text.hpp>

namespace ravine::detail {

void check_kept(const char* optimizer, const Kept& present, const Kept& loaded) {
  bool same = present.size() == loaded.size();
  for (std::size_t k = 0; same && k < present.size(); ++k)
    same = present[k].first == loaded[k].first && present[k].second.defined() == loaded[k].second.defined();
  if (!same)
    throw std::invalid_argument(
        text(optimizer, ": the loaded options do not go with the state: they keep something else"));
}

}  // namespace ravine::detail
