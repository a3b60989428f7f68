// Graphs of a million nodes: no recursion anywhere, and every node is visited once.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>

using namespace ravine;

namespace {

constexpr int deep = 1'000'000;

/// x + step, counting the calls of its pullback.
Variable counted(const Variable& x, double step, std::int64_t& calls) {
  return record("counted", x.value() + step, {{x, [&calls](auto dy) { return ++calls, dy; }}});
}

}  // namespace

TEST_CASE("a chain of a million nodes: each pullback runs once") {
  const Variable x = parameter(scalar(0, f64));
  std::int64_t calls = 0;
  Variable y = x;
  for (int i = 0; i < deep; ++i) y = counted(y, 1.0, calls);
  CHECK(y.item() == deep);
  y.backward();
  CHECK(calls == deep);
  CHECK(x.grad().item() == 1);
}

TEST_CASE("a chain of a million nodes that is dropped unused") {
  const Variable x = parameter(scalar(1, f64));
  Variable y = x;
  for (int i = 0; i < deep; ++i) y = -y;
  y = Variable();
  y = x;
  for (int i = 0; i < deep; ++i) y = y * x;  // each pullback holds the node before as well
  y = Variable();
  CHECK(x.node()->handles.get() == 1);
}

TEST_CASE("a retained chain is visited again, and then dropped") {
  const Variable x = parameter(scalar(1, f64));
  std::int64_t calls = 0;
  Variable y = x;
  for (int i = 0; i < deep; ++i) y = counted(y, 0.0, calls);
  y.backward(true);
  y.backward(true);
  CHECK(calls == 2 * deep);
  CHECK(x.grad().item() == 2);
}

TEST_CASE("a deep chain whose values the pullbacks read") {
  const Variable x = parameter(scalar(1, f64));
  Variable y = x;
  for (int i = 0; i < deep; ++i) y = sin(y) * 1.0001;
  y.backward();
  CHECK(x.grad().item() > 0);
  CHECK(x.grad().item() < 1);
}

TEST_CASE("a deep chain of gradients: recorded, differentiated again, dropped") {
  constexpr int half_deep = deep / 5;
  const Variable x = parameter(scalar(0.5, f64));
  std::int64_t calls = 0;
  Variable y = square(x);
  for (int i = 0; i < half_deep; ++i) y = counted(y, 0.0, calls) * 1.0;
  const Variable g = grad(y, {x}, {.create_graph = true})[0];
  CHECK(calls == half_deep);
  CHECK(g.item() == 1);
  CHECK(grad(g, {x})[0].item() == 2);
  Variable unused = grad(y, {x}, {.create_graph = true})[0];
  unused = Variable();
  CHECK(calls == 2 * half_deep);
}

TEST_CASE("a node that is used n times is visited once, whatever its place") {
  for (const int n : {1, 10, 1000, 100'000}) {
    const Variable x = parameter(scalar(0, f64));
    std::int64_t below = 0, above = 0;
    const Variable shared = counted(x, 1.0, below);
    Variable total = shared;
    for (int i = 1; i < n; ++i) total = total + counted(shared, 1.0, above);
    total.backward();
    CHECK(below == 1);
    CHECK(above == n - 1);
    CHECK(x.grad().item() == n);
  }
}

TEST_CASE("diamonds in a row: 2^60 paths, 120 nodes") {
  const Variable x = parameter(scalar(1, f64));
  std::int64_t calls = 0;
  Variable y = x;
  for (int i = 0; i < 60; ++i) y = counted(y, 0.0, calls) + counted(y, 0.0, calls);
  CHECK(y.item() == 0x1p60);
  y.backward();
  CHECK(calls == 120);
  CHECK(x.grad().item() == 0x1p60);
  // The same recorded, and with a result on the way asked for.
  y = x;
  for (int i = 0; i < 30; ++i) y = y + y;
  const Variable middle = y;
  for (int i = 0; i < 30; ++i) y = y + y;
  const auto g = grad(y, {x, middle}, {.create_graph = true});
  CHECK(g[0].item() == 0x1p60);
  CHECK(g[1].item() == 0x1p30);
}

TEST_CASE("a wide node: a hundred thousand inputs") {
  constexpr std::size_t wide = 100'000;
  const Variable x = parameter(scalar(2, f64));
  std::int64_t calls = 0;
  std::vector<Variable> parts;
  for (std::size_t i = 0; i < wide; ++i) parts.push_back(counted(x, static_cast<double>(i), calls));
  sum(stack(parts, 0)).backward();
  CHECK(calls == wide);
  CHECK(x.grad().item() == wide);
}
