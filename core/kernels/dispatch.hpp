/// @file
/// From the instruction set in use to code compiled for it.
#pragma once

#include <ravine_isas.hpp>

namespace ravine::detail {

/// Calls f.operator()<isa>() for the instruction set in use.
template <class F>
decltype(auto) with_active_isa(F&& f) {
  const Isa isa = active_isa();
  if constexpr (built(Isa::v4))
    if (isa == Isa::v4) return f.template operator()<Isa::v4>();
  if constexpr (built(Isa::v3))
    if (isa == Isa::v3) return f.template operator()<Isa::v3>();
  constexpr Isa lowest = built(Isa::baseline) ? Isa::baseline : built(Isa::v3) ? Isa::v3 : Isa::v4;
  return f.template operator()<lowest>();
}

}  // namespace ravine::detail
