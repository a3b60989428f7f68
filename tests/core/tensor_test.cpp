#include <ravine/core/tensor.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>

#include "reference.hpp"

using namespace ravine;
using doctest::Contains;

TEST_CASE("a default-constructed tensor is empty and has no memory") {
  const Tensor t;
  CHECK_FALSE(t.defined());
  CHECK(t.shape() == Shape{0});
  CHECK(t.dtype() == f32);
  CHECK(t.numel() == 0);
  CHECK(t.to_vector<double>().empty());
  CHECK_FALSE(t.clone().defined());
  CHECK_THROWS_WITH_AS(t.item(), "item: needs a tensor of one element, got (0)", ShapeError);
  CHECK_THROWS_AS(t.at({0}), std::out_of_range);
  CHECK_FALSE(t.unique());
}

TEST_CASE("shape, type and sizes") {
  const Tensor t({2, 3, 4}, i64);
  CHECK(t.defined());
  CHECK(t.rank() == 3);
  CHECK(t.numel() == 24);
  CHECK(t.size(0) == 2);
  CHECK(t.size(-1) == 4);
  CHECK(t.dtype() == i64);
  CHECK_THROWS_WITH_AS(t.size(3), "size: there is no dimension 3 in shape (2, 3, 4)", ShapeError);
  CHECK_THROWS_WITH_AS(t.size(-4), "size: there is no dimension -4 in shape (2, 3, 4)", ShapeError);
  CHECK(Tensor({1, 1, 1, 1, 1, 1, 1, 2}, f32).numel() == 2);
  CHECK(Tensor(Shape{}, f32).numel() == 1);
  CHECK(Tensor({3, 0}, f64).numel() == 0);
  CHECK(Tensor({3, 0}, f64).defined());
}

TEST_CASE("impossible sizes are refused before memory is asked for") {
  CHECK_THROWS_WITH_AS(Tensor({2, -1}, f32), "tensor: negative size in (2, -1)", ShapeError);
  CHECK_THROWS_WITH_AS(Tensor({Index{1} << 40, 1 << 10}, f32), Contains("tensor: too large: (1099511627776, 1024)"),
                       ShapeError);
  CHECK_THROWS_AS(Tensor({Index{1} << 45}, f64), ShapeError);
  CHECK_THROWS_AS(Tensor({Index{1} << 62, 4}, u8), ShapeError);  // the product is 2^64, which wraps to 0
  CHECK_THROWS_AS(Tensor({std::numeric_limits<Index>::max()}, u8), ShapeError);
}

TEST_CASE("elements are aligned to a cache line") {
  for (const Index n : {0, 1, 3, 17, 1000, 100000})
    for (const DType dtype : {f32, f64, i64, u8})
      CHECK(reinterpret_cast<std::uintptr_t>(Tensor({n}, dtype).bytes()) % 64 == 0);
}

TEST_CASE("elements are read as the type they have") {
  Tensor t = tensor({1, 2}, f64);
  CHECK(t.data<double>()[1] == 2.0);
  CHECK_THROWS_WITH_AS(t.data<float>(), "data: asked for f32 elements of a tensor of f64", DTypeError);
  CHECK_THROWS_WITH_AS(t.mutable_data<std::int64_t>(), "data: asked for i64 elements of a tensor of f64", DTypeError);
}

TEST_CASE("copies share elements, every holder sees a write, clone shares nothing") {
  Tensor t = tensor({1, 2, 3});
  const Tensor same = t, other = t.clone();
  CHECK_FALSE(t.unique());
  CHECK(other.unique());
  t.mutable_data<float>()[0] = 7;
  t.set({-1}, 9);
  CHECK(values(same) == std::vector<double>{7, 2, 9});
  CHECK(values(other) == std::vector<double>{1, 2, 3});
  t.fill(4);
  CHECK(values(same) == std::vector<double>{4, 4, 4});
  t.copy_from(other);
  CHECK(values(same) == std::vector<double>{1, 2, 3});
}

TEST_CASE("handles count who shares the elements") {
  Tensor a = tensor({1, 2});
  CHECK(a.unique());
  Tensor b = a;
  CHECK_FALSE(a.unique());
  b = tensor({3});
  CHECK(a.unique());
  b = std::move(a);
  CHECK(b.unique());
  CHECK_FALSE(a.defined());
  const Tensor& alias = b;
  b = alias;  // onto itself
  CHECK(b.unique());
  CHECK(values(b) == std::vector<double>{1, 2});
  b.release();
  CHECK_FALSE(b.defined());
  CHECK(b.shape() == Shape{2});
}

TEST_CASE("every way to write is noticed, and views count as their storage") {
  Tensor t = zeros({2, 2});
  const Tensor source = ones({2, 2}), view = t[1];
  const auto written = [&](auto write) {
    const std::uint64_t before = view.written();
    write();
    return view.written() > before;
  };
  CHECK(written([&] { t.mutable_data<float>(); }));
  CHECK(written([&] { t.set({0, 0}, 1); }));
  CHECK(written([&] { t.fill(1); }));
  CHECK(written([&] { t.copy_from(source); }));
  CHECK(written([&] { t[0].fill(2); }));
  CHECK_FALSE(written([&] { t.data<float>(); }));
  CHECK_FALSE(written([&] { t.clone().fill(3); }));
}

TEST_CASE("single elements") {
  Tensor t = tensor({1, 2, 3, 4, 5, 6}, {2, 3}, u8);
  CHECK(t.at({1, 0}) == 4);
  CHECK(t.at({-1, -1}) == 6);
  t.set({0, -2}, 20);
  CHECK(t.at({0, 1}) == 20);
  CHECK(scalar(2.5).at({}) == 2.5);
  CHECK(scalar(2.5).item() == 2.5);
  CHECK(tensor({{7}}).item() == 7);
  CHECK_THROWS_WITH_AS(t.item(), "item: needs a tensor of one element, got (2, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(t.at({0}), "at: 1 indices for a tensor of shape (2, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(t.at({0, 3}), "at: position 3 is outside a dimension of size 3", std::out_of_range);
  CHECK_THROWS_WITH_AS(t.set({-3, 0}, 1), "set: position -3 is outside a dimension of size 2", std::out_of_range);
}

TEST_CASE("copy_from refuses what does not fit") {
  Tensor t = zeros({2, 3});
  CHECK_THROWS_WITH_AS(t.copy_from(zeros({3, 2})), "copy_from: (3, 2) into (2, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(t.copy_from(zeros({2, 3}, f64)), "copy_from: f64 into f32", DTypeError);
  Tensor x = arange(6);
  Tensor head = x.slice(0, 0, 4);
  head.copy_from(x.slice(0, 2, 6));  // overlaps
  CHECK(values(x) == std::vector<double>{2, 3, 4, 5, 4, 5});
}

TEST_CASE("reshape shares memory and works out one size") {
  Tensor t = arange(12);
  Tensor matrix = t.reshape({3, -1});
  CHECK(matrix.shape() == Shape({3, 4}));
  matrix.set({1, 0}, -4);
  CHECK(t.at({4}) == -4);
  CHECK(tensor({5}).reshape({}).shape() == Shape{});
  CHECK(scalar(5).reshape({1, 1}).shape() == Shape({1, 1}));
  CHECK(zeros({0, 3}).reshape({-1, 5}).shape() == Shape({0, 5}));
  CHECK_THROWS_WITH_AS(t.reshape({5, 2}), "reshape: (12) cannot become (5, 2): it has 12 elements", ShapeError);
  const auto refuses = [](const Tensor& x, const Shape& shape, const char* words) {
    CHECK_THROWS_WITH_AS(x.reshape(shape), words, ShapeError);
  };
  refuses(t, {5, -1}, "reshape: (12) cannot become (5, -1): it has 12 elements");
  refuses(t, {0, -1}, "reshape: (12) cannot become (0, -1): it has 12 elements");
  refuses(t, {-1, -1}, "reshape: (12) cannot become (-1, -1): only one size can be worked out");
  refuses(t, {-1, 3, -1}, "reshape: (12) cannot become (-1, 3, -1): only one size can be worked out");
  refuses(t, {-2, -6}, "reshape: (12) cannot become (-2, -6): a size must be >= 0, or -1 to be worked out");
  refuses(t, {-1, -12}, "reshape: (12) cannot become (-1, -12): a size must be >= 0, or -1 to be worked out");
  refuses(zeros({0}), {0, -1}, "reshape: (0) cannot become (0, -1): any size would do for -1");
  refuses(zeros({0}), {-1, -1}, "reshape: (0) cannot become (-1, -1): only one size can be worked out");
  const Index large = Index{1} << 32;  // whose square is 0 in 64 bits
  refuses(zeros({0}), {large, large}, "reshape: (0) cannot become (4294967296, 4294967296): it has 0 elements");
}

TEST_CASE("slices are views where they are one piece, copies elsewhere") {
  Tensor t = arange(24).reshape({2, 3, 4});
  Tensor row = t.slice(0, 1, 2);
  CHECK(row.shape() == Shape({1, 3, 4}));
  row.set({0, 0, 0}, 100);
  CHECK(t.at({1, 0, 0}) == 100);

  Tensor part = row.slice(1, -2, 3);  // behind a size of 1: still one piece
  CHECK(part.shape() == Shape({1, 2, 4}));
  part.set({0, 0, 0}, 200);
  CHECK(t.at({1, 1, 0}) == 200);

  Tensor columns = t.slice(-1, 1, 3);
  CHECK(columns.shape() == Shape({2, 3, 2}));
  CHECK(values(columns) == std::vector<double>{1, 2, 5, 6, 9, 10, 13, 14, 17, 18, 21, 22});
  columns.fill(0);
  CHECK(t.at({0, 0, 1}) == 1);

  CHECK(t.slice(1, 2, 2).shape() == Shape({2, 0, 4}));
  CHECK(t.slice(0, 2, 2).numel() == 0);
  CHECK_THROWS_WITH_AS(t.slice(1, 2, 4), "slice: [2, 4) is not within dimension 1 of (2, 3, 4)", std::out_of_range);
  CHECK_THROWS_AS(t.slice(1, 2, 1), std::out_of_range);
  CHECK_THROWS_AS(t.slice(1, -4, 1), std::out_of_range);
  CHECK_THROWS_WITH_AS(t.slice(3, 0, 1), "slice: there is no dimension 3 in shape (2, 3, 4)", ShapeError);
}

TEST_CASE("an index takes the first dimension off, as a view") {
  Tensor t = arange(6).reshape({3, 2});
  CHECK(values(t[-1]) == std::vector<double>{4, 5});
  CHECK(t[1][1].item() == 3);
  CHECK(t[1][1].shape() == Shape{});
  t[0].fill(8);
  CHECK(t.at({0, 1}) == 8);
  CHECK_THROWS_WITH_AS(t[3], "operator[]: position 3 is outside a dimension of size 3", std::out_of_range);
  CHECK_THROWS_WITH_AS(scalar(1)[0], "operator[]: a scalar has no dimension to index", ShapeError);
}

TEST_CASE("a const handle gives nothing that can be written through") {
  using Const = const Tensor&;
  static_assert(std::is_same_v<decltype(std::declval<Const>().raw<float>()), const float*>);
  static_assert(std::is_same_v<decltype(std::declval<Const>().data<float>()), const float*>);
  static_assert(std::is_same_v<decltype(std::declval<Const>().bytes()), const std::byte*>);
  Tensor x = zeros({2, 3});
  Tensor row = x[1];
  row.raw<float>()[2] = 7;
  CHECK(std::as_const(x).raw<float>()[5] == 7);
  CHECK(std::as_const(row).bytes() == x.bytes() + 3 * sizeof(float));
  CHECK(Tensor().bytes() == nullptr);
}

TEST_CASE("conversions round to the type, truncate to integers, and say what they do with what does not fit") {
  const Tensor x = tensor({2.9, -2.9, 300.0, -1.0, nan_value, infinity, 1e30}, f64);
  CHECK(values(x.to(i64)) == std::vector<double>{2, -2, 300, -1, 0, 0x1p63, 0x1p63});
  CHECK(x.to(i64).data<Index>()[5] == std::numeric_limits<Index>::max());
  CHECK(values(x.to(u8)) == std::vector<double>{2, 0, 255, 0, 0, 255, 255});
  CHECK(tensor({0.1}, f64).to(f32).item() == static_cast<double>(0.1f));
  CHECK(tensor({0.1}, f32).to(f64).item() == static_cast<double>(0.1f));
  CHECK(tensor({7}, u8).to(f32).item() == 7.0);
  CHECK(arange(3).to_vector<int>() == std::vector<int>{0, 1, 2});
  CHECK(std::isnan(x.to(f32).at({4})));
}

TEST_CASE("of many elements each is converted as it is alone, one that does not fit among them or not") {
  for (const double odd : {-1.0, 0.0, 70.0, 199.0}) {
    const Tensor numbers = arange(200, f64), x = where(eq(numbers, odd), scalar(1e30, f64), numbers);
    for (const DType from : {f32, f64, i64})
      for (const DType to : {i64, u8}) {
        const Tensor all = x.to(from).to(to);
        for (Index i = 0; i < 200; ++i) CHECK(all[i].item() == x.to(from)[i].to(to).item());
      }
  }
}

TEST_CASE("to the type a tensor has is the same handle") {
  Tensor x = zeros({2});
  const Tensor same = x.to(f32);
  x.fill(3);
  CHECK(same.at({0}) == 3);
  CHECK(x.to(f64).unique());
}

TEST_CASE("bitwise equality tells zeros apart and NaN from nothing") {
  CHECK(bitwise_equal(tensor({nan_value, 1.0}), tensor({nan_value, 1.0})));
  CHECK_FALSE(bitwise_equal(tensor({0.0}), tensor({-0.0})));
  CHECK_FALSE(bitwise_equal(tensor({1.0}), tensor({1.0}, f64)));
  CHECK_FALSE(bitwise_equal(tensor({1.0}), tensor({{1.0}})));
  CHECK(bitwise_equal(zeros({0, 3}), zeros({0, 3})));
  CHECK(bitwise_equal(Tensor(), zeros({0})));
}
