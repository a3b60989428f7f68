// The nets that travel, the same here and in make.py.
#pragma once

#include <map>
#include <string>

#include <ravine/ravine.hpp>

namespace travel {

namespace nn = ravine::nn;

/// New nets by name. Between them they hold every layer with a state.
inline std::map<std::string, nn::Sequential> nets() {
  nn::Sequential wide{nn::Linear(3, 5),  nn::BatchNorm1d(5, {.eps = 1e-3, .affine = false}),
                      nn::Softplus(2.0), nn::LayerNorm(5, {.eps = 1e-4, .affine = false}),
                      nn::ELU(0.5),      nn::RMSNorm(5, {.affine = false}),
                      nn::GELU(),        nn::Linear(5, 1)};
  wide.to(ravine::f64);
  return {
      {"norms",
       {nn::Linear(4, 8), nn::BatchNorm1d(8), nn::ReLU(),
        nn::Sequential{nn::Linear(8, 6, false), nn::LayerNorm(6), nn::GELU("tanh")}, nn::Dropout(0.25), nn::RMSNorm(6),
        nn::SiLU(), nn::Linear(6, 3), nn::LogSoftmax(1)}},
      {"steps",
       {nn::Linear(4, 6), nn::LayerNorm(ravine::Shape{2, 6}), nn::Sigmoid(),
        nn::RMSNorm(ravine::Shape{2, 6}, {.eps = 1e-3}), nn::GELU(), nn::Linear(6, 6), nn::LeakyReLU(0.1),
        nn::Linear(6, 3), nn::Softmax(-1)}},
      {"wide", wide},
      {"words", {nn::Embedding(7, 4), nn::Flatten(), nn::Identity(), nn::Linear(12, 5), nn::Tanh(), nn::Linear(5, 2)}},
  };
}

/// Inputs for a net: eight rows.
inline ravine::Tensor inputs(const std::string& name) {
  ravine::Generator generator(3);
  if (name == "words") return (ravine::uniform({8, 3}, 0.0, 7.0, generator)).to(ravine::i64);
  if (name == "steps") return ravine::randn({8, 2, 4}, ravine::f32, generator);
  return name == "wide" ? ravine::randn({8, 3}, ravine::f64, generator) : ravine::randn({8, 4}, ravine::f32, generator);
}

/// What a net in evaluation makes of them.
inline ravine::Tensor predict(nn::Module& net, const ravine::Tensor& x) {
  const ravine::NoGrad no_grad;
  net.eval();
  return net(x).value();
}

/// The largest difference, as a number.
inline double apart(const ravine::Tensor& a, const ravine::Tensor& b) { return ravine::max(ravine::abs(a - b)).item(); }

}  // namespace travel
