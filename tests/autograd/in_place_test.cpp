// An op works in the memory of a temporary; whatever has a name, or is read by a pullback, keeps its values.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/memory.hpp>

#include "../core/reference.hpp"

using namespace ravine;
using Values = std::vector<double>;

namespace {

/// x + 0 that notes where its value is.
Variable noted(const Variable& x, const void*& at, bool reads_result = false) {
  Tensor value = x.value() + 0;
  at = value.bytes();
  if (reads_result) return record("noted", std::move(value), {{x, [](auto dy, const auto&) { return dy; }}});
  return record("noted", std::move(value), {{x, [](auto dy) { return dy; }}});
}

const void* memory(const Variable& x) { return x.value().bytes(); }

}  // namespace

TEST_CASE("a temporary that no pullback reads is worked in") {
  const Variable x = parameter(tensor({-1, 2}));
  const void* at = nullptr;
  CHECK(memory(relu(noted(x, at))) == at);
  CHECK(memory(noted(x, at) + 1) == at);
  CHECK(memory(2 - noted(x, at) * 3) == at);
  CHECK(memory(-noted(x, at)) == at);
  CHECK(memory(noted(x, at) + x) == at);
  CHECK(memory(x - noted(x, at)) == at);
  CHECK(memory(noted(x, at) / 2.0) == at);
}

TEST_CASE("relu(linear(x)) works in place") {
  const Variable x = tensor({{1, 2}}), w = parameter(tensor({{1, 1}, {-1, -1}}));
  Variable pre = linear(x, w);
  const void* at = memory(pre);
  const Variable y = relu(std::move(pre));
  CHECK(memory(y) == at);
  CHECK(values(y.value()) == Values{3, 0});
  sum(y).backward();
  CHECK(values(w.grad()) == Values{1, 2, 0, 0});
}

TEST_CASE("relu of a temporary is part of the op before it, with the gradients of any order") {
  const Tensor x = random_tensor({5, 3}, f64, 1), w = random_tensor({4, 3}, f64, 2), b = random_tensor({4}, f64, 3);
  const auto check = [&](const char* name, const std::function<Variable(const std::vector<Variable>&)>& f) {
    INFO(std::string(name));
    CHECK(gradcheck(f, {x, w, b}, {.second_order = true}));
  };
  check("of linear", [](auto& v) { return square(relu(linear(v[0], v[1], v[2]))); });
  check("of relu", [](auto& v) { return square(relu(relu(linear(v[0], v[1], v[2])))); });
  check("of linear of relu", [](auto& v) { return relu(linear(tanh(relu(v[0] * v[0])), v[1], v[2])) * v[2]; });
  check("of a sum", [](auto& v) { return square(relu(matmul(v[0], transpose(v[1])) + v[2])); });
  check("of a user's op", [](auto& v) {
    return square(relu(record("own", v[2].value() * 2.0, {{v[2], [](auto dy) { return dy * 2.0; }}})));
  });
  check("of a user's op with a pullback for Variables", [](auto& v) {
    const auto pullback = [](const Variable& dy) { return dy * 2.0; };
    return square(relu(record("own", v[2].value() * 2.0, {{v[2], pullback}})));
  });

  const Variable p = parameter(tensor({-1, 2, 3})), q = parameter(tensor({1, -1, 2}));
  const Variable y = relu(p * q);
  sum(y * 5).backward(/*retain_graph=*/true);
  CHECK(values(p.grad()) == Values{0, 0, 10});
  const auto g = grad(sum(y * 5), {y, q}, {.retain_graph = true});
  CHECK(values(g[0].value()) == Values{5, 5, 5});  // of its result, not of the product
  CHECK(values(g[1].value()) == Values{0, 0, 15});
  sum(y * 5).backward();
  CHECK(values(p.grad()) == Values{0, 0, 20});
  CHECK(values(y.value()) == Values{0, 0, 6});
}

TEST_CASE("relu leaves alone what others hold or what is not recorded") {
  const Variable p = parameter(tensor({-1, 2}));
  Variable h = p * 3;
  const Tensor held = h.value();
  const Variable y = relu(std::move(h));
  CHECK(values(held) == Values{-3, 6});
  Variable k = p * 3;
  const Variable view = k.reshape({2, 1});
  sum(relu(std::move(k)) + view.reshape({2}) * 10).backward();
  CHECK(values(view.value()) == Values{-3, 6});
  CHECK(values(p.grad()) == Values{30, 33});
  Variable late = p * 3;
  const NoGrad guard;
  CHECK_FALSE(relu(std::move(late)).requires_grad());
}

TEST_CASE("relu is an op of its own where another op has its input, though no Variable holds it") {
  const Variable p = parameter(tensor({-1, 2}));
  const auto gradient = [&](FunctionRef<Variable(const Variable&)> other, bool recorded) {
    Variable h = p * 3;
    const Variable side = other(h), y = relu(std::move(h));
    return values(grad(side + sum(y), {p}, {.create_graph = recorded})[0].value());
  };
  for (const bool recorded : {false, true}) {
    CHECK(gradient([](auto& h) { return sum(h); }, recorded) == Values{3, 6});
    CHECK(gradient([](auto& h) { return mean(h); }, recorded) == Values{1.5, 4.5});
    CHECK(gradient([](auto& h) { return sum(-h) + sum(h * 2.0); }, recorded) == Values{3, 6});
    CHECK(gradient([](auto& h) { return sum(h.to(f64)).to(f32); }, recorded) == Values{3, 6});
  }
  Variable penalty;
  const auto layer = [&] {
    Variable h = p * 3;
    penalty = mean(h);
    return h;
  };
  const Variable y = relu(layer());
  CHECK(values(grad(sum(y) + penalty, {p})[0].value()) == Values{1.5, 4.5});
}

TEST_CASE("relu of a value that was written in between takes it as it is") {
  const Variable p = parameter(tensor({-1, 2}));
  Variable h = p * 3;
  {
    Tensor t = h.value();
    t.set({0}, 5);
  }
  sum(relu(std::move(h))).backward();
  CHECK(values(p.grad()) == Values{3, 3});
}

TEST_CASE("a graph that failed at a rectified op is refused the next time") {
  const Variable p = parameter(tensor({-1, 2})), q = parameter(tensor({1, 1}));
  Variable a, b;
  {
    const Variable y = relu(p * q);
    a = sum(y * 2);
    b = sum(-y);
  }
  q.set_value(tensor({2, 2}));
  CHECK_THROWS_WITH_AS(a.backward(), doctest::Contains("mul: an input changed"), std::logic_error);
  CHECK_THROWS_WITH_AS(b.backward(), doctest::Contains("freed by an earlier pass"), std::logic_error);
}

TEST_CASE("what a pullback reads is not worked in") {
  const Variable x = parameter(tensor({-1, 2}, f64));
  const void* at = nullptr;
  CHECK(memory(relu(noted(x, at, true))) != at);
  CHECK(memory(noted(x, at, true) + 1) != at);
  const auto check = [&](const char* name, const std::function<Variable(const Variable&)>& f) {
    INFO(std::string(name));
    CHECK(gradcheck([&](const std::vector<Variable>& in) { return f(in[0]); }, {x.value()}, {.second_order = true}));
  };
  check("relu(tanh)", [](auto& v) { return relu(tanh(v)); });
  check("exp + 1", [](auto& v) { return exp(v) + 1; });
  check("-sigmoid", [](auto& v) { return -sigmoid(v); });
  check("2 - softmax", [](auto& v) { return 2 - softmax(v, 0); });
  check("relu(v * v) - v", [](auto& v) { return relu(v * v) - v; });
  check("square of a sum", [](auto& v) { return square(v + v) + -(v * 2) * (v + 1); });
  check("relu of a view", [](auto& v) { return relu(tanh(v).reshape({1, 2})) + 1; });
  check("relu of a slice", [](auto& v) { return relu(exp(v).slice(0, 1, 2)) * 2 + 1; });
}

TEST_CASE("named variables never change, whatever is done with them") {
  const Variable p = parameter(tensor({-1, 2, 3})), c = tensor({-4, 5, 6});
  const Variable h = p * 2, n = p + c, v = h.reshape({3, 1});
  const std::vector<Variable> named = {p, c, h, n, v};
  std::vector<Values> before;
  for (const Variable& x : named) before.push_back(values(x.value()));
  for (const Variable& x : named) {
    relu(x) + 1;
    -x;
    x + x;
    x - 1;
    1 - x;
    x * 2;
    x / 2;
    relu_pullback(x, x);
    sum_to(x, x.shape());
    sum(relu(x + 1) * 2 - x);
    Variable copy = x;
    relu(std::move(copy)) * 2;
  }
  sum(relu(n) + h).backward();
  for (std::size_t k = 0; k < named.size(); ++k) CHECK(values(named[k].value()) == before[k]);
}

TEST_CASE("a tensor somebody holds is not worked in through a variable") {
  const Tensor t = tensor({-1, 2});
  relu(Variable(t)) + 1;
  -Variable(t);
  Variable wrapped = t;
  relu(std::move(wrapped));
  CHECK(values(t) == Values{-1, 2});
  const Variable p = parameter(t);
  relu(p.detach()) + 1;
  relu(p.reshape({2, 1})) + 1;
  relu(p[0]) + 1;
  CHECK(values(t) == Values{-1, 2});
}

TEST_CASE("a parameter is not worked in even as a temporary") {
  Variable p = parameter(tensor({-1, 2}));
  const void* at = memory(p);
  const Variable y = relu(std::move(p));
  CHECK(memory(y) != at);
}

TEST_CASE("gradients asked for are not worked in by pullbacks that come later") {
  const Variable x = parameter(tensor({1, 2}, f64));
  const Variable h = x * 3, y = -h, z = relu(y * -1.0);
  const auto g = grad(sum(z * 2), {z, y, h, x});
  CHECK(values(g[0].value()) == Values{2, 2});
  CHECK(values(g[1].value()) == Values{-2, -2});
  CHECK(values(g[2].value()) == Values{2, 2});
  CHECK(values(g[3].value()) == Values{6, 6});
}
