#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <numeric>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>

using namespace ravine;

namespace {

using List = std::vector<double>;
using Words = std::array<std::uint32_t, 4>;

List values(const Tensor& x) { return x.to_vector<double>(); }

/// The mean of f over the values.
template <class F>
double average(const List& x, F f) {
  double sum = 0.0;
  for (const double value : x) sum += f(value);
  return sum / static_cast<double>(x.size());
}

/// Kolmogorov and Smirnov's statistic times the root of the count: above 1.95 once in a thousand samples.
template <class F>
double kolmogorov_smirnov(List x, F cumulative) {
  std::sort(x.begin(), x.end());
  const auto n = static_cast<double>(x.size());
  double distance = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = cumulative(x[i]), below = static_cast<double>(i) / n;
    distance = std::max({distance, expected - below, below + 1 / n - expected});
  }
  return distance * std::sqrt(n);
}

double normal_cumulative(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

/// Sum of (count - expected)^2 / expected over cells of one expectation.
double chi_square(const std::vector<int>& counts) {
  const double expected = std::accumulate(counts.begin(), counts.end(), 0.0) / static_cast<double>(counts.size());
  double sum = 0.0;
  for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

double correlation(const List& x, const List& y) {
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum / static_cast<double>(x.size());
}

}  // namespace

TEST_CASE("philox4x32 gives the known answers of its authors") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a generator is a seed and a position") {
  Generator generator(0x299f31d0a4093822);
  CHECK(generator.seed() == 0x299f31d0a4093822);
  CHECK(generator.position() == 0);
  CHECK(generator.block(0x85a308d3243f6a88) == philox4x32({0x243f6a88, 0x85a308d3, 0, 0}, {0xa4093822, 0x299f31d0}));

  generator.set(0);
  CHECK(generator.next() == 0xe169c58d6627e8d5);  // the first two words of the known answer
  CHECK(generator.position() == 1);
  CHECK(generator.reserve(5) == 1);
  CHECK(generator.position() == 6);
  generator.set(0);
  CHECK(generator.next_uniform() == static_cast<double>(0xe169c58d6627e8d5 >> 11) * 0x1p-53);
}

TEST_CASE("next_below covers its range evenly") {
  Generator generator(3);
  std::vector<int> counts(6);
  for (int i = 0; i < 60000; ++i) ++counts.at(static_cast<std::size_t>(generator.next_below(6)));
  CHECK(chi_square(counts) < 20.5);  // 5 degrees of freedom, once in a thousand
  CHECK(generator.next_below(1) == 0);
  CHECK_THROWS_WITH_AS(generator.next_below(0), "Generator: bound must be > 0, got 0", std::invalid_argument);
}

TEST_CASE("a generator's state travels") {
  Generator generator(0xfedcba9876543210);
  uniform({10}, 0, 1, generator);
  const StateDict state = generator.state_dict();
  Generator other;
  other.load_state_dict(state);
  CHECK(other.seed() == 0xfedcba9876543210);
  CHECK(other.position() == 3);
  CHECK(other.next() == generator.next());
  CHECK_THROWS_WITH_AS(other.load_state_dict({{"seed", scalar(1, i64)}}),
                       "Generator::load_state_dict: missing position", std::invalid_argument);
}

TEST_CASE("each thread has a default generator with seed 0") {
  manual_seed(0);
  const List first = values(randn({5}));
  manual_seed(17);
  CHECK(values(randn({5})) != first);
  CHECK(default_generator().seed() == 17);
  List other;
  std::thread([&] { other = values(randn({5})); }).join();
  CHECK(other == first);
  CHECK(default_generator().seed() == 17);
  manual_seed(0);
  CHECK(values(randn({5})) == first);
}

TEST_CASE("an element depends on the seed, the position and its index only") {
  const Index n = 200001;
  for (const DType dtype : {f32, f64}) {
    CAPTURE(name(dtype));
    const Index per_block = dtype == f32 ? 4 : 2;
    Generator whole(9), part(9), two(9);
    const Tensor x = randn({n}, dtype, whole), u = uniform({n}, -1, 1, dtype, two);
    CHECK(whole.position() == static_cast<std::uint64_t>((n + per_block - 1) / per_block));
    CHECK(bitwise_equal(randn({7}, dtype, part), x.slice(0, 0, 7)));
    for (const Index block : {Index{100}, Index{8191}, Index{8192}, Index{40000}}) {
      part.set(9, static_cast<std::uint64_t>(block));
      CHECK(bitwise_equal(randn({9}, dtype, part), x.slice(0, block * per_block, block * per_block + 9)));
      part.set(9, static_cast<std::uint64_t>(block));
      CHECK(bitwise_equal(uniform({9}, -1, 1, dtype, part), u.slice(0, block * per_block, block * per_block + 9)));
    }
  }
  Generator whole(9), part(9);
  const Tensor x = randint(0, 1000, {n}, whole);
  CHECK(whole.position() == static_cast<std::uint64_t>(n));
  part.set(9, 70000);
  CHECK(bitwise_equal(randint(0, 1000, {9}, part), x.slice(0, 70000, 70009)));
}

TEST_CASE("the stream is the same on every machine") {
  Generator generator(42);
  CHECK(randn({4}, generator).to_vector<float>() ==
        std::vector<float>{-0x1.f0bcb8p-1f, 0x1.8d59dp-3f, -0x1.3c51a6p+0f, 0x1.ec8678p+0f});
  CHECK(values(randn({2}, f64, generator)) == List{-0x1.6f135c80fefccp+0, 0x1.b16fd5e6389c4p-2});
  CHECK(uniform({4}, -1, 1, generator).to_vector<float>() ==
        std::vector<float>{0x1.4db008p-1f, 0x1.443ae8p-2f, 0x1.a4d6dp-3f, 0x1.182694p-1f});
  CHECK(values(uniform({2}, -1, 1, f64, generator)) == List{0x1.5d786d5dd638p-2, -0x1.ef1980869e1bp-3});
  CHECK(values(randint(0, 1000, {4}, generator)) == List{235, 40, 182, 181});
  CHECK(values(permutation(6, generator)) == List{3, 0, 1, 4, 5, 2});
}

TEST_CASE("randn is Box and Muller's transform of the stream's words") {
  Generator generator(5);
  const List single = values(randn({4000}, generator)), twice = values(randn({4000}, f64, generator));
  double worst_single = 0.0, worst_double = 0.0;
  const auto deviation = [](double u, double turns, double a, double b) {
    const double radius = std::sqrt(-2 * std::log(u)), angle = 2 * std::numbers::pi * turns;
    return std::max(std::abs(a - radius * std::cos(angle)), std::abs(b - radius * std::sin(angle)));
  };
  for (std::size_t i = 0; i < 4000; i += 2) {
    const Words s = generator.block(i / 4), d = generator.block(1000 + i / 2);
    worst_single = std::max(
        worst_single, deviation(((s[i % 4] >> 1) + 0.5) * 0x1p-31, s[i % 4 + 1] * 0x1p-32, single[i], single[i + 1]));
    const auto join = [](std::uint32_t low, std::uint32_t high) { return low | std::uint64_t{high} << 32; };
    worst_double =
        std::max(worst_double, deviation((static_cast<double>(join(d[0], d[1]) >> 1) + 0.5) * 0x1p-63,
                                         static_cast<double>(join(d[2], d[3])) * 0x1p-64, twice[i], twice[i + 1]));
  }
  CHECK(worst_single < 6e-7);
  CHECK(worst_double < 4e-15);
}

TEST_CASE("randn of a word of zeros is finite, and the largest there is") {
  Generator generator(0);
  generator.set(0, 3230741590);
  REQUIRE(generator.block(3230741590)[2] == 0);
  const List x = values(randn({4}, generator));
  CHECK(std::hypot(x[2], x[3]) == doctest::Approx(std::sqrt(64 * std::numbers::ln2)).epsilon(1e-6));
}

TEST_CASE("randn has the moments and the shape of the normal distribution") {
  for (const DType dtype : {f32, f64}) {
    CAPTURE(name(dtype));
    Generator generator(11);
    const List x = values(randn({1000, 1000}, dtype, generator));
    // Four standard deviations of each estimate from a million samples.
    CHECK(average(x, [](double v) { return v; }) == doctest::Approx(0).scale(1).epsilon(0.004));
    CHECK(average(x, [](double v) { return v * v; }) == doctest::Approx(1).epsilon(0.0057 / 2));
    CHECK(average(x, [](double v) { return v * v * v; }) == doctest::Approx(0).scale(1).epsilon(0.0155));
    CHECK(average(x, [](double v) { return v * v * v * v; }) == doctest::Approx(3).scale(0).epsilon(0.0392 / 3));
    CHECK(kolmogorov_smirnov(x, normal_cumulative) < 1.95);
    // Tails: both sides beyond 3 and beyond 4.
    CHECK(average(x, [](double v) { return v > 3; }) == doctest::Approx(0.00134990).scale(0).epsilon(0.11));
    CHECK(average(x, [](double v) { return v < -3; }) == doctest::Approx(0.00134990).scale(0).epsilon(0.11));
    CHECK(average(x, [](double v) { return std::abs(v) > 4; }) == doctest::Approx(6.334e-5).scale(0).epsilon(0.5));
    CHECK(std::all_of(x.begin(), x.end(), [](double v) { return std::abs(v) < 6.7; }));
  }
}

TEST_CASE("uniform has the moments and the shape of the uniform distribution") {
  for (const DType dtype : {f32, f64}) {
    CAPTURE(name(dtype));
    Generator generator(12);
    const List x = values(uniform({1000000}, -1, 3, dtype, generator));
    CHECK(average(x, [](double v) { return v; }) == doctest::Approx(1).scale(0).epsilon(0.0047));
    CHECK(average(x, [](double v) { return (v - 1) * (v - 1); }) == doctest::Approx(4.0 / 3).scale(0).epsilon(0.0036));
    CHECK(kolmogorov_smirnov(x, [](double v) { return (v + 1) / 4; }) < 1.95);
    CHECK(*std::min_element(x.begin(), x.end()) >= -1);
    CHECK(*std::max_element(x.begin(), x.end()) < 3);
  }
}

TEST_CASE("uniform uses 24 bits for f32 and 53 for f64") {
  const auto odd_multiples = [](const List& x, double unit) {
    int odd = 0;
    for (const double value : x) {
      REQUIRE(std::floor(value / unit) == value / unit);
      odd += std::fmod(value / unit, 2) == 1;
    }
    return odd;
  };
  Generator generator(13);
  CHECK(odd_multiples(values(uniform({1000}, 0, 1, generator)), 0x1p-24) ==
        doctest::Approx(500).scale(0).epsilon(0.13));
  CHECK(odd_multiples(values(uniform({1000}, 0, 1, f64, generator)), 0x1p-53) ==
        doctest::Approx(500).scale(0).epsilon(0.13));
}

TEST_CASE("uniform stays below its upper bound when it is rounded") {
  Generator generator(14);
  struct Range {
    double low, high;
  };
  for (const Range range :
       {Range{1, 1 + 0x1p-22}, Range{16777214, 16777216}, Range{-1, -1 + 0x1p-23}, Range{0.1, 0.3}, Range{-5, -0.7}}) {
    CAPTURE(range.low);
    const List x = values(uniform({100000}, range.low, range.high, generator));
    CHECK(*std::max_element(x.begin(), x.end()) < range.high);
    CHECK(*std::min_element(x.begin(), x.end()) == doctest::Approx(range.low).epsilon(1e-5));
  }
  const List narrow = values(uniform({10000}, 1, 1 + 0x1p-51, f64, generator));
  CHECK(*std::max_element(narrow.begin(), narrow.end()) < 1 + 0x1p-51);
  CHECK(values(uniform({3}, 2, 2, generator)) == List{2, 2, 2});
}

TEST_CASE("random tensors refuse what makes no sense") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(uniform({2}, 1, 0), "uniform: needs finite low <= high, got 1 and 0", std::invalid_argument);
  CHECK_THROWS_AS(uniform({2}, 0, inf), std::invalid_argument);
  CHECK_THROWS_AS(uniform({2}, std::nan(""), 1), std::invalid_argument);
  CHECK_THROWS_AS(uniform({2}, 0, 1e300, f32), std::invalid_argument);
  CHECK_NOTHROW(uniform({2}, 0, 1e300, f64));
  CHECK_THROWS_WITH_AS(uniform({2}, 0, 1, u8), doctest::Contains("uniform: needs a floating tensor"), DTypeError);
  CHECK_THROWS_WITH_AS(randn({2}, i64), doctest::Contains("randn: needs a floating tensor"), DTypeError);
  CHECK_THROWS_AS(randn({-1}), ShapeError);
  CHECK_THROWS_WITH_AS(randint(3, 3, {2}), "randint: low must be below high, got 3 and 3", std::invalid_argument);
  CHECK_THROWS_WITH_AS(permutation(-1), "permutation: n must be >= 0, got -1", std::invalid_argument);
}

TEST_CASE("streams of different seeds, and neighbours in one stream, are not correlated") {
  const Index n = 200000;
  const double bound = 4 / std::sqrt(static_cast<double>(n));
  Generator one(1), two(2), far(std::uint64_t{1} << 32);
  const List a = values(randn({n}, one));
  CHECK(std::abs(correlation(a, values(randn({n}, two)))) < bound);
  CHECK(std::abs(correlation(a, values(randn({n}, far)))) < bound);
  CHECK(std::abs(correlation(a, values(randn({n}, one)))) < bound);  // the stream's next piece
  for (const std::ptrdiff_t lag : {1, 2, 3, 4, 5, 8, 256}) {
    CAPTURE(lag);
    CHECK(std::abs(correlation(List(a.begin(), a.end() - lag), List(a.begin() + lag, a.end()))) < bound);
  }
  // Neither are the sizes of the two samples of one radius.
  List first, second;
  for (std::size_t i = 0; i < a.size(); i += 2) {
    first.push_back(a[i] * a[i] - 1);
    second.push_back(a[i + 1] * a[i + 1] - 1);
  }
  CHECK(std::abs(correlation(first, second)) < 2 * 4 / std::sqrt(static_cast<double>(first.size())));
}

TEST_CASE("randint is even over its range") {
  Generator generator(15);
  const Tensor x = randint(-3, 7, {100000}, generator);
  CHECK(x.dtype() == i64);
  std::vector<int> counts(10);
  for (const Index value : x.to_vector<Index>()) ++counts.at(static_cast<std::size_t>(value + 3));
  CHECK(chi_square(counts) < 27.9);  // 9 degrees of freedom, once in a thousand

  // A range of three quarters of 2^64: a remainder of 64 bits would favour its first third, a scaled product of 64 bits
  // every third value.
  constexpr Index least = std::numeric_limits<Index>::min();
  std::vector<int> thirds(3), rests(3);
  for (const Index value : randint(least, Index{1} << 62, {30000}, generator).to_vector<Index>()) {
    REQUIRE(value < Index{1} << 62);
    const std::uint64_t distance = static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(least);
    ++thirds.at(distance >> 62);
    ++rests.at(distance % 3);
  }
  CHECK(chi_square(thirds) < 13.8);  // 2 degrees of freedom, once in a thousand
  CHECK(chi_square(rests) < 13.8);
  CHECK(values(randint(5, 6, {3})) == List{5, 5, 5});
}

TEST_CASE("a permutation is Fisher and Yates's shuffle by numbers below each bound") {
  for (const Index n : {2, 33, 1024, 1025, 1026, 5000}) {
    Generator generator(21), again(21);
    std::vector<Index> expected = arange(n, i64).to_vector<Index>();
    for (Index i = n - 1; i > 0; --i)
      std::swap(expected[static_cast<std::size_t>(i)], expected[static_cast<std::size_t>(again.next_below(i + 1))]);
    CHECK(permutation(n, generator).to_vector<Index>() == expected);
    CHECK(generator.position() == again.position());
  }
}

TEST_CASE("permutation: every order, equally often") {
  Generator generator(16);
  std::vector<Index> long_one = permutation(1000, generator).to_vector<Index>();
  CHECK(generator.position() == 999);
  CHECK_FALSE(std::is_sorted(long_one.begin(), long_one.end()));
  std::sort(long_one.begin(), long_one.end());
  CHECK(long_one == arange(1000, i64).to_vector<Index>());

  std::vector<int> counts(6);
  for (int i = 0; i < 60000; ++i) {
    const std::vector<Index> p = permutation(3, generator).to_vector<Index>();
    ++counts.at(static_cast<std::size_t>(2 * p[0] + (p[1] > p[2])));
  }
  CHECK(chi_square(counts) < 20.5);
  CHECK(permutation(0).shape() == Shape{0});
  CHECK(values(permutation(1)) == List{0});
}
