/// @file
/// Layers without parameters: activation functions and changes of shape.
#pragma once

#include <string_view>

#include <ravine/nn/module.hpp>

namespace ravine::nn {

/// The base of those below: a function of one variable and a number.
class Activation : public Module {
 public:
  Variable forward(const Variable& x) override { return function_(x, number_); }
  std::string describe() const override { return description_; }

 protected:
  using Function = Variable (*)(Variable x, double number);
  Activation(std::string description, Function function, double number = 0.0)
      : description_(std::move(description)), function_(function), number_(number) {}
  Variable forward_temporary(Variable&& x) override { return function_(std::move(x), number_); }

 private:
  std::string description_;
  Function function_;
  double number_;
};

/// max(x, 0). Works in the memory of a temporary.
struct ReLU final : Activation {
  ReLU();
};
/// x where x > 0, slope x elsewhere.
struct LeakyReLU final : Activation {
  explicit LeakyReLU(double slope = 0.01);
};
/// x where x > 0, alpha (exp(x) - 1) elsewhere.
struct ELU final : Activation {
  explicit ELU(double alpha = 1.0);
};
/// x Phi(x), or its approximation by "tanh"; see ravine::gelu. Throws std::invalid_argument for another word.
struct GELU final : Activation {
  explicit GELU(std::string_view approximate = "none");
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
};
/// x sigmoid(x).
struct SiLU final : Activation {
  SiLU();
};
/// exp(x) / sum(exp(x)) along a dimension.
struct Softmax final : Activation {
  explicit Softmax(Index dim);
};
/// log(softmax(x)) along a dimension, without overflow.
struct LogSoftmax final : Activation {
  explicit LogSoftmax(Index dim);
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
