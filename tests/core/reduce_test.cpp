#include <ravine/core/reduce.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>

#include "reference.hpp"

using namespace ravine;
using doctest::Contains;
using Values = std::vector<double>;

namespace {

double sum_of(const Values& x) { return std::accumulate(x.begin(), x.end(), 0.0); }
double mean_of(const Values& x) { return sum_of(x) / static_cast<double>(x.size()); }
double squares_of(const Values& x) {
  const double mean = mean_of(x);
  double total = 0.0;
  for (const double v : x) total += (v - mean) * (v - mean);
  return total;
}

struct Reduction {
  const char* name;
  Tensor (*op)(const Tensor&, const Dims&, bool);
  double (*exact)(const Values&);
};

const Reduction reductions[] = {
    {"sum", sum, sum_of},
    {"mean", mean, mean_of},
    {"var", [](const Tensor& x, const Dims& dims, bool keep) { return var(x, dims, keep); },
     [](const Values& x) { return squares_of(x) / static_cast<double>(x.size() - 1); }},
    {"var 0", [](const Tensor& x, const Dims& dims, bool keep) { return var(x, dims, keep, 0.0); },
     [](const Values& x) { return squares_of(x) / static_cast<double>(x.size()); }},
    {"std", [](const Tensor& x, const Dims& dims, bool keep) { return ravine::std(x, dims, keep); },
     [](const Values& x) { return std::sqrt(squares_of(x) / static_cast<double>(x.size() - 1)); }},
    {"prod", prod, [](const Values& x) { return std::accumulate(x.begin(), x.end(), 1.0, std::multiplies<>()); }},
    {"max", max, [](const Values& x) { return *std::max_element(x.begin(), x.end()); }},
    {"min", min, [](const Values& x) { return *std::min_element(x.begin(), x.end()); }},
    {"norm", norm,
     [](const Values& x) {
       double total = 0.0;
       for (const double v : x) total += v * v;
       return std::sqrt(total);
     }},
};

/// True for what is NaN of one element.
bool needs_two(const Reduction& r) { return r.name == std::string("var") || r.name == std::string("std"); }

/// The dimensions in `mask` as an argument, every other one counted from the end.
Dims dims_of(unsigned mask, int rank) {
  std::vector<Index> d;
  for (int k = 0; k < rank; ++k)
    if (mask >> k & 1U) d.push_back(k % 2 ? k - rank : k);
  switch (d.size()) {
    case 1: return {d[0]};
    case 2: return {d[0], d[1]};
    case 3: return {d[0], d[1], d[2]};
    default: return {d[0], d[1], d[2], d[3]};
  }
}

}  // namespace

TEST_CASE("reductions over every subset of dimensions agree with a plain loop") {
  const Shape shapes[] = {{5}, {1}, {4, 7}, {33, 2}, {3, 1, 5}, {2, 3, 4}, {3, 2, 5, 4}, {1, 70, 3, 2}, {70, 65}};
  for (const DType dtype : {f32, f64})
    for (const Shape& shape : shapes) {
      const Tensor x = random_tensor(shape, dtype);
      const double tolerance = (20 + static_cast<double>(shape.numel()) / 50) * rounding(dtype);  // sums may cancel
      for (unsigned mask = 1; mask < 1U << shape.rank(); ++mask)
        for (const Reduction& r : reductions) {
          if (needs_two(r) && detail::reduced_shape(shape, ~mask, false).numel() < 2) continue;
          INFO(std::string(r.name), " of ", to_string(shape), ", mask ", mask, ", ", std::string(name(dtype)));
          const Dims dims = dims_of(mask, shape.rank());
          const Tensor y = r.op(x, dims, false), kept = r.op(x, dims, true);
          CHECK(y.shape() == detail::reduced_shape(shape, mask, false));
          CHECK(kept.shape() == detail::reduced_shape(shape, mask, true));
          CHECK(y.dtype() == dtype);
          CHECK(worst_error(y, reduce_loop(x, mask, r.exact)) <= tolerance);
          CHECK(bitwise_equal(kept.reshape(y.shape()), y));
        }
      for (const Reduction& r : reductions)
        if (shape.numel() > 1) CHECK(worst_error(r.op(x, {}, false), {r.exact(values(x))}) <= tolerance);
    }
}

TEST_CASE("hand-worked reductions") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 12}});
  CHECK(sum(x).item() == 27);
  CHECK(values(sum(x, 0)) == Values{5, 7, 15});
  CHECK(values(sum(x, -1)) == Values{6, 21});
  CHECK(values(mean(x, 1)) == Values{2, 7});
  CHECK(values(var(x, 1)) == Values{1, 19});
  CHECK(values(var(x, 0, false, 0.0)) == Values{2.25, 2.25, 20.25});
  CHECK(values(max(x, 0)) == Values{4, 5, 12});
  CHECK(values(min(x, {0, 1}, true)) == Values{1});
  CHECK(norm(tensor({3, -4})).item() == 5);
  CHECK(sum(x, {0, 1}, true).shape() == Shape({1, 1}));
  CHECK(values(sum_to(x, {3})) == Values{5, 7, 15});
  CHECK(values(sum_to(x, {2, 1})) == Values{6, 21});
  CHECK(values(sum_to(x, {})) == Values{27});
  CHECK(sum_to(x, {1, 1}).shape() == Shape({1, 1}));
  CHECK(sum_to(ones({1, 1, 3}), {3}).shape() == Shape({3}));
}

TEST_CASE("a scalar reduces to itself") {
  for (const Reduction& r : reductions)
    if (!needs_two(r)) {
      CHECK(r.op(scalar(3), {}, true).shape() == Shape{});
      CHECK(r.op(scalar(3), {}, false).item() == (r.name == std::string("var 0") ? 0 : 3));
    }
  CHECK(std::isnan(var(scalar(3)).item()));  // one value has no unbiased variance
  CHECK(std::isnan(ravine::std(scalar(3)).item()));
  CHECK(norm(scalar(-3)).item() == 3);
  CHECK(std::isnan(var(ones({2}), 0, false, 2.0).item()));
}

TEST_CASE("integers sum to i64, and have extremes") {
  const Tensor bytes = full({1000}, 255, u8), i = arange(12, i64).reshape({2, 3, 2});
  CHECK(sum(bytes).item() == 255000);
  CHECK(sum(bytes).dtype() == i64);
  CHECK(values(sum(i, {0, 2})) == Values{14, 22, 30});
  CHECK(values(sum(i, 1, true)) == Values{6, 9, 24, 27});
  CHECK(max(i).item() == 11);
  CHECK(max(i).dtype() == i64);
  CHECK(values(min(i, {0, 2})) == Values{0, 2, 4});
  CHECK(max(tensor({3, 200, 7}, u8)).item() == 200);
  CHECK(sum(tensor({Index{1} << 60, 3}, i64)).data<Index>()[0] == (Index{1} << 60) + 3);
  CHECK(mean(tensor({1, 2}, u8)).item() == 1.5);
  CHECK_THROWS_WITH_AS(mean(i), "mean: needs a floating tensor (f32 or f64), got i64", DTypeError);
  CHECK_THROWS_WITH_AS(var(i), Contains("var: needs a floating tensor"), DTypeError);
  CHECK_THROWS_WITH_AS(norm(bytes), Contains("norm: needs a floating tensor"), DTypeError);
  CHECK_THROWS_WITH_AS(softmax(i, 0), Contains("softmax: needs a floating tensor"), DTypeError);
  CHECK_THROWS_WITH_AS(log_softmax(i, 0), Contains("log_softmax: needs a floating tensor"), DTypeError);
  CHECK_THROWS_WITH_AS(logsumexp(i, 0), Contains("logsumexp: needs a floating tensor"), DTypeError);
}

TEST_CASE("sizes of 0") {
  for (const DType dtype : {f32, f64}) {
    const Tensor none = zeros({0}, dtype), rows = zeros({0, 3}, dtype), columns = zeros({3, 0}, dtype);
    CHECK(sum(none).item() == 0);
    CHECK(values(sum(rows, 0)) == Values{0, 0, 0});
    CHECK(sum(rows, 1).shape() == Shape{0});
    CHECK(values(sum(columns, 1)) == Values{0, 0, 0});
    CHECK(values(sum(zeros({2, 0, 2}, dtype), {0, 1})) == Values{0, 0});
    CHECK(std::isnan(mean(none).item()));
    CHECK(worst_error(mean(rows, 0), {nan_value, nan_value, nan_value}) == 0);
    CHECK(worst_error(var(rows, 0), {nan_value, nan_value, nan_value}) == 0);
    CHECK(norm(none).item() == 0);
    CHECK(values(logsumexp(columns, 1)) == Values(3, -infinity));
    CHECK(softmax(columns, 1).shape() == Shape({3, 0}));
    CHECK(log_softmax(rows, 0).shape() == Shape({0, 3}));
    CHECK(softmax(columns, 0).shape() == Shape({3, 0}));
  }
  CHECK(sum(zeros({0}, u8)).item() == 0);
  CHECK_THROWS_WITH_AS(max(zeros({0})), "max: dimension 0 of (0) is empty; needs at least one element", ShapeError);
  CHECK_THROWS_WITH_AS(min(zeros({3, 0}), 1), "min: dimension 1 of (3, 0) is empty; needs at least one element",
                       ShapeError);
  CHECK_THROWS_WITH_AS(argmax(zeros({3, 0}), 1), "argmax: dimension 1 of (3, 0) is empty; needs at least one element",
                       ShapeError);
  CHECK_THROWS_WITH_AS(max(zeros({2, 3, 0}), {0, 2}), Contains("max: dimension 2 of (2, 3, 0) is empty"), ShapeError);
  CHECK(max(zeros({3, 0}), 0).shape() == Shape{0});
  CHECK(argmax(zeros({3, 0}), 0).shape() == Shape{0});
}

TEST_CASE("nothing is read or written where a later dimension is of size 0") {
  for (const DType dtype : {f32, f64, i64, u8})
    for (const Index size : {3, 65, 40000}) {  // short rows, long ones, and those in pieces
      const Tensor x({50000, size, 0}, dtype), plane({size, 0}, dtype);
      for (const auto op : {sum, prod, max, min, any, all}) {
        CHECK(op(x, 1, false).shape() == Shape({50000, 0}));
        CHECK(op(plane, 0, true).shape() == Shape({1, 0}));
      }
      CHECK(cumsum(x, 1).shape() == x.shape());
      if (is_floating(dtype)) CHECK(norm(x, 1).shape() == Shape({50000, 0}));
    }
}

TEST_CASE("NaN and infinity in reductions") {
  const Tensor x = tensor({1, nan_value, 3, infinity, 2, 5}, {2, 3});
  for (const Reduction& r : reductions) {
    INFO(std::string(r.name));
    CHECK(std::isnan(r.op(x, {}, false).item()));
    CHECK(std::isnan(r.op(x, 1, false).at({0})));
    CHECK(std::isnan(r.op(x, 0, false).at({1})));
  }
  CHECK(sum(x, 1).at({1}) == infinity);
  CHECK(max(tensor({nan_value, 9.0})).dtype() == f32);
  CHECK(std::isnan(max(tensor({nan_value, 9.0})).item()));
  CHECK(std::isnan(min(tensor({9.0, nan_value})).item()));
  CHECK(max(tensor({-infinity, -infinity})).item() == -infinity);
}

TEST_CASE("norm neither overflows nor vanishes, over all elements and over any dimensions") {
  // The plain loop's squares fit a long double.
  const auto exact = [](const Values& x) {
    long double total = 0.0L;
    for (const double v : x) total += static_cast<long double>(v) * static_cast<long double>(v);
    return static_cast<double>(std::sqrt(total));
  };
  const std::pair<DType, Values> sizes[] = {{f32, {1e20, 1e-30, 1e37, 1.5e-38, 1.0}},
                                            {f64, {1e200, 1e-200, 1e307, 3e-308, 1e150, 1e-150, 1e-140, 1.0}}};
  for (const auto& entry : sizes)
    for (const double factor : entry.second)
      for (const Shape& shape : {Shape{4}, Shape{70, 65}, Shape{2, 3, 4}}) {
        const DType dtype = entry.first;
        const Tensor x = (random_between(1.0, 2.0, shape, f64) * factor).to(dtype);
        for (unsigned mask = 1; mask < 1U << shape.rank(); ++mask) {
          INFO(factor, " in ", to_string(shape), ", mask ", mask, ", ", std::string(name(dtype)));
          const Tensor y = norm(x, dims_of(mask, shape.rank()));
          const Values expected = reduce_loop(x, mask, exact), found = values(y);
          if (factor > 1e36 && max(y).item() == infinity) continue;  // the norm itself is beyond f32
          for (std::size_t i = 0; i < found.size(); ++i)
            CHECK(std::abs(found[i] - expected[i]) <= 4 * rounding(dtype) * expected[i]);
        }
      }
  CHECK(norm(full({4}, 1e20)).item() == tensor({2e20}).item());
  CHECK(norm(tensor({3e200, 4e200}, f64)).item() == doctest::Approx(5e200).epsilon(1e-15));
  CHECK(norm(tensor({{3e-200, 1}, {4e-200, 1e200}}, f64), 0).at({0}) == doctest::Approx(5e-200).epsilon(1e-15));
  CHECK(norm(full({4}, 3e38)).item() == infinity);                 // it is
  CHECK(norm(full({1}, 1e-40)).item() == tensor({1e-40}).item());  // subnormal numbers count, outside backward
  CHECK(norm(full({1, 2}, 5e-324, f64), 0).at({1}) == 5e-324);
}

TEST_CASE("norm of infinity is infinite, of NaN NaN, of zeros 0") {
  for (const DType dtype : {f32, f64}) {
    const Tensor x = tensor({infinity, nan_value, -infinity, 1, 0, 1e30, nan_value, 2, 2, 0, 0, 0}, {4, 3}, dtype);
    CHECK(worst_error(norm(x, 1), {nan_value, 1e30, nan_value, 0}) <= rounding(dtype));
    CHECK(worst_error(norm(x, 0), {nan_value, nan_value, infinity}) == 0);
    CHECK(std::isnan(norm(x).item()));
    CHECK(norm(tensor({-infinity, 1e30}, dtype)).item() == infinity);
    CHECK(norm(zeros({3, 2}, dtype)).item() == 0);
    CHECK(values(norm(zeros({3, 2}, dtype), 0)) == Values{0, 0});
  }
}

TEST_CASE("total_norm: one norm of several tensors, in double") {
  CHECK(total_norm({tensor({2, 4}), scalar(4, f64), zeros({0})}) == 6);
  CHECK(total_norm({full({4}, 3e38)}) == doctest::Approx(6e38).epsilon(1e-7));
  CHECK(total_norm({tensor({3e200}, f64), tensor({4e200}, f64)}) == doctest::Approx(5e200).epsilon(1e-15));
  CHECK(total_norm({tensor({3e-200}, f64), tensor({4e-200}, f64)}) == doctest::Approx(5e-200).epsilon(1e-15));
  CHECK(total_norm({}) == 0);
  CHECK(total_norm({tensor({infinity})}) == infinity);
  CHECK(std::isnan(total_norm({tensor({infinity}), tensor({nan_value})})));
  CHECK_THROWS_WITH_AS(total_norm({ones({2}, i64)}), Contains("total_norm: needs a floating tensor"), DTypeError);
}

TEST_CASE("std: exactly 0 of equal numbers, and as accurate far from 0 and at any size") {
  for (const DType dtype : {f32, f64}) {
    CHECK(ravine::std(full({1000, 3}, 2023.3, dtype)).item() == 0);
    CHECK(values(ravine::std(full({7, 2}, 0.1, dtype), 0)) == Values{0, 0});
    const Tensor x = random_tensor({500, 4}, dtype), far = x.to(f64) + 1e5;
    const Values expected = values(sqrt(var(far.to(dtype).to(f64), 0)));
    CHECK(worst_error(ravine::std(far.to(dtype), 0), expected) <= 4 * rounding(dtype));
    const double big = dtype == f32 ? 1e30 : 1e200;
    for (const double factor : {big, 1.0 / big})
      CHECK(worst_error(ravine::std(x * factor, 0) / factor, values(ravine::std(x, 0))) <= 4 * rounding(dtype));
  }
  CHECK(values(ravine::std(tensor({{1, 2, 3}, {4, 8, 12}}), 1)) == Values{1, 4});
  CHECK(ravine::std(tensor({1, 3}), 0, true, 0.0).item() == 1);
  CHECK(ravine::std(tensor({1, 3}), 0, true).shape() == Shape{1});
  CHECK(std::isnan(ravine::std(zeros({0})).item()));
  CHECK(worst_error(ravine::std(zeros({0, 2}), 0), {nan_value, nan_value}) == 0);
  CHECK(ravine::std(zeros({3, 0}), 0).shape() == Shape{0});
  CHECK_THROWS_WITH_AS(ravine::std(ones({2}, i64)), Contains("std: needs a floating tensor"), DTypeError);
  CHECK_THROWS_WITH_AS(ravine::std(ones({2}), 1), "std: there is no dimension 1 in shape (2)", ShapeError);
}

TEST_CASE("prod: of integers, of nothing, and without overflow on the way") {
  const Tensor i = arange(6, i64).reshape({2, 3}) + 1;
  CHECK(values(prod(i, 0)) == Values{4, 10, 18});
  CHECK(values(prod(i, 1, true)) == Values{6, 120});
  CHECK(prod(i).dtype() == i64);
  CHECK(prod(full({8}, 10, u8)).item() == 1e8);
  CHECK(prod(tensor({Index{1} << 60, 3}, i64)).data<Index>()[0] == 3 * (Index{1} << 60));
  CHECK(prod(zeros({0})).item() == 1);
  CHECK(values(prod(zeros({0, 2}), 0)) == Values{1, 1});
  CHECK(prod(zeros({2, 0}), 0).shape() == Shape{0});
  CHECK(prod(tensor({1e30, 1e30, 1e-30, 1e-30})).item() == doctest::Approx(1).epsilon(1e-6));
  CHECK(prod(tensor({1e30, 1e30, 1e-30, 1e-30}, {2, 1, 2}), {0, 2}).item() == doctest::Approx(1).epsilon(1e-6));
  CHECK(prod(tensor({1e30, 1e30})).item() == infinity);
  CHECK(std::isnan(prod(tensor({0, infinity})).item()));
  CHECK_THROWS_WITH_AS(prod(i, 2), "prod: there is no dimension 2 in shape (2, 3)", ShapeError);
}

TEST_CASE("cumsum along any dimension, in double") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 12}});
  CHECK(values(cumsum(x, 0)) == Values{1, 2, 3, 5, 7, 15});
  CHECK(values(cumsum(x, -1)) == Values{1, 3, 6, 4, 9, 21});
  CHECK(values(cumsum_pullback(x, 1)) == Values{6, 5, 3, 21, 17, 12});
  CHECK(values(cumsum(x.slice(0, 1, 2), 1)) == Values{4, 9, 21});
  CHECK(values(cumsum(arange(8, i64).reshape({2, 2, 2}), 1)) == Values{0, 1, 2, 4, 4, 5, 10, 12});
  CHECK(values(cumsum(full({3}, 200, u8), 0)) == Values{200, 400, 600});
  CHECK(cumsum(full({3}, 200, u8), 0).dtype() == i64);
  CHECK(cumsum(x.to(f64), 0).dtype() == f64);
  CHECK(cumsum(zeros({0, 3}), 0).shape() == Shape({0, 3}));
  const Tensor far = cumsum(full({2'000'000}, 0.1), 0);
  CHECK(far.at({-1}) / (static_cast<double>(0.1f) * 2e6) == doctest::Approx(1).epsilon(1e-7));
  const Tensor broken = cumsum(tensor({1, nan_value, 1}), 0);
  CHECK(broken.at({0}) == 1);
  CHECK(std::isnan(broken.at({2})));
  const Tensor many = random_tensor({7, 130}, f32);
  for (const Index dim : {0, 1}) {
    const Tensor sums = cumsum(many, dim);
    CHECK(bitwise_equal(cumsum_pullback(many, dim), flip(cumsum(flip(many, {dim}), dim), {dim})));
    for (Index i = 0; i < many.size(1 - dim); ++i) {
      const Tensor place = full({1}, i, i64), line = index_select(many, 1 - dim, place).to(f64);
      CHECK(bitwise_equal(index_select(sums, 1 - dim, place), cumsum(line, dim).to(f32)));
    }
  }
  CHECK_THROWS_WITH_AS(cumsum(x, 2), "cumsum: there is no dimension 2 in shape (2, 3)", ShapeError);
}

TEST_CASE("any and all, of every type and of nothing") {
  const Tensor x = tensor({0, 1, 0, 0, 2, nan_value}, {2, 3});
  CHECK(values(any(x, 0)) == Values{0, 1, 1});
  CHECK(values(all(x, 0)) == Values{0, 1, 0});
  CHECK(values(any(x, 1, true)) == Values{1, 1});
  CHECK(any(x, 1, true).shape() == Shape({2, 1}));
  CHECK(any(x).item() == 1);
  CHECK(all(x).item() == 0);
  CHECK(all(x.slice(0, 1, 2), {0, 1}).dtype() == u8);
  CHECK(values(all(tensor({1, 2, 3, 0, 4, 5, 6, 7}, {2, 2, 2}, i64), {0, 2})) == Values{1, 0});
  CHECK(any(tensor({0, 0, 255}, u8)).item() == 1);
  CHECK(all(tensor({2, 3}, u8)).item() == 1);
  CHECK(any(scalar(-0.0)).item() == 0);
  CHECK(all(scalar(3, f64)).item() == 1);
  CHECK(any(zeros({0})).item() == 0);
  CHECK(all(zeros({0})).item() == 1);
  CHECK(values(all(zeros({0, 2}), 0)) == Values{1, 1});
  CHECK_THROWS_WITH_AS(any(x, 2), "any: there is no dimension 2 in shape (2, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(all(x, {0, 0}), "all: dimension 0 of (2, 3) is named twice", ShapeError);
}

TEST_CASE("argmin takes the first of equals, and NaN before all") {
  CHECK(argmin(tensor({3, 1, 1, 7}), 0).item() == 1);
  CHECK(argmin(tensor({3, -infinity, nan_value, -9, nan_value}), 0).item() == 2);
  const Tensor x = tensor({1, 9, 3, 8, 2, 4, 7, 7, 0, 0, 5, 6}, {2, 3, 2}, u8);
  CHECK(values(argmin(x, 1)) == Values{0, 2, 1, 1});
  CHECK(argmin(x, -1, true).shape() == Shape({2, 3, 1}));
  CHECK(argmin(x, 0).dtype() == i64);
  CHECK(argmin(zeros({3, 0}), 0).shape() == Shape{0});
  CHECK_THROWS_WITH_AS(argmin(zeros({3, 0}), 1), Contains("argmin: "), ShapeError);
  CHECK_THROWS_WITH_AS(argmin(scalar(1), 0), "argmin: there is no dimension 0 in shape ()", ShapeError);
}

TEST_CASE("argmax takes the first of equals, and NaN before all") {
  CHECK(argmax(tensor({3, 7, 7, 1}), 0).item() == 1);
  CHECK(argmax(tensor({3, 7, nan_value, 9, nan_value}), 0).item() == 2);
  CHECK(argmax(tensor({nan_value, 9}), 0).item() == 0);
  const Tensor x = tensor({1, 9, 3, 8, 2, 4, 7, 7, 0, 0, 5, 6}, {2, 3, 2}, u8);
  CHECK(values(argmax(x, 1)) == Values{1, 0, 0, 0});
  CHECK(values(argmax(x, -1, true)) == Values{1, 1, 1, 0, 0, 1});
  CHECK(argmax(x, -1, true).shape() == Shape({2, 3, 1}));
  CHECK(argmax(x, 0).dtype() == i64);
  CHECK_THROWS_WITH_AS(argmax(scalar(1), 0), "argmax: there is no dimension 0 in shape ()", ShapeError);
}

TEST_CASE("a dimension that is not there, or named twice") {
  const Tensor x = ones({2, 3});
  CHECK_THROWS_WITH_AS(sum(x, 2), "sum: there is no dimension 2 in shape (2, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(mean(x, -3), "mean: there is no dimension -3 in shape (2, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(max(x, {0, -2}), "max: dimension -2 of (2, 3) is named twice", ShapeError);
  CHECK_THROWS_WITH_AS(var(x, 5), Contains("var: there is no dimension 5"), ShapeError);
  CHECK_THROWS_WITH_AS(norm(x, 5), Contains("norm: there is no dimension 5"), ShapeError);
  CHECK_THROWS_WITH_AS(softmax(x, 2), Contains("softmax: there is no dimension 2"), ShapeError);
  CHECK_THROWS_WITH_AS(log_softmax(x, 2), Contains("log_softmax: there is no dimension 2"), ShapeError);
  CHECK_THROWS_WITH_AS(logsumexp(x, 2), Contains("logsumexp: there is no dimension 2"), ShapeError);
}

TEST_CASE("large f32 sums stay accurate") {
  // 0.1f is not 0.1; what counts is the sum of what is stored. Plain f32 summation is off by more than 1 % here.
  const Index n = 2'000'000;
  const Tensor x = full({n}, 0.1);
  const double exact = static_cast<double>(0.1f) * static_cast<double>(n);
  CHECK(sum(x).item() / exact == doctest::Approx(1).epsilon(2e-7));
  CHECK(mean(x).item() == doctest::Approx(static_cast<double>(0.1f)).epsilon(2e-7));
  for (const Shape& shape : {Shape{n / 2, 2}, Shape{n / 100, 100}, Shape{2, n / 4, 2}}) {
    const double each = static_cast<double>(0.1f) * static_cast<double>(shape[shape.rank() - 2]);
    const Tensor columns = sum(x.reshape(shape), -2);
    CHECK(max(columns).item() / each == doctest::Approx(1).epsilon(1e-6));
    CHECK(min(columns).item() / each == doctest::Approx(1).epsilon(1e-6));
  }
  // The deviations cancel against a mean of 1e4 unless it is taken out first.
  const Tensor far = random_tensor({100'000}, f32) + 1e4;
  CHECK(var(far).item() == doctest::Approx(squares_of(values(far)) / 99'999).epsilon(1e-5));
}

TEST_CASE("var has its digits however far from 0 the values are") {
  const auto variance = [](const std::vector<double>& v) {
    long double mean = 0, rest = 0, squares = 0;
    for (const double each : v) mean += each / static_cast<long double>(v.size());
    for (const double each : v) rest += (each - mean) / static_cast<long double>(v.size());
    for (const double each : v) squares += (each - mean - rest) * (each - mean - rest);
    return static_cast<double>(squares / static_cast<long double>(v.size() - 1));
  };
  const auto relative = [](const Tensor& found, const Values& exact) {
    return max(abs(found.to(f64).reshape({found.numel()}) / tensor(exact, {found.numel()}, f64) - 1.0)).item();
  };
  const Shape shape{40, 30, 50};
  for (const double offset : {1e3, -1e5, 3e5}) {
    const Tensor x = random_tensor(shape, f32) + offset;
    CHECK(relative(var(x), reduce_loop(x, 7, variance)) < 1e-6);
    CHECK(relative(var(x, 0), reduce_loop(x, 1, variance)) < 1e-6);
    CHECK(relative(var(x, -1), reduce_loop(x, 4, variance)) < 1e-6);
    CHECK(relative(var(x, {0, 2}), reduce_loop(x, 5, variance)) < 1e-6);
  }
  const Tensor many = random_tensor({200'000, 2}, f32) + 1e5;
  CHECK(relative(var(many, 0), reduce_loop(many, 1, variance)) < 1e-6);
  const Tensor wide = random_tensor({1000}, f64) + 1e12;
  CHECK(relative(var(wide), reduce_loop(wide, 1, variance)) < 1e-12);
  const Tensor row = random_tensor({3, 70'000}, f32) + 1e5;
  CHECK(relative(var(row, 1), reduce_loop(row, 2, variance)) < 1e-6);
  Tensor unlike = row.clone();  // where the mean is first guessed from
  for (const Index i : {0, 17'500, 35'000, 52'500}) unlike.set({1, i}, 0.0);
  CHECK(relative(var(unlike, 1), reduce_loop(unlike, 2, variance)) < 1e-6);
  for (const double value : {2023.3, 0.1, 1e18}) CHECK(var(full({1000, 3}, value), 0).to_vector<double>() == Values(3));
}

TEST_CASE("dot: of every length, in double, the same bits on any number of threads") {
  for (const DType dtype : {f32, f64})
    for (const Index n : {0, 1, 31, 32, 33, 100, 32'768, 100'003}) {
      const Tensor x = random_tensor({n}, dtype, 1), y = random_tensor({n}, dtype, 2);
      const std::vector<double> a = values(x), b = values(y);
      double expected = 0.0, size = 0.0;
      for (std::size_t i = 0; i < a.size(); ++i) {
        expected += a[i] * b[i];
        size += std::abs(a[i] * b[i]);
      }
      CHECK(std::abs(dot(x, y) - expected) <= 1e-14 * size);
      CHECK(same_bits_on_any_threads([&] { return scalar(dot(x, y), f64); }));
    }
  CHECK(dot(full({2}, 1e30), full({2}, 1e30)) == doctest::Approx(2e60));
  CHECK_THROWS_WITH_AS(dot(zeros({2}), zeros({3})), "dot: shapes differ: (2) and (3)", ShapeError);
  CHECK_THROWS_WITH_AS(dot(zeros({2}), zeros({2}, f64)), "dot: dtypes differ: f32 and f64; convert one with to()",
                       DTypeError);
  CHECK_THROWS_AS(dot(zeros({2}, i64), zeros({2}, i64)), DTypeError);
}

TEST_CASE("sums have the same bits on any number of threads") {
  for (const DType dtype : {f32, f64}) {
    const Tensor x = random_tensor({3, 50'000, 5}, dtype);
    CHECK(same_bits_on_any_threads([&] { return sum(x); }));
    CHECK(same_bits_on_any_threads([&] { return sum(x, 0); }));
    CHECK(same_bits_on_any_threads([&] { return sum(x, 1); }));
    CHECK(same_bits_on_any_threads([&] { return sum(x, 2); }));
    CHECK(same_bits_on_any_threads([&] { return sum(x, {0, 2}); }));
    CHECK(same_bits_on_any_threads([&] { return sum(x.reshape({1000, 750}), 0); }));
    CHECK(same_bits_on_any_threads([&] { return sum(x.reshape({2, 375'000}), 1); }));
    for (const Dims& dims : {Dims(), Dims{0, 1}, Dims{1, 2}})
      CHECK(same_bits_on_any_threads([&] { return var(x, dims); }));
    for (const Dims& dims : {Dims(), Dims(0), Dims(1), Dims{0, 2}})
      CHECK(same_bits_on_any_threads([&] { return norm(x, dims); }));
    CHECK(same_bits_on_any_threads([&] { return norm(x * 1e30, 1) + norm(x.reshape({2, 375'000}), 1, true)[0]; }));
    CHECK(same_bits_on_any_threads([&] { return scalar(total_norm({x, x}), f64); }));
    CHECK(same_bits_on_any_threads([&] { return softmax(x, 1); }));
  }
}

TEST_CASE("rows longer than a piece of work are reduced as each alone, to the same bits on any number of threads") {
  for (const DType dtype : {f32, f64}) {
    const Tensor x = random_tensor({3, 70'001}, dtype);
    for (const int count : {1, 3}) {
      const Threads threads(count);
      const Tensor sums = sum(x, 1), norms = norm(x, 1), variances = var(x, 1), most = max(x, 1), least = min(x, 1);
      const Tensor first = argmax(x, 1), last = argmin(x, 1);
      for (Index i = 0; i < 3; ++i) {
        const Threads one(1);
        CHECK(sums[i].item() == sum(x[i]).item());
        CHECK(norms[i].item() == norm(x[i]).item());
        CHECK(variances[i].item() == var(x[i]).item());
        CHECK(most[i].item() == max(x[i]).item());
        CHECK(least[i].item() == min(x[i]).item());
        CHECK(first[i].item() == argmax(x[i], 0).item());
        CHECK(last[i].item() == argmin(x[i], 0).item());
      }
    }
  }
  for (const Index at : {0, 32767, 32768, 65535, 65536, 70'000}) {
    Tensor x = zeros({1, 70'001});
    x.mutable_data<float>()[at] = 1.0f;
    CHECK(max(x, 1).item() == 1.0);
    CHECK(argmax(x, 1).item() == static_cast<double>(at));
  }
}

TEST_CASE("short rows are reduced as each alone, to the same bits on any number of threads") {
  for (const DType dtype : {f32, f64})
    for (const Index columns : {1, 2, 3, 8, 37, 64, 65}) {
      const Tensor x = random_tensor({20'011, columns}, dtype), y = x * 0.1 + 1.0;
      CAPTURE(columns);
      const Tensor sums = sum(x, 1), norms = norm(x, 1), most = max(x, 1), least = min(x, 1), products = prod(y, 1);
      const Tensor first = argmax(x, 1), last = argmin(x, 1);
      for (const Index i : {0, 1, 63, 64, 12'345, 20'010}) {
        CHECK(sums[i].item() == sum(x[i]).item());
        CHECK(norms[i].item() == norm(x[i]).item());
        CHECK(most[i].item() == max(x[i]).item());
        CHECK(least[i].item() == min(x[i]).item());
        CHECK(products[i].item() == prod(y[i]).item());
        CHECK(first[i].item() == argmax(x[i], 0).item());
        CHECK(last[i].item() == argmin(x[i], 0).item());
        const Values row = values(x[i]);
        CHECK(error(sums[i].item(), sum_of(row)) <= 10 * rounding(dtype));
        CHECK(most[i].item() == *std::max_element(row.begin(), row.end()));
        CHECK(row[static_cast<std::size_t>(last[i].item<Index>())] == least[i].item());
      }
      CHECK(same_bits_on_any_threads([&] { return sum(x, 1); }));
      CHECK(same_bits_on_any_threads([&] { return norm(x, 1); }));
      CHECK(same_bits_on_any_threads([&] { return argmax(x, 1); }));
      CHECK(same_bits_on_any_threads([&] { return prod(y, 1); }));
    }
}

TEST_CASE("sums and products of integers of every length, of bytes too") {
  for (const Index n : {0, 1, 31, 32, 100, 40'000, 70'001}) {
    const Tensor bytes = full({n}, 200, u8), threes = full({2, n}, 3, i64);
    CHECK(sum(bytes).item<Index>() == 200 * n);
    CHECK(sum(threes, 1).to_vector<Index>() == std::vector<Index>(2, 3 * n));
    CHECK(sum(threes, 0).to_vector<Index>() == std::vector<Index>(static_cast<std::size_t>(n), 6));
    std::uint64_t power = 1;
    for (Index i = 0; i < n; ++i) power *= 3;
    CHECK(prod(threes, 1).to_vector<Index>() == std::vector<Index>(2, static_cast<Index>(power)));
    CHECK(prod(threes, 0).to_vector<Index>() == std::vector<Index>(static_cast<std::size_t>(n), 9));
  }
}

TEST_CASE("integer sums, products and running sums have the same bits on any number of threads") {
  Generator generator(1);
  const Tensor x = randint(-9, 10, {300, 400}, generator), y = random_tensor({300, 400}, f32);
  const Tensor z = y * 0.01 + 1.0;  // whose products are neither 0 nor infinite
  for (const Index dim : {0, 1}) {
    CHECK(same_bits_on_any_threads([&] { return sum(x, dim); }));
    CHECK(same_bits_on_any_threads([&] { return prod(z, dim); }));
    CHECK(same_bits_on_any_threads([&] { return cumsum(x, dim); }));
    CHECK(same_bits_on_any_threads([&] { return cumsum(y, dim); }));
    const Tensor sums = sum(x, dim), products = prod(z, dim);
    const Tensor running = cumsum(x, dim).slice(dim, x.size(dim) - 1, x.size(dim));
    for (const Index k : {7, 290}) {
      CHECK(sums[k].item() == sum(x.slice(1 - dim, k, k + 1)).item());
      CHECK(products[k].item() == prod(z.slice(1 - dim, k, k + 1)).item());
      CHECK(running.slice(1 - dim, k, k + 1).item() == sums[k].item());
    }
  }
}

TEST_CASE("sum_to refuses a shape that does not broadcast to what it is given") {
  const Tensor x = ones({2, 3});
  for (const Shape& shape : {Shape{2}, Shape{3, 2}, Shape{6}, Shape{1, 2, 3}})
    CHECK_THROWS_WITH_AS(sum_to(x, shape), ("sum_to: " + to_string(shape) + " does not broadcast to (2, 3)").c_str(),
                         ShapeError);
}

TEST_CASE("sums and products of integers wrap around, as single ones do") {
  constexpr Index most = std::numeric_limits<Index>::max(), least = std::numeric_limits<Index>::min();
  CHECK(sum(full({2}, most, i64)).item<Index>() == -2);
  CHECK(prod(tensor({most, Index{2}}, i64)).item<Index>() == -2);
  CHECK(cumsum(tensor({most, Index{1}}, i64), 0).at<Index>({1}) == least);
}

TEST_CASE("all_finite finds a NaN or an infinity anywhere") {
  for (const DType dtype : {f32, f64}) {
    const double largest = dtype == f32 ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
    for (const Index n : {1, 2, 7, 64, 65, 200, 100000}) {
      Tensor x = full({n}, -largest, dtype);
      CHECK(all_finite(x));
      for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL})
        for (const Index at : {Index{0}, n / 2, n - 1}) {
          x.set({at}, bad);
          CHECK(!all_finite(x));
          x.set({at}, 1e-310);  // subnormal, in f32 0
        }
      CHECK(all_finite(x));
    }
    CHECK(all_finite(zeros({3, 0}, dtype)));
  }
  CHECK(all_finite(full({5}, std::numeric_limits<Index>::max(), i64)));
}
