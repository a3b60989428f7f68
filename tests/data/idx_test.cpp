#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/idx.hpp>

#include "temporary.hpp"

using namespace ravine;
using data::FormatError;
using doctest::Contains;

static std::string bytes(const std::vector<int>& values) { return {values.begin(), values.end()}; }

static Tensor read(const std::vector<int>& content) {
  const TemporaryFile file("data.idx", bytes(content));
  return data::read_idx(file.path());
}

TEST_CASE("an IDX file of each element type") {
  CHECK(bitwise_equal(read({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255}),
                      tensor({1, 2, 3, 4, 5, 255}, {2, 3}, u8)));
  CHECK(bitwise_equal(read({0, 0, 9, 1, 0, 0, 0, 2, 127, 0x80}), tensor({127, -128}, i64)));
  CHECK(bitwise_equal(read({0, 0, 11, 1, 0, 0, 0, 2, 1, 2, 0xff, 0xfe}), tensor({258, -2}, i64)));
  CHECK(
      bitwise_equal(read({0, 0, 12, 1, 0, 0, 0, 2, 1, 2, 3, 4, 0xff, 0xff, 0xff, 0xfd}), tensor({16909060, -3}, i64)));
  CHECK(bitwise_equal(read({0, 0, 13, 1, 0, 0, 0, 1, 0xc0, 0x20, 0, 0}), tensor({-2.5})));
  CHECK(bitwise_equal(read({0, 0, 14, 1, 0, 0, 0, 1, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0}), tensor({1.5}, f64)));
}

TEST_CASE("an IDX file without elements") {
  CHECK(read({0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 3}).shape() == Shape({0, 3}));
}

TEST_CASE("a gzip IDX file") {
  // The bytes 0 0 8 1, 0 0 0 2, 7 9.
  CHECK(bitwise_equal(read({0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60, 0xe0, 0x60, 0x64,
                            0x60, 0x60, 0x60, 0x62, 0xe7, 0x04, 0x00, 0x7a, 0x82, 0x01, 0xa3, 0x0a, 0x00, 0x00, 0x00}),
                      tensor({7, 9}, u8)));
}

TEST_CASE("damaged IDX files are refused with what was found and expected") {
  CHECK_THROWS_WITH_AS(
      read({0, 0, 8, 1, 0, 0, 3, 0xe8, 'a', 'b'}),
      Contains("data.idx: found 10 bytes, expected 1008: a header of 8 and 1000 for the elements (1000)"), FormatError);
  CHECK_THROWS_WITH_AS(read({0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0}), Contains("found 11 bytes, expected 12"), FormatError);
  CHECK_THROWS_WITH_AS(read({0, 0, 8, 1, 0, 0, 0, 1, 1, 2}), Contains("found more bytes than the 9 expected"),
                       FormatError);
  CHECK_THROWS_WITH_AS(read({}), Contains("data.idx: the file ends in the IDX header: found 0 of 4 bytes"),
                       FormatError);
  CHECK_THROWS_WITH_AS(read({0, 0, 8, 3, 0, 0, 0, 1, 0}), Contains("found 5 of 12 bytes"), FormatError);
  CHECK_THROWS_WITH_AS(read({'a', ',', 'b', '\n'}), Contains("not an IDX file"), FormatError);
  CHECK_THROWS_WITH_AS(read({0, 0, 10, 1, 0, 0, 0, 0}), Contains("found element type 10 at byte 2"), FormatError);
  CHECK_THROWS_WITH_AS(read({0, 0, 8, 0, 5}), Contains("found 0 dimensions at byte 3, expected 1 to 8"), FormatError);
  CHECK_THROWS_WITH_AS(read({0, 0, 8, 9, 5}), Contains("found 9 dimensions"), FormatError);
}

TEST_CASE("sizes that no file can hold neither overflow nor allocate") {
  std::vector<int> header{0, 0, 14, 4};
  header.insert(header.end(), 16, 0xff);
  CHECK_THROWS_WITH_AS(read(header), Contains("impossible shape (4294967295, 4294967295"), FormatError);
  header.insert(header.end(), 4, 0);  // a size of 0 does not make up for the others
  header[3] = 5;
  CHECK_THROWS_WITH_AS(read(header), Contains("impossible shape"), FormatError);
  // 2^40 doubles are promised, one byte is there.
  CHECK_THROWS_WITH_AS(read({0, 0, 14, 2, 0, 16, 0, 0, 0, 16, 0, 0, 1}), Contains("expected 8796093022220"),
                       FormatError);
}

TEST_CASE("an IDX file that is not there") {
  CHECK_THROWS_WITH_AS(data::read_idx("none.idx"), "cannot open none.idx: No such file or directory", data::FileError);
}
