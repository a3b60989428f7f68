// .npy and .npz files: NumPy's own, ours read back, and damaged ones refused with the reason.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <string>

#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/random.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/npy.hpp>

#include "temporary.hpp"

using namespace ravine;
using namespace ravine::data;
using doctest::Contains;

namespace {

std::string of_numpy(const char* name) { return std::string(RAVINE_SOURCE "/tests/data/numpy/") + name; }

/// A file of version 1 with this dictionary and so many bytes 1, 2, … behind it.
std::string npy(const std::string& dictionary, std::size_t bytes) {
  std::string content = std::string("\x93NUMPY\1", 7) + '\0' + static_cast<char>(dictionary.size()) + '\0' + dictionary;
  for (std::size_t i = 1; i <= bytes; ++i) content += static_cast<char>(i);
  return content;
}
std::string array(const char* type, const char* shape, std::size_t bytes, const char* order = "False") {
  return npy(std::string("{'descr': '") + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n",
             bytes);
}

Tensor read(const std::string& content) {
  const TemporaryFile file("a.npy", content);
  return read_npy(file.path());
}
void refuse(const std::string& content, const char* words) {
  const TemporaryFile file("refused.npy", content);
  INFO(content);
  CHECK_THROWS_WITH_AS(read_npy(file.path()), Contains(words), FormatError);
  CHECK_THROWS_WITH_AS(read_npy(file.path()), Contains("refused.npy: "), FormatError);
}
void refuse_npz(const std::string& content, const char* words) {
  const TemporaryFile file("refused.npz", content);
  CHECK_THROWS_WITH_AS(read_npz(file.path()), Contains(words), FormatError);
  CHECK_THROWS_WITH_AS(read_npz(file.path()), Contains("refused.npz: "), FormatError);
}

/// `content` with other bytes at a place, counted from the end if negative.
std::string with(std::string content, std::ptrdiff_t at, const std::string& bytes) {
  const auto place = at < 0 ? content.size() - static_cast<std::size_t>(-at) : static_cast<std::size_t>(at);
  return content.replace(place, bytes.size(), bytes);
}
std::string little_endian(std::uint32_t value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }
std::string little_endian(std::uint64_t value, std::size_t bytes) {
  return {reinterpret_cast<const char*>(&value), bytes};
}

/// An archive of one file, "a.npy": these packed bytes, and what its entry in the directory says of them; numbers in
/// the ZIP64 form.
struct Archive {
  std::string packed;
  std::uint64_t size, stored = packed.size();
  std::uint32_t checksum = 0;
  int method = 8;
  std::string extra =
      std::string("\1\0\x18\0", 4) + little_endian(size, 8) + little_endian(stored, 8) + std::string(8, '\0');

  std::string content() const {
    const std::string name = "a.npy", ones(4, '\xff');
    std::string file =
        little_endian(0x04034b50, 4) + std::string(22, '\0') + little_endian(name.size(), 4) + name + packed;
    const std::string entry = little_endian(0x02014b50, 4) + std::string(6, '\0') + little_endian(unsigned(method), 6) +
                              little_endian(checksum, 4) + ones + ones + little_endian(name.size(), 2) +
                              little_endian(extra.size(), 2) + std::string(10, '\0') + ones + name + extra;
    const std::size_t end64 = file.size() + entry.size();
    file += entry + little_endian(0x06064b50, 4) + std::string(20, '\0') + little_endian(1, 8) + little_endian(1, 8) +
            little_endian(entry.size(), 8) + little_endian(end64 - entry.size(), 8);
    file += little_endian(0x07064b50, 4) + std::string(4, '\0') + little_endian(end64, 8) + little_endian(1, 4);
    return file + little_endian(0x06054b50, 4) + std::string(4, '\0') + ones + ones + ones + std::string(2, '\0');
  }
};
/// Bytes in deflate's form for what it cannot pack.
std::string deflated(const std::string& bytes) {
  return '\1' + little_endian(bytes.size(), 2) + little_endian(~bytes.size(), 2) + bytes;
}

std::string npz(const StateDict& arrays) {
  const TemporaryFile file("a.npz");
  write_npz(file.path(), arrays);
  return file.read();
}

/// What numpy/make.py writes of each kind.
template <class T>
Tensor integers() {
  const auto largest = std::numeric_limits<T>::max();
  const auto most = sizeof(T) == 8 ? std::numeric_limits<Index>::max() : static_cast<Index>(largest);
  return tensor({static_cast<Index>(std::numeric_limits<T>::min()), Index{1}, most}, i64);
}
Tensor floats(double most, double least, double normal, double third, DType dtype) {
  return tensor({-most, least, normal, -0.0, third, INFINITY, -INFINITY}, f64).to(dtype);
}

void check_all_types(const StateDict& arrays) {
  for (const char order : {'<', '>'}) {
    const auto kind = [&](const char* name) {
      INFO(order << name);
      return arrays.at(order + std::string(name));
    };
    CHECK(bitwise_equal(kind("b1"), tensor({0, 1}, u8)));
    CHECK(bitwise_equal(kind("u1"), tensor({0, 1, 255}, u8)));
    CHECK(bitwise_equal(kind("i1"), integers<std::int8_t>()));
    CHECK(bitwise_equal(kind("i2"), integers<std::int16_t>()));
    CHECK(bitwise_equal(kind("i4"), integers<std::int32_t>()));
    CHECK(bitwise_equal(kind("i8"), integers<std::int64_t>()));
    CHECK(bitwise_equal(kind("u2"), integers<std::uint16_t>()));
    CHECK(bitwise_equal(kind("u4"), integers<std::uint32_t>()));
    CHECK(bitwise_equal(kind("u8"), integers<std::uint64_t>()));
    CHECK(bitwise_equal(kind("f2"), floats(65504.0, 0x1p-24, 0x1p-14, 0x1.554p-2, f32)));
    CHECK(bitwise_equal(kind("f4"), floats(std::numeric_limits<float>::max(), 0x1p-149, 0x1p-126, 1.0f / 3, f32)));
    CHECK(bitwise_equal(kind("f8"), floats(std::numeric_limits<double>::max(), 0x1p-1074, 0x1p-1022, 1.0 / 3, f64)));
  }
  CHECK(bitwise_equal(arrays.at("empty"), zeros({0, 3}, f64)));
  CHECK(bitwise_equal(arrays.at("scalar"), scalar(2.5, f64)));
  CHECK(bitwise_equal(arrays.at("größe"), tensor({1, 2, 3}, i64)));
}

const StateDict two{{"a", tensor({1.0, 2.0})}, {"b", tensor({3}, u8)}};

}  // namespace

TEST_CASE("NumPy's files of each version, in Fortran's order and with large ends first") {
  const Tensor counted = arange(-3.0, 9.0).reshape({3, 4}) / 4.0;
  for (const char* name : {"version1.npy", "version2.npy", "version3.npy"})
    CHECK(bitwise_equal(read_npy(of_numpy(name)), counted));
  CHECK(bitwise_equal(read_npy(of_numpy("fortran_big_endian.npy")), arange(0.0, 24.0, 1.0, f64).reshape({2, 3, 4})));
}

TEST_CASE(
    "NumPy's archives, stored and compressed: every type in both orders of bytes, without elements, without rank") {
  StateDict arrays = read_npz(of_numpy("stored.npz"));
  CHECK(arrays.size() == 27);
  check_all_types(arrays);
  arrays = read_npz(of_numpy("compressed.npz"));
  CHECK(arrays.size() == 28);
  CHECK(bitwise_equal(arrays.at("zeros"), zeros({100, 200})));
  check_all_types(arrays);
  CHECK(read_npz(of_numpy("nothing.npz")).empty());
}

TEST_CASE("one array of an archive is read whatever the others are") {
  const std::string path = of_numpy("text.npz");
  CHECK(bitwise_equal(read_npz(path, "X"), read_npy(of_numpy("version1.npy"))));
  CHECK_THROWS_WITH_AS(read_npz(path), Contains("text.npz: names.npy: the elements are of type '<U4'"), FormatError);
  CHECK_THROWS_WITH_AS(read_npz(path, "names"), Contains("names.npy: the elements are of type '<U4'"), FormatError);
  CHECK_THROWS_WITH_AS(read_npz(path, "notes"), Contains("notes.npy: the elements are of type '|O'"), FormatError);
  CHECK_THROWS_WITH_AS(read_npz(path, "Y"),
                       ("read_npz: no array 'Y' in " + path + ", which has X, names, notes").c_str(),
                       std::out_of_range);
  CHECK_THROWS_WITH_AS(read_npz(of_numpy("nothing.npz"), ""), Contains("nothing.npz, which has none"),
                       std::out_of_range);
  const TemporaryFile damaged("damaged.npz", with(npz(two), 170, "x"));  // in a
  CHECK(bitwise_equal(read_npz(damaged.path(), "b"), two.at("b")));
  CHECK_THROWS_WITH_AS(read_npz(damaged.path(), "a"), Contains("a.npy: it is damaged"), FormatError);
}

TEST_CASE("arrays of every type and shape come back bit by bit") {
  const TemporaryFile file("back.npy");
  const TemporaryFile archive("back.npz");
  StateDict all;
  for (const DType dtype : {f32, f64, i64, u8})
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{5}, Shape{3, 0}, Shape{3, 5}, Shape{1, 2, 1, 3, 1, 2, 1, 2}}) {
      const Tensor x = (randn(shape, f64) * 50.0 + 100.0).to(dtype);
      write_npy(file.path(), x);
      CHECK(bitwise_equal(read_npy(file.path()), x));
      CHECK((file.read().size() - static_cast<std::size_t>(x.numel()) * size_of(dtype)) % 64 == 0);
      all.emplace(to_string(shape) + name(dtype), x);
    }
  write_npz(archive.path(), all);
  const StateDict back = read_npz(archive.path());
  CHECK(back.size() == all.size());
  for (const auto& [name, x] : all) CHECK(bitwise_equal(back.at(name), x));
  write_npz(archive.path(), {});
  CHECK(read_npz(archive.path()).empty());
}

TEST_CASE("a view is written as what it shows") {
  const TemporaryFile file("view.npy");
  write_npy(file.path(), arange(0.0, 12.0).reshape({4, 3}).slice(0, 1, 3));
  CHECK(bitwise_equal(read_npy(file.path()), tensor({3.0, 4.0, 5.0, 6.0, 7.0, 8.0}, {2, 3})));
}

TEST_CASE("headers as others write them") {
  const Tensor expected = tensor({1, 2, 3, 4}, {2, 2}, u8);
  CHECK(bitwise_equal(read(npy("{\"shape\":(2,2),\"fortran_order\":False,\"descr\":\"|u1\"}", 4)), expected));
  CHECK(bitwise_equal(read(npy(" { 'descr' : '<u1' , 'fortran_order':False,\n'shape':(2L, 2L)}   ", 4)), expected));
  CHECK(bitwise_equal(read(array("=u1", "(2, 2,)", 4)), expected));
  CHECK(bitwise_equal(read(array("|u1", "(2, 2)", 4, "True")), transpose(expected)));
  CHECK(bitwise_equal(read(array("|u1", "(4,)", 4, "True")), tensor({1, 2, 3, 4}, u8)));
  CHECK(bitwise_equal(read(array(">i2", "(2,)", 4)), tensor({258, 772}, i64)));
}

TEST_CASE("headers that lie are refused with the place") {
  refuse("", "found 0 bytes at byte 0, expected 8 of an npy header");
  refuse("1,2,3\n4,5,6\n", "not an npy file: it does not start with \\x93NUMPY");
  refuse(std::string("\x93NUMPY\4\0", 8), "found version 4.0 at byte 6, expected 1.0, 2.0 or 3.0");
  refuse(std::string("\x93NUMPY\1\1", 8), "found version 1.1 at byte 6");
  refuse(std::string("\x93NUMPY\1\0\7", 9), "found 1 bytes at byte 8, expected 2 of an npy header");
  refuse(std::string("\x93NUMPY\1\0\7\0abc", 13), "found 3 bytes at byte 10, expected 7 of an npy header");
  refuse(std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12),
         "the header's length at byte 8 is 4294967295, expected at most 65535");
  refuse(npy("", 0), "found the end of the header at byte 10, expected '{'");
  refuse(npy("[]", 0), "found '[' at byte 10, expected '{'");
  refuse(npy("{'descr': '<f4", 0), "found the end of the header at byte 24, expected a closing quote");
  refuse(npy("{descr: '<f4'}", 0), "found 'd' at byte 11, expected '''");
  refuse(npy("{'descr'}", 0), "found '}' at byte 18, expected ':'");
  refuse(npy("{'descr': '<f4' 'shape'", 0), "found ''' at byte 26, expected '}'");
  refuse(npy("{'descr': '<f4', 'shape': (1,)}", 4), "the header has no fortran_order");
  refuse(npy("{'descr': '<f4', 'descr': '<f4'}", 4), "the header has descr twice");
  refuse(npy("{'descr': '<f4', 'allow': 1}", 4), "found allow in the header, expected descr, fortran_order and shape");
  refuse(array("<f4", "(1,)", 4, "None"), "found 'N' at byte 44, expected True or False");
  refuse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + 1", 4),
         "found '+' at byte 66, expected the end of the header");
}

TEST_CASE("types that no tensor holds are refused by name") {
  for (const char* type : {"<c8", "<f16", "|O", "<U5", "|S3", "<M8[ns]", "<m8[D]", "|V4", "f4", "<f3", "<u16", ""})
    refuse(array(type, "(1,)", 4),
           (std::string("the elements are of type '") + type + "', expected b1, i1 to i8, u1 to u8, f2, f4 or f8")
               .c_str());
  refuse(npy("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4), "the elements are structures");
  refuse(npy("{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (1,)}", 8), "the elements are structures");
  const std::string ones(8, '\xff');
  refuse(array("<u8", "(2,)", 8) + ones, "element 1 is 18446744073709551615, which i64 does not hold");
}

TEST_CASE("shapes that lie are refused before memory is taken") {
  refuse(array("<f4", "(-1,)", 4), "the size -1 at byte 61 is negative");
  refuse(array("<f4", "(99999999999999999999,)", 4), "the size 99999999999999999999 at byte 61 is too large");
  refuse(array("<f4", "(x,)", 4), "found 'x' at byte 61, expected a size");
  refuse(array("<f4", "4", 4), "found '4' at byte 60, expected '('");
  refuse(array("<f4", "(4294967296, 4294967296)", 4),
         "the header promises the impossible shape (4294967296, 4294967296)");
  refuse(array("<f4", "(100000000000000, 0)", 0), "the impossible shape (100000000000000, 0)");
  refuse(array("<f4", "(0, 9223372036854775807)", 0), "the impossible shape (0, 9223372036854775807)");
  for (const char* order : {"False", "True"})
    for (const char* shape : {"(0, 4398046511104, 4398046511104)", "(4398046511104, 0, 4398046511104)",
                              "(4398046511104, 4398046511104, 0)", "(0, 4194304, 8388608)"})
      refuse(array("<f4", shape, 0, order), (std::string("the header promises the impossible shape ") + shape).c_str());
  CHECK(read(array("<f4", "(0, 4194304, 4194304)", 0, "True")).shape() == Shape{0, 4194304, 4194304});
  refuse(array("<f4", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", 4), "the array has 9 dimensions, expected at most 8");
  refuse(array("<f4", "(1000000000,)", 4),
         "found 81 bytes, expected 4000000077: a header of 77 and 4000000000 for the elements (1000000000)");
  refuse(array("<f4", "(1,)", 3), "found 71 bytes, expected 72: a header of 68 and 4 for the elements (1)");
  refuse(array("<f4", "(1,)", 5), "found 73 bytes, expected 72");
}

TEST_CASE("archives that lie are refused with the file in them") {
  const std::string good = npz(two);
  // Two local parts of 30 + 5 + 128 + 8 and 30 + 5 + 128 + 1 bytes, two entries of 46 + 5, and the end.
  REQUIRE(good.size() == 171 + 164 + 2 * 51 + 22);
  const int b = 171, entries = 335, end = -22;
  refuse_npz("", "not an npz file, or cut off: no end of a ZIP directory in its last 0 bytes");
  refuse_npz(good.substr(0, good.size() - 1), "not an npz file, or cut off");
  refuse_npz(array("<f4", "(1,)", 4), "not an npz file, or cut off");
  refuse_npz(with(good, end + 10, "\3"), "an archive in several parts, at byte 437");
  refuse_npz(with(good, end + 8, std::string("\3\0\3\0", 4)), "found 2 files in the directory, expected 3");
  refuse_npz(with(good, end + 12, little_endian(101)),
             "found a directory of 101 bytes at byte 335, expected it to end at byte 437");
  refuse_npz(with(good, end + 12, little_endian(9999)), "found a directory of 9999 bytes");
  refuse_npz(with(good, end + 16, std::string(4, '\xff')), "no ZIP64 directory before byte 437");
  refuse_npz(with(good, entries, "x"), "no file's entry in the directory at byte 335");
  refuse_npz(with(good, entries + 28, "\xff"), "the directory ends in the entry at byte 335");
  refuse_npz(with(good, entries + 8, "\1"), "a.npy is encrypted");
  refuse_npz(with(good, entries + 10, "\x0c"), "a.npy is packed by method 12, expected 0 (stored) or 8 (deflated)");
  refuse_npz(with(good, entries + 51 + 42, little_endian(170)),
             "b.npy: starts at byte 170, the one before ends at 171");
  refuse_npz(with(good, entries + 51 + 42, little_endian(0)), "b.npy: starts at byte 0, the one before ends at 171");
  refuse_npz(with(good, entries + 51 + 42, little_endian(334)), "b.npy: starts at byte 334, the directory at 335");
  refuse_npz(with(good, b, "x"), "b.npy: no file starts at byte 171");
  refuse_npz(with(good, b + 30, "c"), "b.npy: has another name at byte 171");
  refuse_npz(with(good, entries + 51 + 20, little_endian(130)),
             "b.npy: has 130 bytes from byte 206 on, the directory starts at 335");
  refuse_npz(with(good, entries + 51 + 24, little_endian(130)), "b.npy: 129 bytes cannot hold 130");
  refuse_npz(with(good, entries + 51 + 24, std::string(4, '\xff')), "b.npy: 129 bytes cannot hold 4294967295");
  refuse_npz(with(good, b - 1, "x"), "a.npy: it is damaged: its checksum is ");
  refuse_npz(with(good, b + 35, "x"), "b.npy: not an npy file");
  refuse_npz(with(with(good, b + 30, "a"), entries + 51 + 46, "a"), "two arrays are named a");
  refuse_npz(with(with(good, b + 34, "x"), entries + 51 + 50, "x"),
             "found the file b.npx, expected names that end in .npy");
}

TEST_CASE("packed bytes that lie are refused, and ZIP64 numbers") {
  const std::string whole = array("|u1", "(3,)", 3), packed = deflated(whole);
  const std::uint32_t checksum = 531905985;  // of `whole`
  const auto size = whole.size();
  const TemporaryFile file("good.npz", Archive{packed, size, packed.size(), checksum}.content());
  CHECK(bitwise_equal(read_npz(file.path()).at("a"), tensor({1, 2, 3}, u8)));
  refuse_npz(Archive{packed, size, packed.size(), 1}.content(),
             "a.npy: it is damaged: its checksum is 531905985, expected 1");
  refuse_npz(Archive{packed, size + 1}.content(), "a.npy: found 72 bytes, expected 71");
  refuse_npz(Archive{packed, size, packed.size() - 1}.content(), "a.npy: its packed bytes hold fewer than 71");
  refuse_npz(Archive{deflated(whole + "x"), size}.content(), "a.npy: its packed bytes hold more than 71");
  refuse_npz(Archive{with(packed, 0, "\xff"), size}.content(), "a.npy: its packed bytes are damaged");
  refuse_npz(Archive{"", size}.content(), "a.npy: 0 bytes cannot hold 71");
  refuse_npz(Archive{packed, 1032 * packed.size() + 1}.content(), "a.npy: 76 bytes cannot hold 78433");
  refuse_npz(Archive{packed, size, std::uint64_t{1} << 63}.content(),
             "a.npy: has 9223372036854775808 bytes from byte 35 on");
  refuse_npz(Archive{packed, size, 76, 0, 8, std::string("\1\0\x08\0", 4) + std::string(8, '\0')}.content(),
             "a.npy: its ZIP64 numbers are cut off");
  refuse_npz(Archive{packed, size, 76, 0, 8, "\1"}.content(), "a.npy: starts at byte 4294967295, the directory at 111");
  const std::string good = Archive{packed, size}.content();
  refuse_npz(with(good, -42, "x"), "no ZIP64 directory before byte ");
  refuse_npz(with(good, -34, std::string(8, '\xff')), "no ZIP64 directory before byte ");
  refuse_npz(with(good, -34, std::string(8, '\0')), "no ZIP64 directory at byte 0, expected one");
  refuse_npz(with(good, -42 - 24, "\2"), "an archive in several parts");
  refuse_npz(with(good, -42 - 8, std::string(8, '\xff')), "found a directory of ");
}

TEST_CASE("what cannot be written is refused, and leaves what was there") {
  const TemporaryFile file("kept.npz");
  write_npz(file.path(), two);
  CHECK_THROWS_WITH_AS(write_npz(file.path(), {{"a", ones({1})}, {"b", Tensor()}}), "write_npz: b is undefined",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(write_npz(file.path(), {{"", ones({1})}}), "write_npz: a name has 0 bytes, expected 1 to 65000",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(write_npz(file.path(), {{std::string(65001, 'x'), ones({1})}}),
                       "write_npz: a name has 65001 bytes, expected 1 to 65000", std::invalid_argument);
  CHECK_THROWS_WITH_AS(write_npy(file.path(), Tensor()), "write_npy: the tensor is undefined", std::invalid_argument);
  CHECK(bitwise_equal(read_npz(file.path()).at("a"), two.at("a")));
  CHECK_THROWS_WITH_AS(write_npy("/no/such/folder/x", ones({1})),
                       "write_npy: cannot write /no/such/folder/x: No such file or directory", FileError);
  CHECK_THROWS_WITH_AS(read_npy("/no/such/file"), "cannot open /no/such/file: No such file or directory", FileError);
  CHECK_THROWS_WITH_AS(read_npz("/no/such/file"), "cannot open /no/such/file: No such file or directory", FileError);
  CHECK_THROWS_WITH_AS(read_npy("/dev"), "cannot open /dev: not a regular file", FileError);
  CHECK_THROWS_WITH_AS(read_npy("/dev/null"), "cannot open /dev/null: not a regular file", FileError);
}
