#include <cmath>
#include <limits>
#include <sstream>

#include <doctest/doctest.h>

#include <ravine/core/factories.hpp>

using namespace ravine;

TEST_CASE("small tensors print whole, in columns") {
  CHECK(to_string(scalar(1.5)) == "1.5 () f32");
  CHECK(to_string(tensor({1, 2, 3})) == "[1, 2, 3] (3) f32");
  CHECK(to_string(tensor({-1, 20}, i64)) == "[-1, 20] (2) i64");
  CHECK(to_string(tensor({0, 255}, u8)) == "[  0, 255] (2) u8");
  CHECK(to_string(tensor({{1.5, 2}, {-3.25, 4}})) ==
        "[[ 1.50,  2.00],\n"
        " [-3.25,  4.00]] (2, 2) f32");
  CHECK(to_string(arange(8).reshape({2, 2, 2})) ==
        "[[[0, 1],\n"
        "  [2, 3]],\n"
        "\n"
        " [[4, 5],\n"
        "  [6, 7]]] (2, 2, 2) f32");
}

TEST_CASE("tensors without elements print empty brackets") {
  CHECK(to_string(Tensor()) == "[] (0) f32");
  CHECK(to_string(zeros({2, 0}, i64)) == "[] (2, 0) i64");
}

TEST_CASE("six significant digits of the largest, no zeros that all end with") {
  CHECK(to_string(tensor({0.1, 0.25}, f64)) == "[0.10, 0.25] (2) f64");
  CHECK(to_string(tensor({0.1})) == "[0.1] (1) f32");
  CHECK(to_string(tensor({1.0 / 3, 1}, f64)) == "[0.33333, 1.00000] (2) f64");
  CHECK(to_string(tensor({123.456789, -0.5}, f64)) == "[123.457,  -0.500] (2) f64");
  CHECK(to_string(tensor({16777216})) == "[16777216] (1) f32");
  CHECK(to_string(tensor({Index{1} << 62}, i64)) == "[4611686018427387904] (1) i64");
}

TEST_CASE("powers of ten where magnitudes need them") {
  CHECK(to_string(tensor({1e-10, 1}, f64)) == "[1e-10, 1e+00] (2) f64");
  CHECK(to_string(tensor({1.25e10, 0.5}, f64)) == "[1.25e+10, 5.00e-01] (2) f64");
  CHECK(to_string(tensor({3e-7, 0}, f64)) == "[3e-07, 0e+00] (2) f64");
  CHECK(to_string(tensor({1e30}, f64)) == "[1e+30] (1) f64");
  CHECK(to_string(tensor({5e-324}, f64)) == "[4.94066e-324] (1) f64");
  CHECK(to_string(tensor({0.0005, 0.0002}, f64)) == "[0.0005, 0.0002] (2) f64");
}

TEST_CASE("nan and infinities are readable and do not change the others' format") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(to_string(tensor({inf, -inf, nan, 1.5})) == "[ inf, -inf,  nan,  1.5] (4) f32");
  CHECK(to_string(tensor({-nan, 1})) == "[nan,   1] (2) f32");
  CHECK(to_string(scalar(inf, f64)) == "inf () f64");
}

TEST_CASE("long rows go on in the next line") {
  const std::string text = to_string(arange(60, i64));  // two digits and ", ": 25 to a line
  CHECK(text.substr(0, 9) == "[ 0,  1, ");
  CHECK(text.find("24,\n 25, 26") != std::string::npos);
  CHECK(text.find("49,\n 50,") != std::string::npos);
}

TEST_CASE("the middle of long dimensions is left out of more than 1000 elements") {
  CHECK(to_string(zeros({1000}, u8)).find("...") == std::string::npos);
  CHECK(to_string(arange(1001, i64)) == "[   0,    1,    2, ...,  998,  999, 1000] (1001) i64");
  CHECK(to_string(arange(2002, i64).reshape({1001, 2})) ==
        "[[   0,    1],\n"
        " [   2,    3],\n"
        " [   4,    5],\n"
        " ...,\n"
        " [1996, 1997],\n"
        " [1998, 1999],\n"
        " [2000, 2001]] (1001, 2) i64");
  // What is left out has no say in the format.
  Tensor x = zeros({2000}, f64);
  x.set({1000}, 1e-20);
  CHECK(to_string(x) == "[0, 0, 0, ..., 0, 0, 0] (2000) f64");
}

TEST_CASE("large tensors print briefly") {
  const Tensor large = ones({10, 1000, 1000}), deep = ones({6, 6, 6, 6, 6, 6, 6, 6}, u8);
  CHECK(to_string(large).size() < 2000);
  CHECK(to_string(deep).size() < 5000);
}

TEST_CASE("a tensor goes into a stream") {
  std::ostringstream out;
  out << tensor({1, 2}) << '!';
  CHECK(out.str() == "[1, 2] (2) f32!");
}

TEST_CASE("shapes and types print as in messages") {
  std::ostringstream out;
  out << zeros({2, 3}).shape() << " " << i64;
  CHECK(out.str() == "(2, 3) i64");
}
