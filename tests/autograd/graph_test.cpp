// The graph and its sweep: order, sharing, freeing, errors, threads.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <thread>
#include <vector>

using namespace ravine;
using doctest::Contains;

namespace {

/// y = x, and every pullback counts.
Variable counted(const Variable& x, int& calls) {
  return record("counted", x.value() * 1.0, {{x, [&calls](auto dy) {
                                                ++calls;
                                                return dy;
                                              }}});
}

}  // namespace

TEST_CASE("a node is visited once, however often it is used") {
  const Variable x = parameter(scalar(1.0));
  int calls = 0;
  Variable y = x;
  for (int i = 0; i < 60; ++i) {  // 2^60 paths
    y = counted(y, calls);
    y = y + y;
  }
  y.backward();
  CHECK(calls == 60);
  CHECK(x.grad().item() == std::ldexp(1.0, 60));
}

TEST_CASE("deep graphs neither recurse nor visit twice") {
  constexpr int depth = 1000000;
  const Variable x = parameter(scalar(1.0));
  {
    Variable y = x;
    for (int i = 0; i < depth; ++i) y = std::move(y) + 0.0;
    y.backward();
    CHECK(x.grad().item() == 1.0);
  }
  {
    Variable y = x;
    for (int i = 0; i < depth; ++i) y = y * 1.0;
  }  // dropped unused
  Variable y = x;
  for (int i = 0; i < depth / 10; ++i) y = y * 1.0;
  const Variable g = grad(y * y, {x}, {.create_graph = true})[0];  // a recorded sweep, as deep again
  CHECK(grad(g, {x})[0].item() == 2.0);
}

TEST_CASE("gradients accumulate in parameters until they are cleared") {
  const Variable x = parameter(tensor({1.0, 2.0}));
  CHECK_FALSE(x.grad().defined());
  sum(x * 3.0).backward();
  sum(square(x)).backward();
  CHECK(x.grad().to_vector<double>() == std::vector{5.0, 7.0});
  const Tensor kept = x.grad();
  sum(x).backward();
  CHECK(kept.to_vector<double>() == std::vector{5.0, 7.0});  // a handle that someone holds is not written into
  CHECK(x.grad().to_vector<double>() == std::vector{6.0, 8.0});
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("parameters do not share the memory of their gradients") {
  const Variable a = parameter(tensor({1.0, 2.0})), b = parameter(tensor({3.0, 4.0}));
  sum(a + b).backward();
  Tensor g = a.grad();
  g.fill(7.0);
  CHECK(b.grad().to_vector<double>() == std::vector{1.0, 1.0});
}

TEST_CASE("backward asks for a scalar that depends on a parameter, and for its graph") {
  const Variable x = parameter(tensor({1.0, 2.0}));
  CHECK_THROWS_WITH_AS(x.backward(), Contains("scalar, got (2)"), std::logic_error);
  CHECK_THROWS_WITH_AS(sum(Variable(ones({2}))).backward(), Contains("no parameter"), std::logic_error);
  const Variable y = sum(square(x));
  y.backward(/*retain_graph=*/true);
  y.backward();
  CHECK(x.grad().to_vector<double>() == std::vector{4.0, 8.0});
  CHECK_THROWS_WITH_AS(y.backward(), Contains("freed"), std::logic_error);
  CHECK(x.grad().to_vector<double>() == std::vector{4.0, 8.0});
  const Variable s = parameter(scalar(2.0));
  s.backward();
  CHECK(s.grad().item() == 1.0);
  CHECK_THROWS_AS(parameter(ones({2}, i64)), DTypeError);
}

TEST_CASE("nothing is recorded without a parameter, under NoGrad or after detach") {
  const Variable x = parameter(tensor({1.0, 2.0}));
  {
    const NoGrad no_grad;
    CHECK_FALSE(square(x).requires_grad());
  }
  CHECK(square(x).requires_grad());
  CHECK_FALSE(square(x.detach()).requires_grad());
  CHECK_FALSE(square(Variable(ones({2}))).requires_grad());
  sum(square(x).detach() * x).backward();  // (x^2 as a constant) x
  CHECK(x.grad().to_vector<double>() == std::vector{1.0, 4.0});
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

TEST_CASE("grad returns gradients and stores none") {
  const Variable x = parameter(scalar(3.0, f64)), w = parameter(scalar(2.0, f64)), unused = parameter(scalar(1.0, f64));
  x.set_grad(scalar(5.0, f64));
  const Variable h = x * w;
  const Variable y = h * h;
  const std::vector<Variable> g = grad(y, {x, h, x}, {.retain_graph = true});
  CHECK(g[0].item() == 24.0);  // 2 h w
  CHECK(g[1].item() == 12.0);  // 2 h, of a result on the way
  CHECK(g[2].item() == 24.0);  // asked for twice
  CHECK(x.grad().item() == 5.0);
  CHECK_FALSE(w.grad().defined());
  CHECK_THROWS_WITH_AS(grad(y, {unused}, {.retain_graph = true}), Contains("input 0"), std::logic_error);
  CHECK_FALSE(grad(y, {unused}, {.retain_graph = true, .allow_unused = true})[0].defined());
  CHECK_THROWS_WITH_AS(grad(x * ones({2}, f64), {x}), Contains("scalar, got (2)"), std::logic_error);
  CHECK(grad(y, {w})[0].item() == 36.0);
}

TEST_CASE("derivatives of any order") {
  const Variable x = parameter(scalar(0.7, f64));
  Variable d = sin(x) * exp(x);  // the fourth derivative is -4 times the function
  const double value = d.item();
  for (int order = 0; order < 4; ++order) d = grad(d, {x}, {.create_graph = true})[0];
  CHECK(d.item() == doctest::Approx(-4.0 * value).epsilon(1e-12));
}

TEST_CASE("hvp, hessian and jacobian against numbers worked out by hand") {
  // f = x^2 y + y^3: gradient (2xy, x^2 + 3y^2), Hessian ((2y, 2x), (2x, 6y)).
  const auto f = [](const Variable& t) { return square(t[0]) * t[1] + pow(t[1], 3); };
  const Tensor at = tensor({2.0, 3.0}, f64);
  CHECK(hessian(f, at).to_vector<double>() == std::vector{6.0, 4.0, 4.0, 18.0});
  CHECK(hvp(f, at, tensor({1.0, -2.0}, f64)).to_vector<double>() == std::vector{-2.0, -32.0});
  const auto two = [](const Variable& t) { return stack({t[0] * t[1], t[0] + 5.0, Variable(scalar(1.0, f64))}, 0); };
  CHECK(jacobian(two, at).to_vector<double>() == std::vector{3.0, 2.0, 1.0, 0.0, 0.0, 0.0});
  const auto linear_function = [](const Variable& t) { return sum(t * 2.0); };
  CHECK(hvp(linear_function, at, at).to_vector<double>() == std::vector{0.0, 0.0});
  CHECK(hessian(linear_function, at).to_vector<double>() == std::vector(4, 0.0));
  CHECK_THROWS_WITH_AS(hvp(f, at, ones({3}, f64)), Contains("(3)"), ShapeError);
}

TEST_CASE("a value written between forward and backward is refused") {
  SUBCASE("an input") {
    const Variable x = parameter(tensor({1.0, 2.0}));
    const Variable y = sum(x * x);
    Tensor(x.value()).fill(3.0);
    CHECK_THROWS_WITH_AS(y.backward(), Contains("mul: an input changed"), std::logic_error);
  }
  SUBCASE("through a view") {
    Tensor t = tensor({1.0, 2.0, 3.0, 4.0}, {2, 2});
    const Variable x = parameter(t);
    const Variable y = sum(square(x));
    t[1].fill(0.0);
    CHECK_THROWS_WITH_AS(y.backward(), Contains("square"), std::logic_error);
  }
  SUBCASE("a result that its own pullback reads") {
    const Variable x = parameter(tensor({1.0, 2.0}));
    const Variable y = exp(x);
    Tensor(y.value()).fill(3.0);
    CHECK_THROWS_WITH_AS(sum(y).backward(), Contains("exp"), std::logic_error);
  }
  SUBCASE("a replaced parameter") {
    const Variable x = parameter(tensor({1.0, 2.0})), w = parameter(tensor({1.0, 1.0}));
    const Variable y = sum(x * w);
    w.set_value(tensor({2.0, 2.0}));
    CHECK_THROWS_AS(y.backward(), std::logic_error);
  }
  SUBCASE("in a recorded sweep") {
    const Variable x = parameter(tensor({1.0, 2.0}));
    const Variable y = sum(x * x);
    Tensor(x.value()).fill(3.0);
    CHECK_THROWS_AS(grad(y, {x}, {.create_graph = true}), std::logic_error);
  }
  SUBCASE("but not what nobody needs, nor what a pullback writes itself") {
    const Variable x = parameter(tensor({1.0, 2.0}));
    const Variable y = sum(x + x);
    Tensor(x.value()).fill(3.0);
    y.backward();
    CHECK(x.grad().to_vector<double>() == std::vector{2.0, 2.0});
    const auto fresh = record("fresh", x.value() * 2.0, {{x, [](const Variable& dy) {
                                                            Tensor two = dy.value().clone();
                                                            two.fill(2.0);
                                                            return dy * Variable(two);
                                                          }}});
    CHECK(grad(sum(fresh), {x})[0].value().to_vector<double>() == std::vector{2.0, 2.0});
  }
}

TEST_CASE("an op works in the memory of a temporary, and never in anybody else's") {
  const Variable x = parameter(tensor({{1.0, -2.0}, {3.0, -4.0}})), w = parameter(tensor({{1.0, 0.5}, {-1.0, 2.0}}));
  Variable h = linear(x, w);
  const void* memory = h.value().bytes();
  SUBCASE("of a temporary") { CHECK(relu(std::move(h)).value().bytes() == memory); }
  SUBCASE("not of a variable with a name") {
    const Tensor before = h.value().clone();
    CHECK(relu(h).value().bytes() != memory);
    CHECK(bitwise_equal(h.value(), before));
  }
  SUBCASE("not where its own pullback reads it") {
    Variable y = tanh(x);
    const void* values = y.value().bytes();
    CHECK(relu(std::move(y)).value().bytes() != values);
    x.zero_grad();
    sum(relu(tanh(x))).backward();
    CHECK(x.grad().at({0, 0}) == doctest::Approx(1.0 - std::tanh(1.0) * std::tanh(1.0)));
  }
  SUBCASE("not of a parameter, nor of memory that a tensor holds") {
    Variable p = parameter(tensor({-1.0, 1.0}));
    const Variable y = relu(std::move(p));
    CHECK(y.value().to_vector<double>() == std::vector{0.0, 1.0});
    const Tensor t = tensor({-1.0, 1.0});
    relu(Variable(t));
    CHECK(t.to_vector<double>() == std::vector{-1.0, 1.0});
  }
}

TEST_CASE("users' ops, in every form") {
  const Variable x = parameter(tensor({1.0, 2.0, 3.0}, f64)), w = parameter(tensor({2.0, 0.5, -1.0}, f64));
  const auto check = [&](const Variable& y) {
    const auto g = grad(sum(y), {x, w});
    CHECK(g[0].value().to_vector<double>() == std::vector{2.0, 0.5, -1.0});
    CHECK(g[1].value().to_vector<double>() == std::vector{1.0, 2.0, 3.0});
  };
  const Tensor product = x.value() * w.value();
  check(record("on Variables", product,
               {{x, [w](const Variable& dy, const Variable&) { return dy * w; }},
                {w, [x](const Variable& dy) { return dy * x; }}}));
  check(record("on both", product,
               {{x, [w](auto dy) { return dy * like(dy, w); }}, {w, [x](auto dy) { return dy * like(dy, x); }}}));
  check(record("jointly", product, {x, w}, [x, w](auto dy) { return std::array{dy * like(dy, w), dy * like(dy, x)}; }));
  check(record("jointly on Variables", product, {x, w}, [x, w](const Variable& dy) {
    return std::array{dy * w, dy * x};
  }));
  std::vector<Edge> edges;
  edges.emplace_back(x, [w](auto dy) { return dy * like(dy, w); });
  edges.emplace_back(w, [x](auto dy) { return dy * like(dy, x); });
  check(record("in a list", product, edges));

  // A joint pullback may leave out what is not needed.
  const Variable c(w.value());
  const Variable y = record("jointly", product, {x, c}, [c](auto dy) {
    std::array<decltype(dy), 2> d;
    d[0] = dy * like(dy, c);
    return d;
  });
  CHECK(grad(sum(y), {x})[0].value().to_vector<double>() == std::vector{2.0, 0.5, -1.0});
}

TEST_CASE("a wrong pullback is named") {
  const Variable x = parameter(tensor({1.0, 2.0}));
  const auto with = [&](auto pullback) { return sum(record("mine", x.value() * 1.0, {{x, pullback}})); };
  CHECK_THROWS_WITH_AS(with([](const Variable&) { return Variable(ones({3})); }).backward(),
                       Contains("mine: its pullback returned a gradient of shape (3) for an input of shape (2)"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(with([](const Variable&) { return Variable(ones({2}, f64)); }).backward(),
                       Contains("mine: its pullback returned a gradient of f64"), DTypeError);
  CHECK_THROWS_WITH_AS(with([](const Variable&) { return Variable(); }).backward(),
                       Contains("mine: its pullback returned no"), std::logic_error);
}

TEST_CASE("an exception from a pullback leaves no trace") {
  const Variable x = parameter(tensor({1.0, 2.0}));
  const auto alive = std::make_shared<int>(0);
  for (const bool create_graph : {false, true}) {
    CAPTURE(create_graph);
    {
      const Variable h = square(x);
      const Variable bad = record("bad", h.value() * 1.0, {{h, [alive](const Variable& dy) {
                                                              if (alive) throw std::runtime_error("no");
                                                              return dy;
                                                            }}});
      const Variable y = sum(bad + square(h));  // other nodes are waiting when it throws
      if (create_graph)
        CHECK_THROWS_WITH(grad(y, {x}, {.create_graph = true}), "no");
      else
        CHECK_THROWS_WITH(y.backward(), "no");
    }
    CHECK(alive.use_count() == 1);  // everything it held has gone
    x.zero_grad();
    sum(square(x)).backward();
    CHECK(x.grad().to_vector<double>() == std::vector{2.0, 4.0});
    CHECK(square(x).requires_grad());  // recording is on again
    x.zero_grad();
  }
}

TEST_CASE("DetectAnomaly names the op, the place and where in the graph") {
  const Variable x = parameter(tensor({1.0, -1.0}));
  CHECK_NOTHROW(sum(sqrt(x)));
  const DetectAnomaly detect;
  CHECK_THROWS_WITH_AS(sqrt(x), Contains("sqrt: first nan at (1) of its result of shape (2)"), AnomalyError);
  CHECK_THROWS_WITH_AS(x / 0.0, Contains("div: first infinity at (0)"), AnomalyError);
  const Variable zero = parameter(tensor({1.0, 0.0}));
  CHECK_THROWS_WITH_AS(sum(sqrt(zero)).backward(), Contains("in the gradient of sqrt: first infinity at (1)"),
                       AnomalyError);
  // pow(x, 1.5) at 0 has a finite gradient, whose gradient is not.
  const Variable g = sum(grad(sum(pow(zero, 1.5)), {zero}, {.create_graph = true})[0]);
  CHECK_THROWS_AS(g.backward(), AnomalyError);
}

TEST_CASE("graphs on several threads") {
  SUBCASE("a graph may be finished on another thread") {
    const Variable x = parameter(tensor({1.0, 2.0}));
    const Variable y = sum(square(x) * x);
    std::thread([&] { y.backward(); }).join();
    CHECK(x.grad().to_vector<double>() == std::vector{3.0, 12.0});
  }
  SUBCASE("each thread its own, with a constant shared by all") {
    const Variable shared(randn({16, 16}));
    std::vector<double> results(4);
    std::vector<std::thread> threads;
    for (std::size_t k = 0; k < results.size(); ++k)
      threads.emplace_back([&, k] {
        const Variable w = parameter(full({16, 16}, 0.1));
        for (int i = 0; i < 50; ++i) {
          w.zero_grad();
          sum(tanh(matmul(shared, w))).backward();
        }
        results[k] = sum(w.grad()).item();
      });
    for (std::thread& thread : threads) thread.join();
    for (const double result : results) CHECK(result == results[0]);
  }
}
