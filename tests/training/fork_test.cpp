// A process and its child train, each for itself, and get the same bits.
#include <doctest/doctest.h>
#include <omp.h>

#include <ravine/ravine.hpp>

#include "../in_child.hpp"

namespace rv = ravine;
namespace nn = rv::nn;

namespace {

/// A net whose products and parameters are large enough for threads.
struct Training {
  rv::data::DataLoader loader{{rv::randn({300, 120}), rv::randn({300, 10})}, {.batch_size = 100, .shuffle = true}};
  nn::Sequential model{nn::Linear(120, 300), nn::BatchNorm1d(300), nn::ReLU(), nn::Dropout(0.1), nn::Linear(300, 10)};
  rv::optim::Adam adam{model.parameters()};

  rv::Tensor epoch() {
    for (const auto& batch : loader) adam.step([&] { return nn::mse_loss(model(batch.inputs), batch.targets); });
    return model.parameters()[0].value().clone();
  }
};

}  // namespace

TEST_CASE("a fork between epochs: parent and child train on" * doctest::skip(!can_fork)) {
  const int threads = omp_get_max_threads();
  omp_set_num_threads(3);
  rv::manual_seed(1);
  Training straight;
  straight.epoch();
  const rv::Tensor expected = straight.epoch();

  rv::manual_seed(1);
  Training forked;
  forked.epoch();
  CHECK(in_child([&] { return rv::bitwise_equal(forked.epoch(), expected); }));
  CHECK(in_child([&] { return rv::bitwise_equal(forked.epoch(), expected); }));
  CHECK(rv::bitwise_equal(forked.epoch(), expected));
  omp_set_num_threads(threads);
}
