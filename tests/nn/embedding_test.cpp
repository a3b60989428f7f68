#include <doctest/doctest.h>

#include <ravine/nn/nn.hpp>
#include <ravine/optim/sgd.hpp>
#include "gradients.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;
using Values = std::vector<double>;

TEST_CASE("Embedding gives the rows at positions of any shape") {
  nn::Embedding layer(4, 2);
  layer.weight.set_value(tensor({{0, 1}, {10, 11}, {20, 21}, {30, 31}}));
  CHECK(layer.describe() == "Embedding(4, 2)");
  const Variable y = layer(tensor({{3, 0}, {1, 3}, {2, 2}}, i64));
  CHECK(y.shape() == Shape{3, 2, 2});
  CHECK(values(y.value()) == Values{30, 31, 0, 1, 10, 11, 30, 31, 20, 21, 20, 21});
  CHECK(layer(scalar(2, i64)).shape() == Shape{2});
  CHECK(layer(arange(4, i64).slice(0, 1, 3)).value().at({1, 0}) == 20);  // a view
  CHECK(layer(zeros({0}, i64)).shape() == Shape{0, 2});
  CHECK(layer(zeros({2, 0, 3}, i64)).shape() == Shape{2, 0, 3, 2});
  CHECK(nn::Embedding(0, 3)(zeros({0}, i64)).shape() == Shape{0, 3});
}

TEST_CASE("Embedding: gradients of positions that repeat add up") {
  nn::Embedding layer(4, 2);
  const Variable y = layer(tensor({1, 3, 1}, i64));
  sum(y * tensor({{1, 2}, {10, 20}, {100, 200}})).backward();
  CHECK(values(layer.weight.grad()) == Values{0, 0, 101, 202, 0, 0, 10, 20});

  const Tensor positions = tensor({{2, 0}, {2, 2}}, i64);
  const auto f = [&](const std::vector<Variable>& in) {
    const Variable rows = index_select(in[0], 0, positions.reshape({4})).reshape({2, 2, 3});
    return rows * rows;
  };
  const Tensor weight = random_tensor({3, 3}, f64);
  check_gradients(f, {weight});
  nn::Embedding same(3, 3);
  same.to(f64);
  same.weight.set_value(weight);
  CHECK(bitwise_equal(square(same(positions)).value(), f({weight}).value()));
}

TEST_CASE("Embedding starts standard normal") {
  Generator generator(1), again(1);
  const nn::Embedding layer(500, 200, generator), same(500, 200, again);
  CHECK(bitwise_equal(layer.weight.value(), same.weight.value()));
  const Tensor weight = layer.weight.value().to(f64);
  CHECK(std::abs(mean(weight).item()) < 0.01);
  CHECK(var(weight).item() == Approx(1.0).epsilon(0.015));
}

TEST_CASE("Embedding refuses by its own name") {
  nn::Embedding layer(4, 2);
  CHECK_THROWS_WITH_AS(layer(tensor({0, 4}, i64)), "Embedding: position 4 is not in [0, 4)", std::out_of_range);
  CHECK_THROWS_WITH_AS(layer(tensor({-1}, i64)), "Embedding: position -1 is not in [0, 4)", std::out_of_range);
  CHECK_THROWS_WITH_AS(layer(ones({2})), "Embedding: needs positions (i64), got f32", DTypeError);
  CHECK_THROWS_WITH_AS(layer(ones({2}, u8)), Contains("got u8"), DTypeError);
  CHECK_THROWS_WITH_AS(nn::Embedding(-1, 2), "Embedding: sizes must not be negative, got -1 and 2",
                       std::invalid_argument);
  CHECK_THROWS_AS(nn::Embedding(1, -2), std::invalid_argument);
}

TEST_CASE("Embedding is a module among others: in a Sequential, saved, trained") {
  nn::Embedding layer(3, 2);
  nn::Sequential net{layer, nn::Flatten(), nn::Linear(4, 1)};
  CHECK(net.named_parameters()[0].first == "0.weight");
  const Tensor x = tensor({{0, 2}, {2, 1}}, i64);
  CHECK(net(x).shape() == Shape{2, 1});
  nn::Embedding other(3, 2);
  other.load_state_dict(layer.state_dict());
  CHECK(bitwise_equal(other(x).value(), layer(x).value()));
  optim::SGD sgd(net.parameters(), {.lr = 0.1});
  const auto loss = [&] { return nn::mse_loss(net(x), tensor({{1}, {-1}})); };
  const double before = loss().item();
  const Tensor start = layer.weight.value().clone();
  for (int step = 0; step < 20; ++step) {
    sgd.zero_grad();
    loss().backward();
    sgd.step();
  }
  CHECK(loss().item() < 0.1 * before);
  CHECK(min(abs(layer.weight.value() - start)).item() > 0.0);
}
