#include <ravine/autograd/anomaly.hpp>

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>

#include "../core/reference.hpp"

using namespace ravine;
using detail::ModuleScope;
using doctest::Contains;

TEST_CASE("a NaN or infinity in a forward op is found where it is made") {
  const DetectAnomaly guard;
  const Variable x = parameter(tensor({1, 4, -1, 9, 0, -4}, {2, 3}));
  CHECK_THROWS_WITH_AS(sqrt(x), "sqrt: first nan at (0, 2) of its result of shape (2, 3)", AnomalyError);
  CHECK_THROWS_WITH_AS(1 / x, "div: first infinity at (1, 1) of its result of shape (2, 3)", AnomalyError);
  CHECK_THROWS_WITH_AS(log(sum(x) - 9), "log: first infinity at () of its result of shape ()", AnomalyError);
  CHECK_NOTHROW(exp(x));
}

TEST_CASE("constants are searched too, in every form of record") {
  const DetectAnomaly guard;
  const Variable c = tensor({-1.0}), w = parameter(ones({1, 1}));
  CHECK_THROWS_WITH_AS(sqrt(c), Contains("sqrt: first nan at (0)"), AnomalyError);
  CHECK_THROWS_WITH_AS(linear(tensor({{infinity}}), w), Contains("linear: first infinity at (0, 0)"), AnomalyError);
  CHECK_THROWS_WITH_AS(concat({c, Variable(tensor({nan_value}))}, 0), Contains("concat: first nan at (1)"),
                       AnomalyError);
}

TEST_CASE("relu is searched under its own name, though it could be part of the op before") {
  const Variable p = parameter(tensor({1, 2}));
  Variable h = p * infinity;
  const DetectAnomaly guard;
  CHECK_THROWS_WITH_AS(relu(std::move(h)), Contains("relu: first infinity at (0)"), AnomalyError);
}

TEST_CASE("a NaN in a gradient is found in the op whose pullback made it") {
  const DetectAnomaly guard;
  const Variable x = parameter(tensor({4, 0}));
  const Variable y = sum(sqrt(x) * tensor({1, 0}));
  CHECK_THROWS_WITH_AS(y.backward(), "gradient, in the gradient of sqrt: first nan at (1) of its result of shape (2)",
                       AnomalyError);
  const Variable z = sum(sqrt(x));
  CHECK_THROWS_WITH_AS(z.backward(), Contains("in the gradient of sqrt: first infinity at (1)"), AnomalyError);
}

TEST_CASE("an infinity in a second derivative") {
  const Variable x = parameter(tensor({1, 0}, f64));
  const Variable y = sum(pow(x, 1.5));
  const Variable g = grad(y, {x}, {.create_graph = true})[0];
  const Variable loss = sum(g);
  const DetectAnomaly guard;
  CHECK_THROWS_WITH_AS(loss.backward(), Contains("first infinity at (1) of its result of shape (2)"), AnomalyError);

  const Variable late = parameter(tensor({1, 0}, f64));
  const Variable root = sum(sqrt(late));
  CHECK_THROWS_WITH_AS(grad(root, {late}, {.create_graph = true}),
                       Contains("in the gradient of sqrt: first infinity at (1)"), AnomalyError);
}

TEST_CASE("the path of modules around an op is in the message, forward and backward") {
  const DetectAnomaly guard;
  const Variable x = parameter(tensor({4, 0}));
  Variable y;
  {
    const ModuleScope net("net");
    const ModuleScope layer("2");
    CHECK_THROWS_WITH_AS(log(x), "log in net.2: first infinity at (1) of its result of shape (2)", AnomalyError);
    y = sqrt(x);
  }
  {
    const ModuleScope head("head");
    y = sum(y);
  }
  CHECK_THROWS_WITH_AS(y.backward(), Contains("in the gradient of sqrt in net.2: first infinity at (1)"), AnomalyError);
  CHECK_THROWS_WITH_AS(log(x), "log: first infinity at (1) of its result of shape (2)", AnomalyError);
}

TEST_CASE("detection ends with its scope, nests, and is the thread's own") {
  const Variable x = parameter(tensor({-1.0}));
  {
    const DetectAnomaly outer;
    { const DetectAnomaly inner; }
    CHECK_THROWS_AS(sqrt(x), AnomalyError);
    bool found = true;
    std::thread([&] {
      try {
        sqrt(x);
        found = false;
      } catch (const AnomalyError&) {
      }
    }).join();
    CHECK_FALSE(found);
  }
  CHECK_NOTHROW(sum(sqrt(x)).backward());
}

TEST_CASE("after an anomaly the next step is right") {
  const Variable x = parameter(tensor({4, 0}));
  {
    const DetectAnomaly guard;
    CHECK_THROWS_AS(sum(sqrt(x) + exp(x)).backward(), AnomalyError);
  }
  x.zero_grad();
  sum(x * 3).backward();
  CHECK(values(x.grad()) == std::vector<double>{3, 3});
}

TEST_CASE("integers are not searched") {
  const DetectAnomaly guard;
  const Variable i = tensor({1, 2}, i64);
  CHECK(values((i + i).value()) == std::vector<double>{2, 4});
}
