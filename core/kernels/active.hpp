/// @file
/// The kernels for the instruction set in use.
#pragma once

#include <ravine/core/kernels/dispatch.hpp>
#include <ravine/core/kernels/kernels.hpp>

namespace ravine::kernels {

/// The table of this kind for this processor, or for the instruction set that the environment's RAVINE_ISA names.
template <class Table>
[[gnu::visibility("hidden")]] const Table& active() {
  static const Table& table =
      detail::with_active_isa([]<Isa isa>() -> auto& { return Table::template compiled<isa>(); });
  return table;
}

}  // namespace ravine::kernels
