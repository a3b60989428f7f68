#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include <ravine/train/protobuf.hpp>

using ravine::Index;
using ravine::detail::Protobuf;

namespace {

/// As hexadecimal digits.
std::string hex(const Protobuf& message) {
  std::string out;
  for (const char c : message.bytes()) {
    if (!out.empty()) out += ' ';
    for (const int nibble : {static_cast<unsigned char>(c) >> 4, c & 15}) out += "0123456789abcdef"[nibble];
  }
  return out;
}

template <class T>
std::string packed(int field, const std::vector<T>& values) {
  return hex(Protobuf().packed(field, std::span<const T>(values)));
}

}  // namespace

TEST_CASE("protobuf: integers take seven bits a byte, the lowest first") {
  CHECK(hex(Protobuf().integer(1, 0)) == "08 00");
  CHECK(hex(Protobuf().integer(1, 127)) == "08 7f");
  CHECK(hex(Protobuf().integer(1, 128)) == "08 80 01");
  CHECK(hex(Protobuf().integer(1, 150)) == "08 96 01");
  CHECK(hex(Protobuf().integer(2, -1)) == "10 ff ff ff ff ff ff ff ff ff 01");
  CHECK(hex(Protobuf().integer(2, std::numeric_limits<Index>::min())) == "10 80 80 80 80 80 80 80 80 80 01");
  CHECK(hex(Protobuf().integer(16, 1)) == "80 01 01");  // a tag of two bytes
  CHECK(hex(Protobuf().integer(20, 7)) == "a0 01 07");
}

TEST_CASE("protobuf: floats are 4 bytes and doubles 8, little-endian") {
  CHECK(hex(Protobuf().number(5, 1.0F)) == "2d 00 00 80 3f");
  CHECK(hex(Protobuf().number(1, 1.0)) == "09 00 00 00 00 00 00 f0 3f");
  CHECK(hex(Protobuf().number(2, -2.5F)) == "15 00 00 20 c0");
}

TEST_CASE("protobuf: texts and messages have their length before them") {
  CHECK(hex(Protobuf().text(2, "testing")) == "12 07 74 65 73 74 69 6e 67");
  CHECK(hex(Protobuf().text(2, "")) == "12 00");
  CHECK(hex(Protobuf().text(2, "\xc3\xa9\xff")) == "12 05 c3 a9 ef bf bd");  // é, and no character
  CHECK(hex(Protobuf().raw(2, "\xff")) == "12 01 ff");
  CHECK(hex(Protobuf().message(3, Protobuf().integer(1, 150))) == "1a 03 08 96 01");
  CHECK(hex(Protobuf().message(3, Protobuf())) == "1a 00");
  const std::string long_text(300, 'x');
  CHECK(hex(Protobuf().text(1, long_text)).starts_with("0a ac 02 78 78"));
  CHECK(Protobuf().text(1, long_text).bytes().size() == 303);
}

TEST_CASE("protobuf: repeated numbers are packed, and none are nothing") {
  CHECK(packed<Index>(6, {3, 270, 86942}) == "32 06 03 8e 02 9e a7 05");
  CHECK(packed<float>(7, {1.0F, -2.5F}) == "3a 08 00 00 80 3f 00 00 20 c0");
  CHECK(packed<double>(6, {1.0}) == "32 08 00 00 00 00 00 00 f0 3f");
  CHECK(packed<double>(6, {}).empty());
}

TEST_CASE("protobuf: fields stand in the order of the calls") {
  CHECK(hex(Protobuf().integer(2, 5).number(1, 1.0F).text(1, "a")) == "10 05 0d 00 00 80 3f 0a 01 61");
}
