#include <ravine/core/gemm.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/core/kernels/kernels.hpp>

#include "reference.hpp"

using namespace ravine;

namespace {

struct Product {
  bool transpose_a, transpose_b;
  Index m, n, k;
};

/// oneDNN, where the library is built with it, sums large f32 products as their shape has it.
bool by_onednn([[maybe_unused]] const Product& p, [[maybe_unused]] DType dtype) {
#if RAVINE_WITH_ONEDNN
  return dtype == f32 && p.m * p.n * p.k >= 1 << 20;
#else
  return false;
#endif
}

std::string describe(const Product& p, DType dtype) {
  return std::string(p.transpose_a ? "T" : "N") + (p.transpose_b ? "T" : "N") + " " + to_string(Shape{p.m, p.n, p.k}) +
         " " + name(dtype);
}

struct Operands {
  Tensor a, b, bias;

  Operands(const Product& p, DType dtype)
      : a(random_tensor(p.transpose_a ? Shape{p.k, p.m} : Shape{p.m, p.k}, dtype, 1)),
        b(random_tensor(p.transpose_b ? Shape{p.n, p.k} : Shape{p.k, p.n}, dtype, 2)),
        bias(random_tensor({p.n}, dtype, 3)) {}
};

/// The product in memory that held something else, with guards around it that must stay.
Tensor multiply(const Product& p, const Operands& in, bool with_bias) {
  constexpr Index guard = 32;
  Tensor c = full({p.m * p.n + 2 * guard}, nan_value, in.a.dtype());
  detail::visit_floating("gemm", in.a.dtype(), [&](auto type) {
    using T = decltype(type);
    detail::gemm<T>(p.transpose_a, p.transpose_b, p.m, p.n, p.k, in.a.raw<T>(), in.b.raw<T>(), c.raw<T>() + guard,
                    with_bias ? in.bias.raw<T>() : nullptr);
  });
  for (const Index at : {Index{0}, guard - 1, guard + p.m * p.n, p.m * p.n + 2 * guard - 1})
    if (!std::isnan(c.at({at}))) FAIL("gemm wrote outside its result");
  return c.slice(0, guard, guard + p.m * p.n).reshape({p.m, p.n});
}

/// Without the bias. By pointers, which sanitizers do not slow down as much as indices.
std::vector<double> product_loop(const Product& p, const Operands& in) {
  const std::vector<double> a = values(in.a), b = values(in.b);
  const double *x = a.data(), *y = b.data();
  const Index a_step = p.transpose_a ? p.m : 1, b_step = p.transpose_b ? 1 : p.n;
  std::vector<double> c;
  for (Index i = 0; i < p.m; ++i)
    for (Index j = 0; j < p.n; ++j) {
      const Index a_begin = p.transpose_a ? i : i * p.k, b_begin = p.transpose_b ? j * p.k : j;
      double total = 0.0;
      for (Index q = 0; q < p.k; ++q) total += x[a_begin + q * a_step] * y[b_begin + q * b_step];
      c.push_back(total);
    }
  return c;
}

int compared = 0;

void check(const Product& p, DType dtype) {
  const Operands in(p, dtype);
  const double tolerance = rounding(dtype) * (4 + static_cast<double>(p.k));
  std::vector<double> expected = product_loop(p, in);
  const std::vector<double> bias = values(in.bias);
  for (const bool with_bias : {false, true}) {
    ++compared;
    if (with_bias)
      for (std::size_t at = 0; at < expected.size(); ++at) expected[at] += bias[at % bias.size()];
    const double worst = worst_error(multiply(p, in, with_bias), expected);
    if (!(worst <= tolerance))
      FAIL_CHECK(describe(p, dtype) << std::string(with_bias ? " + bias" : "") << " is off by " << worst);
  }
}

void check_everywhere(Index m, Index n, Index k) {
  for (const bool transpose_a : {false, true})
    for (const bool transpose_b : {false, true})
      for (const DType dtype : {f32, f64}) check({transpose_a, transpose_b, m, n, k}, dtype);
}

}  // namespace

TEST_CASE("products of many shapes agree with a double loop") {
  compared = 0;
  const Index edges[] = {1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33};
  for (const Index m : edges)
    for (const Index n : edges)
      for (const Index k : {Index{1}, Index{4}, Index{17}}) check_everywhere(m, n, k);
  for (const Index m : {1, 7, 64})
    for (const Index n : {1, 33, 63, 64, 65})
      for (const Index k : {0, 2, 8, 31, 63, 64, 65, 100, 127, 128, 129, 300}) check_everywhere(m, n, k);
  MESSAGE(compared << " products compared");
}

TEST_CASE("a few rows, or a few columns of a transposed A, by an operand with long rows") {
  for (const auto& [m, n, k] : {std::array<Index, 3>{1, 300, 70},
                                {4, 1100, 33},
                                {4, 512, 130},
                                {4, 1024, 130},
                                {3, 257, 1},
                                {2, 1100, 2000},
                                {16, 50, 2100},
                                {5, 16, 130},
                                {300, 1, 70},
                                {1100, 4, 33},
                                {259, 3, 1040},
                                {100, 7, 150},
                                {2, 100, 2700}})
    check_everywhere(m, n, k);
}

TEST_CASE("products that are cut into tiles, with packed operands and without") {
  for (const auto& [m, n, k] : {std::array<Index, 3>{100, 100, 100},
                                {103, 101, 107},
                                {64, 129, 128},
                                {1, 1100, 1000},
                                {1100, 1, 1000},
                                {1030, 1025, 1},
                                {33, 257, 130},
                                {255, 257, 130},
                                {129, 513, 130},
                                {1100, 513, 10},
                                {700, 65, 200},
                                {61, 95, 1100},
                                {16, 1200, 500},
                                {2100, 33, 20},
                                {17, 2049, 40},
                                {16, 2120, 40},
                                {40, 150, 1100},
                                {2050, 17, 1030}})
    check_everywhere(m, n, k);
  check({true, false, 30000, 17, 75}, f32);  // a transposed A beyond the caches
}

TEST_CASE("the bits of a product do not depend on the number of threads") {
  for (const auto& [m, n, k] : {std::array<Index, 3>{100, 100, 100},
                                {64, 129, 128},
                                {65, 65, 300},
                                {130, 1, 9000},
                                {1, 129, 9000},
                                {255, 257, 130},
                                {257, 193, 65},
                                {300, 300, 300},
                                {40, 1025, 64},
                                {2100, 33, 20},
                                {3, 1100, 500},
                                {1100, 2, 500},
                                {100, 7, 1000},
                                {17, 2120, 40}})
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true})
        for (const DType dtype : {f32, f64}) {
          const Product p{transpose_a, transpose_b, m, n, k};
          const Operands in(p, dtype);
          INFO(describe(p, dtype));
          CHECK(same_bits_on_any_threads([&] { return multiply(p, in, true); }));
          CHECK(same_bits_on_any_threads([&] { return multiply(p, in, false); }));
        }
}

TEST_CASE("a row's bits do not depend on how many rows there are, nor on the path they take") {
  const Index most = 150;
  for (const Index n : {1, 2, 8, 17, 64, 65, 129, 530})
    for (const Index k : {1, 64, 200, 1100})
      for (const bool transpose_b : {false, true})
        for (const DType dtype : {f32, f64}) {
          const Product whole{false, transpose_b, most, n, k};
          if (by_onednn(whole, dtype)) continue;
          const Operands in(whole, dtype);
          INFO(describe(whole, dtype));
          const Tensor c = multiply(whole, in, true);
          bool same = true;
          for (const Index m : {1, 2, 3, 8, 9, 16, 31, 64, 99}) {
            Operands part = in;
            part.a = in.a.slice(0, most - m, most);
            same &= bitwise_equal(multiply({false, transpose_b, m, n, k}, part, true), c.slice(0, most - m, most));
          }
          CHECK(same);
        }
}

TEST_CASE("a transposed A gives the same bits, and so does a transposed B of short rows, but for single columns") {
  for (const Index m : {1, 9, 40, 300})
    for (const Index n : {2, 5, 33, 300})
      for (const Index k : {3, 95, 96, 150, 2100}) {
        if (by_onednn({false, false, m, n, k}, f32)) continue;
        const Operands in({false, false, m, n, k}, f32);
        const auto flip = [](const Tensor& x) {
          Tensor y(Shape{x.size(1), x.size(0)}, x.dtype());
          for (Index i = 0; i < x.size(0); ++i)
            for (Index j = 0; j < x.size(1); ++j) y.set({j, i}, x.at({i, j}));
          return y;
        };
        const Tensor c = multiply({false, false, m, n, k}, in, false);
        Operands other = in;
        other.b = flip(in.b);
        const Tensor by_rows = multiply({false, true, m, n, k}, other, false);
        if (k < 96) CHECK(bitwise_equal(by_rows, c));
        other.a = flip(in.a);
        CHECK(bitwise_equal(multiply({true, true, m, n, k}, other, false), by_rows));
        other.b = in.b;
        CHECK(bitwise_equal(multiply({true, false, m, n, k}, other, false), c));
      }
}

TEST_CASE("NaN and infinity go into the elements they belong to, and no further") {
  for (const bool transpose_b : {false, true})
    for (const auto& [m, n, k] : {std::array<Index, 3>{9, 20, 33}, {3, 300, 75}, {9, 20, 131}, {30, 33, 98}}) {
      const Product p{false, transpose_b, m, n, k};
      Operands in(p, f32);
      in.a.set({m / 2, k - 1}, nan_value);
      const Tensor c = multiply(p, in, true);
      for (Index i = 0; i < m; ++i)
        for (Index j = 0; j < n; ++j) CHECK(std::isnan(c.at({i, j})) == (i == m / 2));
    }
}
