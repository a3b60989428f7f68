// Backward passes: what they visit, keep, add up and free.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/autograd/engine.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>

#include "../core/reference.hpp"

using namespace ravine;
using doctest::Contains;
using Values = std::vector<double>;

TEST_CASE("constants, parameters and results") {
  const Variable c = tensor({1, 2}), p = parameter(tensor({3, 4}));
  CHECK_FALSE(c.requires_grad());
  CHECK(p.requires_grad());
  CHECK(p.is_leaf());
  const Variable y = c * p;
  CHECK(y.requires_grad());
  CHECK_FALSE(y.is_leaf());
  CHECK_FALSE((c * c).requires_grad());
  CHECK((c * c).is_leaf());
  CHECK_FALSE(Variable().defined());
  CHECK_FALSE(p.grad().defined());
  CHECK_THROWS_WITH_AS(parameter(ones({2}, i64)), "parameter: needs a floating tensor (f32 or f64), got i64",
                       DTypeError);
}

TEST_CASE("a parameter's gradient is its own and written out, also where a sum's pullback leaves that to readers") {
  const Variable a = parameter(ones({2, 3})), b = parameter(ones({2, 3}));
  sum(concat({a, a, b}, 1)).backward();
  CHECK_FALSE(a.grad().repeated());
  CHECK_FALSE(b.grad().repeated());
  Tensor of_b = b.grad();
  of_b.set({0, 0}, 5);
  CHECK(values(a.grad()) == std::vector<double>(6, 2.0));
  CHECK(values(b.grad()) == std::vector<double>{5, 1, 1, 1, 1, 1});
}

TEST_CASE("gradients accumulate over backward passes until they are cleared") {
  const Variable w = parameter(tensor({1, 2}));
  sum(square(w)).backward();
  CHECK(values(w.grad()) == Values{2, 4});
  sum(w * 10).backward();
  CHECK(values(w.grad()) == Values{12, 14});
  w.zero_grad();
  CHECK_FALSE(w.grad().defined());
  sum(w).backward();
  CHECK(values(w.grad()) == Values{1, 1});
}

TEST_CASE("a parameter used in many places gets the sum") {
  const Variable x = parameter(scalar(3, f64));
  const Variable y = x * x + exp(x) * x - x;  // 2x + e^x (x + 1) - 1
  y.backward();
  CHECK(x.grad().item() == doctest::Approx(5 + 4 * std::exp(3.0)).epsilon(1e-14));
}

TEST_CASE("a parameter's own gradient, of a scalar and through nothing") {
  const Variable x = parameter(scalar(3));
  x.backward();
  CHECK(x.grad().item() == 1);
  x.backward();
  CHECK(x.grad().item() == 2);
}

TEST_CASE("backward needs a scalar that depends on a parameter") {
  const Variable w = parameter(ones({2}));
  CHECK_THROWS_WITH_AS((w * 2).backward(), "backward: needs a scalar, got (2)", std::logic_error);
  CHECK_THROWS_WITH_AS(sum(Variable(ones({2}))).backward(), Contains("backward: the value depends on no parameter"),
                       std::logic_error);
  sum(w.reshape({1, 2}), {}, true).backward();  // (1, 1) is one element
  CHECK(values(w.grad()) == Values{1, 1});
}

TEST_CASE("a graph is freed by its backward pass unless that is told to keep it") {
  const Variable w = parameter(scalar(2));
  const Variable y = square(w) * w;
  y.backward(true);
  y.backward(true);
  CHECK(w.grad().item() == 24);
  y.backward();
  CHECK(w.grad().item() == 36);
  CHECK_THROWS_WITH_AS(y.backward(),
                       "backward: the graph of mul was freed by an earlier pass; ask that one to retain it",
                       std::logic_error);
  CHECK(w.grad().item() == 36);
  CHECK(y.item() == 8);  // the value stays
}

TEST_CASE("a part that two results share is freed with the first") {
  const Variable w = parameter(scalar(2));
  const Variable shared = exp(w);
  const Variable one = shared * 2, two = shared * 3;
  one.backward();
  CHECK_THROWS_WITH_AS(two.backward(), Contains("backward: the graph of exp was freed"), std::logic_error);
}

TEST_CASE("the memory of what a backward pass has used is free while the result is still held") {
  const Variable w = parameter(ones({10}));
  Tensor watched = full({10}, 2.0);
  const Variable y = sum(w * Variable(watched));
  CHECK_FALSE(watched.unique());
  y.backward();
  CHECK(watched.unique());
}

TEST_CASE("a gradient lies where the temporary was that a sum was taken of") {
  const Variable w = parameter(ones({100'000}));
  const auto check = [&](auto backward) {
    w.zero_grad();
    release_memory();
    const std::size_t held = memory_held();
    backward();
    CHECK(memory_held() < held + 400'000);
  };
  check([&] { sum(w + 1).backward(); });
  check([&] { mean(w + 1).backward(); });
}

TEST_CASE("gradients of parameters are their own memory") {
  const Variable a = parameter(ones({2})), b = parameter(ones({2}));
  sum(a + b).backward();
  Tensor ga = a.grad();
  ga.fill(5);
  CHECK(values(b.grad()) == Values{1, 1});

  // What a user holds on to does not change under the next pass.
  const Tensor held = b.grad();
  sum(b).backward();
  CHECK(values(held) == Values{1, 1});
  CHECK(values(b.grad()) == Values{2, 2});
}

TEST_CASE("set_grad replaces or removes, and refuses what does not fit") {
  const Variable w = parameter(ones({2}));
  w.set_grad(tensor({5, 6}));
  sum(w).backward();
  CHECK(values(w.grad()) == Values{6, 7});
  w.set_grad({});
  CHECK_FALSE(w.grad().defined());
  CHECK_THROWS_WITH_AS(w.set_grad(ones({3})), "set_grad: a gradient of shape (3) for a value of (2)", ShapeError);
  CHECK_THROWS_WITH_AS(w.set_grad(ones({2}, f64)), "set_grad: a gradient of f64 for a value of f32", DTypeError);
  CHECK_THROWS_WITH_AS((w * 2.0).set_grad(ones({2})), "set_grad: this is the result of mul, not a leaf",
                       std::logic_error);
}

TEST_CASE("a gradient that is not there is an empty tensor, which can be printed and computed with") {
  const Variable w = parameter(ones({2}));
  const Variable y = w * 2.0;
  const Tensor& gradient = w.grad();
  sum(square(y)).backward();
  CHECK(values(gradient) == Values{8, 8});  // the reference follows the variable
  w.zero_grad();
  for (const Variable& v : {w, y}) {
    CHECK_FALSE(v.grad().defined());
    CHECK(to_string(v.grad()) == "[] (0) f32");
    CHECK(sum(v.grad()).item() == 0.0);
  }
}

TEST_CASE("set_value replaces a leaf's value for all its handles") {
  const Variable w = parameter(ones({2})), same = w;
  w.set_grad(ones({2}));
  w.set_value(tensor({3, 4}));
  CHECK(values(same.value()) == Values{3, 4});
  CHECK(w.grad().defined());
  w.set_value(ones({2}, f64));
  CHECK_FALSE(w.grad().defined());  // a gradient has its value's type
  w.set_grad(ones({2}, f64));
  w.set_value(ones({5}, f64));
  CHECK_FALSE(w.grad().defined());
  CHECK_THROWS_WITH_AS((w * 2).set_value(ones({5}, f64)), "set_value: this is the result of mul, not a leaf",
                       std::logic_error);
  CHECK_THROWS_WITH_AS(w.set_value(ones({2}, i64)), Contains("set_value: needs a floating tensor"), DTypeError);
}

TEST_CASE("NoGrad records nothing while it lives") {
  const Variable w = parameter(scalar(3));
  {
    const NoGrad guard;
    const Variable y = w * w;
    CHECK_FALSE(y.requires_grad());
    { const NoGrad inner; }
    CHECK_FALSE((w + 1).requires_grad());
    CHECK_THROWS_AS(y.backward(), std::logic_error);
  }
  CHECK((w * w).requires_grad());
  CHECK(w.requires_grad());
}

TEST_CASE("detach cuts the graph, not the value") {
  const Variable w = parameter(scalar(3));
  const Variable cut = (w * w).detach();
  CHECK_FALSE(cut.requires_grad());
  CHECK(cut.item() == 9);
  (cut * w).backward();
  CHECK(w.grad().item() == 9);
}

TEST_CASE("n-fold reuse of a node costs n visits, not 2^n") {
  const Variable x = parameter(scalar(1, f64));
  Variable y = x;
  for (int i = 0; i < 60; ++i) y = y + y;
  CHECK(y.item() == 0x1p60);
  y.backward();
  CHECK(x.grad().item() == 0x1p60);
}

TEST_CASE("values of results nobody holds are let go of as soon as no pullback reads them") {
  const Variable w = parameter(ones({4}));
  Tensor value;
  Variable y;
  {
    const Variable inner = w + 1;  // neither add nor neg reads it
    value = inner.value();
    y = -inner;
    CHECK_FALSE(value.unique());
  }
  CHECK(value.unique());
  {
    const Variable inner = exp(w);  // exp's pullback reads its result
    value = inner.value();
    y = -inner;
  }
  CHECK_FALSE(value.unique());
  sum(y).backward();
  CHECK(values(w.grad()) == values(-exp(ones({4}))));
  y = Variable();
  CHECK(value.unique());
}

TEST_CASE("backward leaves recording as it was, also when it throws") {
  const Variable w = parameter(scalar(2));
  square(w).backward();
  CHECK((w * 2).requires_grad());
  const Variable y = square(w);
  y.backward();
  CHECK_THROWS_AS(y.backward(), std::logic_error);
  CHECK((w * 2).requires_grad());
  const NoGrad guard;
  CHECK_FALSE((w * 2).requires_grad());
}

TEST_CASE("a graph may change its precision on the way") {
  const Variable w = parameter(tensor({1, 2})), v = parameter(tensor({3, 0.5}, f64));
  const Variable loss = sum(square(w.to(f64)) * v);
  CHECK(loss.dtype() == f64);
  loss.backward();
  CHECK(w.grad().dtype() == f32);
  CHECK(w.grad().to_vector<double>() == std::vector{6.0, 2.0});
  CHECK(v.grad().to_vector<double>() == std::vector{1.0, 4.0});
  const Variable g = grad(sum(square(w.to(f64)) * v), {w}, {.create_graph = true})[0];
  CHECK(grad(sum(g), {w})[0].value().to_vector<double>() == std::vector{6.0, 1.0});
  CHECK(!w.to(i64).requires_grad());
  CHECK(w.to(f32).node() == w.node());
}

TEST_CASE("a parameter can be frozen and thawed") {
  const Variable w = parameter(tensor({1, 2})), b = parameter(tensor({3, 4}));
  sum(w * b).backward();
  w.set_requires_grad(false);
  CHECK(!w.grad().defined());
  sum(w * b).backward();
  CHECK(!w.grad().defined());
  CHECK(b.grad().to_vector<double>() == std::vector{2.0, 4.0});
  w.set_requires_grad(true);
  sum(w * b).backward();
  CHECK(w.grad().to_vector<double>() == std::vector{3.0, 4.0});
  CHECK_THROWS_WITH_AS((w * b).set_requires_grad(false), Contains("result of mul"), std::logic_error);
  CHECK_THROWS_AS(Variable(tensor({1, 2}, i64)).set_requires_grad(true), DTypeError);
}

TEST_CASE("a parameter that is frozen after the forward pass gets no gradient") {
  const Variable p = parameter(tensor({1, 2})), q = parameter(tensor({3, 4}));
  const Variable loss = sum(p * q);
  q.set_requires_grad(false);
  loss.backward();
  CHECK(bitwise_equal(p.grad(), tensor({3, 4})));
  CHECK_FALSE(q.grad().defined());
}

TEST_CASE("a backward pass tells of each leaf once, when its gradient is complete") {
  const Variable x = tensor({2, 3}), first = parameter(tensor({1, 2})), last = parameter(tensor({3, 4}));
  const Variable tied = parameter(tensor({5, 6}));
  std::vector<const char*> events;
  const auto watched = [&](const Variable& input) {
    return record("watched", input.value(), {Edge(input, [&events](auto dy) {
                    events.push_back("pullback");
                    return dy;
                  })});
  };
  const auto make = [&] { return sum((watched(x * first * tied) + tied * tied) * last); };
  const Variable another = make(), loss = make();
  loss.backward(true);
  const std::vector<Tensor> expected = {first.grad(), last.grad(), tied.grad()};
  for (const Variable& leaf : {first, last, tied}) leaf.zero_grad();
  events.clear();
  const auto complete = [&](detail::Node* leaf) {
    const std::size_t k = leaf == first.node() ? 0 : leaf == last.node() ? 1 : 2;
    events.push_back(std::array{"first", "last", "tied"}[k]);
    CHECK(bitwise_equal(leaf->gradient, expected[k]));
  };
  const detail::LeafHook hook = complete;
  detail::backward(loss, &hook);
  CHECK(events.size() == 4);
  CHECK(events[0] == std::string("last"));
  CHECK(events[1] == std::string("pullback"));
  another.backward();  // whose edges to the same leaves have not been counted
  CHECK(events.size() == 5);
  CHECK(bitwise_equal(last.grad(), expected[1] + expected[1]));
}
