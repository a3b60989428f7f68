#include <ravine/optim/parameterwise.hpp>

#include <algorithm>
#include <exception>
#include <stdexcept>

#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::detail {

void check_kept(const char* optimizer, const Kept& present, const Kept& loaded) {
  bool same = present.size() == loaded.size();
  for (std::size_t k = 0; same && k < present.size(); ++k)
    same = present[k].first == loaded[k].first && present[k].second.defined() == loaded[k].second.defined();
  if (!same)
    throw std::invalid_argument(
        text(optimizer, ": the loaded options do not go with the state: they keep something else"));
}

/// Parameters of fewer elements, all together, are not worth it.
static constexpr Index least_shared = 4096;

void share_out(const std::vector<Variable>& params, std::vector<std::size_t> which,
               FunctionRef<void(std::size_t)> change) {
  const auto size = [&](std::size_t i) { return params[i].numel(); };
  std::stable_sort(which.begin(), which.end(), [&](std::size_t a, std::size_t b) { return size(a) > size(b); });
  Index left = 0;
  for (const std::size_t i : which) left += size(i);
  auto next = which.begin();
  for (const Index threads = threads_available();
       next != which.end() && (left < least_shared || size(*next) * threads >= left); ++next) {
    left -= size(*next);
    change(*next);
  }
  std::vector<std::exception_ptr> thrown(static_cast<std::size_t>(which.end() - next));
  run_unequal(which.end() - next, [&](Index i) {
    try {
      change(next[i]);
    } catch (...) {
      thrown[static_cast<std::size_t>(i)] = std::current_exception();
    }
  });
  for (const std::exception_ptr& e : thrown)
    if (e) std::rethrow_exception(e);
}

}  // namespace ravine::detail
