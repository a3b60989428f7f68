// Initial values: their scale, and that they are written in place.
#include <doctest/doctest.h>

#include <cmath>

#include <ravine/core/core.hpp>
#include <ravine/nn/nn.hpp>
#include "../core/reference.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;
namespace init = nn::init;

namespace {

/// Standard deviation of all elements.
double spread(const Variable& v) { return std::sqrt(var(v.value().to(f64)).item()); }
double largest(const Variable& v) { return max(abs(v.value().to(f64))).item(); }

}  // namespace

TEST_CASE("constant, zeros, uniform and normal write into the parameter") {
  Generator generator(1);
  const Variable p = parameter(ones({100, 200}));
  const Tensor memory = p.value();
  init::constant(p, 2.5);
  CHECK(memory.at({99, 199}) == 2.5);
  init::zeros(p);
  CHECK(memory.at({99, 199}) == 0.0);
  init::uniform(p, 2.0, 4.0, generator);
  CHECK(min(memory).item() >= 2.0);
  CHECK(max(memory).item() < 4.0);
  CHECK(mean(memory).item() == Approx(3.0).epsilon(0.003));
  init::normal(p, -1.0, 0.5, generator);
  CHECK(mean(memory).item() == Approx(-1.0).epsilon(0.006));
  CHECK(spread(p) == Approx(0.5).epsilon(0.005));
  CHECK_THROWS_WITH_AS(init::normal(p, 0.0, -1.0), Contains("std must be >= 0, got -1"), std::invalid_argument);
}

TEST_CASE("xavier: gain sqrt(2 / (in + out))") {
  Generator generator(2);
  const Variable w = parameter(ones({300, 100}, f64));  // sqrt(2 / 400)
  init::xavier_normal(w, 3.0, generator);
  CHECK(spread(w) / (3.0 * 0.0707107) == Approx(1.0).epsilon(0.01));
  CHECK(largest(w) > 3.0 * 0.0707107 * 3.5);
  init::xavier_uniform(w, 3.0, generator);
  CHECK(spread(w) / (3.0 * 0.0707107) == Approx(1.0).epsilon(0.01));
  CHECK(largest(w) <= 3.0 * std::sqrt(6.0 / 400.0));
}

TEST_CASE("kaiming: sqrt(2 / ((1 + a^2) fan))") {
  Generator generator(3);
  const Variable w = parameter(ones({200, 50}));
  init::kaiming_normal(w, {}, generator);
  CHECK(spread(w) / std::sqrt(2.0 / 50.0) == Approx(1.0).epsilon(0.01));
  CHECK(largest(w) > 3.5 * std::sqrt(2.0 / 50.0));
  init::kaiming_normal(w, {.mode = init::Fan::out}, generator);
  CHECK(spread(w) / std::sqrt(2.0 / 200.0) == Approx(1.0).epsilon(0.01));
  init::kaiming_uniform(w, {}, generator);
  CHECK(spread(w) / std::sqrt(2.0 / 50.0) == Approx(1.0).epsilon(0.01));
  CHECK(largest(w) <= std::sqrt(6.0 / 50.0) * 1.000001);
  init::kaiming_uniform(w, {.a = std::sqrt(5.0)}, generator);  // how Linear starts
  CHECK(largest(w) <= 1.000001 / std::sqrt(50.0));
  CHECK(largest(w) > 0.99 / std::sqrt(50.0));
}

TEST_CASE("the same generator gives the same weights") {
  const Variable a = parameter(ones({4, 5})), b = parameter(ones({4, 5}));
  for (const auto f : {init::xavier_uniform, init::xavier_normal}) {
    Generator first(9), second(9);
    f(a, 1.0, first);
    f(b, 1.0, second);
    CHECK(bitwise_equal(a.value(), b.value()));
    f(b, 1.0, second);
    CHECK(!bitwise_equal(a.value(), b.value()));
  }
}

TEST_CASE("only a matrix has fans; an empty one is left alone") {
  const Variable bias = parameter(ones({3}));
  CHECK_THROWS_WITH_AS(init::xavier_uniform(bias), Contains("xavier_uniform: needs a weight (out, in), got (3)"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(init::xavier_normal(bias), Contains("xavier_normal"), ShapeError);
  CHECK_THROWS_WITH_AS(init::kaiming_uniform(bias), Contains("kaiming_uniform"), ShapeError);
  CHECK_THROWS_WITH_AS(init::kaiming_normal(bias), Contains("kaiming_normal"), ShapeError);
  CHECK_NOTHROW(init::kaiming_uniform(parameter(ones({3, 0}))));
}
