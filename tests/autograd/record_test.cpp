// Ops of the user's own, in every form that `record` takes, and what happens when a pullback misbehaves.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>

#include "../core/reference.hpp"

using namespace ravine;
using doctest::Contains;
using Values = std::vector<double>;
using Variables = std::vector<Variable>;

namespace {

// x y, written in each of the forms.
Variable on_variables(const Variable& x, const Variable& y) {
  return record("product", x.value() * y.value(),
                {{x, [y](const Variable& dz) { return dz * y; }}, {y, [x](const Variable& dz) { return dz * x; }}});
}
Variable generic(const Variable& x, const Variable& y) {
  return record(
      "product", x.value() * y.value(),
      {{x, [y](auto dz) { return std::move(dz) * like(dz, y); }}, {y, [x](auto&& dz) { return dz * like(dz, x); }}});
}
Variable joint(const Variable& x, const Variable& y) {
  return record("product", x.value() * y.value(), {x, y}, [x, y](auto dz) {
    return std::array{dz * like(dz, y), dz * like(dz, x)};
  });
}
Variable joint_on_variables(const Variable& x, const Variable& y) {
  return record("product", x.value() * y.value(), {x, y}, [x, y](const Variable& dz, const Variable& z) {
    return std::array<Variable, 2>{dz * z / x, dz * z / y};
  });
}
Variable span_of_edges(const Variable& x, const Variable& y) {
  std::vector<Edge> edges;
  edges.emplace_back(x, [y](auto dz) { return dz * like(dz, y); });
  edges.emplace_back(y, [x](const Variable& dz, const Variable&) { return dz * x; });
  return record("product", x.value() * y.value(), edges);
}

using Product = Variable (*)(const Variable&, const Variable&);
const Product forms[] = {on_variables, generic, joint, joint_on_variables, span_of_edges};

/// x + 0 whose pullback does what `f` does.
template <class F>
Variable with_pullback(const Variable& x, F f) {
  return record("own", x.value() + 0, {{x, f}});
}

}  // namespace

TEST_CASE("every form has the same gradients, of first and second order") {
  for (const Product f : forms) {
    const Variable x = parameter(tensor({2, 3}, f64)), y = parameter(tensor({5, 7}, f64));
    sum(f(x, y)).backward();
    CHECK(values(x.grad()) == Values{5, 7});
    CHECK(values(y.grad()) == Values{2, 3});
    CHECK(gradcheck([&](const Variables& in) { return f(in[0], in[1]); }, {x.value(), y.value()},
                    {.second_order = true}));
    CHECK(gradcheck([&](const Variables& in) { return f(in[0], in[0]); }, {x.value()}, {.second_order = true}));
  }
}

TEST_CASE("inputs that need no gradient cost no edge and no call") {
  const Variable x = parameter(tensor({2, 3}, f64)), c = tensor({5, 7}, f64);
  for (const Product f : forms) {
    CHECK(values(grad(sum(f(x, c)), {x})[0].value()) == Values{5, 7});
    CHECK(values(grad(sum(f(c, x)), {x})[0].value()) == Values{5, 7});
    CHECK(f(c, c).is_leaf());
  }
  int calls = 0;
  const Variable z =
      record("own", c.value(),
             {{c, [&](const Variable& dy) { return ++calls, dy; }}, {x, [](const Variable& dy) { return dy; }}});
  sum(z).backward();
  CHECK(calls == 0);
}

TEST_CASE("what a pullback captured for an input without need is let go of at once") {
  auto captured = std::make_shared<int>(1);
  const Variable c = tensor({5, 7}), x = parameter(tensor({1, 1}));
  const Variable z =
      record("own", c.value(),
             {{c, [captured](const Variable& dy) { return dy; }}, {x, [](const Variable& dy) { return dy; }}});
  CHECK(captured.use_count() == 1);
}

TEST_CASE("captures live as long as the graph that may need them") {
  auto captured = std::make_shared<int>(1);
  const Variable x = parameter(scalar(1));
  const auto own = [&] { return with_pullback(x, [captured](const Variable& dy) { return dy; }); };
  own();
  CHECK(captured.use_count() == 1);  // dropped unused
  const Variable y = own();
  CHECK(captured.use_count() == 2);
  y.backward(true);
  CHECK(captured.use_count() == 2);
  y.backward();
  CHECK(captured.use_count() == 1);  // used, though y is still there
}

TEST_CASE("a joint pullback may leave out what its input does not need") {
  const Variable x = parameter(tensor({2, 3}, f64)), c = tensor({5, 7}, f64);
  const auto product = [](const Variable& a, const Variable& b) {
    return record("own", a.value() * b.value(), {a, b}, [a, b](auto dz) {
      std::array<decltype(dz), 2> d;
      if (a.requires_grad()) d[0] = dz * like(dz, b);
      if (b.requires_grad()) d[1] = dz * like(dz, a);
      return d;
    });
  };
  CHECK(values(grad(sum(product(x, c)), {x})[0].value()) == Values{5, 7});
  CHECK(values(grad(sum(product(c, x)), {x}, {.create_graph = true})[0].value()) == Values{5, 7});
}

TEST_CASE("an op of no inputs, or of many") {
  CHECK(record("none", ones({2}), std::span<Edge>{}).is_leaf());
  std::vector<Variable> inputs;
  std::vector<Edge> edges;
  for (int k = 0; k < 100; ++k) {
    inputs.push_back(parameter(scalar(k)));
    edges.emplace_back(inputs.back(), [k](auto dy) { return dy * static_cast<double>(k); });
  }
  record("many", scalar(0), edges).backward();
  for (std::size_t k = 0; k < 100; ++k) CHECK(inputs[k].grad().item() == static_cast<double>(k));
}

TEST_CASE("a pullback sees the upstream gradient and the result") {
  const Variable x = parameter(tensor({2, 3}));
  Values seen_dy, seen_y;
  sum(with_pullback(x,
                    [&](const Variable& dy, const Variable& y) {
                      seen_dy = values(dy.value());
                      seen_y = values(y.value());
                      return dy;
                    }) *
      4)
      .backward();
  CHECK(seen_dy == Values{4, 4});
  CHECK(seen_y == Values{2, 3});
}

TEST_CASE("a gradient of the wrong shape or type, or none, is refused by the op's name") {
  const Variable x = parameter(ones({2}));
  for (const bool create_graph : {false, true}) {
    const auto run = [&](auto pullback) { grad(sum(with_pullback(x, pullback)), {x}, {.create_graph = create_graph}); };
    CHECK_THROWS_WITH_AS(run([](const Variable& dy) { return sum(dy); }),
                         "own: its pullback returned a gradient of shape () for an input of shape (2)", ShapeError);
    CHECK_THROWS_WITH_AS(run([](const Variable&) { return Variable(ones({2}, f64)); }),
                         "own: its pullback returned a gradient of f64 for an input of f32", DTypeError);
    CHECK_THROWS_WITH_AS(run([](const Variable&) { return Variable(); }),
                         "own: its pullback returned no gradient for an input", std::logic_error);
    CHECK_THROWS_WITH_AS(run([](auto dy) { return decltype(dy)(); }),
                         Contains("own: its pullback returned no gradient"), std::logic_error);
  }
  const Variable joined = record("own", x.value() + 0, {x, x}, [](auto dy) { return std::array{dy, decltype(dy)()}; });
  CHECK_THROWS_WITH_AS(sum(joined).backward(), Contains("own: its pullback returned no gradient"), std::logic_error);
}

TEST_CASE("an exception out of a pullback leaves nothing behind in the graph") {
  bool fail = true;
  const Variable w = parameter(tensor({1, 2}, f64));
  const auto risky = [&](const Variable& x) {
    return with_pullback(x, [&fail](const Variable& dy) {
      if (fail) throw std::runtime_error("no gradient today");
      return dy;
    });
  };
  for (const bool create_graph : {false, true}) {
    fail = true;
    const Variable a = exp(w), b = square(w);
    const Variable loss = sum(a * 3 + risky(b) * 2);  // when it fails, a and its gradient wait in the queue
    const auto run = [&] { return grad(loss, {w, a}, {.create_graph = create_graph, .retain_graph = true}); };
    CHECK_THROWS_WITH_AS(run(), "no gradient today", std::runtime_error);
    CHECK_THROWS_AS(run(), std::runtime_error);
    fail = false;
    const auto g = run();
    CHECK(worst_error(g[0].value(), {3 * std::exp(1.0) + 4, 3 * std::exp(2.0) + 8}) < 1e-15);
    CHECK(values(g[1].value()) == Values{3, 3});
    CHECK((w * 2).requires_grad());
    loss.backward();
    CHECK(worst_error(w.grad(), {3 * std::exp(1.0) + 4, 3 * std::exp(2.0) + 8}) < 1e-15);
    w.zero_grad();
  }
}

TEST_CASE("after an exception the next step is right, and the broken graph cannot be used by mistake") {
  bool fail = true;
  const Variable a = parameter(scalar(2)), b = parameter(scalar(5));
  const auto product = [&] {
    return record("own", a.value() * b.value(),
                  {{a, [b](const Variable& dy) { return dy * b; }}, {b, [a, &fail](const Variable& dy) {
                                                                       if (fail)
                                                                         throw std::runtime_error("no gradient today");
                                                                       return dy * a;
                                                                     }}});
  };
  const Variable y = product();
  CHECK_THROWS_AS(y.backward(), std::runtime_error);
  fail = false;
  // The edge to a has been used up: going on would leave a out without a word.
  CHECK_THROWS_WITH_AS(y.backward(), Contains("backward: the graph of own was freed by an earlier pass"),
                       std::logic_error);
  a.zero_grad();
  b.zero_grad();
  product().backward();
  CHECK(a.grad().item() == 5);
  CHECK(b.grad().item() == 2);
}

TEST_CASE("an exception in the forward pass of an op leaves its inputs alone") {
  const Variable w = parameter(ones({2}));
  const Variable h = w * 2;
  CHECK_THROWS_AS(h + ones({3}), ShapeError);
  CHECK_THROWS_AS(relu(exp(w) + ones({3})), ShapeError);
  sum(h).backward();
  CHECK(values(w.grad()) == Values{2, 2});
}

TEST_CASE("a pullback may run a backward pass over another graph") {
  const Variable x = parameter(tensor({0.5, 1.5}, f64)), inner = parameter(tensor({1, 2}, f64));
  const Variable energy = sum(square(inner));
  const Variable y = with_pullback(x * 3, [&](const Variable& dy) { return dy * grad(energy, {inner})[0]; });
  sum(exp(x) + y).backward();
  CHECK(worst_error(x.grad(), {std::exp(0.5) + 6, std::exp(1.5) + 12}) < 1e-15);
  CHECK_FALSE(inner.grad().defined());
}

TEST_CASE("a variable prints its value and where it comes from") {
  const auto text = [](const Variable& v) {
    std::ostringstream out;
    out << v;
    return out.str();
  };
  const Variable w = parameter(tensor({1, 2}));
  CHECK(text(w) == "[1, 2] (2) f32, parameter");
  CHECK(text(exp(w * 0.0)) == "[1, 1] (2) f32, from exp");
  CHECK(text(Variable(tensor({3, 4}, i64))) == "[3, 4] (2) i64");
  CHECK(text(w.detach()) == "[1, 2] (2) f32");
  CHECK(text(Variable()) == "undefined");
  const NoGrad off;
  CHECK(text(w + 1.0) == "[2, 3] (2) f32");
}
