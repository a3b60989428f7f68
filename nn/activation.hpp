/// @file
/// Layers without parameters: activation functions and changes of shape.
#pragma once

#include <string_view>

#include <ravine/core/callable.hpp>
#include <ravine/nn/module.hpp>

namespace ravine::nn {

/// The base of those below: a function of one variable.
class Activation : public Module {
 public:
  Variable forward(const Variable& x) override;
  std::string describe() const override;

 protected:
  Activation(std::string description, Callable<Variable(Variable)> function);
  Variable forward_temporary(Variable&& x) override;

 private:
  std::string description_;
  Callable<Variable(Variable)> function_;
};

/// max(x, 0). Works in the memory of a temporary.
struct ReLU final : Activation {
  ReLU();
};
/// x where x > 0, slope x elsewhere.
struct LeakyReLU final : Activation {
  explicit LeakyReLU(double slope = 0.01);
  const double slope;
};
/// x where x > 0, alpha (exp(x) - 1) elsewhere.
struct ELU final : Activation {
  explicit ELU(double alpha = 1.0);
  const double alpha;
};
/// x Phi(x), or its approximation by "tanh"; see ravine::gelu. Throws std::invalid_argument for another word.
struct GELU final : Activation {
  explicit GELU(std::string_view approximate = "none");
  const std::string approximate;
};
struct Tanh final : Activation {
  Tanh();
};
struct Sigmoid final : Activation {
  Sigmoid();
};
/// log(1 + exp(beta x)) / beta. Throws std::invalid_argument unless beta > 0.
struct Softplus final : Activation {
  explicit Softplus(double beta = 1.0);
  const double beta;
};
/// x sigmoid(x).
struct SiLU final : Activation {
  SiLU();
};
/// exp(x) / sum(exp(x)) along a dimension.
struct Softmax final : Activation {
  explicit Softmax(Index dim);
  const Index dim;
};
/// log(softmax(x)) along a dimension, without overflow.
struct LogSoftmax final : Activation {
  explicit LogSoftmax(Index dim);
  const Index dim;
};
/// x.
struct Identity final : Activation {
  Identity();
};
/// (N, …) as (N, product of the other sizes).
struct Flatten final : Activation {
  Flatten();
};

}  // namespace ravine::nn
