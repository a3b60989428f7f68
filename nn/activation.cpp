#include <ravine/nn/activation.hpp>

#include <ravine/autograd/activations.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/text.hpp>

namespace ravine::nn {

using detail::text;

ReLU::ReLU() : Activation("ReLU()", [](Variable x, double) { return relu(std::move(x)); }) {}

LeakyReLU::LeakyReLU(double slope)
    : Activation(
          text("LeakyReLU(", slope, ")"), [](Variable x, double s) { return leaky_relu(x, s); }, slope) {}

ELU::ELU(double alpha)
    : Activation(
          text("ELU(", alpha, ")"), [](Variable x, double a) { return elu(x, a); }, alpha) {}

GELU::GELU(std::string_view approximate)
    : Activation(
          approximate == "none" ? "GELU()" : text("GELU(", approximate, ")"),
          [](Variable x, double exact) { return gelu(x, exact != 0.0 ? "none" : "tanh"); },
          approximate == "none" ? 1.0 : 0.0) {
  if (approximate != "none" && approximate != "tanh")
    throw std::invalid_argument(text("GELU: approximate must be 'none' or 'tanh', got '", approximate, "'"));
}

Tanh::Tanh() : Activation("Tanh()", [](Variable x, double) { return tanh(x); }) {}

Sigmoid::Sigmoid() : Activation("Sigmoid()", [](Variable x, double) { return sigmoid(x); }) {}

Softplus::Softplus(double beta)
    : Activation(
          text("Softplus(", beta, ")"), [](Variable x, double b) { return softplus(x, b); }, beta) {
  if (!(beta > 0.0)) throw std::invalid_argument(text("Softplus: beta must be > 0, got ", beta));
}

SiLU::SiLU() : Activation("SiLU()", [](Variable x, double) { return silu(x); }) {}

Softmax::Softmax(Index dim)
    : Activation(
          text("Softmax(", dim, ")"), [](Variable x, double d) { return softmax(x, static_cast<Index>(d)); },
          static_cast<double>(dim)) {}

LogSoftmax::LogSoftmax(Index dim)
    : Activation(
          text("LogSoftmax(", dim, ")"), [](Variable x, double d) { return log_softmax(x, static_cast<Index>(d)); },
          static_cast<double>(dim)) {}

Identity::Identity() : Activation("Identity()", [](Variable x, double) { return x; }) {}

Flatten::Flatten()
    : Activation("Flatten()", [](Variable x, double) {
        Index columns = 1;
        for (int d = 1; d < x.rank(); ++d) columns *= x.size(d);
        return x.reshape({x.size(0), columns});
      }) {}

}  // namespace ravine::nn
