// Elements that move, in tensors that are cut into pieces and registers: where each one lands.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/core/function_ref.hpp>
#include <ravine/core/manipulate.hpp>

#include "reference.hpp"

using namespace ravine;

namespace {

const Shape shapes[] = {{70, 130}, {430, 77}, {33, 3, 50}, {11'000, 3}, {3, 11'000}, {2, 17, 1, 1100}};
const DType dtypes[] = {f32, f64, i64, u8};

Tensor numbered(const Shape& shape, DType dtype) {
  Generator generator(7);
  return randint(0, 256, shape, generator).to(dtype);
}

/// The position of element `flat` of a shape along each dimension.
Shape position(Index flat, const Shape& shape) {
  Shape at = shape;
  for (int d = shape.rank() - 1; d >= 0; flat /= shape[d--]) at[d] = flat % shape[d];
  return at;
}

/// True if each element of y is x's at source(its position), or 0 where that is empty.
bool moved(const Tensor& x, const Tensor& y, FunctionRef<Shape(const Shape&)> source) {
  const std::vector<double> from = values(x), to = values(y);
  for (Index i = 0; i < y.numel(); ++i) {
    const Shape at = source(position(i, y.shape()));
    Index flat = 0;
    for (int d = 0; d < at.rank(); ++d) flat = flat * x.shape()[d] + at[d];
    if (to[static_cast<std::size_t>(i)] != (at.rank() == 0 ? 0.0 : from[static_cast<std::size_t>(flat)])) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("permute and flip") {
  for (const DType dtype : dtypes)
    for (const Shape& shape : shapes) {
      const Tensor x = numbered(shape, dtype);
      INFO(to_string(shape), ", ", std::string(name(dtype)));
      std::vector<Index> order(static_cast<std::size_t>(shape.rank()));
      for (std::size_t d = 0; d < order.size(); ++d) order[d] = static_cast<Index>(d);
      do {
        CHECK(moved(x, permute(x, order), [&](const Shape& at) {
          Shape from = at;
          for (int d = 0; d < at.rank(); ++d) from[static_cast<int>(order[static_cast<std::size_t>(d)])] = at[d];
          return from;
        }));
      } while (std::next_permutation(order.begin(), order.end()));
      for (int d = 0; d < shape.rank(); ++d)
        CHECK(moved(x, flip(x, d), [&](Shape at) {
          at[d] = shape[d] - 1 - at[d];
          return at;
        }));
    }
}

TEST_CASE("slice, its pullback, concat, index_select and broadcast_to along each dimension") {
  for (const DType dtype : dtypes)
    for (const Shape& shape : shapes)
      for (int d = 0; d < shape.rank(); ++d) {
        INFO(to_string(shape), " along ", d, ", ", std::string(name(dtype)));
        const Tensor x = numbered(shape, dtype);
        const auto along = [d](Shape at, Index i) {
          at[d] = i;
          return at;
        };
        const auto place = [d](const Shape& at) { return at[d]; };
        const Index size = shape[d], begin = size / 3, end = size - size / 4;
        const Tensor part = slice(x, d, begin, end);
        CHECK(moved(x, part, [&](const auto& at) { return along(at, place(at) + begin); }));
        CHECK(moved(part, slice_pullback(part, shape, d, begin), [&](const auto& at) {
          const Index i = place(at);
          return i < begin || i >= end ? Shape{} : along(at, i - begin);
        }));
        CHECK(moved(x, concat({x, part, x}, d), [&](const auto& at) {
          const Index i = place(at), second = size + end - begin;
          return along(at, i < size ? i : i < second ? i - size + begin : i - second);
        }));
        Generator generator(5);
        const Tensor index = randint(0, size, {size + 5}, generator);
        const std::vector<Index> positions = index.to_vector<Index>();
        const auto selected = [&](const auto& at) { return along(at, positions[static_cast<std::size_t>(place(at))]); };
        CHECK(moved(x, index_select(x, d, index), selected));
        const Tensor one = slice(x, d, size - 1, size);
        CHECK(moved(one, broadcast_to(one, shape), [&](const auto& at) { return along(at, 0); }));
      }
}

TEST_CASE("index_select's pullback adds up, in order, on any number of threads") {
  for (const Shape& shape : shapes)
    for (int d = 0; d < shape.rank(); ++d) {
      INFO(to_string(shape), " along ", d);
      Generator generator(5);
      const Index count = 2 * shape[d] + 3;
      const Tensor index = randint(0, shape[d], {count}, generator);
      Shape picked = shape;
      picked[d] = count;
      const Tensor dy = random_tensor(picked, f32), dx = index_select_pullback(dy, shape, d, index);
      std::vector<float> expected(static_cast<std::size_t>(shape.numel()));
      const std::vector<float> from = dy.to_vector<float>();
      const detail::DimLayout a(shape, d);
      for (Index i = 0; i < dy.numel(); ++i) {
        const Index o = i / a.inner / count, k = i % a.inner, to = index.at<Index>({i / a.inner % count});
        expected[static_cast<std::size_t>((o * a.size + to) * a.inner + k)] += from[static_cast<std::size_t>(i)];
      }
      CHECK(dx.to_vector<float>() == expected);
      CHECK(same_bits_on_any_threads([&] { return index_select_pullback(dy, shape, d, index); }));
    }
}

TEST_CASE("conversions of many elements are those of single ones, and fills reach each element") {
  const double numbers[] = {0,     -0.0,   1.5,     -2.5,         255,       256,      -1,        1e10,  -1e10,
                            1e300, 0x1p63, -0x1p63, 123456789.75, nan_value, infinity, -infinity, 3e-320};
  for (const DType from : dtypes) {
    Tensor x({40'003}, from);
    for (Index i = 0; i < x.numel(); ++i) x.set({i}, numbers[static_cast<std::size_t>(i * i) % std::size(numbers)]);
    for (const DType to : dtypes) {
      const Tensor y = x.to(to);
      bool same = true;
      for (Index i = 0; i < x.numel(); ++i) same &= bitwise_equal(y.slice(0, i, i + 1), x.slice(0, i, i + 1).to(to));
      CHECK(same);
      CHECK(same_bits_on_any_threads([&] { return x.to(to); }));
    }
    for (const Index n : {1, 7, 64, 65, 40'003}) {
      Tensor filled = zeros({n + 1}, from);
      filled.slice(0, 0, n).fill(3);
      CHECK(values(filled.slice(0, 0, n)) == std::vector<double>(static_cast<std::size_t>(n), 3.0));
      CHECK(filled.at({n}) == 0);
      CHECK(bitwise_equal(filled.clone(), filled));
    }
  }
}
