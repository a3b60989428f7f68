/// @file
/// Writing protobuf messages, field by field; for the library's sources, not its public headers.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <ravine/core/dtype.hpp>
#include <ravine/core/utf8.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// A message in the making: fields stand in the order of the calls, each under the number its schema gives it.
///
///     const std::string event = Protobuf().number(1, time).integer(2, step).message(5, summary).bytes();
///
/// Source: Protocol Buffers, Encoding (protobuf.dev).
class Protobuf {
 public:
  /// An int32, int64, bool or enum.
  Protobuf& integer(int field, std::int64_t value) {
    tag(field, 0);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  /// A float: 4 bytes.
  Protobuf& number(int field, float value) {
    tag(field, 5);
    element(value);
    return *this;
  }
  /// A double: 8 bytes.
  Protobuf& number(int field, double value) {
    tag(field, 1);
    element(value);
    return *this;
  }
  /// A string. Readers refuse a message with bytes that are not UTF-8, which are replaced.
  Protobuf& text(int field, const std::string& value) { return raw(field, valid_utf8(value)); }
  /// Bytes.
  Protobuf& raw(int field, std::string_view value) {
    tag(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Protobuf& message(int field, const Protobuf& part) { return raw(field, part.bytes_); }
  /// A repeated field of integers, floats or doubles, all in one piece; nothing if there are none.
  template <class T>
  Protobuf& packed(int field, std::span<const T> values) {
    Protobuf elements;
    for (const T value : values) elements.element(value);
    return values.empty() ? *this : message(field, elements);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  /// Seven bits a byte, the lowest first; all but the last have the eighth bit set.
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  void tag(int field, unsigned wire_type) { varint(static_cast<std::uint64_t>(field) << 3 | wire_type); }
  void little_endian(std::uint64_t bits, int count) {
    for (int i = 0; i < count; ++i) bytes_ += static_cast<char>(bits >> 8 * i);
  }
  void element(float value) { little_endian(std::bit_cast<std::uint32_t>(value), 4); }
  void element(double value) { little_endian(std::bit_cast<std::uint64_t>(value), 8); }
  void element(Index value) { varint(static_cast<std::uint64_t>(value)); }

  std::string bytes_;
};

}  // namespace ravine::detail
#pragma GCC visibility pop
