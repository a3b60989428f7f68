/// @file
/// Element types and the one switch that turns a run-time DType into a C++ type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ravine {

/// Sizes, positions and counts are signed, as in Eigen and the C++ ranges library.
using Index = std::int64_t;

/// The type of a tensor's elements, known at run time.
enum class DType : std::uint8_t { f32, f64, i64, u8 };

inline constexpr DType f32 = DType::f32;  ///< float, the default
inline constexpr DType f64 = DType::f64;  ///< double
inline constexpr DType i64 = DType::i64;  ///< std::int64_t: class indices, counters
inline constexpr DType u8 = DType::u8;    ///< std::uint8_t: masks (0 or 1), pixels

/// "f32", "f64", "i64" or "u8".
const char* name(DType dtype);

/// Bytes of one element.
constexpr std::size_t size_of(DType dtype) { return dtype == f32 ? 4 : dtype == u8 ? 1 : 8; }

/// True for f32 and f64, the types that have gradients.
constexpr bool is_floating(DType dtype) { return dtype == f32 || dtype == f64; }

/// The DType of a C++ element type; other types do not compile.
template <class T>
constexpr DType dtype_of() {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::int64_t> ||
                    std::is_same_v<T, std::uint8_t>,
                "a tensor holds float, double, std::int64_t or std::uint8_t");
  if constexpr (std::is_same_v<T, float>) return f32;
  if constexpr (std::is_same_v<T, double>) return f64;
  if constexpr (std::is_same_v<T, std::int64_t>) return i64;
  return u8;
}

namespace detail {

[[noreturn]] void refuse_dtype(const char* op, DType dtype);  // DTypeError: op needs f32 or f64

/// Calls f with a zero of the element type that `dtype` names.
template <class F>
decltype(auto) visit(DType dtype, F&& f) {
  switch (dtype) {
    case f32: return f(float{});
    case f64: return f(double{});
    case i64: return f(std::int64_t{});
    default: return f(std::uint8_t{});
  }
}

/// The same for f32 and f64; any other type is a DTypeError that names `op`.
template <class F>
decltype(auto) visit_floating(const char* op, DType dtype, F&& f) {
  if (dtype == f32) [[likely]]
    return f(float{});
  if (dtype != f64) refuse_dtype(op, dtype);
  return f(double{});
}

}  // namespace detail
}  // namespace ravine
