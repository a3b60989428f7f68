/// @file
/// Building messages; for the library's sources, not its public headers.
#pragma once

#include <sstream>
#include <string>

#include <ravine/core/tensor.hpp>

namespace ravine::detail {

inline void append(std::ostream& out, const Shape& shape) { out << to_string(shape); }
inline void append(std::ostream& out, DType dtype) { out << name(dtype); }
template <class T>
void append(std::ostream& out, const T& part) {
  out << part;
}

/// The parts, one after the other: text("matmul: ", a.shape(), " by ", b.shape()).
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (append(out, parts), ...);
  return out.str();
}

}  // namespace ravine::detail
