// clone: another module of the same kind, which shares nothing with the first.
#include <doctest/doctest.h>

#include <functional>
#include <thread>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/optim.hpp>

namespace user {

namespace rv = ravine;
namespace nn = rv::nn;

/// A module as users write them: members are layers and variables, and nothing is said of clones.
class ResidualMlp final : public nn::Module {
 public:
  explicit ResidualMlp(rv::Index features, rv::Index hidden)
      : in_(features, hidden), mid_(hidden, hidden), out_(hidden, 1) {
    scale_ = register_parameter("scale", rv::ones({1}));
    calls_ = register_buffer("calls", rv::zeros({1}, rv::i64));
    register_module("in", in_);
    register_module("mid", mid_);
    register_module("out", out_);
  }

  rv::Variable forward(const rv::Variable& x) override {
    calls_.set_value(calls_.value() + 1);
    rv::Variable h = rv::relu(in_(x));
    h = h + scale_ * rv::tanh(mid_(h));
    return out_(h);
  }

 private:
  rv::Variable scale_, calls_;
  nn::Linear in_, mid_, out_;
};

/// Whatever else holds variables: a base before Module, a vector of layers, a layer that is not registered, a function.
struct Weights {
  rv::Variable weight = rv::parameter(rv::ones({2, 2}));
};
class Odd : public Weights, public nn::Module {
 public:
  Odd() : unregistered_(2, 2) {
    register_parameter("weight", weight);
    for (const char* name : {"first", "second"}) {
      layers_.emplace_back(2, 2);
      register_module(name, layers_.back());
    }
    function_ = [w = weight](const rv::Variable& x) { return rv::matmul(x, w); };
  }
  rv::Variable forward(const rv::Variable& x) override {
    return unregistered_(function_(layers_[1](layers_[0](x))) + rv::matmul(x, weight));
  }

  nn::Linear unregistered_;

 private:
  std::vector<nn::Linear> layers_;
  std::function<rv::Variable(const rv::Variable&)> function_;
};

/// The last layer's weights are the first one's.
class Tied final : public nn::Module {
 public:
  Tied() : in(3, 3), out(3, 3) {
    register_module("in", in);
    register_module("again", in);
    tied = register_parameter("tied", in.weight);
    register_module("out", out);
    out.weight.set_requires_grad(false);
  }
  rv::Variable forward(const rv::Variable& x) override { return out(in(x)) + rv::matmul(x, tied); }

  nn::Linear in, out;
  rv::Variable tied;
};

}  // namespace user

using namespace ravine;
using doctest::Contains;

namespace {

std::vector<const void*> nodes_of(const nn::Module& module) {
  std::vector<const void*> nodes;
  for (const auto& [name, v] : module.named_parameters()) nodes.push_back(v.node());
  for (const auto& [name, v] : module.named_buffers()) nodes.push_back(v.node());
  return nodes;
}

bool same_state(const nn::Module& a, const nn::Module& b) {
  const StateDict left = a.state_dict(), right = b.state_dict();
  if (left.size() != right.size()) return false;
  for (const auto& [name, value] : left)
    if (!right.contains(name) || !bitwise_equal(value, right.at(name))) return false;
  return true;
}

/// A clone is the same in value, and each of the two can be trained without the other.
template <class M>
void check_clone(const M& given, const Tensor& x) {
  M model = given;
  M copy = clone(model);
  static_assert(std::is_same_v<decltype(clone(given)), M>);
  CHECK(copy.identity() != model.identity());
  CHECK(to_string(copy) == to_string(model));
  CHECK(same_state(copy, model));
  for (const void* node : nodes_of(copy))
    for (const void* other : nodes_of(model)) CHECK(node != other);
  CHECK(bitwise_equal(copy(x).value(), model(x).value()));

  for (M* trained : {&copy, &model}) {
    M& still = trained == &copy ? model : copy;
    const StateDict before = still.state_dict();
    still.zero_grad();
    optim::SGD sgd(trained->parameters(), {.lr = 0.1});
    sgd.step([&] { return sum(square((*trained)(x))); });
    for (const auto& [name, value] : still.state_dict()) CHECK(bitwise_equal(value, before.at(name)));
    for (const Variable& p : still.parameters()) CHECK(!p.grad().defined());
    CHECK(!same_state(copy, model));
    trained->load_state_dict(before);
  }
}

}  // namespace

TEST_CASE("a clone has parameters, buffers and children of its own: the library's modules") {
  manual_seed(1);
  check_clone(nn::Linear(3, 2), randn({4, 3}));
  check_clone(nn::Linear(3, 2, false), randn({4, 3}));
  check_clone(nn::BatchNorm1d(3), randn({4, 3}));
  check_clone(nn::LayerNorm(3), randn({4, 3}));
  check_clone(nn::Sequential{nn::Linear(3, 5), nn::BatchNorm1d(5), nn::ReLU(), nn::Linear(5, 2), nn::Softmax(1)},
              randn({4, 3}));
  check_clone(nn::Sequential{nn::Sequential{nn::Linear(3, 2), nn::GELU("tanh")}, nn::LayerNorm(2)}, randn({4, 3}));
}

TEST_CASE("a clone of a user's module, which says nothing of clones") {
  manual_seed(2);
  check_clone(user::ResidualMlp(2, 4), randn({5, 2}));
  check_clone(user::Odd(), randn({5, 2}));
  check_clone(nn::Sequential{user::ResidualMlp(2, 4), nn::Linear(1, 2), user::Odd()}, randn({5, 2}));

  user::Odd odd;
  user::Odd copy = clone(odd);
  CHECK(copy.weight.node() != odd.weight.node());
  CHECK(copy.weight.node() == copy.parameters()[0].node());
  CHECK(copy.unregistered_.weight.node() != odd.unregistered_.weight.node());
}

TEST_CASE("a clone keeps what is shared within, the flags and the values, not the gradients") {
  user::Tied model;
  model.in.eval();
  sum(model(ones({2, 3}))).backward();
  const user::Tied copy = clone(model);
  CHECK(copy.tied.node() == copy.in.weight.node());
  CHECK(copy.parameters().size() == model.parameters().size());
  CHECK(copy.named_parameters()[0].first == "tied");
  CHECK(copy.training());
  CHECK(!copy.in.training());
  CHECK(copy.out.training());
  CHECK(!copy.out.weight.requires_grad());
  CHECK(copy.out.bias.requires_grad());
  CHECK(!copy.tied.grad().defined());
  CHECK(model.tied.grad().defined());
  copy.out.weight.set_requires_grad(true);
  CHECK(!model.out.weight.requires_grad());
  optim::SGD({clone(model).out.weight});  // frozen still, not a constant
}

TEST_CASE("a clone follows train, to and load_state_dict by itself") {
  nn::Sequential model{nn::Linear(2, 2), nn::BatchNorm1d(2)};
  nn::Sequential copy = clone(model);
  copy.eval();
  copy.to(f64);
  CHECK(model[1].training());
  CHECK(model.parameters()[0].dtype() == f32);
  CHECK(copy(ones({2, 2}, f64)).dtype() == f64);
  nn::Sequential third = clone(copy);
  CHECK(third.parameters()[0].dtype() == f64);
  CHECK(!third[0].training());
  third.push_back(nn::Tanh());
  CHECK(third.size() == 3);
  CHECK(copy.size() == 2);
  const nn::Sequential alias = copy;  // a plain copy is the same module still
  CHECK(alias.identity() == copy.identity());
  CHECK(alias.parameters()[0].node() == copy.parameters()[0].node());
}

TEST_CASE("a clone in the middle of a graph leaves the graph as it is") {
  nn::Linear model(2, 1);
  const Variable loss = sum(square(model(ones({3, 2}))));
  const nn::Linear copy = clone(model);
  loss.backward();
  CHECK(model.weight.grad().defined());
  CHECK(!copy.weight.grad().defined());
}

namespace {

/// Throws when it is copied the second time: registering it is the first.
struct Fragile final : nn::Module {
  Fragile() : w(register_parameter("w", ones({1}))) {}
  Fragile(const Fragile& other) : Module(other), w(other.w), copies(other.copies + 1) {
    if (copies == 2) throw std::runtime_error("not again");
  }
  Variable forward(const Variable& x) override { return x * w; }
  Variable w;
  int copies = 0;
};

}  // namespace

TEST_CASE("a copy constructor that throws ends the clone; copies are plain ones after it") {
  nn::Sequential model{nn::Linear(1, 1), Fragile()};
  CHECK_THROWS_WITH_AS(clone(model), "not again", std::runtime_error);
  const Variable w = model.parameters()[0], copy = w;
  CHECK(copy.node() == w.node());
  const nn::Sequential alias = model;
  CHECK(alias.identity() == model.identity());
}

TEST_CASE("clone refuses a module passed as its base, which would lose what it has beside") {
  struct Base : nn::Module {
    Variable forward(const Variable& x) override { return x; }
  };
  struct Derived final : Base {
  } derived;
  const Base& base = derived;
  CHECK_THROWS_WITH_AS(clone(base), Contains("clone: this is more than the module it is passed as: "),
                       std::invalid_argument);
}

TEST_CASE("while one thread clones a model, others predict with it") {
  const nn::Sequential model{nn::Linear(8, 16), nn::Tanh(), nn::Linear(16, 1)};
  const Tensor x = randn({4, 8}), expected = nn::Sequential(model)(x).value();
  std::vector<int> right(3, 0);
  std::vector<std::thread> users;
  for (std::size_t t = 0; t < right.size(); ++t)
    users.emplace_back([&, t] {
      const NoGrad no_grad;
      for (int i = 0; i < 200; ++i) {
        nn::Sequential mine = t == 0 ? clone(model) : model;
        const Variable weight = model.parameters()[0];
        right[t] += bitwise_equal(mine(x).value(), expected) && weight.node() == model.parameters()[0].node();
      }
    });
  for (std::thread& user : users) user.join();
  CHECK(right == std::vector<int>(3, 200));
}
