// Models that come from PyTorch and go to it, and to ONNX, by files that both sides wrote and read: tests/travel.
#include "../travel/nets.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "../data/temporary.hpp"
#include "../declared.hpp"
#include "onnx_reader.hpp"

using namespace ravine;
using doctest::Contains;
using onnx_reader::Model;
using train::export_onnx;
using travel::apart;
using travel::predict;

namespace {

const std::string folder = RAVINE_SOURCE "/tests/travel/files/";

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Model exported(nn::Module& model, const Tensor& example) {
  const TemporaryFile file("model.onnx");
  export_onnx(file.path(), model, example);
  return Model(file.read());
}

void refuses(nn::Module& model, const Tensor& example, const std::string& message) {
  const TemporaryFile file("refused.onnx", "as it was");
  CHECK_THROWS_WITH_AS(export_onnx(file.path(), model, example), message.c_str(), std::invalid_argument);
  CHECK(file.read() == "as it was");
}

/// A layer that the library does not know.
struct Cube final : nn::Module {
  Variable forward(const Variable& x) override { return x * x * x; }
  std::string describe() const override { return "Cube()"; }
};

/// One that goes its own way through the modules of a Sequential.
struct Twice final : nn::Sequential {
  Twice() : Sequential(nn::Linear(2, 2)) {}
  Variable forward(const Variable& x) override { return (*this)[0]((*this)[0](x)); }
};

/// The kinds of layers and their options, each to go behind a Linear(4, 5).
std::vector<nn::Sequential> every_layer() {
  std::vector<nn::Sequential> all;
  const auto add = [&](const auto& layer) { all.emplace_back(layer); };
  add(nn::Linear(5, 3));
  add(nn::Linear(5, 3, false));
  add(nn::LayerNorm(5));
  add(nn::LayerNorm(5, {.eps = 0.5, .affine = false}));
  add(nn::RMSNorm(5));
  add(nn::RMSNorm(5, {.eps = 0.5, .affine = false}));
  add(nn::Dropout(0.5));
  add(nn::ReLU());
  add(nn::LeakyReLU(0.3));
  add(nn::ELU(1.5));
  add(nn::GELU());
  add(nn::GELU("tanh"));
  add(nn::Tanh());
  add(nn::Sigmoid());
  add(nn::Softplus(3.0));
  add(nn::SiLU());
  add(nn::Softmax(-1));
  add(nn::Softmax(0));
  add(nn::LogSoftmax(1));
  add(nn::Identity());
  add(nn::Flatten());
  add(nn::Sequential(nn::Sequential(nn::Tanh(), nn::Linear(5, 2)), nn::Sequential()));
  return all;
}

}  // namespace

TEST_CASE("travel: PyTorch's nets predict here what they do there") {
  for (auto& entry : travel::nets()) {
    const std::string& name = entry.first;
    nn::Sequential& net = entry.second;
    CAPTURE(name);
    net.load_state_dict(data::load_safetensors(folder + name + ".torch.safetensors"));
    const StateDict values = data::load_safetensors(folder + name + ".torch.values.safetensors");
    CHECK(apart(predict(net, values.at("input")), values.at("prediction")) <= 1e-6);
  }
}

TEST_CASE("travel: what PyTorch has read of ours is what is saved") {
  for (auto& entry : travel::nets()) {
    const std::string& name = entry.first;
    nn::Sequential& net = entry.second;
    CAPTURE(name);
    const std::string path = folder + name + ".ravine.safetensors";
    net.load_state_dict(data::load_safetensors(path));
    const StateDict values = data::load_safetensors(folder + name + ".ravine.values.safetensors");
    CHECK(apart(predict(net, values.at("input")), values.at("prediction")) <= 1e-6);
    const TemporaryFile again("again.safetensors");
    data::save_safetensors(again.path(), net.state_dict());
    CHECK(again.read() == read(path));
  }
}

TEST_CASE("travel: a count of batches that no batch normalization has is refused") {
  nn::Sequential net{nn::Linear(2, 3), nn::BatchNorm1d(3)};
  StateDict state = net.state_dict();
  state.emplace("1.num_batches_tracked", scalar(7, i64));
  net.load_state_dict(state);
  state.emplace("0.num_batches_tracked", scalar(7, i64));
  CHECK_THROWS_WITH_AS(net.load_state_dict(state), "Module::load_state_dict: unexpected 0.num_batches_tracked",
                       std::invalid_argument);
  state.erase("0.num_batches_tracked");
  state.erase("1.running_mean");
  CHECK_THROWS_WITH_AS(net.load_state_dict(state),
                       "Module::load_state_dict: missing 1.running_mean; unexpected 1.num_batches_tracked",
                       std::invalid_argument);
}

TEST_CASE("travel: a module's own count of batches is loaded like any buffer") {
  struct Counting final : nn::Module {  // its own count is like any buffer
    Counting() {
      register_buffer("running_mean", zeros({2}));
      register_buffer("num_batches_tracked", scalar(0, i64));
    }
    Variable forward(const Variable& x) override { return x; }
  } counting;
  StateDict counted = counting.state_dict();
  counted["num_batches_tracked"] = scalar(7, i64);
  counting.load_state_dict(counted);
  CHECK(counting.state_dict().at("num_batches_tracked").item() == 7.0);
}

TEST_CASE("onnx: what onnxruntime has run of ours is what is exported, and predicts the same") {
  for (auto& entry : travel::nets()) {
    const std::string& name = entry.first;
    nn::Sequential& net = entry.second;
    CAPTURE(name);
    net.load_state_dict(data::load_safetensors(folder + name + ".ravine.safetensors"));
    const StateDict values = data::load_safetensors(folder + name + ".ravine.values.safetensors");
    const Tensor &x = values.at("input"), &expected = values.at("prediction");
    const std::string committed = read(folder + name + ".ravine.onnx");
    const Model model(committed);
    CHECK(model.ir_version == 8);
    CHECK(model.operator_set == 17);
    CHECK(apart(model(x), expected) <= 1e-5);
    CHECK(apart(model(x.slice(0, 2, 3)), expected.slice(0, 2, 3)) <= 1e-5);
    CHECK(exported(net, x).content == committed);
    for (const auto& [path, tensor] : net.state_dict()) CHECK(bitwise_equal(model.tensors.at(path), tensor));
  }
}

TEST_CASE("onnx: every layer, in both precisions, on rows and on rows of rows") {
  manual_seed(1);
  for (const DType dtype : {f32, f64})
    for (const Shape& shape : {Shape{6, 4}, Shape{6, 3, 4}})
      for (const nn::Sequential& layer : every_layer()) {
        nn::Sequential net{nn::Linear(4, 5), layer};
        CAPTURE(to_string(net));
        net.to(dtype);
        const Tensor x = 3.0 * randn(shape, dtype);
        const Model model = exported(net, x.slice(0, 0, 1));
        CHECK(apart(model(x), predict(net, x)) <= 1e-5);
      }
}

TEST_CASE("onnx: an embedding, a layer alone and nothing at all") {
  nn::Embedding words(5, 3);
  const Tensor positions = tensor({4, 0, 0, 2}, i64);
  CHECK(bitwise_equal(exported(words, positions)(positions), predict(words, positions)));
  CHECK(exported(words, positions).input == "input i64 (N)");
  CHECK(exported(words, positions).output == "output f32 (N, 3)");
  const Tensor pairs = positions.reshape({2, 2});
  CHECK(bitwise_equal(exported(words, pairs)(pairs), predict(words, pairs)));

  nn::Linear linear(2, 3);
  const Tensor x = randn({4, 2});
  const Model alone = exported(linear, x);
  CHECK(apart(alone(x), predict(linear, x)) <= 1e-6);
  CHECK(alone.tensors.contains("weight"));
  CHECK(alone.input == "input f32 (N, 2)");
  CHECK(alone.output == "output f32 (N, 3)");

  nn::Sequential nothing;
  CHECK(bitwise_equal(exported(nothing, x)(x), x));
  CHECK(exported(linear, zeros({0, 2})).content == alone.content);  // no row is an example as well
}

TEST_CASE("onnx: evaluation is exported, and a model stays as it is") {
  nn::Sequential net{nn::Linear(3, 4), nn::BatchNorm1d(4), nn::Dropout(0.5)};
  net[2].eval();
  const Tensor x = randn({5, 3});
  net(x);  // moves the running statistics
  const StateDict before = net.state_dict();
  Generator random = default_generator();
  const Model model = exported(net, x);
  CHECK(net.training());
  CHECK(!net[2].training());
  CHECK(bitwise_equal(net.state_dict().at("1.running_mean"), before.at("1.running_mean")));
  CHECK(bitwise_equal(randn({2}), randn({2}, f32, random)));
  CHECK(apart(model(x), predict(net, x)) <= 1e-5);
}

TEST_CASE("onnx: what cannot be expressed is refused by its path and name") {
  const Tensor x = randn({5, 2});
  const std::string end = ", which has no form in ONNX: a Sequential and the library's layers have";
  Cube cube;
  refuses(cube, x, "export_onnx: the model is Cube()" + end);
  nn::Sequential deep{nn::Linear(2, 2), nn::Sequential{nn::Tanh(), cube}};
  refuses(deep, x, "export_onnx: 1.1 is Cube()" + end);
  Twice twice;
  nn::Sequential with_twice{nn::ReLU(), twice};
  refuses(with_twice, x, "export_onnx: 1 is " + twice.describe() + end);
}

TEST_CASE("onnx: an example that is none is refused, and a file that cannot be written") {
  nn::Linear linear(2, 3);
  refuses(linear, Tensor(), "export_onnx: the example is undefined");
  refuses(linear, randn({2}), "export_onnx: the example must be of rows, (N, …), got (2)");
  refuses(linear, scalar(1.0), "export_onnx: the example must be of rows, (N, …), got ()");
  CHECK_THROWS_AS(exported(linear, randn({4, 3})), ShapeError);
  CHECK_THROWS_AS(exported(linear, randn({4, 2}, f64)), DTypeError);
  CHECK_THROWS_WITH_AS(export_onnx("no/such/folder/a.onnx", linear, randn({4, 2})), Contains("no/such/folder/a.onnx"),
                       data::FileError);
}

TEST_CASE("onnx: the layers that the tests export are all that there are") {
  std::string tested;
  for (const nn::Sequential& layer : every_layer()) tested += to_string(layer);
  for (const auto& entry : travel::nets()) tested += to_string(entry.second);
  for (const auto& entry : declared("nn", R"(^(?:class|struct) (\w+) final : (?:public )?(?:Module|Activation))"))
    CHECK_MESSAGE(tested.find(entry.first + "(") != std::string::npos, entry.first << " of " << entry.second);
}
