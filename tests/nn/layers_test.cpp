// Linear, the activations, dropout and Sequential.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <ravine/nn/nn.hpp>
#include "gradients.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;

TEST_CASE("Linear is x W^T + b") {
  nn::Linear layer(3, 2);
  CHECK(layer.weight.shape() == Shape{2, 3});
  CHECK(layer.bias.shape() == Shape{2});
  layer.weight.set_value(tensor({{1.0, 2.0, 3.0}, {-1.0, 0.0, 1.0}}));
  layer.bias.set_value(tensor({10.0, 20.0}));
  CHECK(values(layer(tensor({{1.0, 1.0, 2.0}, {0.0, -1.0, 0.5}})).value()) == std::vector{19.0, 21.0, 9.5, 20.5});
  CHECK(layer(ones({3})).shape() == Shape{2});
  CHECK(layer(ones({4, 5, 3})).shape() == Shape{4, 5, 2});
  CHECK(layer(ones({0, 3})).shape() == Shape{0, 2});
  CHECK(layer.describe() == "Linear(3, 2)");
}

TEST_CASE("Linear without a bias") {
  nn::Linear layer(2, 1, false);
  CHECK(!layer.bias.defined());
  CHECK(layer.parameters().size() == 1);
  layer.weight.set_value(tensor({{4.0, 0.5}}));
  CHECK(layer(tensor({{1.0, 2.0}})).item() == 5.0);
  CHECK(layer.describe() == "Linear(2, 1, bias = false)");
}

TEST_CASE("Linear starts uniform within 1 / sqrt(in)") {
  Generator generator(1), same(1);
  const nn::Linear layer(400, 300, true, generator), again(400, 300, true, same);
  CHECK(bitwise_equal(layer.weight.value(), again.weight.value()));
  CHECK(bitwise_equal(layer.bias.value(), again.bias.value()));
  const Tensor weight = layer.weight.value().to(f64), bias = layer.bias.value().to(f64);
  // In units of the bound 0.05: within 1, standard deviation 1 / sqrt(3), mean 0.
  CHECK(max(abs(weight)).item() <= 0.05);
  CHECK(max(abs(weight)).item() > 0.0499);
  CHECK(std::sqrt(var(weight).item()) / 0.05 == Approx(1.0 / std::sqrt(3.0)).epsilon(0.003));
  CHECK(std::abs(mean(weight).item()) < 0.0004);
  CHECK(max(abs(bias)).item() <= 0.05);
  CHECK(max(abs(bias)).item() > 0.045);

  manual_seed(8);
  const nn::Linear first(2, 2);
  manual_seed(8);
  CHECK(bitwise_equal(first.weight.value(), nn::Linear(2, 2).weight.value()));
  CHECK(nn::Linear(0, 2).bias.value().at({1}) == 0.0);
}

TEST_CASE("Linear refuses what does not fit") {
  CHECK_THROWS_WITH_AS(nn::Linear(8, 4)(ones({2, 7})), Contains("(2, 7)"), ShapeError);
  CHECK_THROWS_WITH_AS(nn::Linear(8, 4)(ones({2, 7})), Contains("must be 8"), ShapeError);
  CHECK_THROWS_AS(nn::Linear(8, 4)(ones({2, 8}, f64)), DTypeError);
  CHECK_THROWS_WITH_AS(nn::Linear(-1, 4), Contains("-1 and 4"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(nn::Linear(1, -4), Contains("1 and -4"), std::invalid_argument);
}

namespace {

struct Case {
  const char* name;
  nn::Activation layer;
  std::vector<double> expected;  // at -2, -0.5, 0.1, 0.5, 2; of PyTorch 2.13 in double precision
};

const std::vector<double> at{-2.0, -0.5, 0.1, 0.5, 2.0};

}  // namespace

TEST_CASE("activations: values, and derivatives of both orders") {
  std::vector<Case> cases{
      {"ReLU()", nn::ReLU(), {0.0, 0.0, 0.1, 0.5, 2.0}},
      {"LeakyReLU(0.2)", nn::LeakyReLU(0.2), {-0.4, -0.1, 0.1, 0.5, 2.0}},
      {"ELU(1.5)", nn::ELU(1.5), {-1.29699707515, -0.590204010431, 0.1, 0.5, 2.0}},
      {"GELU()", nn::GELU(), {-0.0455002638964, -0.154268769363, 0.0539827837277, 0.345731230637, 1.9544997361}},
      {"GELU(tanh)",
       nn::GELU("tanh"),
       {-0.0454023059122, -0.154285990175, 0.0539827510454, 0.345714009825, 1.95459769409}},
      {"Tanh()", nn::Tanh(), {-0.964027580076, -0.46211715726, 0.099667994625, 0.46211715726, 0.964027580076}},
      {"Sigmoid()", nn::Sigmoid(), {0.119202922022, 0.377540668798, 0.524979187479, 0.622459331202, 0.880797077978}},
      {"Softplus(2)",
       nn::Softplus(2.0),
       {0.0090749639589, 0.156630843759, 0.399069434691, 0.656630843759, 2.00907496396}},
      {"SiLU()", nn::SiLU(), {-0.238405844044, -0.188770334399, 0.0524979187479, 0.311229665601, 1.76159415596}},
      {"Softmax(0)",
       nn::Softmax(0),
       {0.0124334031219, 0.0557226468785, 0.101533282485, 0.151469858443, 0.678840809071}},
      {"LogSoftmax(0)", nn::LogSoftmax(0), {-4.387368628, -2.887368628, -2.287368628, -1.887368628, -0.387368627996}},
      {"Identity()", nn::Identity(), {-2.0, -0.5, 0.1, 0.5, 2.0}},
  };
  for (Case& c : cases) {
    INFO(c.name);
    CHECK(c.layer.describe() == c.name);
    const Tensor x = tensor(at, {5}, f64);
    CHECK(worst_error(c.layer(x).value(), c.expected) < 1e-11);
    check_gradients([&](const auto& in) { return c.layer(in[0]); }, {x});
    CHECK(c.layer(x.reshape({5, 1, 1})).shape() == Shape{5, 1, 1});
    CHECK(c.layer(x.to(f32)).dtype() == f32);
    CHECK(c.layer(Variable(ones({0, 4}))).shape() == Shape{0, 4});
  }
}

TEST_CASE("activations refuse what they cannot do") {
  CHECK_THROWS_WITH_AS(nn::GELU("sigmoid"), Contains("'sigmoid'"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(nn::Softplus(0.0), Contains("beta must be > 0, got 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(nn::Softmax(1)(ones({3})), Contains("softmax"), ShapeError);
  CHECK_THROWS_AS(nn::Tanh()(ones({3}, i64)), DTypeError);
}

TEST_CASE("Flatten keeps the examples apart") {
  CHECK(nn::Flatten()(ones({4, 2, 3})).shape() == Shape{4, 6});
  CHECK(nn::Flatten()(ones({0, 2, 3})).shape() == Shape{0, 6});
  CHECK(nn::Flatten()(ones({4})).shape() == Shape{4, 1});
  CHECK_THROWS_WITH_AS(nn::Flatten()(scalar(1.0)), "Flatten: there is no dimension 0 in shape ()", ShapeError);
}

TEST_CASE("Dropout keeps with probability 1 - p and scales what it keeps") {
  manual_seed(4);
  nn::Dropout layer(0.25);
  const Variable x = parameter(full({200, 500}, 3.0));
  const Variable y = layer(x);
  const std::vector<double> kept = values(y.value());
  const auto count = [&](double value) { return static_cast<double>(std::count(kept.begin(), kept.end(), value)); };
  CHECK(count(0.0) + count(4.0) == 100000.0);
  CHECK(count(4.0) / 100000.0 == Approx(0.75).epsilon(0.003));  // four standard deviations
  sum(y).backward();
  CHECK(bitwise_equal(x.grad(), y.value() / 3.0));

  CHECK(!bitwise_equal(layer(x).value(), y.value()));
  manual_seed(4);
  CHECK(bitwise_equal(layer(x).value(), y.value()));
  CHECK(layer.describe() == "Dropout(0.25)");
  CHECK(layer(ones({0, 2})).shape() == Shape{0, 2});
}

TEST_CASE("Dropout does nothing in evaluation, and draws nothing") {
  manual_seed(4);
  nn::Dropout layer(0.9), none(0.0);
  const Variable x = parameter(ones({8}));
  CHECK(none(x).node() == x.node());
  layer.eval();
  CHECK(layer(x).node() == x.node());
  CHECK(default_generator().position() == 0);
}

TEST_CASE("Dropout refuses other probabilities") {
  CHECK_THROWS_WITH_AS(nn::Dropout(1.0), Contains("p must be in [0, 1), got 1"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(nn::Dropout(-0.1), Contains("got -0.1"), std::invalid_argument);
  CHECK_THROWS_AS(nn::Dropout(std::nan("")), std::invalid_argument);
  CHECK_THROWS_WITH_AS(nn::Dropout(0.5)(arange(3, i64)), Contains("Dropout: needs a floating tensor"), DTypeError);
}

TEST_CASE("Dropout is differentiable again and again") {
  nn::Dropout layer(0.4);
  const auto f = [&](const std::vector<Variable>& in) {
    manual_seed(2);
    return layer(square(in[0]));
  };
  check_gradients(f, {random_tensor({3, 4}, f64)});
}

TEST_CASE("Sequential passes results on, and names its parts by their places") {
  nn::Linear first(2, 3), last(3, 1);
  nn::Sequential net{first, nn::Sequential{nn::Tanh(), last}};
  CHECK(net.size() == 2);
  const auto named = net.named_parameters();
  REQUIRE(named.size() == 4);
  CHECK(named[0].first == "0.weight");
  CHECK(named[1].first == "0.bias");
  CHECK(named[2].first == "1.1.weight");
  CHECK(named[3].first == "1.1.bias");
  CHECK(net[0].identity() == first.identity());
  const Tensor x = random_tensor({5, 2}, f32);
  CHECK(bitwise_equal(net(x).value(), last(tanh(first(x))).value()));

  net.push_back(nn::Linear(1, 4));
  CHECK(net.size() == 3);
  CHECK(net(x).shape() == Shape{5, 4});
  CHECK(net.named_parameters()[4].first == "2.weight");
  CHECK_THROWS_WITH_AS(net[3], Contains("no module 3 among 3"), std::out_of_range);
  CHECK_THROWS_AS(net[-1], std::out_of_range);
}

TEST_CASE("mlp: what stands between its Linear layers, and what it refuses") {
  const auto layers = [](const nn::Sequential& net) {
    std::string all;
    for (const auto& [name, layer] : net.children()) all += layer->describe() + " ";
    return all;
  };
  CHECK(layers(nn::mlp({3, 1})) == "Linear(3, 1) ");
  CHECK(layers(nn::mlp({3, 4, 5, 2})) == "Linear(3, 4) ReLU() Linear(4, 5) ReLU() Linear(5, 2) ");
  CHECK(layers(nn::mlp({3, 4, 2}, {.batch_norm = true})) == "Linear(3, 4) BatchNorm1d(4) ReLU() Linear(4, 2) ");
  CHECK(layers(nn::mlp({3, 4, 2}, {.dropout = 0.25})) == "Linear(3, 4) ReLU() Dropout(0.25) Linear(4, 2) ");
  CHECK_THROWS_WITH_AS(nn::mlp({3}), "mlp: needs the sizes of inputs and outputs, got 1", std::invalid_argument);
  CHECK_THROWS_WITH_AS(nn::mlp({3, -4, 1}), Contains("got 3 and -4"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(nn::mlp({3, 4, 1}, {.dropout = -0.5}), Contains("got -0.5"), std::invalid_argument);
}

TEST_CASE("an empty Sequential returns what it is given; one made of another is the same") {
  nn::Sequential none;
  const Variable x = parameter(ones({2}));
  CHECK(none(x).node() == x.node());
  CHECK(none.parameters().empty());
  nn::Sequential one{nn::Linear(1, 1)};
  CHECK(one.size() == 1);
  nn::Sequential same{one};
  CHECK(same.identity() == one.identity());
  nn::Sequential nested{one, one};
  CHECK(nested.size() == 2);
  CHECK(nested.parameters().size() == 2);
}

TEST_CASE("a whole net: derivatives of both orders in inputs and parameters") {
  nn::Sequential net{nn::Linear(3, 4), nn::LayerNorm(4), nn::Tanh(), nn::Linear(4, 2), nn::Softplus()};
  net.to(f64);
  std::vector<Tensor> inputs{random_tensor({5, 3}, f64)};
  const std::vector<Variable> parameters = net.parameters();
  for (const Variable& p : parameters) inputs.push_back(p.value());
  const auto f = [&](const std::vector<Variable>& in) {
    const Variable h = tanh(nn::layer_norm(linear(in[0], in[1], in[2]), {4}, in[3], in[4]));
    return softplus(linear(h, in[5], in[6]));
  };
  check_gradients(f, inputs);
  std::vector<Variable> constants(inputs.begin(), inputs.end());
  CHECK(bitwise_equal(f(constants).value(), net(inputs[0]).value()));
}
