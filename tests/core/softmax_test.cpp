#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/loss.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>

#include "reference.hpp"

using namespace ravine;
using Values = std::vector<double>;

namespace {

double logsumexp_of(const Values& x) {
  const double top = *std::max_element(x.begin(), x.end());
  double total = 0.0;
  for (const double v : x) total += std::exp(v - top);
  return top + std::log(total);
}

}  // namespace

TEST_CASE("logsumexp, softmax and log_softmax along any dimension agree with a plain loop") {
  const Shape shapes[] = {{1}, {7}, {3, 5}, {2, 3, 4}, {5, 1, 3}, {4, 33, 3}};
  for (const DType dtype : {f32, f64})
    for (const Shape& shape : shapes)
      for (int d = 0; d < shape.rank(); ++d) {
        INFO(to_string(shape), " along ", d);
        const Tensor x = random_tensor(shape, dtype) * 3;
        const unsigned mask = 1U << d;
        const Shape kept = detail::reduced_shape(shape, mask, true);
        const Values normalizer = reduce_loop(x, mask, logsumexp_of);
        CHECK(worst_error(logsumexp(x, d), normalizer) <= 2 * rounding(dtype));
        CHECK(logsumexp(x, d - shape.rank()).shape() == detail::reduced_shape(shape, mask, false));
        CHECK(logsumexp(x, d, true).shape() == kept);

        const Values difference =
            broadcast_loop(x, tensor(normalizer, kept, f64), shape, [](double a, double b) { return a - b; });
        Values weights = difference;
        for (double& v : weights) v = std::exp(v);
        CHECK(worst_error(log_softmax(x, d), difference) <= 2 * rounding(dtype));
        CHECK(worst_error(softmax(x, d), weights) <= 2 * rounding(dtype));
        CHECK(softmax(x, d).shape() == shape);
      }
}

TEST_CASE("logsumexp, softmax and log_softmax over several dimensions are those along one of as many elements") {
  const Tensor x = random_tensor({2, 3, 4, 5}, f64) * 3;
  const struct {
    Dims dims;
    std::vector<Index> last;  // the same dimensions behind all others
  } cases[] = {{{2, 3}, {0, 1, 2, 3}}, {{0, 1}, {2, 3, 0, 1}},    {{1, -1}, {0, 2, 1, 3}},   {{0, 2}, {1, 3, 0, 2}},
               {1, {0, 2, 3, 1}},      {{0, 1, 3}, {2, 0, 1, 3}}, {{3, 0, 2}, {1, 0, 2, 3}}, {{}, {0, 1, 2, 3}}};
  for (const auto& c : cases) {
    const unsigned mask = c.dims.mask("test", x.shape());
    const Shape kept = detail::reduced_shape(x.shape(), mask, true);
    const Tensor rows = permute(x, c.last).reshape({kept.numel(), -1});
    CAPTURE(to_string(kept));
    CHECK(bitwise_equal(logsumexp(x, c.dims, true), logsumexp(rows, 1).reshape(kept)));
    CHECK(logsumexp(x, c.dims).shape() == detail::reduced_shape(x.shape(), mask, false));
    const auto back = [&](const Tensor& y) { return y.reshape({kept.numel(), -1}); };
    CHECK(bitwise_equal(back(permute(softmax(x, c.dims), c.last)), softmax(rows, 1)));
    CHECK(bitwise_equal(back(permute(log_softmax(x, c.dims), c.last)), log_softmax(rows, 1)));
  }
  CHECK(softmax(scalar(7.0), {}).item() == 1.0);
  CHECK(log_softmax(scalar(7.0), {}).item() == 0.0);
  CHECK(logsumexp(scalar(7.0), {}).item() == 7.0);
  CHECK(values(logsumexp(zeros({2, 0, 3}), {1, 2})) == Values(2, -infinity));
  CHECK(softmax(zeros({2, 0, 3}), {0, 1}).shape() == Shape{2, 0, 3});
  CHECK_THROWS_AS(softmax(x, {1, -3}), ShapeError);
  CHECK_THROWS_AS(logsumexp(x, {4}), ShapeError);
}

TEST_CASE("small differences from 1 keep their digits") {
  for (const DType dtype : {f32, f64}) {
    const Tensor x = tensor({{1000.0, 990.0}, {0.0, -60.0}}, dtype);
    const double a = std::log1p(std::exp(-10.0)), b = std::exp(-60.0);
    const Values log_p = values(log_softmax(x, 1));
    CHECK(std::abs(log_p[0] + a) <= rounding(dtype) * a);
    CHECK(std::abs(log_p[2] + b) <= rounding(dtype) * 30 * b);
    CHECK(std::abs(logsumexp(x[1], 0).item() - b) <= rounding(dtype) * 30 * b);
  }
}

TEST_CASE("equal rows give equal bits on any number of threads and in any slice") {
  const Tensor x = random_tensor({3000, 37}, f32), part = x.slice(0, 1001, 1004);
  CHECK(same_bits_on_any_threads([&] { return softmax(x, 1); }));
  CHECK(same_bits_on_any_threads([&] { return logsumexp(x, 0); }));
  CHECK(bitwise_equal(softmax(part, 1), softmax(x, 1).slice(0, 1001, 1004)));
  CHECK(bitwise_equal(log_softmax(part, 1), log_softmax(x, 1).slice(0, 1001, 1004)));
}

TEST_CASE("scores far from zero lose no accuracy") {
  for (const DType dtype : {f32, f64})
    for (const double offset : {0.0, 1e4, -1e4, 1e6, 1e30}) {
      const Tensor x = full({2}, offset, dtype);
      CAPTURE(offset);
      CHECK(values(softmax(x, 0)) == Values{0.5, 0.5});
      CHECK(worst_error(log_softmax(x, 0), Values(2, -std::log(2.0))) <= rounding(dtype));
    }
  CHECK(logsumexp(tensor({1000.0, 1000.0}, f64), 0).item() == doctest::Approx(1000 + std::log(2.0)).epsilon(1e-15));
  CHECK(logsumexp(tensor({-1000.0, -1000.0}, f64), 0).item() == doctest::Approx(-1000 + std::log(2.0)).epsilon(1e-15));
  CHECK(values(softmax(tensor({-1e4, 1e4}), 0)) == Values{0, 1});
  CHECK(values(log_softmax(tensor({-1e4, 1e4}), 0)) == Values{-2e4, 0});
}

TEST_CASE("infinite scores and NaN") {
  const Tensor masked = tensor({-infinity, 0.0, 0.0});
  CHECK(values(softmax(masked, 0)) == Values{0, 0.5, 0.5});
  CHECK(log_softmax(masked, 0).at({0}) == -infinity);
  CHECK(logsumexp(masked, 0).item() == doctest::Approx(std::log(2.0)));
  const Tensor nothing = full({3}, -infinity);
  CHECK(logsumexp(nothing, 0).item() == -infinity);
  CHECK(worst_error(softmax(nothing, 0), Values(3, nan_value)) == 0);
  CHECK(logsumexp(tensor({infinity, 1.0}), 0).item() == infinity);
  for (const double other : {1.0, infinity, -infinity}) {
    CHECK(std::isnan(logsumexp(tensor({other, nan_value}), 0).item()));
    CHECK(std::isnan(logsumexp(tensor({nan_value, other}), 0).item()));
  }
  CHECK(worst_error(softmax(tensor({infinity, 1.0}), 0), Values(2, nan_value)) == 0);
  CHECK(worst_error(log_softmax(tensor({1.0, infinity}), 0), Values(2, nan_value)) == 0);
  CHECK(worst_error(softmax(tensor({1.0, nan_value}), 0), Values(2, nan_value)) == 0);
}

TEST_CASE("the weights of a row do not depend on the other rows") {
  const Tensor x = random_tensor({9, 21}, f32), y = softmax(x, 1);
  for (Index i = 0; i < 9; ++i) CHECK(bitwise_equal(softmax(x[i], 0), y[i]));
}

TEST_CASE("lines of every length, along any dimension, with infinite scores and NaN among them") {
  for (const DType dtype : {f32, f64})
    for (const Index n : {1, 2, 5, 40, 64, 65, 600}) {
      Tensor x = random_tensor({3, n, 21}, dtype);
      x.set({0, 0, 3}, infinity);
      x.set({1, n - 1, 4}, nan_value);
      x.set({2, n / 2, 5}, -infinity);
      for (Index i = 0; i < n; ++i) x.set({2, i, 20}, -infinity);
      for (Index i = 0; i < n; ++i) x.set({0, i, 7}, i == n / 2 ? nan_value : infinity);
      CAPTURE(n);
      Values sums, weights(static_cast<std::size_t>(x.numel()));
      Values logs = weights;
      for (Index o = 0; o < 3; ++o)
        for (Index j = 0; j < 21; ++j) {
          double top = -infinity, sum = 0.0;
          bool none = false;
          for (Index i = 0; i < n; ++i) {
            none |= std::isnan(x.at({o, i, j}));
            top = std::max(top, x.at({o, i, j}));
          }
          for (Index i = 0; i < n; ++i) sum += std::exp(x.at({o, i, j}) - top);
          sums.push_back(none ? nan_value : std::isinf(top) ? top : top + std::log(sum));
          for (Index i = 0; i < n; ++i) {
            const auto at = static_cast<std::size_t>((o * n + i) * 21 + j);
            logs[at] = x.at({o, i, j}) - top - std::log(sum);
            weights[at] = std::exp(x.at({o, i, j}) - top) / sum;
          }
        }
      const Tensor rows = permute(x, {0, 2, 1});
      CHECK(worst_error(logsumexp(x, 1), sums) <= 20 * rounding(dtype));
      CHECK(worst_error(logsumexp(rows, 2), sums) <= 20 * rounding(dtype));
      CHECK(worst_error(softmax(x, 1), weights) <= 20 * rounding(dtype));
      CHECK(worst_error(permute(softmax(rows, 2), {0, 2, 1}), weights) <= 20 * rounding(dtype));
      CHECK(worst_error(log_softmax(x, 1), logs) <= 20 * rounding(dtype));
      CHECK(worst_error(permute(log_softmax(rows, 2), {0, 2, 1}), logs) <= 20 * rounding(dtype));
    }
}

TEST_CASE("gradients of lines of every length, along any dimension") {
  for (const DType dtype : {f32, f64})
    for (const Index n : {1, 5, 64, 65, 600}) {
      const Tensor x = random_tensor({3, n, 21}, dtype), dy = random_tensor({3, n, 21}, dtype, 2);
      const Tensor p = softmax(x, 1), q = log_softmax(x, 1);
      const Tensor dp = p * (dy - sum(dy * p, 1, true)), dq = dy - exp(q) * sum(dy, 1, true);
      const auto rows = [](const Tensor& t) { return permute(t, {0, 2, 1}); };
      CAPTURE(n);
      CHECK(worst_error(detail::softmax_pullback(dy, p, 1), values(dp)) <= 20 * rounding(dtype));
      CHECK(worst_error(detail::softmax_pullback(rows(dy), rows(p), 2), values(rows(dp))) <= 20 * rounding(dtype));
      CHECK(worst_error(detail::log_softmax_pullback(dy, q, 1), values(dq)) <= 20 * rounding(dtype));
      CHECK(worst_error(detail::log_softmax_pullback(rows(dy), rows(q), 2), values(rows(dq))) <= 20 * rounding(dtype));
    }
}

TEST_CASE("long columns keep their digits, as rows do") {
  const Index n = 1'000'000;
  const double top = std::exp(1.0), sum = top + static_cast<double>(n - 1);
  const Tensor x = concat({ones({1, 2}), zeros({n - 1, 2})}, 0), tenths = full({n, 2}, 0.1);
  const Tensor p = softmax(x, 0), q = log_softmax(x, 0);
  CHECK(logsumexp(x, 0).at({1}) == doctest::Approx(std::log(sum)).epsilon(rounding(f32)));
  CHECK(p.at({0, 1}) == doctest::Approx(top / sum).epsilon(4 * rounding(f32)));
  CHECK(p.at({-1, 0}) == doctest::Approx(1.0 / sum).epsilon(4 * rounding(f32)));
  CHECK(worst_error(detail::softmax_pullback(tenths, p, 0) / p, Values(static_cast<std::size_t>(2 * n))) <= 1e-6);
  CHECK(detail::log_softmax_pullback(tenths, q, 0).at({0, 0}) ==
        doctest::Approx(0.1 - top / sum * 0.1 * static_cast<double>(n)).epsilon(1e-5));
}

TEST_CASE("short rows and columns give the same bits on any number of threads") {
  const Tensor x = random_tensor({20'011, 3}, f32), y = random_tensor({7, 90, 301}, f32);
  CHECK(same_bits_on_any_threads([&] { return softmax(x, 1); }));
  CHECK(same_bits_on_any_threads([&] { return log_softmax(y, 1); }));
  CHECK(same_bits_on_any_threads([&] { return logsumexp(y, 0); }));
  CHECK(bitwise_equal(softmax(x[12'345], 0), softmax(x, 1)[12'345]));
}

TEST_CASE("columns that lie in the same places of a cache have the bits that they have elsewhere") {
  for (const DType dtype : {f32, f64}) {
    const Tensor x = random_tensor({2, 65, 1024}, dtype), y = random_tensor({2, 65, 1024}, dtype, 2);
    const auto check = [&](auto f) {
      const auto elsewhere = [](const Tensor& t) { return slice(t, 2, 0, 1001); };
      CHECK(bitwise_equal(elsewhere(f(x, y)), f(elsewhere(x), elsewhere(y))));
      CHECK(same_bits_on_any_threads([&] { return f(x, y); }));
    };
    check([](const Tensor& a, const Tensor&) { return softmax(a, 1); });
    check([](const Tensor& a, const Tensor&) { return log_softmax(a, 1); });
    check([](const Tensor& a, const Tensor& b) { return detail::softmax_pullback(a, b, 1); });
    check([](const Tensor& a, const Tensor& b) { return detail::log_softmax_pullback(a, b, 1); });
  }
}
