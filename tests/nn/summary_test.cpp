// The table of a model's layers.
#include <doctest/doctest.h>

#include <ravine/core/core.hpp>
#include <ravine/nn/nn.hpp>

using namespace ravine;

namespace {

/// Uses one layer twice, and one not at all.
class Recurrent final : public nn::Module {
 public:
  Recurrent() : step_(3, 3), unused_(5, 7) {
    register_parameter("start", ones({3}));
    register_module("step", step_);
    register_module("unused", unused_);
  }
  Variable forward(const Variable& x) override {
    const Variable y = step_(step_(x));
    recorded = y.requires_grad();
    return y;
  }
  bool recorded = true;

 private:
  nn::Linear step_, unused_;
};

}  // namespace

TEST_CASE("summary lists layers, results and parameters") {
  nn::Sequential net{nn::Linear(8, 4), nn::Sequential{nn::BatchNorm1d(4), nn::ReLU()}, nn::Linear(4, 2, false)};
  CHECK(nn::summary(net, {16, 8}) ==
        "layer    module                      result   parameters\n"
        "(model)  Sequential()                (16, 2)           0\n"
        "0        Linear(8, 4)                (16, 4)          36\n"
        "1        Sequential()                (16, 4)           0\n"
        "1.0      BatchNorm1d(4)              (16, 4)           8\n"
        "1.1      ReLU()                      (16, 4)           0\n"
        "2        Linear(4, 2, bias = false)  (16, 2)           8\n"
        "total                                                 52\n");
}

TEST_CASE("summary counts a shared parameter once and says what is not called") {
  Recurrent model;
  model.to(f64);
  CHECK(nn::summary(model, {1, 3}) ==
        "layer    module        result      parameters\n"
        "(model)  Recurrent()   (1, 3)               3\n"
        "step     Linear(3, 3)  (1, 3)              12\n"
        "unused   Linear(5, 7)  not called          42\n"
        "total                                      57\n");
  CHECK(!model.recorded);
}

TEST_CASE("summary of a model that takes positions") {
  nn::Sequential net{nn::Embedding(7, 3), nn::Flatten(), nn::Linear(6, 1)};
  CHECK(nn::summary(net, {4, 2}, i64) ==
        "layer    module           result     parameters\n"
        "(model)  Sequential()     (4, 1)              0\n"
        "0        Embedding(7, 3)  (4, 2, 3)          21\n"
        "1        Flatten()        (4, 6)              0\n"
        "2        Linear(6, 1)     (4, 1)              7\n"
        "total                                        28\n");
}

TEST_CASE("summary leaves the model as it was") {
  nn::Sequential net{nn::BatchNorm1d(2), nn::Dropout(0.5), nn::Linear(2, 1)};
  net[1].eval();
  manual_seed(1);
  const StateDict before = net.state_dict();
  nn::summary(net, {1, 2});
  CHECK(net.training());
  CHECK(net[0].training());
  CHECK(!net[1].training());
  CHECK(default_generator().position() == 0);
  for (const auto& [name, value] : net.state_dict()) CHECK(bitwise_equal(value, before.at(name)));

  CHECK_THROWS_AS(nn::summary(net, {1, 3}), ShapeError);
  CHECK(net.training());
  CHECK(!net[1].training());
  CHECK(net(ones({2, 2})).requires_grad());
}
