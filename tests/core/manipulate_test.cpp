#include <algorithm>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>

#include "reference.hpp"

using namespace ravine;

namespace {

using List = std::vector<double>;

const DType dtypes[] = {f32, f64, i64, u8};

/// Element `position` of a row-major tensor of this shape, one index after the other.
std::vector<Index> unravel(Index position, const Shape& shape) {
  std::vector<Index> indices(static_cast<std::size_t>(shape.rank()));
  for (int d = shape.rank() - 1; d >= 0; --d) {
    indices[static_cast<std::size_t>(d)] = position % shape[d];
    position /= shape[d];
  }
  return indices;
}

Index ravel(const std::vector<Index>& indices, const Shape& shape) {
  Index position = 0;
  for (int d = 0; d < shape.rank(); ++d) position = position * shape[d] + indices[static_cast<std::size_t>(d)];
  return position;
}

}  // namespace

TEST_CASE("transpose of a matrix, every dtype") {
  for (const DType dtype : dtypes) {
    CAPTURE(name(dtype));
    const Tensor y = transpose(tensor({{1, 2, 3}, {4, 5, 6}}, dtype));
    CHECK(y.shape() == Shape{3, 2});
    CHECK(y.dtype() == dtype);
    CHECK(values(y) == List{1, 4, 2, 5, 3, 6});
  }
}

TEST_CASE("transpose swaps any two dimensions") {
  const Shape shape{3, 40, 2, 35};  // larger than a tile
  const Tensor x = arange(shape.numel(), i64).reshape(shape);
  for (Index a = 0; a < 4; ++a) {
    for (Index b = 0; b < 4; ++b) {
      CAPTURE(a);
      CAPTURE(b);
      const Tensor y = transpose(x, a, b - 4);
      REQUIRE(y.size(a) == shape[static_cast<int>(b)]);
      Index wrong = 0;
      for (Index i = 0; i < y.numel(); ++i) {
        std::vector<Index> at = unravel(i, y.shape());
        std::swap(at[static_cast<std::size_t>(a)], at[static_cast<std::size_t>(b)]);
        wrong += y.data<Index>()[i] != ravel(at, shape);
      }
      CHECK(wrong == 0);
    }
  }
  CHECK(transpose(x).shape() == Shape{3, 40, 35, 2});
}

TEST_CASE("transpose copies, also where nothing moves") {
  const Tensor x = tensor({{1, 2, 3}});
  Tensor same = transpose(x, 0, 0), column = transpose(x);
  same.fill(0);
  column.fill(0);
  CHECK(values(x) == List{1, 2, 3});
  CHECK(transpose(zeros({0, 3})).shape() == Shape{3, 0});
  CHECK_THROWS_WITH_AS(transpose(ones({3})), doctest::Contains("transpose: there is no dimension -2"), ShapeError);
  CHECK_THROWS_WITH_AS(transpose(x, 0, 2), doctest::Contains("no dimension 2 in shape (1, 3)"), ShapeError);
}

TEST_CASE("free reshape and slice are the members") {
  const Tensor x = arange(6);
  CHECK(reshape(x, {2, -1}).shape() == Shape{2, 3});
  CHECK(reshape(x, {2, 3}).data<float>() == x.data<float>());
  CHECK(values(slice(reshape(x, {2, 3}), 1, 1, 3)) == List{1, 2, 4, 5});
  CHECK(slice(x, 0, 2, 4).data<float>() == x.data<float>() + 2);
}

TEST_CASE("broadcast_to repeats along new and size-1 dimensions, every dtype") {
  for (const DType dtype : dtypes) {
    CAPTURE(name(dtype));
    CHECK(values(broadcast_to(tensor({1, 2}, dtype), {3, 2})) == List{1, 2, 1, 2, 1, 2});
    CHECK(values(broadcast_to(tensor({{1}, {2}}, dtype), {2, 3})) == List{1, 1, 1, 2, 2, 2});
    CHECK(values(broadcast_to(scalar(5, dtype), {2, 2})) == List{5, 5, 5, 5});
  }
}

TEST_CASE("broadcast_to agrees with indexing") {
  struct Case {
    Shape from, to;
  };
  for (const Case& c :
       {Case{{3, 1, 2}, {3, 4, 2}}, Case{{1, 4, 1}, {3, 4, 2}}, Case{{3, 1, 1}, {3, 4, 2}}, Case{{4, 1}, {3, 4, 2}},
        Case{{2, 1, 3, 1}, {2, 5, 3, 2}}, Case{{1, 1}, {5, 1}}, Case{{1}, {2, 1, 3}}, Case{{2, 1, 3}, {1, 2, 2, 3}}}) {
    CAPTURE(to_string(c.from));
    CAPTURE(to_string(c.to));
    const Tensor y = broadcast_to(arange(c.from.numel(), i64).reshape(c.from), c.to);
    REQUIRE(y.shape() == c.to);
    const auto added = static_cast<std::size_t>(c.to.rank() - c.from.rank());
    Index wrong = 0;
    for (Index i = 0; i < y.numel(); ++i) {
      std::vector<Index> at = unravel(i, c.to);
      at.erase(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(added));
      for (std::size_t d = 0; d < at.size(); ++d)
        if (c.from[static_cast<int>(d)] == 1) at[d] = 0;
      wrong += y.data<Index>()[i] != ravel(at, c.from);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("broadcast_to: sizes of 0, and refusals") {
  CHECK(broadcast_to(ones({1, 100000}), {0, 100000}).shape() == Shape{0, 100000});  // writes nothing
  CHECK(broadcast_to(ones({2, 1}), {2, 0}).numel() == 0);
  CHECK(broadcast_to(ones({0}), {4, 0}).shape() == Shape{4, 0});
  const Tensor x = ones({2, 3});
  CHECK(broadcast_to(x, {2, 3}).data<float>() == x.data<float>());
  CHECK_THROWS_WITH_AS(broadcast_to(ones({3}), {2, 2}), "broadcast_to: (3) does not broadcast to (2, 2)", ShapeError);
  CHECK_THROWS_AS(broadcast_to(ones({2, 3}), {3}), ShapeError);
  CHECK_THROWS_AS(broadcast_to(ones({2}), {0}), ShapeError);
  CHECK_THROWS_WITH_AS(broadcast_to(ones({2, 1}), {2, -1}), "broadcast_to: (2, 1) does not broadcast to (2, -1)",
                       ShapeError);
}

TEST_CASE("concat joins along any dimension, every dtype") {
  for (const DType dtype : dtypes) {
    CAPTURE(name(dtype));
    const Tensor a = tensor({{1, 2}, {3, 4}}, dtype), b = tensor({{5}, {6}}, dtype);
    const Tensor y = concat({a, b, a}, 1);
    CHECK(y.shape() == Shape{2, 5});
    CHECK(y.dtype() == dtype);
    CHECK(values(y) == List{1, 2, 5, 1, 2, 3, 4, 6, 3, 4});
    CHECK(values(concat({a, transpose(b)}, -2)) == List{1, 2, 3, 4, 5, 6});
  }
  CHECK(concat({ones({2, 0, 3}), ones({2, 1, 3})}, 1).shape() == Shape{2, 1, 3});
  const Tensor x = arange(8).reshape({2, 2, 2});
  CHECK(values(concat({x, x.slice(1, 0, 1)}, 1)) == List{0, 1, 2, 3, 0, 1, 4, 5, 6, 7, 4, 5});
}

TEST_CASE("concat of many rows, narrow and wide, on several threads") {
  const Threads threads(3);
  for (const Index rows : {1, 5, 1030})
    for (const Index columns : {1, 3, 200, 2000}) {
      const Tensor a = random_tensor({rows, columns}, f32), b = random_tensor({rows, columns + 1}, f32);
      const Tensor y = concat({a, b}, 1);
      CHECK(values(y.slice(1, 0, columns)) == values(a));
      CHECK(values(y.slice(1, columns, 2 * columns + 1)) == values(b));
    }
}

TEST_CASE("concat refuses what does not fit") {
  CHECK_THROWS_WITH_AS(concat({}, 0), doctest::Contains("concat: needs at least one"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(concat({ones({2}), ones({2}, f64)}, 0), "concat: mixes f32 and f64", DTypeError);
  CHECK_THROWS_WITH_AS(concat({ones({2, 3}), ones({2, 4})}, 0),
                       "concat: (2, 3) and (2, 4) do not join along dimension 0; their other sizes must agree",
                       ShapeError);
  CHECK_THROWS_AS(concat({ones({2, 3}), ones({2})}, 0), ShapeError);
  CHECK_THROWS_WITH_AS(concat({ones({2})}, 1), doctest::Contains("no dimension 1"), ShapeError);
}

TEST_CASE("stack joins along a new dimension") {
  const Tensor a = tensor({{1, 2}, {3, 4}}), b = tensor({{5, 6}, {7, 8}});
  CHECK(stack({a, b}, 0).shape() == Shape{2, 2, 2});
  CHECK(values(stack({a, b}, 0)) == List{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(values(stack({a, b}, 1)) == List{1, 2, 5, 6, 3, 4, 7, 8});
  CHECK(values(stack({a, b}, -1)) == List{1, 5, 2, 6, 3, 7, 4, 8});
  const Tensor three = stack({ones({2, 3}), ones({2, 3}), ones({2, 3}), ones({2, 3})}, 1);
  CHECK(three.shape() == Shape{2, 4, 3});
  CHECK(values(stack({scalar(1), scalar(2)}, 0)) == List{1, 2});
  CHECK_THROWS_WITH_AS(stack({}, 0), doctest::Contains("stack: needs at least one"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(stack({ones({2}), ones({3})}, 0), doctest::Contains("stack: (2) and (3)"), ShapeError);
  CHECK_THROWS_WITH_AS(stack({ones({2})}, 2), "stack: a new dimension of (2) can be -2 to 1, got 2", ShapeError);
  CHECK_THROWS_WITH_AS(stack({ones({2}), ones({2}, i64)}, 0), "stack: mixes f32 and i64", DTypeError);
  const Shape eight{1, 1, 1, 1, 1, 1, 1, 1};
  CHECK_THROWS_WITH_AS(stack({ones(eight)}, 0), doctest::Contains("stack: (1, 1, 1, 1, 1, 1, 1, 1) has 8 dimensions"),
                       ShapeError);
}

TEST_CASE("index_select takes positions, repeated ones too") {
  for (const DType dtype : dtypes) {
    CAPTURE(name(dtype));
    const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}, dtype);
    const Tensor y = index_select(x, 1, tensor({2, 0, 2, 1}, i64));
    CHECK(y.shape() == Shape{2, 4});
    CHECK(y.dtype() == dtype);
    CHECK(values(y) == List{3, 1, 3, 2, 6, 4, 6, 5});
    CHECK(values(index_select(x, -2, tensor({1}, i64))) == List{4, 5, 6});
  }
  CHECK(index_select(ones({2, 3}), 1, zeros({0}, i64)).shape() == Shape{2, 0});
  const Tensor x = random_tensor({300, 7}, f32), few = tensor({6, 0, 6}, i64);
  CHECK(bitwise_equal(index_select(x, 1, few), transpose(index_select(transpose(x), 0, few))));
}

TEST_CASE("index_select refuses bad indices") {
  const Tensor x = ones({2, 3});
  CHECK_THROWS_WITH_AS(index_select(x, 1, tensor({0, 3}, i64)),
                       "index_select: position 3 is outside dimension 1 of (2, 3)", std::out_of_range);
  CHECK_THROWS_WITH_AS(index_select(x, 0, tensor({-1}, i64)), doctest::Contains("position -1"), std::out_of_range);
  CHECK_THROWS_WITH_AS(index_select(x, 0, tensor({1})), "index_select: index must be i64, got f32", DTypeError);
  CHECK_THROWS_WITH_AS(index_select(x, 0, zeros({1, 1}, i64)), doctest::Contains("got (1, 1)"), ShapeError);
  CHECK_THROWS_AS(index_select(x, 2, tensor({0}, i64)), ShapeError);
}

TEST_CASE("gather takes one position for each element") {
  for (const DType dtype : dtypes) {
    CAPTURE(name(dtype));
    const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}, dtype);
    const Tensor along_rows = gather(x, 1, tensor({{2, 0}, {1, 1}}, i64));
    CHECK(along_rows.dtype() == dtype);
    CHECK(values(along_rows) == List{3, 1, 5, 5});
    CHECK(values(gather(x, 0, tensor({{1, 0, 1}}, i64))) == List{4, 2, 6});
    CHECK(values(gather(x, -2, tensor({{1, 0}, {0, 0}, {1, 1}}, i64))) == List{4, 2, 1, 2, 4, 5});
  }
  CHECK(values(gather(tensor({7, 8, 9}), 0, tensor({2, 2, 0, 1}, i64))) == List{9, 9, 7, 8});
  CHECK(gather(ones({2, 3}), 1, zeros({2, 0}, i64)).shape() == Shape{2, 0});
}

TEST_CASE("gather agrees with indexing in every dimension of a larger tensor") {
  const Shape shape{3, 4, 5};
  const Tensor x = arange(shape.numel(), i64).reshape(shape);
  for (int i = 0; i < 9; ++i) {
    const int dim = i / 3;
    Shape picked = std::vector{Shape{3, 3, 4}, Shape{3, 3, 1}, Shape{3, 1, 1}}[static_cast<std::size_t>(i % 3)];
    CAPTURE(dim);
    CAPTURE(picked);
    if (picked[dim] > 1) picked[dim] = 6;
    Tensor index(picked, i64);
    for (Index i = 0; i < index.numel(); ++i) index.mutable_data<Index>()[i] = (7 * i + 3) % shape[dim];
    const Tensor y = gather(x, dim, index);
    Index wrong = 0;
    for (Index i = 0; i < y.numel(); ++i) {
      std::vector<Index> at = unravel(i, picked);
      at[static_cast<std::size_t>(dim)] = index.data<Index>()[i];
      wrong += y.data<Index>()[i] != ravel(at, shape);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("gather gives the same on any number of threads") {
  Generator generator(1);
  const Tensor x = random_tensor({40, 50, 60}, f32);
  for (const Index dim : {0, 1, 2}) {
    const Tensor index = randint(0, x.size(dim), x.shape(), generator);
    CHECK(same_bits_on_any_threads([&] { return gather(x, dim, index); }));
  }
}

TEST_CASE("gather refuses indices that do not fit") {
  const Tensor x = ones({2, 3});
  CHECK_THROWS_WITH_AS(gather(x, 1, zeros({3, 1}, i64)),
                       "gather: index (3, 1) does not fit (2, 3) along dimension 1; it needs as many dimensions and, "
                       "but for that one, no larger sizes",
                       ShapeError);
  CHECK_THROWS_AS(gather(x, 1, zeros({2}, i64)), ShapeError);
  CHECK_THROWS_WITH_AS(gather(x, 0, tensor({{2}}, i64)), doctest::Contains("position 2 is outside dimension 0"),
                       std::out_of_range);
  CHECK_THROWS_WITH_AS(gather(x, 0, zeros({1, 1})), doctest::Contains("gather: index must be i64"), DTypeError);
  CHECK_THROWS_AS(gather(scalar(1), 0, scalar(0, i64)), ShapeError);
}

TEST_CASE("slice_pullback puts the gradient back in its place") {
  const Tensor dy = tensor({{1, 2}, {3, 4}});
  CHECK(values(slice_pullback(dy, {2, 4}, 1, 1)) == List{0, 1, 2, 0, 0, 3, 4, 0});
  CHECK(values(slice_pullback(dy, {2, 4}, -1, -2)) == List{0, 0, 1, 2, 0, 0, 3, 4});
  CHECK(values(slice_pullback(dy, {3, 2}, 0, 1)) == List{0, 0, 1, 2, 3, 4});
  CHECK(slice_pullback(ones({2, 0}, f64), {2, 3}, 1, 3).dtype() == f64);
  CHECK_THROWS_WITH_AS(slice_pullback(dy, {2, 4}, 1, 3), doctest::Contains("(2, 2) from 3 on is no part of (2, 4)"),
                       ShapeError);
  CHECK_THROWS_AS(slice_pullback(dy, {3, 4}, 1, 0), ShapeError);
  CHECK_THROWS_AS(slice_pullback(dy, {2, 4}, 1, -5), ShapeError);
}

TEST_CASE("index_select_pullback adds up repeated positions") {
  const Tensor dy = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(values(index_select_pullback(dy, {2, 4}, 1, tensor({3, 0, 3}, i64))) == List{2, 0, 0, 4, 5, 0, 0, 10});
  CHECK(values(index_select_pullback(dy, {2, 3}, 0, tensor({1, 1}, i64))) == List{0, 0, 0, 5, 7, 9});
  CHECK_THROWS_WITH_AS(index_select_pullback(dy, {2, 4}, 1, tensor({0}, i64)),
                       doctest::Contains("(2, 3) is not 1 positions of (2, 4)"), ShapeError);
  CHECK_THROWS_AS(index_select_pullback(dy, {2, 4}, 1, tensor({0, 1, 4}, i64)), std::out_of_range);
}

TEST_CASE("gather_pullback adds up repeated positions") {
  const Tensor dy = tensor({{1, 2}, {3, 4}}, f64);
  const Tensor dx = gather_pullback(dy, {2, 3}, 1, tensor({{2, 2}, {0, 1}}, i64));
  CHECK(dx.dtype() == f64);
  CHECK(values(dx) == List{0, 0, 3, 3, 4, 0});
  CHECK(values(gather_pullback(dy, {3, 2}, 0, tensor({{1, 0}, {1, 2}}, i64))) == List{0, 2, 4, 0, 0, 4});
  CHECK_THROWS_WITH_AS(gather_pullback(dy, {2, 3}, 1, zeros({2, 1}, i64)),
                       doctest::Contains("(2, 2) for an index (2, 1)"), ShapeError);
}

TEST_CASE("permute puts dimensions in any order, every dtype") {
  for (const DType dtype : dtypes) {
    CAPTURE(name(dtype));
    const Tensor y = permute(tensor({1, 2, 3, 4, 5, 6}, {1, 2, 3}, dtype), {2, 0, -2});
    CHECK(y.dtype() == dtype);
    CHECK(y.shape() == Shape{3, 1, 2});
    CHECK(values(y) == List{1, 4, 2, 5, 3, 6});
  }
  CHECK(values(permute(scalar(4), {})) == List{4});
  CHECK(values(permute(tensor({4, 5}), 0)) == List{4, 5});
  CHECK(permute(zeros({2, 0, 3}), {2, 1, 0}).shape() == Shape{3, 0, 2});
}

TEST_CASE("permute and flip agree with indexing, in every order and on views") {
  const Shape whole{4, 3, 34, 2, 35};  // larger than a tile
  const Tensor x = arange(whole.numel(), i64).reshape(whole).slice(0, 1, 3);
  const Shape& shape = x.shape();
  const Index before = whole.numel() / 4;
  std::vector<Index> dims{0, 1, 2, 3, 4};
  do {
    const Tensor y = permute(x, dims);
    Index wrong = 0;
    for (Index i = 0; i < y.numel(); i += 7) {
      const std::vector<Index> at = unravel(i, y.shape());
      std::vector<Index> from(5);
      for (std::size_t d = 0; d < 5; ++d) from[static_cast<std::size_t>(dims[d])] = at[d];
      wrong += y.data<Index>()[i] != before + ravel(from, shape);
    }
    CHECK(wrong == 0);
  } while (std::next_permutation(dims.begin(), dims.end()));

  for (unsigned mask = 1; mask < 32; ++mask) {
    std::vector<Index> flipped;
    for (Index d = 0; d < 5; ++d)
      if (mask >> d & 1U) flipped.push_back(d % 2 == 0 ? d : d - 5);
    const Tensor y = flip(x, flipped);
    Index wrong = 0;
    for (Index i = 0; i < y.numel(); i += 7) {
      std::vector<Index> at = unravel(i, shape);
      for (int d = 0; d < 5; ++d)
        if (mask >> d & 1U) at[static_cast<std::size_t>(d)] = shape[d] - 1 - at[static_cast<std::size_t>(d)];
      wrong += y.data<Index>()[i] != before + ravel(at, shape);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("flip turns dimensions round, every dtype") {
  for (const DType dtype : dtypes) {
    CAPTURE(name(dtype));
    const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}, dtype);
    CHECK(flip(x, 0).dtype() == dtype);
    CHECK(values(flip(x, 0)) == List{4, 5, 6, 1, 2, 3});
    CHECK(values(flip(x, -1)) == List{3, 2, 1, 6, 5, 4});
    CHECK(values(flip(x, {0, 1})) == List{6, 5, 4, 3, 2, 1});
    CHECK(values(flip(x, {})) == List{6, 5, 4, 3, 2, 1});
  }
  CHECK(values(flip(scalar(1), {})) == List{1});
  CHECK(flip(zeros({0, 3}), {0, 1}).shape() == Shape{0, 3});
}

TEST_CASE("permute and flip copy, and refuse by name") {
  const Tensor x = tensor({{1, 2, 3}});
  Tensor same = permute(x, {0, 1}), turned = flip(x, 0);
  same.fill(0);
  turned.fill(0);
  CHECK(values(x) == List{1, 2, 3});
  CHECK_THROWS_WITH_AS(permute(x, {0, 0}), "permute: dimension 0 of (1, 3) is named twice", ShapeError);
  CHECK_THROWS_WITH_AS(permute(x, 1), "permute: needs all 2 dimensions of (1, 3), got 1", ShapeError);
  CHECK_THROWS_WITH_AS(permute(x, {}), "permute: needs all 2 dimensions of (1, 3), got 0", ShapeError);
  CHECK_THROWS_WITH_AS(permute(x, {0, 2}), "permute: there is no dimension 2 in shape (1, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(flip(x, {0, -2}), "flip: dimension -2 of (1, 3) is named twice", ShapeError);
  CHECK_THROWS_WITH_AS(flip(scalar(1), 0), "flip: there is no dimension 0 in shape ()", ShapeError);
}

TEST_CASE("squeeze takes sizes of 1 away, unsqueeze puts one in; both share memory") {
  const Tensor x = arange(6).reshape({1, 2, 1, 3, 1});
  CHECK(squeeze(x).shape() == Shape{2, 3});
  CHECK(squeeze(x, 0).shape() == Shape{2, 1, 3, 1});
  CHECK(squeeze(x, -1).shape() == Shape{1, 2, 1, 3});
  CHECK(squeeze(x, {0, 2}).shape() == Shape{2, 3, 1});
  CHECK(squeeze(x, {1, 4}).shape() == Shape{1, 2, 1, 3});  // a size that is not 1 stays
  CHECK(squeeze(ones({1, 1})).shape() == Shape{});
  CHECK(squeeze(zeros({1, 0})).shape() == Shape{0});
  CHECK(squeeze(x).data<float>() == x.data<float>());
  CHECK_THROWS_WITH_AS(squeeze(x, 5), "squeeze: there is no dimension 5 in shape (1, 2, 1, 3, 1)", ShapeError);
  CHECK_THROWS_WITH_AS(squeeze(x, {0, 0}), doctest::Contains("squeeze: dimension 0"), ShapeError);

  const Tensor row = ones({2, 3}, u8);
  CHECK(unsqueeze(row, 0).shape() == Shape{1, 2, 3});
  CHECK(unsqueeze(row, 1).shape() == Shape{2, 1, 3});
  CHECK(unsqueeze(row, 2).shape() == Shape{2, 3, 1});
  CHECK(unsqueeze(row, -1).shape() == Shape{2, 3, 1});
  CHECK(unsqueeze(row, -3).shape() == Shape{1, 2, 3});
  CHECK(unsqueeze(scalar(1), 0).shape() == Shape{1});
  CHECK(unsqueeze(row, 1).data<std::uint8_t>() == row.data<std::uint8_t>());
  CHECK_THROWS_WITH_AS(unsqueeze(row, 3), "unsqueeze: a new dimension of (2, 3) can be -3 to 2, got 3", ShapeError);
  CHECK_THROWS_AS(unsqueeze(row, -4), ShapeError);
  CHECK_THROWS_WITH_AS(unsqueeze(ones({1, 1, 1, 1, 1, 1, 1, 1}), 0), doctest::Contains("unsqueeze: (1, 1, 1, 1"),
                       ShapeError);
}

namespace {

std::vector<Index> sizes_of(const std::vector<Tensor>& pieces, Index dim = 0) {
  std::vector<Index> sizes;
  for (const Tensor& piece : pieces) sizes.push_back(piece.size(dim));
  return sizes;
}
using Sizes = std::vector<Index>;

}  // namespace

TEST_CASE("split cuts into pieces of one size or of several, every dtype") {
  for (const DType dtype : dtypes) {
    CAPTURE(name(dtype));
    const Tensor x = arange(10, dtype).reshape({5, 2});
    const auto halves = split(x, 2);
    REQUIRE(sizes_of(halves) == Sizes{2, 2, 1});
    CHECK(values(halves[1]) == List{4, 5, 6, 7});
    CHECK(halves[1].dtype() == dtype);
    const auto parts = split(x, {1, 0, 4});
    REQUIRE(sizes_of(parts) == Sizes{1, 0, 4});
    CHECK(values(parts[2]) == List{2, 3, 4, 5, 6, 7, 8, 9});
    CHECK(values(split(x, 1, 1)[1]) == List{1, 3, 5, 7, 9});
    CHECK(values(split(x, {1, 1}, -1)[0]) == List{0, 2, 4, 6, 8});
    CHECK(bitwise_equal(concat(split(x, Sizes{3, 2}), 0), x));
  }
  Tensor x = arange(4);
  split(x, 2)[1].fill(7);
  CHECK(values(x) == List{0, 1, 7, 7});  // along the first dimension memory is shared
  CHECK(sizes_of(split(x, 9)) == Sizes{4});
  CHECK(sizes_of(split(x, {4})) == Sizes{4});
  CHECK(sizes_of(split(zeros({0, 2}), 3)) == Sizes{0});
  CHECK(sizes_of(split(zeros({0, 2}), 0)) == Sizes{0});
  CHECK(split(zeros({0}), Sizes{}).empty());
}

TEST_CASE("split and chunk refuse by name") {
  const Tensor x = ones({5, 2});
  CHECK_THROWS_WITH_AS(split(x, 0), "split: the size of a piece must be > 0, got 0", std::invalid_argument);
  CHECK_THROWS_WITH_AS(split(x, -2), doctest::Contains("got -2"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(split(x, {2, 2}), "split: pieces of 2 + 2 do not make up dimension 0 of (5, 2)", ShapeError);
  CHECK_THROWS_WITH_AS(split(x, {2}), "split: pieces of 2 do not make up dimension 0 of (5, 2)", ShapeError);
  CHECK_THROWS_WITH_AS(split(x, {3, -1}, 1), "split: pieces of 3 + -1 do not make up dimension 1 of (5, 2)",
                       ShapeError);
  CHECK_THROWS_AS(split(x, {6, -1}), ShapeError);
  CHECK_THROWS_WITH_AS(split(x, 1, 2), "split: there is no dimension 2 in shape (5, 2)", ShapeError);
  CHECK_THROWS_WITH_AS(chunk(x, 0), "chunk: needs at least one piece, got 0", std::invalid_argument);
  CHECK_THROWS_WITH_AS(chunk(scalar(1), 2), "chunk: there is no dimension 0 in shape ()", ShapeError);
}

TEST_CASE("chunk makes n pieces, or fewer that are as large") {
  CHECK(sizes_of(chunk(arange(10), 3)) == Sizes{4, 4, 2});
  CHECK(sizes_of(chunk(arange(9), 3)) == Sizes{3, 3, 3});
  CHECK(sizes_of(chunk(arange(5), 4)) == Sizes{2, 2, 1});
  CHECK(sizes_of(chunk(arange(3), 7)) == Sizes{1, 1, 1});
  CHECK(sizes_of(chunk(zeros({0}), 3)) == Sizes{0, 0, 0});
  CHECK(sizes_of(chunk(ones({2, 6}), 2, 1), 1) == Sizes{3, 3});
}
