/// @file
/// States that agree to the last bit.
#pragma once

#include <ravine/core/state_dict.hpp>

namespace ravine {

inline bool same_bits(const StateDict& a, const StateDict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, tensor] : a)
    if (!b.contains(name) || !bitwise_equal(tensor, b.at(name))) return false;
  return true;
}

}  // namespace ravine
