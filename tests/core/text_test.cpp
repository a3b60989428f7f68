#include <ravine/core/text.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace ravine;
using detail::text;

TEST_CASE("text: numbers are the shortest that read back as the same") {
  CHECK(text(0.1, ' ', 0.1f, ' ', 1.0 / 3.0, ' ', 1e-08) == "0.1 0.1 0.3333333333333333 1e-08");
  CHECK(text(1234567.0, ' ', 0.30000000000000004) == "1234567 0.30000000000000004");
  CHECK(text(std::numeric_limits<double>::infinity(), ' ', -0.0) == "inf -0");
  CHECK(text(std::numeric_limits<std::int64_t>::min(), ' ', std::uint8_t{65}) == "-9223372036854775808 65");
  CHECK(text(Scalar(9007199254740993), ' ', Scalar(2.5)) == "9007199254740993 2.5");
  for (const double x : {2023.3, 1e-300, 1.7976931348623157e308, 0x1p53}) CHECK(std::stod(text(x)) == x);
}

TEST_CASE("text: shapes, types and words") {
  CHECK(text("add: ", Shape{2, 3}, std::string(" of "), i64, '.') == "add: (2, 3) of i64.");
  CHECK(text() == "");
}
