/// @file
/// Building messages, and numbers as text, the same in every locale; for the library's sources, not its public headers.
#pragma once

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include <ravine/core/tensor.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

inline void append(std::string& out, std::string_view part) { out += part; }
inline void append(std::string& out, char part) { out += part; }
inline void append(std::string& out, const Shape& shape) { out += to_string(shape); }
inline void append(std::string& out, DType dtype) { out += name(dtype); }
/// The shortest text that reads back as the same number: "3", "0.1", "1e-08", "inf".
template <class T>
requires std::is_arithmetic_v<T>
void append(std::string& out, T number) {
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}
inline void append(std::string& out, Scalar number) {
  number.integral() ? append(out, number.to<Index>()) : append(out, number.value());
}

/// The parts, one after the other: text("matmul: ", a.shape(), " by ", b.shape()).
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  (append(out, parts), ...);
  return out;
}

/// With 17 significant digits, which tell any two numbers apart: "0.10000000000000001", "nan", "inf".
inline std::string digits17(double number) {
  if (std::isnan(number)) return "nan";
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, number, std::chars_format::general, 17).ptr};
}

/// As a field of a CSV file, by RFC 4180: in quotes if it has a comma, a quote or a line end.
inline std::string csv_field(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string result = "\"";
  for (const char c : field) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + '"';
}

}  // namespace ravine::detail
#pragma GCC visibility pop
