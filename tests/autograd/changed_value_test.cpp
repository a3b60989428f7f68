// A value that an op saved for its pullback and that was written since is refused, not silently used.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>

#include "../core/reference.hpp"

using namespace ravine;
using doctest::Contains;
using Values = std::vector<double>;

namespace {

const char* const words = "an input changed after the forward pass; its gradient would be wrong";

/// Every way to write to the tensor.
const std::vector<std::function<void(Tensor)>> writes = {
    [](Tensor t) { t.mutable_data<float>()[0] = 9; },
    [](Tensor t) { t.set({0}, 9); },
    [](Tensor t) { t.fill(9); },
    [](Tensor t) { t.copy_from(full({2}, 9)); },
    [](Tensor t) { t.slice(0, 1, 2).fill(9); },  // a view
    [](Tensor t) { t[0].fill(9); },
    [](Tensor t) {
      t.reshape({1, 2}).set({0, 1}, 9);
    },
};

}  // namespace

TEST_CASE("a saved operand that was written since is refused by the name of its op, however it was written") {
  for (const auto& write : writes) {
    const Variable w = parameter(ones({2})), c = tensor({1, 2});
    const Variable loss = sum(w * c);
    write(c.value());
    CHECK_THROWS_WITH_AS(loss.backward(), ("mul: " + std::string(words)).c_str(), std::logic_error);
    const Variable again = sum(w * c);
    CHECK_THROWS_WITH_AS((write(c.value()), grad(again, {w}, {.create_graph = true})), Contains(words),
                         std::logic_error);
    CHECK_NOTHROW(sum(w * c).backward());  // recorded after the write
  }
}

TEST_CASE("a parameter that was stepped between forward and backward") {
  const Variable w = parameter(tensor({1, 2}));
  const Variable loss = sum(square(w));
  w.set_value(tensor({5, 6}));
  CHECK_THROWS_WITH_AS(loss.backward(), Contains("square: an input changed"), std::logic_error);
}

TEST_CASE("a saved result that was written since") {
  const Variable w = parameter(tensor({1, 2}));
  const Variable y = exp(w);
  const Variable loss = sum(y);
  Tensor(y.value()).fill(0);
  CHECK_THROWS_WITH_AS(loss.backward(), Contains("exp: an input changed"), std::logic_error);
  const Variable z = exp(w);
  const Variable other = sum(z);
  Tensor(z.value()).fill(0);
  CHECK_THROWS_WITH_AS(grad(other, {w}, {.create_graph = true}), Contains("exp: an input changed"), std::logic_error);
}

TEST_CASE("conditions and positions are saved as well") {
  const Variable x = parameter(tensor({1, 2, 3}));
  Tensor condition = tensor({1, 0, 1}, u8), positions = tensor({0, 2, 2}, i64);
  const std::vector<Variable> losses = {sum(where(condition, x, x * 2)), sum(index_select(x, 0, positions)),
                                        sum(gather(x, 0, positions)), sum(index_select_pullback(x, {4}, 0, positions)),
                                        sum(gather_pullback(x, {4}, 0, positions))};
  condition.set({0}, 0);
  positions.set({0}, 1);
  for (const Variable& loss : losses) CHECK_THROWS_WITH_AS(loss.backward(), Contains(words), std::logic_error);
}

TEST_CASE("what no pullback reads may be written") {
  const Variable w = parameter(tensor({1, 2})), c = tensor({1, 2});
  const Variable h = w + c;  // reads neither
  const Variable loss = sum(-h);
  Tensor(c.value()).fill(0);
  Tensor(h.value()).fill(0);
  loss.backward();
  CHECK(values(w.grad()) == Values{-1, -1});
}

TEST_CASE("writes before the forward pass, and to other tensors, do no harm") {
  Tensor t = zeros({2});
  const Variable c = t, w = parameter(ones({2}));
  t.fill(3);
  Tensor unrelated = ones({2});
  const Variable loss = sum(w * c);
  unrelated.fill(7);
  loss.backward();
  CHECK(values(w.grad()) == Values{3, 3});
}

TEST_CASE("a view of the same storage counts as the storage") {
  Tensor storage = ones({2, 2});
  const Variable row = storage[0], w = parameter(ones({2}));
  const Variable loss = sum(w * row);
  storage[1].fill(5);  // another row: refused all the same, as storages are what is numbered
  CHECK_THROWS_WITH_AS(loss.backward(), Contains(words), std::logic_error);
}

TEST_CASE("the graph of a gradient notices writes after its own recording") {
  const Variable w = parameter(tensor({2, 3}, f64)), c = tensor({5, 7}, f64);
  const Variable g = grad(sum(square(w * c)), {w}, {.create_graph = true})[0];
  const Variable loss = sum(g * g);
  Tensor(c.value()).fill(0);
  CHECK_THROWS_WITH_AS(loss.backward(), Contains(words), std::logic_error);
}

TEST_CASE("tensors that a pullback makes and fills itself are no changed inputs") {
  const Variable w = parameter(tensor({2, 3}, f64));
  const auto own = [](const Variable& x) {
    return record("own", x.value() + 0, {{x, [](const Variable& dy) {
                                            Tensor weights = zeros(dy.shape(), f64);
                                            weights[0].fill(4);
                                            weights.mutable_data<double>()[1] = 5;
                                            const Variable v = weights;
                                            return dy * v + v * dy;
                                          }}});
  };
  CHECK(values(grad(sum(own(w)), {w}, {.create_graph = true})[0].value()) == Values{8, 10});
  sum(own(w)).backward();
  CHECK(values(w.grad()) == Values{8, 10});
}

TEST_CASE("reading a changed value outside of a pullback is no error") {
  const Variable w = parameter(tensor({1, 2}));
  const Variable loss = sum(square(w));
  w.set_value(tensor({5, 6}));
  CHECK_THROWS_AS(loss.backward(), std::logic_error);
  CHECK(values(w.value()) == Values{5, 6});
  CHECK(sum(w * w).item() == 61);
}
