/// @file
/// From the instruction set in use to code compiled for it.
#pragma once

#include <ravine/core/isa.hpp>

namespace ravine::detail {

/// Calls f.operator()<isa>() for the instruction set in use.
template <class F>
decltype(auto) with_active_isa(F&& f) {
#if defined(RAVINE_HAS_v4)
  if (active_isa() == Isa::v4) return f.template operator()<Isa::v4>();
#endif
#if defined(RAVINE_HAS_v3)
  if (active_isa() == Isa::v3) return f.template operator()<Isa::v3>();
#endif
  return f.template operator()<Isa::baseline>();
}

}  // namespace ravine::detail
