#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/random.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/data/scaler.hpp>

using namespace ravine;
using data::MinMaxScaler;
using data::StandardScaler;
using doctest::Contains;

/// Values that are whole multiples of `step`.
static Tensor floor_to(const Tensor& x, double step) { return (x / step).to(i64).to(x.dtype()) * step; }

static double largest_difference(const Tensor& a, const Tensor& b) { return max(abs(a.to(f64) - b.to(f64))).item(); }

TEST_CASE("StandardScaler: mean 0, standard deviation 1, worked by hand") {
  const Tensor x = tensor({{1, 10}, {3, 10}, {5, 40}});
  const auto scaler = StandardScaler::fit(x);
  CHECK(bitwise_equal(scaler.mean(), tensor({3, 20}, f64)));
  CHECK(largest_difference(scaler.std(), tensor({std::sqrt(8.0 / 3.0), std::sqrt(200.0)}, f64)) < 1e-12);
  const double a = std::sqrt(1.5), b = std::sqrt(0.5);
  CHECK(largest_difference(scaler.transform(x), tensor({{-a, -b}, {0, -b}, {a, 2 * b}})) < 1e-6);
  CHECK(scaler.transform(x).dtype() == f32);
  CHECK(largest_difference(scaler.transform(tensor({{3, 0}})), tensor({{0, -2 * b}})) < 1e-6);  // other rows
}

TEST_CASE("MinMaxScaler: from 0 to 1") {
  const Tensor x = tensor({{1, 10}, {3, 10}, {5, 50}}, f64);
  const auto scaler = MinMaxScaler::fit(x);
  CHECK(bitwise_equal(scaler.min(), tensor({1, 10}, f64)));
  CHECK(bitwise_equal(scaler.range(), tensor({4, 40}, f64)));
  CHECK(bitwise_equal(scaler.transform(x), tensor({{0, 0}, {0.5, 0}, {1, 1}}, f64)));
  CHECK(bitwise_equal(scaler.transform(tensor({{7, 30}})), tensor({{1.5, 0.5}})));
}

TEST_CASE_TEMPLATE("a constant column is divided by 1", Scaler, StandardScaler, MinMaxScaler) {
  // 0.1 is not exact: the deviations from its mean are rounding, and must not be blown up.
  const Tensor x = full({7, 1}, 0.1, f64);
  const auto scaler = Scaler::fit(x);
  CHECK(scaler.state_dict().at("scale").item() == 1.0);
  CHECK(largest_difference(scaler.transform(x), zeros({7, 1}, f64)) < 1e-15);
  CHECK(largest_difference(scaler.transform(x + 2.0), full({7, 1}, 2.0, f64)) < 1e-15);
}

TEST_CASE_TEMPLATE("inverse_transform undoes transform", Scaler, StandardScaler, MinMaxScaler) {
  Generator generator(1);
  const Tensor x = randn({40, 3}, f64, generator) * tensor({1e-3, 1.0, 1e4}, f64) + 5.0;
  const auto scaler = Scaler::fit(x);
  CHECK(max(abs(scaler.inverse_transform(scaler.transform(x)) / x - 1.0)).item() < 1e-12);
  const Tensor y = x.to(f32);
  CHECK(scaler.inverse_transform(scaler.transform(y)).dtype() == f32);
  CHECK(max(abs(scaler.inverse_transform(scaler.transform(y)) / y - 1.0f)).item() < 1e-5);
}

TEST_CASE("statistics are taken in double") {
  // In float, 2^24 + 1 is 2^24, and a sum of squares would lose the deviations altogether.
  const Tensor x = tensor({{16777216}, {16777218}, {16777220}});
  const auto scaler = StandardScaler::fit(x);
  CHECK(scaler.mean().item() == 16777218.0);
  CHECK(scaler.std().item() == doctest::Approx(std::sqrt(8.0 / 3.0)).epsilon(1e-12));
}

TEST_CASE_TEMPLATE("columns near the ends of f64's range are scaled as others are", Scaler, StandardScaler,
                   MinMaxScaler) {
  Generator generator(2);
  const Tensor x = randn({50, 1}, f64, generator) + 3.0;
  const Tensor expected = Scaler::fit(x).transform(x);
  for (const double size : {1e160, 1e200, 1e307, 1e-160, 1e-200, 1e-300}) {
    const Tensor all = concat({x * size, x, x * size}, 1);
    const auto scaler = Scaler::fit(all);
    const Tensor scaled = scaler.transform(all);
    CAPTURE(size);
    CHECK(largest_difference(scaled, concat({expected, expected, expected}, 1)) < 1e-13);
    CHECK(max(abs(scaler.inverse_transform(scaled) / all - 1.0)).item() < 1e-13);
    CHECK(scaler.state_dict().at("scale").at({0}) == doctest::Approx(scaler.state_dict().at("scale").at({1}) * size));
    CHECK(Scaler::fit(full({4, 1}, size, f64)).state_dict().at("scale").item() == 1.0);  // a constant column
  }
  CHECK_THROWS_WITH_AS(Scaler::fit(tensor({{0.0, 1.7e308}, {0.0, -1.7e308}}, f64)),
                       Contains("Scaler: fit: column 1 spans more than f64 can hold"), std::invalid_argument);
}

TEST_CASE("StandardScaler keeps its digits far from 0") {
  Generator generator(3);
  const Tensor x = floor_to(randn({1000, 2}, f64, generator), 1.0 / 1024), far = x + 1e12;  // which is exact
  const auto near = StandardScaler::fit(x), scaler = StandardScaler::fit(far);
  CHECK(largest_difference(scaler.std(), near.std()) < 1e-12);
  CHECK(largest_difference(scaler.transform(far), near.transform(x)) < 1e-3);  // the mean is a number of 16 digits
}

TEST_CASE("targets of one column can be scaled") {
  const auto scaler = StandardScaler::fit(tensor({{1}, {3}}));
  CHECK(bitwise_equal(scaler.transform(tensor({{1}, {3}, {4}})), tensor({{-1}, {1}, {2}})));
}

TEST_CASE_TEMPLATE("a scaler is saved and loaded", Scaler, StandardScaler, MinMaxScaler) {
  const Tensor x = tensor({{1, 10}, {3, 10}, {5, 40}});
  const auto scaler = Scaler::fit(x);
  Scaler fresh;
  fresh.load_state_dict(scaler.state_dict());
  CHECK(bitwise_equal(fresh.transform(x), scaler.transform(x)));
  Scaler other = Scaler::fit(x * 2.0);
  other.load_state_dict(scaler.state_dict());
  CHECK(bitwise_equal(other.transform(x), scaler.transform(x)));

  auto state = scaler.state_dict();
  state.at("scale").fill(7.0);
  CHECK(bitwise_equal(fresh.transform(x), scaler.transform(x)));  // a state is a copy
}

TEST_CASE("states that do not fit are refused and change nothing") {
  auto scaler = StandardScaler::fit(tensor({{1, 10}, {3, 20}}));
  const auto before = scaler.state_dict();
  CHECK_THROWS_WITH_AS(scaler.load_state_dict(MinMaxScaler::fit(ones({2, 2})).state_dict()),
                       Contains("StandardScaler: missing mean; unexpected min"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(scaler.load_state_dict(StandardScaler::fit(ones({2, 3})).state_dict()), Contains("expected (2)"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(StandardScaler().load_state_dict({{"scale", ones({2}, f64)}}), Contains("missing mean"),
                       std::invalid_argument);
  CHECK_THROWS_AS(StandardScaler().load_state_dict({{"mean", ones({3}, f64)}, {"scale", ones({2}, f64)}}),
                  std::invalid_argument);
  CHECK(bitwise_equal(scaler.state_dict().at("mean"), before.at("mean")));
}

TEST_CASE("scalers refuse what they cannot scale, by name") {
  CHECK_THROWS_WITH_AS(StandardScaler::fit(ones({3})), "StandardScaler: fit needs (rows, features), got (3)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(MinMaxScaler::fit(ones({0, 3})), "MinMaxScaler: fit needs (rows, features), got (0, 3)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(MinMaxScaler::fit(ones({2, 2}, u8)),
                       "MinMaxScaler: fit: needs a floating tensor (f32 or f64), got u8", DTypeError);
  const double inf = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(StandardScaler::fit(tensor({{1, 2}, {1, inf}})),
                       "StandardScaler: fit: column 1 holds a value that is not finite", std::invalid_argument);

  const auto scaler = StandardScaler::fit(tensor({{1, 10}, {3, 20}}));
  CHECK_THROWS_WITH_AS(scaler.transform(ones({2, 3})), "StandardScaler: transform needs (rows, 2), got (2, 3)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(scaler.inverse_transform(ones({2})),
                       "StandardScaler: inverse_transform needs (rows, 2), got (2)", ShapeError);
  CHECK_THROWS_WITH_AS(scaler.transform(ones({2, 2}, i64)),
                       "StandardScaler: transform: needs a floating tensor (f32 or f64), got i64", DTypeError);
  CHECK_THROWS_WITH_AS(MinMaxScaler().transform(ones({2, 2})), "MinMaxScaler: transform before fit", std::logic_error);
}
