// Training and evaluation for as long as a scope lasts.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include <ravine/nn/nn.hpp>

using namespace ravine;
using nn::Mode;

namespace {

std::string modes(const nn::Module& model) {
  std::string all(1, model.training() ? 't' : 'e');
  for (const auto& [name, child] : model.children()) all += modes(*child);
  return all;
}

}  // namespace

TEST_CASE("a model is in a mode for a scope, and each of its parts then in its own again") {
  nn::Sequential model{nn::Linear(2, 2), nn::Sequential{nn::Dropout(0.5), nn::ReLU()}, nn::BatchNorm1d(2)};
  model[2].eval();
  REQUIRE(modes(model) == "ttttte");
  {
    const Mode evaluation(model, Mode::evaluation);
    CHECK(modes(model) == "eeeeee");
    {
      const Mode training(model, Mode::training);
      CHECK(modes(model) == "tttttt");
    }
    CHECK(modes(model) == "eeeeee");
  }
  CHECK(modes(model) == "ttttte");
  {
    const Mode training(model, Mode::training);  // it is already; its parts stay as they are
    CHECK(modes(model) == "ttttte");
    model.eval();
  }
  CHECK(modes(model) == "ttttte");
  try {
    const Mode evaluation(model, Mode::evaluation);
    throw std::runtime_error("enough");
  } catch (const std::runtime_error&) {
    CHECK(modes(model) == "ttttte");
  }
}
