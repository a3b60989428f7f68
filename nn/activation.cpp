#include <ravine/nn/activation.hpp>

#include <ravine/autograd/activations.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/text.hpp>

namespace ravine::nn {

using detail::text;

Activation::Activation(std::string description, Callable<Variable(Variable)> function)
    : description_(std::move(description)), function_(std::move(function)) {}
Variable Activation::forward(const Variable& x) { return function_(x); }
Variable Activation::forward_temporary(Variable&& x) { return function_(std::move(x)); }
std::string Activation::describe() const { return description_; }

ReLU::ReLU() : Activation("ReLU()", [](Variable x) { return relu(std::move(x)); }) {}

LeakyReLU::LeakyReLU(double slope)
    : Activation(text("LeakyReLU(", slope, ")"), [=](const Variable& x) { return leaky_relu(x, slope); }),
      slope(slope) {}

ELU::ELU(double alpha)
    : Activation(text("ELU(", alpha, ")"), [=](const Variable& x) { return elu(x, alpha); }), alpha(alpha) {}

GELU::GELU(std::string_view approximate)
    : Activation(approximate == "none" ? "GELU()" : text("GELU(", approximate, ")"),
                 [word = std::string(approximate)](const Variable& x) { return gelu(x, word); }),
      approximate(approximate) {
  if (approximate != "none" && approximate != "tanh")
    throw std::invalid_argument(text("GELU: approximate must be 'none' or 'tanh', got '", approximate, "'"));
}

Tanh::Tanh() : Activation("Tanh()", [](const Variable& x) { return tanh(x); }) {}

Sigmoid::Sigmoid() : Activation("Sigmoid()", [](const Variable& x) { return sigmoid(x); }) {}

Softplus::Softplus(double beta)
    : Activation(text("Softplus(", beta, ")"), [=](const Variable& x) { return softplus(x, beta); }), beta(beta) {
  if (!(beta > 0.0)) throw std::invalid_argument(text("Softplus: beta must be > 0, got ", beta));
}

SiLU::SiLU() : Activation("SiLU()", [](const Variable& x) { return silu(x); }) {}

Softmax::Softmax(Index dim)
    : Activation(text("Softmax(", dim, ")"), [=](const Variable& x) { return softmax(x, dim); }), dim(dim) {}

LogSoftmax::LogSoftmax(Index dim)
    : Activation(text("LogSoftmax(", dim, ")"), [=](const Variable& x) { return log_softmax(x, dim); }), dim(dim) {}

Identity::Identity() : Activation("Identity()", [](Variable x) { return x; }) {}

Flatten::Flatten()
    : Activation("Flatten()", [](const Variable& x) {
        Index columns = 1;
        const int rows = detail::wrap_dim("Flatten", 0, x.shape());
        for (int d = 1; d < x.rank(); ++d) columns *= x.size(d);
        return x.reshape({x.size(rows), columns});
      }) {}

}  // namespace ravine::nn
