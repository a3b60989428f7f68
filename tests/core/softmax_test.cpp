#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
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
  CHECK(std::isnan(logsumexp(tensor({1.0, nan_value}), 0).item()));
  CHECK(worst_error(softmax(tensor({1.0, nan_value}), 0), Values(2, nan_value)) == 0);
}

TEST_CASE("the weights of a row do not depend on the other rows") {
  const Tensor x = random_tensor({9, 21}, f32), y = softmax(x, 1);
  for (Index i = 0; i < 9; ++i) CHECK(bitwise_equal(softmax(x[i], 0), y[i]));
}
