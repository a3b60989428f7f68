// The largest and the smallest elements and where they stand, beside a plain loop.
#include <doctest/doctest.h>

#include <cmath>

#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>

#include "reference.hpp"

using namespace ravine;

namespace {

/// Where the largest (or the smallest) of these stands: the first of equals, and the first NaN before all.
Index place(const std::vector<double>& x, bool largest) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < x.size(); ++i) {
    const bool taken = largest ? x[i] > x[best] : x[i] < x[best];
    if (taken || (std::isnan(x[i]) && !std::isnan(x[best]))) best = i;
  }
  return static_cast<Index>(best);
}

void check_extremes(const Tensor& x, int dim) {
  INFO(to_string(x.shape()), " along ", dim, ", ", std::string(name(x.dtype())));
  for (const bool largest : {true, false}) {
    const Tensor value = largest ? max(x, dim) : min(x, dim);
    const Tensor found = largest ? argmax(x, dim) : argmin(x, dim);
    CHECK(value.dtype() == x.dtype());
    CHECK(found.dtype() == i64);
    const unsigned mask = 1U << dim;
    const auto at = [largest](const std::vector<double>& line) { return place(line, largest); };
    CHECK(worst_error(value, reduce_loop(x, mask, [&](const auto& line) {
                        return line[static_cast<std::size_t>(at(line))];
                      })) == 0);
    CHECK(worst_error(found, reduce_loop(x, mask, [&](const auto& line) { return static_cast<double>(at(line)); })) ==
          0);
  }
}

const Shape shapes[] = {{1},       {31},        {40'000}, {5, 3},     {3, 1, 70},    {17, 513},
                        {513, 17}, {2, 33'000}, {300, 2}, {9, 70, 3}, {2, 33'000, 2}};

}  // namespace

TEST_CASE("max, min and where they stand, of every dtype along every dimension") {
  Generator generator(2);
  for (const DType dtype : {f32, f64, i64, u8})
    for (const Shape& shape : shapes) {
      // Few different values, so that there are equal ones.
      const Tensor x = randint(dtype == u8 ? 0 : -100, 101, shape, generator).to(dtype);
      for (int d = 0; d < shape.rank(); ++d) check_extremes(x, d);
    }
}

TEST_CASE("NaN is the largest and the smallest, wherever it stands") {
  Generator generator(3);
  for (const DType dtype : {f32, f64})
    for (const Shape& shape : shapes) {
      Tensor x = randint(-100, 101, shape, generator).to(dtype).reshape({shape.numel()});
      for (Index k = 0; k < 3; ++k) x.set({generator.next_below(shape.numel())}, k == 2 ? -infinity : nan_value);
      for (int d = 0; d < shape.rank(); ++d) check_extremes(x.reshape(shape), d);
    }
}

TEST_CASE("extremes are the same on any number of threads") {
  for (const Shape& shape : {Shape{300'000}, Shape{3, 100'000}, Shape{100'000, 3}, Shape{50, 40, 100}}) {
    const Tensor x = random_tensor(shape, f32);
    CHECK(same_bits_on_any_threads([&] { return max(x); }));
    for (int d = 0; d < shape.rank(); ++d) {
      CHECK(same_bits_on_any_threads([&] { return min(x, d); }));
      CHECK(same_bits_on_any_threads([&] { return argmax(x, d); }));
    }
  }
}

TEST_CASE("any and all: of every shape, and of nothing") {
  const Tensor x = tensor({{0, 0, 3}, {0, nan_value, 5}});
  CHECK(values(any(x, 0)) == std::vector<double>{0, 1, 1});
  CHECK(values(all(x, 0)) == std::vector<double>{0, 0, 1});
  CHECK(values(any(zeros({0, 2}), 0)) == std::vector<double>{0, 0});
  CHECK(values(all(zeros({0, 2}), 0, true)) == std::vector<double>{1, 1});
  CHECK(any(zeros({0})).item() == 0);
  CHECK(all(zeros({3, 0})).item() == 1);
  CHECK(any(zeros({3, 0}), 0).shape() == Shape{0});
  CHECK(any(x).dtype() == u8);
}
