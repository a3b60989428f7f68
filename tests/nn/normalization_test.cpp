// Batch, layer and root mean square normalization. Golden numbers: PyTorch 2.13 in double precision.
#include <cmath>

#include <doctest/doctest.h>

#include <ravine/nn/nn.hpp>
#include "gradients.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;

namespace {

Tensor example() { return tensor({{1.0, -2.0, 0.5}, {3.0, 0.25, -1.0}, {-0.5, 4.0, 2.0}, {0.0, 1.0, 1.5}}, f64); }
Tensor scale() { return tensor({1.5, -0.5, 2.0}, f64); }
Tensor shift() { return tensor({0.1, 0.2, -0.3}, f64); }
/// -0.4, -0.3, ..., 0.7.
Variable upstream() { return arange(12, f64).reshape({4, 3}) / 10.0 - 0.4; }

nn::BatchNorm1d batch_norm_example() {
  nn::BatchNorm1d layer(3);
  layer.to(f64);
  layer.weight.set_value(scale());
  layer.bias.set_value(shift());
  return layer;
}

}  // namespace

TEST_CASE("BatchNorm1d in training: by hand") {
  // Column (1, 3, 5, 7): mean 4, mean square deviation 5, unbiased variance 20 / 3.
  nn::BatchNorm1d layer(1, {.eps = 0.0});
  layer.weight.set_value(tensor({2.0}));
  layer.bias.set_value(tensor({10.0}));
  const std::vector<double> y = values(layer(tensor({{1.0}, {3.0}, {5.0}, {7.0}})).value());
  CHECK(y[0] == Approx(10.0 - 6.0 / std::sqrt(5.0)));
  CHECK(y[1] == Approx(10.0 - 2.0 / std::sqrt(5.0)));
  CHECK(y[3] == Approx(10.0 + 6.0 / std::sqrt(5.0)));
  CHECK(layer.running_mean.item() == Approx(0.4));
  CHECK(layer.running_var.item() == Approx(0.9 + 0.1 * 20.0 / 3.0));
  // Then a batch of mean 0 and unbiased variance 32.
  layer(tensor({{-4.0}, {4.0}}));
  CHECK(layer.running_mean.item() == Approx(0.36));
  CHECK(layer.running_var.item() == Approx(0.9 * (0.9 + 2.0 / 3.0) + 0.1 * 32.0));
}

TEST_CASE("BatchNorm1d in training: values and gradients") {
  nn::BatchNorm1d layer = batch_norm_example();
  const Variable x = parameter(example());
  const Variable y = layer(x);
  CHECK(worst_error(y.value(), {0.239875332018, 0.855277331084, -0.736434117869, 2.47788064431, 0.331055466217,
                                -3.35503882508, -1.4386286522, -0.542647641895, 1.88217058934, -0.879127324128,
                                0.156314844594, 1.00930235361}) < 1e-11);
  sum(y * upstream()).backward();
  CHECK(worst_error(x.grad(), {-0.484576907997, 0.0368157290622, -0.710764704847, 0.154712485152, 0.0213423955422,
                               0.261856480497, -0.0408667615377, 0.0421510054416, -0.112223065863, 0.370731184382,
                               -0.100309130046, 0.561131290213}) < 1e-11);
  CHECK(worst_error(layer.weight.grad(), {-0.727351726495, 0.891177170274, 0.785581412164}) < 1e-11);
  CHECK(worst_error(layer.bias.grad(), {0.2, 0.6, 1.0}) < 1e-11);
  CHECK(worst_error(layer.running_mean.value(), {0.0875, 0.08125, 0.075}) < 1e-11);
  CHECK(worst_error(layer.running_var.value(), {1.13958333333, 1.5140625, 1.075}) < 1e-11);
}

TEST_CASE("BatchNorm1d in evaluation uses the running statistics, and leaves them") {
  nn::BatchNorm1d layer = batch_norm_example();
  layer(example());
  layer.eval();
  const Variable x = parameter(example());
  const Variable y = layer(x);
  CHECK(worst_error(y.value(), {1.38218054302, 1.04570893592, 0.519808984634, 4.19243926745, 0.131429005195,
                                -2.37363449054, -0.725513500302, -1.39237087935, 3.41325245981, -0.0229488191939,
                                -0.173330971714, 2.44877130142}) < 1e-11);
  sum(y * upstream()).backward();
  CHECK(worst_error(x.grad(), {-0.562051744886, 0.121903990764, -0.385792463357, -0.140512936222, 0.0, 0.192896231678,
                               0.281025872443, -0.121903990764, 0.771584926714, 0.702564681108, -0.243807981528,
                               1.35027362175}) < 1e-11);
  CHECK(worst_error(layer.weight.grad(), {-0.765795502408, 1.91084505522, 1.51905782447}) < 1e-11);
  CHECK(worst_error(layer.bias.grad(), {0.2, 0.6, 1.0}) < 1e-11);
  CHECK(worst_error(layer.running_mean.value(), {0.0875, 0.08125, 0.075}) < 1e-11);
  // A row's result is its own: also alone, and there may be none.
  CHECK(bitwise_equal(layer(example().slice(0, 2, 3)).value(), y.value().slice(0, 2, 3)));
  CHECK(layer(zeros({0, 3}, f64)).shape() == Shape{0, 3});
}

TEST_CASE("BatchNorm1d: derivatives of both orders, in every mode") {
  const Tensor x = random_tensor({6, 3}, f64), mean = shift(), variance = square(scale());
  check_gradients([](const auto& in) { return nn::batch_norm(in[0], in[1], in[2]); }, {x, scale(), shift()});
  check_gradients([](const auto& in) { return nn::batch_norm(in[0], in[1]); }, {x, scale()});
  check_gradients([](const auto& in) { return nn::batch_norm(in[0], {}, in[1]); }, {x, shift()});
  check_gradients([](const auto& in) { return nn::batch_norm(in[0], {}, {}, 0.1); }, {x});
  check_gradients([&](const auto& in) { return nn::batch_norm_with(in[0], mean, variance, in[1], in[2]); },
                  {x, scale(), shift()});
  check_gradients([&](const auto& in) { return nn::batch_norm_with(in[0], mean, variance); }, {x});
  // Both get the same gradient to work on.
  check_gradients([](const auto& in) { return nn::batch_norm(in[0], in[1]) + nn::batch_norm(square(in[0])); },
                  {x, scale()});

  for (const bool affine : {true, false})
    for (const bool training : {true, false}) {
      nn::BatchNorm1d layer(3, {.affine = affine});
      layer.to(f64);
      layer.train(training);
      check_gradients([&](const auto& in) { return layer(in[0]); }, {x});
    }
}

TEST_CASE("BatchNorm1d without scale and shift has no parameters") {
  nn::BatchNorm1d layer(2, {.affine = false});
  CHECK(layer.parameters().empty());
  CHECK(layer.state_dict().size() == 2);
  CHECK(!layer.weight.defined());
  const std::vector<double> y = values(layer(tensor({{1.0, 0.0}, {3.0, 4.0}})).value());
  CHECK(y[0] == Approx(-1.0));
  CHECK(y[3] == Approx(1.0));
}

TEST_CASE("BatchNorm1d's momentum: 1 keeps the last batch only, 0 keeps the start") {
  const Tensor x = tensor({{1.0}, {3.0}});
  nn::BatchNorm1d last(1, {.momentum = 1.0}), first(1, {.momentum = 0.0});
  last(x);
  first(x);
  CHECK(last.running_mean.item() == 2.0);
  CHECK(last.running_var.item() == 2.0);
  CHECK(first.running_mean.item() == 0.0);
  CHECK(first.running_var.item() == 1.0);
}

TEST_CASE("BatchNorm1d refuses what it cannot normalize") {
  nn::BatchNorm1d layer(3);
  CHECK_THROWS_WITH_AS(layer(ones({2, 4})), Contains("BatchNorm1d: input must be (N, 3), got (2, 4)"), ShapeError);
  CHECK_THROWS_WITH_AS(layer(ones({2, 3, 4})), Contains("got (2, 3, 4)"), ShapeError);
  CHECK_THROWS_WITH_AS(layer(ones({1, 3})),
                       Contains("at least two rows, got (1, 3); a DataLoader with drop_last leaves out"), ShapeError);
  CHECK_THROWS_AS(layer(ones({0, 3})), ShapeError);
  CHECK_THROWS_WITH_AS(layer(ones({2, 3}, f64)), Contains("f64"), DTypeError);
  CHECK_THROWS_AS(nn::BatchNorm1d(3, {.affine = false})(ones({2, 3}, f64)), DTypeError);
  CHECK(layer.running_mean.value().at({0}) == 0.0);
  layer.eval();
  CHECK_NOTHROW(layer(ones({1, 3})));
  CHECK_THROWS_WITH_AS(nn::BatchNorm1d(3, {.eps = -1.0}), Contains("eps must be >= 0, got -1"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(nn::BatchNorm1d(3, {.momentum = 1.5}), Contains("momentum"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(nn::batch_norm(ones({2, 3}), ones({2})), Contains("weight must be (3), got (2)"), ShapeError);
  CHECK_THROWS_WITH_AS(nn::batch_norm(ones({2, 3}), ones({3}, f64)), Contains("weight is f64"), DTypeError);
  CHECK_THROWS_AS(nn::batch_norm(ones({2, 3}, i64)), DTypeError);
}

TEST_CASE("an evaluation pass is stale once training has moved the statistics") {
  nn::BatchNorm1d layer = batch_norm_example();
  layer.eval();
  const Variable x = parameter(example());
  const Variable y = sum(layer(x));
  layer.train();
  layer(example());
  CHECK_THROWS_WITH_AS(y.backward(), Contains("batch_norm: an input changed"), std::logic_error);
}

TEST_CASE("batch_norm: columns are independent of each other and of the number of threads") {
  const Tensor x = random_tensor({700, 300}, f32), weight = random_tensor({300}, f32, 2),
               bias = random_tensor({300}, f32, 3), g = random_tensor({700, 300}, f32, 4);
  const auto forward = [&] { return nn::batch_norm(x, weight, bias).value(); };
  const auto backward = [&](Index begin, Index end) {
    const Variable in = parameter(x.slice(1, begin, end)), w = parameter(weight.slice(0, begin, end));
    sum(nn::batch_norm(in, w) * Variable(g.slice(1, begin, end))).backward();
    return concat({in.grad(), w.grad().reshape({1, end - begin})}, 0);
  };
  CHECK(same_bits_on_any_threads(forward));
  CHECK(same_bits_on_any_threads([&] { return backward(0, 300); }));
  CHECK(bitwise_equal(backward(0, 300).slice(1, 256, 300), backward(256, 300)));
}

TEST_CASE("layer_norm: values and gradients") {
  nn::LayerNorm layer(3);
  layer.to(f64);
  layer.weight.set_value(scale());
  layer.bias.set_value(shift());
  const Variable x = parameter(example());
  const Variable y = layer(x);
  CHECK(worst_error(y.value(), {1.43349746206, 0.898498670605, 0.715998066334, 2.1199527878, 0.349626132429,
                                -2.39476585401, -1.80124786178, -0.388481481026, -0.118928775069, -1.90443354322,
                                0.0663710971186, 1.8380624461}) < 1e-11);
  sum(y * upstream()).backward();
  CHECK(worst_error(x.grad(), {-0.0276544136965, -0.00552868524657, 0.0331830989431, 0.0107935289967, -0.0345404719285,
                               0.0237469429318, -0.120219091802, -0.150274579388, 0.27049367119, 0.509691206806,
                               -1.52909492413, 1.01940371733}) < 1e-11);
  CHECK(worst_error(layer.weight.grad(), {-1.41190707171, 0.932542774436, 0.578198001788}) < 1e-11);
  CHECK(worst_error(layer.bias.grad(), {0.2, 0.6, 1.0}) < 1e-11);
  CHECK(layer(zeros({0, 3}, f64)).shape() == Shape{0, 3});
  CHECK(layer.describe() == "LayerNorm(3)");
}

TEST_CASE("layer_norm over several dimensions is that of the flattened rows") {
  const Tensor x = random_tensor({2, 3, 4, 5}, f64), w = random_tensor({4, 5}, f64, 2),
               b = random_tensor({4, 5}, f64, 3);
  const Tensor y = nn::layer_norm(x, {4, 5}, w, b).value();
  CHECK(y.shape() == x.shape());
  const Tensor flat = nn::layer_norm(x.reshape({6, 20}), {20}, w.reshape({20}), b.reshape({20})).value();
  CHECK(bitwise_equal(y.reshape({6, 20}), flat));
  nn::LayerNorm layer({4, 5});
  CHECK(layer.weight.shape() == Shape{4, 5});
  CHECK(layer.describe() == "LayerNorm((4, 5))");
}

TEST_CASE("layer_norm: derivatives of both orders") {
  const Tensor x = random_tensor({3, 4}, f64), w = random_tensor({4}, f64, 2), b = random_tensor({4}, f64, 3);
  check_gradients([](const auto& in) { return nn::layer_norm(in[0], {4}, in[1], in[2]); }, {x, w, b});
  check_gradients([](const auto& in) { return nn::layer_norm(in[0], {4}); }, {x});
  check_gradients(
      [](const auto& in) {
        return nn::layer_norm(in[0], {2, 2}, in[1]);
      },
      {x.reshape({3, 2, 2}), w.reshape({2, 2})});
  nn::LayerNorm plain(4, {.eps = 0.01, .affine = false});
  CHECK(plain.parameters().empty());
  check_gradients([&](const auto& in) { return plain(in[0]); }, {x});
}

TEST_CASE("layer_norm refuses what does not fit") {
  CHECK_THROWS_WITH_AS(nn::LayerNorm(3)(ones({2, 4})), Contains("the last sizes of (2, 4) must be (3)"), ShapeError);
  CHECK_THROWS_AS(nn::LayerNorm({2, 3})(ones({3})), ShapeError);
  CHECK_THROWS_WITH_AS(nn::LayerNorm(3)(ones({2, 3}, f64)), Contains("weight is f32"), DTypeError);
  CHECK_THROWS_WITH_AS(nn::layer_norm(ones({2, 3}, i64), {3}), Contains("layer_norm"), DTypeError);
  CHECK_THROWS_WITH_AS(nn::LayerNorm(3, {.eps = -1.0}), Contains("eps must be >= 0, got -1"), std::invalid_argument);
}

TEST_CASE("RMSNorm: by hand, and over several dimensions") {
  // (3, 4): mean square 12.5. (0, 0) and (1, 7): 0 and 25.
  nn::RMSNorm layer(2, {.eps = 0.5});
  layer.weight.set_value(tensor({1.0, -2.0}));
  const Tensor x = tensor({{3.0, 4.0}, {0.0, 0.0}, {1.0, 7.0}});
  const double a = 1.0 / std::sqrt(13.0), b = 1.0 / std::sqrt(25.5);
  CHECK(worst_error(layer(x).value(), {3 * a, -8 * a, 0.0, 0.0, b, -14 * b}) < 1e-6);
  CHECK(layer.describe() == "RMSNorm(2)");
  CHECK(layer(zeros({0, 2})).shape() == Shape{0, 2});

  nn::RMSNorm matrix({3, 2}, {.affine = false});
  CHECK(matrix.parameters().empty());
  CHECK(matrix.describe() == "RMSNorm((3, 2))");
  const double c = 1.0 / std::sqrt(75.0 / 6.0);
  CHECK(worst_error(matrix(x).value(), {3 * c, 4 * c, 0.0, 0.0, c, 7 * c}) < 1e-6);
}

TEST_CASE("rms_norm's eps is that of the type if none is given") {
  // Of values whose mean square is just that, so that it halves the result's square.
  for (const auto& [dtype, eps] : {std::pair{f32, std::ldexp(1.0, -23)}, std::pair{f64, std::ldexp(1.0, -52)}}) {
    const Tensor x = full({1, 3}, std::sqrt(eps), dtype);
    CHECK(worst_error(nn::rms_norm(x, {3}).value(), std::vector<double>(3, std::sqrt(0.5))) < 1e-6);
    CHECK(worst_error(nn::rms_norm(x, {3}, {}, 0.0).value(), std::vector<double>(3, 1.0)) < 1e-6);
    nn::RMSNorm layer(3);
    layer.to(dtype);
    CHECK(bitwise_equal(layer(x).value(), nn::rms_norm(x, {3}).value()));
  }
}

TEST_CASE("rms_norm: derivatives of both orders") {
  const Tensor x = random_tensor({3, 4}, f64), w = random_tensor({4}, f64, 2);
  check_gradients([](const auto& in) { return nn::rms_norm(in[0], {4}, in[1]); }, {x, w});
  check_gradients([](const auto& in) { return nn::rms_norm(in[0], {4}, {}, 0.1); }, {x});
  check_gradients(
      [](const auto& in) {
        return nn::rms_norm(in[0], {2, 2}, in[1]);
      },
      {x.reshape({3, 2, 2}), w.reshape({2, 2})});
}

TEST_CASE("RMSNorm's state_dict holds its weight") {
  nn::RMSNorm layer(3), other(3);
  layer.weight.set_value(tensor({1.0, 2.0, 3.0}));
  other.load_state_dict(layer.state_dict());
  CHECK(layer.state_dict().size() == 1);
  CHECK(bitwise_equal(other.weight.value(), tensor({1.0, 2.0, 3.0})));
}

TEST_CASE("rms_norm refuses what does not fit") {
  CHECK_THROWS_WITH_AS(nn::RMSNorm(3)(ones({2, 4})), "rms_norm: the last sizes of (2, 4) must be (3)", ShapeError);
  CHECK_THROWS_WITH_AS(nn::RMSNorm(3)(ones({2, 3}, f64)), Contains("rms_norm: input is f64, weight is f32"),
                       DTypeError);
  CHECK_THROWS_WITH_AS(nn::rms_norm(ones({2, 3}, i64), {3}), Contains("rms_norm"), DTypeError);
  CHECK_THROWS_WITH_AS(nn::RMSNorm(3, {.eps = -1.0}), "RMSNorm: eps must be >= 0, got -1", std::invalid_argument);
}

TEST_CASE("moments that were written make the backward pass refuse") {
  const Variable x = parameter(tensor({{1, 2}, {3, 5}, {4, 1}}));
  BatchMoments moments;
  const Variable loss = sum(square(batch_norm(x, {}, {}, 1e-5, &moments)));
  moments.variance.fill(7.0);
  CHECK_THROWS_WITH_AS(loss.backward(), doctest::Contains("batch_norm: an input changed"), std::logic_error);
}

TEST_CASE("normalizations refuse a negative eps by their names") {
  const Variable x = ones({3, 2});
  CHECK_THROWS_WITH_AS(batch_norm(x, {}, {}, -1.0), "batch_norm: eps must be >= 0, got -1", std::invalid_argument);
  CHECK_THROWS_WITH_AS(layer_norm(x, {2}, {}, {}, -1.0), "layer_norm: eps must be >= 0, got -1", std::invalid_argument);
  CHECK_THROWS_WITH_AS(rms_norm(x, {2}, {}, -1.0), "rms_norm: eps must be >= 0, got -1", std::invalid_argument);
}
