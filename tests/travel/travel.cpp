// Writes trained nets as safetensors and ONNX with what they predict, and each layer alone as ONNX: travel FOLDER
// First it reads those of PyTorch in that folder: they must predict here what they do there.
#include <cstdio>
#include <exception>

#include "nets.hpp"

namespace rv = ravine;
namespace nn = rv::nn;

namespace {

/// A few steps: weights, and running statistics, that are none of a new net.
void train(nn::Module& net, const rv::Tensor& x) {
  rv::optim::Adam adam(net.parameters(), {.lr = 0.05});
  for (int step = 0; step < 10; ++step) adam.step([&] { return rv::mean(rv::square(net(x) - 0.3)); });
}

void write(const std::string& path, nn::Module& net, const rv::Tensor& x) {
  rv::data::save_safetensors(path + ".values.safetensors", {{"input", x}, {"prediction", travel::predict(net, x)}});
  rv::train::export_onnx(path + ".onnx", net, x.slice(0, 0, 1));
}

bool reads_torch(const std::string& path, nn::Module& net) {
  net.load_state_dict(rv::data::load_safetensors(path + ".safetensors"));
  const rv::StateDict values = rv::data::load_safetensors(path + ".values.safetensors");
  const double off = travel::apart(travel::predict(net, values.at("input")), values.at("prediction"));
  std::printf("%-40s off by %.1e\n", path.c_str(), off);
  return off <= 1e-6;
}

/// Each layer that has no state, behind a Linear, in f32, in f64 and on inputs of rank 3.
void write_layers(const std::string& folder) {
  const std::map<std::string, nn::Sequential> layers = {{"elu", nn::Sequential(nn::ELU(1.5))},
                                                        {"gelu", nn::Sequential(nn::GELU())},
                                                        {"gelu_tanh", nn::Sequential(nn::GELU("tanh"))},
                                                        {"leaky_relu", nn::Sequential(nn::LeakyReLU(0.2))},
                                                        {"log_softmax", nn::Sequential(nn::LogSoftmax(1))},
                                                        {"relu", nn::Sequential(nn::ReLU())},
                                                        {"sigmoid", nn::Sequential(nn::Sigmoid())},
                                                        {"silu", nn::Sequential(nn::SiLU())},
                                                        {"softmax", nn::Sequential(nn::Softmax(-1))},
                                                        {"softplus", nn::Sequential(nn::Softplus(3.0))},
                                                        {"tanh", nn::Sequential(nn::Tanh())},
                                                        {"flatten", nn::Sequential(nn::Flatten())},
                                                        {"layer_norm", nn::Sequential(nn::LayerNorm(5))},
                                                        {"rms_norm", nn::Sequential(nn::RMSNorm(5))},
                                                        {"nothing", nn::Sequential()}};
  for (const auto& [name, layer] : layers)
    for (const rv::DType dtype : {rv::f32, rv::f64})
      for (const rv::Shape& shape : {rv::Shape{6, 4}, rv::Shape{6, 3, 4}}) {
        nn::Sequential net{nn::Linear(4, 5), layer};
        net.to(dtype);
        rv::Generator generator(1);
        write(folder + "/layer_" + name + '_' + std::string(rv::name(dtype)) + '_' + std::to_string(shape.rank()), net,
              3.0 * rv::randn(shape, dtype, generator));
      }
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string folder = argc > 1 ? argv[1] : ".";
  bool right = true;
  for (auto& [name, net] : travel::nets()) right = reads_torch(folder + '/' + name + ".torch", net) && right;
  rv::manual_seed(1);
  for (auto& [name, net] : travel::nets()) {
    const rv::Tensor x = travel::inputs(name);
    train(net, x);
    rv::data::save_safetensors(folder + '/' + name + ".ravine.safetensors", net.state_dict());
    write(folder + '/' + name + ".ravine", net, x);
  }
  if (argc > 2) write_layers(argv[2]);
  return right ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "travel: %s\n", e.what());
  return 1;
}
