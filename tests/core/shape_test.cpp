#include <array>
#include <vector>

#include <doctest/doctest.h>

#include <ravine/core/error.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/shape.hpp>

using namespace ravine;

TEST_CASE("dtypes: names, sizes and C++ types") {
  CHECK(std::string(name(f32)) == "f32");
  CHECK(std::string(name(f64)) == "f64");
  CHECK(std::string(name(i64)) == "i64");
  CHECK(std::string(name(u8)) == "u8");
  detail::visit(i64, [](auto zero) { CHECK(dtype_of<decltype(zero)>() == i64); });
  detail::visit(u8, [](auto zero) { CHECK(dtype_of<decltype(zero)>() == u8); });
  for (const DType dtype : {f32, f64, i64, u8})
    detail::visit(dtype, [&](auto zero) { CHECK(sizeof(zero) == size_of(dtype)); });
  CHECK_THROWS_WITH_AS(detail::visit_floating("sqrt", u8, [](auto) {}),
                       "sqrt: needs a floating tensor (f32 or f64), got u8", DTypeError);
}

TEST_CASE("Shape: sizes, element count, text") {
  const Shape scalar;
  CHECK(scalar.rank() == 0);
  CHECK(scalar.numel() == 1);
  CHECK(to_string(scalar) == "()");
  CHECK(to_string(Shape{4}) == "(4)");
  CHECK(to_string(Shape{2, 3}) == "(2, 3)");
  CHECK(Shape{2, 3, 4}.numel() == 24);
  CHECK(Shape{2, 0, 4}.numel() == 0);

  const std::vector<Index> sizes{5, 6, 7};
  CHECK(Shape(std::span<const Index>(sizes)) == Shape{5, 6, 7});
  CHECK(Shape(sizes) == Shape{5, 6, 7});
  CHECK(Shape(std::array<Index, 2>{5, 6}) == Shape{5, 6});
  CHECK(Shape{5, 6} != Shape{5, 6, 1});
  CHECK(Shape{5, 6} != Shape{5, 7});
}

TEST_CASE("Shape: copies and growth keep every size") {
  Shape shape;
  for (Index size = 1; size <= max_rank; ++size) shape.push_back(size);
  const Shape copy = shape;
  CHECK(copy == Shape{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK_THROWS_WITH_AS(shape.push_back(9), doctest::Contains("at most 8 dimensions"), ShapeError);
  CHECK(shape == copy);
  CHECK_THROWS_WITH_AS((Shape{1, 2, 3, 4, 5, 6, 7, 8, 9}), doctest::Contains("got 9"), ShapeError);
  const std::array<Index, 10> ten{};
  CHECK_THROWS_WITH_AS(Shape(std::span<const Index>(ten)), doctest::Contains("got 10"), ShapeError);
}

TEST_CASE("wrap_dim counts negative dimensions from the end") {
  const Shape shape{2, 3, 4};
  CHECK(detail::wrap_dim("sum", 0, shape) == 0);
  CHECK(detail::wrap_dim("sum", 2, shape) == 2);
  CHECK(detail::wrap_dim("sum", -1, shape) == 2);
  CHECK(detail::wrap_dim("sum", -3, shape) == 0);
  CHECK_THROWS_WITH_AS(detail::wrap_dim("sum", 3, shape), "sum: there is no dimension 3 in shape (2, 3, 4)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(detail::wrap_dim("sum", -4, shape), doctest::Contains("no dimension -4"), ShapeError);
  CHECK_THROWS_AS(detail::wrap_dim("sum", 0, Shape{}), ShapeError);
  CHECK_THROWS_AS(detail::wrap_dim("sum", -1, Shape{}), ShapeError);
}

TEST_CASE("Dims: one, several, all") {
  const Shape shape{2, 3, 4};
  CHECK(Dims().mask("sum", shape) == 0b111u);
  CHECK(Dims({}).mask("sum", shape) == 0b111u);
  CHECK(Dims().mask("sum", Shape{}) == 0u);
  CHECK(Dims().mask("sum", Shape{1, 1, 1, 1, 1, 1, 1, 1}) == 0xffu);
  CHECK(Dims(1).mask("sum", shape) == 0b010u);
  CHECK(Dims(-1).mask("sum", shape) == 0b100u);
  CHECK(Dims({0, -1}).mask("sum", shape) == 0b101u);
  CHECK_THROWS_WITH_AS(Dims({0, -3}).mask("sum", shape), "sum: dimension -3 of (2, 3, 4) is named twice", ShapeError);
  CHECK_THROWS_WITH_AS(Dims({0, 3}).mask("mean", shape), doctest::Contains("mean: there is no dimension 3"),
                       ShapeError);
  CHECK_THROWS_AS(Dims({0, 1, 2, 3, 4, 5, 6, 7, 8}), ShapeError);
}

TEST_CASE("Dims: of a vector and of a span") {
  const Shape shape{2, 3, 4};
  std::vector<Index> dims{0, -1};
  const auto mask = [&](const Dims& d) { return d.mask("sum", shape); };
  CHECK(mask(dims) == 0b101u);
  CHECK(mask(std::span<const Index>(dims)) == 0b101u);
  CHECK(mask(std::vector<Index>{}) == 0b111u);  // as {}
  CHECK(sum(ones({2, 3, 4}), dims).shape() == Shape{3});
  CHECK(Dims(dims).listed()[1] == -1);
  CHECK(Dims().listed().empty());
  dims.push_back(2);
  CHECK_THROWS_WITH_AS(sum(ones({2, 3, 4}), dims), "sum: dimension 2 of (2, 3, 4) is named twice", ShapeError);
  dims.resize(9);
  CHECK_THROWS_WITH_AS(sum(ones({2, 3, 4}), dims), "Dims: at most 8 dimensions, got 9", ShapeError);
}

TEST_CASE("broadcast_shapes follows NumPy") {
  const auto broadcast = [](const Shape& a, const Shape& b) {
    CHECK(detail::broadcast_shapes("add", a, b) == detail::broadcast_shapes("add", b, a));
    return detail::broadcast_shapes("add", a, b);
  };
  CHECK(broadcast({2, 3}, {3}) == Shape{2, 3});
  CHECK(broadcast({2, 1}, {3}) == Shape{2, 3});
  CHECK(broadcast({4, 1, 5}, {1, 6, 1}) == Shape{4, 6, 5});
  CHECK(broadcast({}, {2, 2}) == Shape{2, 2});
  CHECK(broadcast({}, {}) == Shape{});
  CHECK(broadcast({0}, {1}) == Shape{0});
  CHECK(broadcast({2, 0}, {1, 1}) == Shape{2, 0});
  CHECK_THROWS_WITH_AS(detail::broadcast_shapes("add", {2, 3}, {4}), "add: shapes (2, 3) and (4) do not broadcast",
                       ShapeError);
  CHECK_THROWS_AS(detail::broadcast_shapes("add", {2, 3}, {2}), ShapeError);
  CHECK_THROWS_AS(detail::broadcast_shapes("add", {0}, {2}), ShapeError);
  CHECK_THROWS_AS(detail::broadcast_shapes("add", {2}, {0}), ShapeError);
}

TEST_CASE("reduced_shape drops dimensions or keeps them with size 1") {
  const Shape shape{2, 3, 4};
  CHECK(detail::reduced_shape(shape, 0b010, false) == Shape{2, 4});
  CHECK(detail::reduced_shape(shape, 0b010, true) == Shape{2, 1, 4});
  CHECK(detail::reduced_shape(shape, 0b111, false) == Shape{});
  CHECK(detail::reduced_shape(shape, 0b111, true) == Shape{1, 1, 1});
  CHECK(detail::reduced_shape(shape, 0, false) == shape);
}
