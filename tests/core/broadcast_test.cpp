#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>

#include "reference.hpp"

using namespace ravine;

namespace {

struct Shapes {
  Shape a, b, result;
};

// Scalar, row, column, both ways, different ranks, a size of 1 in the middle, sizes of 0, long runs.
const std::vector<Shapes> broadcasts = {
    {{}, {}, {}},
    {{}, {3}, {3}},
    {{2, 3}, {}, {2, 3}},
    {{1}, {}, {1}},
    {{1, 1}, {1}, {1, 1}},
    {{1}, {4}, {4}},
    {{5}, {1, 1}, {1, 5}},
    {{2, 3}, {2, 3}, {2, 3}},
    {{2, 3}, {3}, {2, 3}},
    {{3}, {2, 3}, {2, 3}},
    {{2, 3}, {1, 3}, {2, 3}},
    {{2, 3}, {2, 1}, {2, 3}},
    {{2, 1}, {2, 3}, {2, 3}},
    {{2, 1}, {1, 3}, {2, 3}},
    {{1, 3}, {2, 1}, {2, 3}},
    {{4, 1, 3}, {2, 1}, {4, 2, 3}},
    {{2, 1, 3}, {2, 4, 3}, {2, 4, 3}},
    {{2, 4, 3}, {2, 1, 3}, {2, 4, 3}},
    {{2, 3, 4}, {1, 3, 1}, {2, 3, 4}},
    {{2, 3, 4, 5}, {3, 1, 5}, {2, 3, 4, 5}},
    {{2, 1, 4, 1}, {3, 1, 5}, {2, 3, 4, 5}},
    {{2, 1, 1, 3}, {2, 2, 2, 3}, {2, 2, 2, 3}},
    {{3, 1, 1}, {1, 4, 1}, {3, 4, 1}},
    {{1, 2, 1, 2, 1, 2, 1, 2}, {2, 1, 2, 1, 2, 1, 2, 1}, {2, 2, 2, 2, 2, 2, 2, 2}},
    {{0}, {1}, {0}},
    {{0}, {}, {0}},
    {{2, 0}, {1}, {2, 0}},
    {{2, 0, 3}, {3}, {2, 0, 3}},
    {{1, 0}, {4, 1}, {4, 0}},
    {{0, 3}, {1, 3}, {0, 3}},
    {{300, 67}, {67}, {300, 67}},
    {{130, 1}, {1, 131}, {130, 131}},
    {{20000, 2}, {2}, {20000, 2}},
    {{20000, 1}, {20000, 3}, {20000, 3}},
    {{700, 1}, {63}, {700, 63}},
    {{40, 1, 50}, {40, 30, 50}, {40, 30, 50}},
    {{40, 30, 7}, {30, 1}, {40, 30, 7}},
    {{2, 300, 1, 5}, {300, 9, 5}, {2, 300, 9, 5}},
    {{40000}, {1}, {40000}},
};

struct Binary {
  const char* name;
  std::function<Tensor(const Tensor&, const Tensor&)> op;
  double (*exact)(double, double);
};

const std::vector<Binary> arithmetic = {
    {"add", [](auto& a, auto& b) { return a + b; }, [](double x, double y) { return x + y; }},
    {"sub", [](auto& a, auto& b) { return a - b; }, [](double x, double y) { return x - y; }},
    {"mul", [](auto& a, auto& b) { return a * b; }, [](double x, double y) { return x * y; }},
    {"maximum", [](auto& a, auto& b) { return maximum(a, b); }, [](double x, double y) { return std::max(x, y); }},
    {"minimum", [](auto& a, auto& b) { return minimum(a, b); }, [](double x, double y) { return std::min(x, y); }},
};
const std::vector<Binary> floating = {
    {"div", [](auto& a, auto& b) { return a / b; }, [](double x, double y) { return x / y; }},
    {"pow", [](auto& a, auto& b) { return pow(a, b); }, [](double x, double y) { return std::pow(x, y); }},
};
const std::vector<Binary> comparisons = {
    {"eq", [](auto& a, auto& b) { return eq(a, b); }, [](double x, double y) { return x == y ? 1.0 : 0.0; }},
    {"ne", [](auto& a, auto& b) { return ne(a, b); }, [](double x, double y) { return x != y ? 1.0 : 0.0; }},
    {"lt", [](auto& a, auto& b) { return lt(a, b); }, [](double x, double y) { return x < y ? 1.0 : 0.0; }},
    {"le", [](auto& a, auto& b) { return le(a, b); }, [](double x, double y) { return x <= y ? 1.0 : 0.0; }},
    {"gt", [](auto& a, auto& b) { return gt(a, b); }, [](double x, double y) { return x > y ? 1.0 : 0.0; }},
    {"ge", [](auto& a, auto& b) { return ge(a, b); }, [](double x, double y) { return x >= y ? 1.0 : 0.0; }},
};

void check_all(const std::vector<Binary>& ops, DType dtype, const std::function<Tensor(const Shape&, int)>& make) {
  for (const Binary& op : ops)
    for (const Shapes& s : broadcasts) {
      const Tensor a = make(s.a, 1), b = make(s.b, 2), y = op.op(a, b);
      INFO(std::string(op.name), " of ", to_string(s.a), " and ", to_string(s.b));
      CHECK(y.shape() == s.result);
      CHECK(worst_error(y, broadcast_loop(a, b, s.result, op.exact)) <= rounding(dtype));
    }
}

}  // namespace

TEST_CASE("every kind of broadcasting agrees with a plain loop") {
  for (const DType dtype : {f32, f64}) {
    const auto positive = [&](const Shape& shape, int seed) { return random_between(0.5, 2.0, shape, dtype, seed); };
    check_all(arithmetic, dtype, positive);
    check_all(floating, dtype, positive);
    const auto few = [&](const Shape& shape, int seed) {
      Generator generator(seed);
      return randint(0, 3, shape, generator).to(dtype);
    };
    check_all(comparisons, dtype, few);
  }
}

TEST_CASE("integers broadcast as well") {
  for (const DType dtype : {i64, u8}) {
    const auto small = [&](const Shape& shape, int seed) {
      Generator generator(seed);
      return randint(seed == 1 ? 3 : 0, seed == 1 ? 9 : 4, shape, generator).to(dtype);  // a >= b: no wrapping
    };
    check_all(arithmetic, dtype, small);
    check_all(comparisons, dtype, small);
  }
}

TEST_CASE("where broadcasts three operands") {
  const Shape shapes[][4] = {{{2, 3}, {2, 3}, {2, 3}, {2, 3}},    {{3}, {2, 1}, {}, {2, 3}},
                             {{2, 1}, {3}, {1, 3}, {2, 3}},       {{}, {2, 3}, {3}, {2, 3}},
                             {{2, 1, 1}, {3, 1}, {4}, {2, 3, 4}}, {{0}, {1}, {}, {0}}};
  for (const auto& s : shapes)
    for (const DType dtype : {f32, i64}) {
      Generator generator(4);
      const Tensor condition = randint(0, 2, s[0], generator).to(u8), a = randint(0, 99, s[1], generator).to(dtype),
                   b = randint(-99, 0, s[2], generator).to(dtype), y = where(condition, a, b);
      REQUIRE(y.shape() == s[3]);
      const Tensor pass = ones(s[3]);  // broadcasts one operand at a time
      const auto spread = [&](const Tensor& x) {
        return broadcast_loop(x, pass, s[3], [](double v, double) { return v; });
      };
      const std::vector<double> m = spread(condition), p = spread(a), q = spread(b);
      std::vector<double> expected;
      for (std::size_t i = 0; i < m.size(); ++i) expected.push_back(m[i] != 0 ? p[i] : q[i]);
      CHECK(values(y) == expected);
    }
}

TEST_CASE("shapes that do not broadcast are refused") {
  CHECK_THROWS_WITH_AS(ones({2, 3}) + ones({2}), "add: shapes (2, 3) and (2) do not broadcast", ShapeError);
  CHECK_THROWS_WITH_AS(ones({4}) * ones({3, 1, 5}), "mul: shapes (4) and (3, 1, 5) do not broadcast", ShapeError);
  CHECK_THROWS_WITH_AS(lt(ones({0}), ones({2})), "lt: shapes (0) and (2) do not broadcast", ShapeError);
  CHECK_THROWS_WITH_AS(where(ones({2}, u8), ones({3}), ones({3})), "where: shapes (2) and (3) do not broadcast",
                       ShapeError);
}

TEST_CASE("views that begin anywhere in their storage") {
  for (const DType dtype : {f32, f64}) {
    const Tensor storage = random_between(0.5, 2.0, {100}, dtype);
    for (const Index offset : {1, 3, 5, 7, 13}) {
      const Tensor a = storage.slice(0, offset, offset + 30), b = storage.slice(0, offset + 2, offset + 32);
      CHECK(bitwise_equal(a * b, a.clone() * b.clone()));
      CHECK(bitwise_equal(exp(a), exp(a.clone())));
      const Tensor row = storage.slice(0, offset, offset + 6), matrix = a.reshape({5, 6});
      CHECK(bitwise_equal(matrix / row, matrix.clone() / row.clone()));
      CHECK(bitwise_equal(gt(matrix, row), gt(matrix.clone(), row.clone())));
    }
  }
}

TEST_CASE("where along short runs: the condition has bytes, the others wider elements") {
  for (const DType dtype : {f32, f64, i64, u8})
    for (const Index columns : {1, 3, 10, 63, 64}) {
      const Index rows = 1500;
      const Tensor condition = gt(random_tensor({rows, 1}, f32), 0.0);
      const Tensor a = (random_between(0.0, 100.0, {rows, columns}, f64, 2)).to(dtype);
      const Tensor b = (random_between(0.0, 100.0, {columns}, f64, 3)).to(dtype);
      const Tensor y = where(condition, a, b);
      std::vector<double> expected;
      for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < columns; ++j) expected.push_back(condition.at({i, 0}) != 0.0 ? a.at({i, j}) : b.at({j}));
      CAPTURE(columns);
      CHECK(values(y) == expected);
    }
}
