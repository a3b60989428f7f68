// What a module owns, and under which names; copies, flags, saving and loading.
#include <doctest/doctest.h>

#include <sstream>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/nn/nn.hpp>

using namespace ravine;
using doctest::Contains;

namespace {

struct Square final : nn::Module {
  Variable forward(const Variable& x) override { return square(x); }
};

struct Root final : nn::Module {
  Variable forward(const Variable& x) override { return sqrt(x); }
};

/// scale in(x) + offset, with a count that is no floating number.
class Model : public nn::Module {
 public:
  Model() : in(2, 1), scale(register_parameter("scale", tensor({3.0}))) {
    register_module("in", in);
    offset = register_buffer("offset", tensor({0.5}));
    count = register_buffer("count", tensor({7}, i64));
  }
  Variable forward(const Variable& x) override { return scale * in(x) + offset; }

  nn::Linear in;
  Variable scale, offset, count;
};

struct Larger final : Model {
  Variable forward(const Variable& x) override { return Model::forward(x) * 2.0; }
};

/// A module to register things in at will.
struct Open final : nn::Module {
  Variable forward(const Variable& x) override { return x; }
  using Module::register_buffer, Module::register_module, Module::register_parameter;
};

std::vector<std::string> names(const nn::Module::NamedVariables& variables) {
  std::vector<std::string> result;
  for (const auto& entry : variables) result.push_back(entry.first);
  return result;
}

using Names = std::vector<std::string>;

void set(Model& model) {
  model.in.weight.set_value(tensor({{1.0, 2.0}}));
  model.in.bias.set_value(tensor({-1.0}));
}

}  // namespace

TEST_CASE("parameters and buffers have paths: a module's own first, then its children's") {
  const Model model;
  CHECK(names(model.named_parameters()) == Names{"scale", "in.weight", "in.bias"});
  CHECK(names(model.named_buffers()) == Names{"offset", "count"});
  CHECK(model.parameters().size() == 3);
  CHECK(model.parameters()[1].node() == model.in.weight.node());

  Open outer;
  outer.register_module("model", model);
  outer.register_module("norm", nn::BatchNorm1d(3));
  CHECK(names(outer.named_parameters()) ==
        Names{"model.scale", "model.in.weight", "model.in.bias", "norm.weight", "norm.bias"});
  CHECK(names(outer.named_buffers()) == Names{"model.offset", "model.count", "norm.running_mean", "norm.running_var"});
}

TEST_CASE("a name is not empty, has no dot and is new") {
  Open open;
  CHECK_THROWS_WITH_AS(open.register_parameter("", ones({1})), Contains("must not be empty"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(open.register_buffer("a.b", ones({1})), Contains("'a.b'"), std::invalid_argument);
  open.register_parameter("taken", ones({1}));
  CHECK_THROWS_WITH_AS(open.register_parameter("taken", ones({1})), Contains("already has a 'taken'"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(open.register_buffer("taken", ones({1})), Contains("register_buffer"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(open.register_module("taken", Square()), Contains("register_module"), std::invalid_argument);
  open.register_buffer("other", ones({1}));
  CHECK_THROWS_AS(open.register_module("other", Square()), std::invalid_argument);
  CHECK(open.children().empty());
  open.register_module("part", Square());
  CHECK_THROWS_AS(open.register_module("part", Square()), std::invalid_argument);
  CHECK(open.named_parameters().size() == 1);
}

TEST_CASE("what cannot be a part is refused") {
  Open open, outer;
  const Variable computed = parameter(ones({1})) * 2.0;
  CHECK_THROWS_WITH_AS(open.register_parameter("w", computed), Contains("'w' is the result of an op"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(open.register_parameter("w", Variable()), "register_parameter: 'w' is undefined",
                       std::invalid_argument);
  CHECK_THROWS_AS(open.register_parameter("w", ones({1}, i64)), DTypeError);
  CHECK_THROWS_WITH_AS(open.register_module("self", open), Contains("'self' contains"), std::invalid_argument);
  outer.register_module("open", open);
  CHECK_THROWS_WITH_AS(open.register_module("outer", outer), Contains("'outer' contains"), std::invalid_argument);
  const Larger larger;
  const Model& sliced = larger;
  CHECK_THROWS_WITH_AS(open.register_module("model", sliced), Contains("more than the Model() it is passed as"),
                       std::invalid_argument);
}

TEST_CASE("a copy is the same module") {
  static_assert(!std::is_copy_assignable_v<Model> && !std::is_move_assignable_v<Model>);
  Model model;
  Model copy = model;
  CHECK(copy.identity() == model.identity());
  CHECK(copy.identity() != Model().identity());
  set(copy);
  // 3 (1 + 2 2 - 1) + 0.5
  CHECK(model(tensor({{1.0, 2.0}})).item() == 12.5);
  copy.offset.set_value(tensor({1.5}));
  CHECK(model(tensor({{1.0, 2.0}})).item() == 13.5);
  copy.eval();
  CHECK(!model.training());
  CHECK(!model.in.training());
  sum(copy(ones({1, 2}))).backward();
  CHECK(model.in.weight.grad().at({0, 1}) == 3.0);
}

TEST_CASE("a registered module lives on, and works, when the handle it came from is gone") {
  Open outer;
  {
    Model model;
    set(model);
    outer.register_module("model", model);
  }
  CHECK((*outer.children()[0].second)(tensor({{1.0, 2.0}})).item() == 12.5);
}

TEST_CASE("shared weights are one parameter, under the name met first") {
  Open open;
  const nn::Linear shared(2, 2);
  open.register_module("first", shared);
  open.register_module("second", shared);
  const Variable own = open.register_parameter("tied", shared.weight);
  CHECK(own.node() == shared.weight.node());
  CHECK(names(open.named_parameters()) == Names{"tied", "first.bias"});
  CHECK(open.parameters().size() == 2);
  CHECK(open.state_dict().size() == 2);
  Open other;
  shared.weight.set_requires_grad(false);  // a frozen parameter stays itself as well
  CHECK(other.register_parameter("tied", shared.weight).node() == shared.weight.node());
  open.load_state_dict({{"tied", full({2, 2}, 4.0)}, {"first.bias", zeros({2})}});
  CHECK(shared.weight.value().at({1, 1}) == 4.0);
}

TEST_CASE("train, eval and zero_grad reach everything below") {
  Model model;
  nn::Sequential net{nn::Sequential{model, nn::Dropout()}, nn::ReLU()};
  CHECK(net.training());
  net.eval();
  CHECK(!net.training());
  CHECK(!net[0].training());
  CHECK(!model.in.training());
  net.train();
  CHECK(model.in.training());
  model.in.eval();
  CHECK(net.training());

  sum(model(ones({1, 2}))).backward();
  CHECK(model.scale.grad().defined());
  CHECK(model.in.weight.grad().defined());
  net.zero_grad();
  for (const Variable& p : net.parameters()) CHECK(!p.grad().defined());
}

TEST_CASE("to converts parameters and floating buffers, in every handle") {
  Model model;
  set(model);
  const Variable weight = model.in.weight;
  model.to(f64);
  CHECK(weight.dtype() == f64);
  CHECK(model.offset.dtype() == f64);
  CHECK(model.count.dtype() == i64);
  CHECK(weight.requires_grad());
  CHECK(model(tensor({{1.0, 2.0}}, f64)).item() == 12.5);
  CHECK_THROWS_AS(model(tensor({{1.0, 2.0}})), DTypeError);
  CHECK_THROWS_WITH_AS(model.to(i64), Contains("Module::to"), DTypeError);
  model.to(f32);
  CHECK(model(tensor({{1.0, 2.0}})).item() == 12.5);
}

TEST_CASE("state_dict is a copy, and load_state_dict writes into the parameters themselves") {
  Model model, other;
  set(model);
  const StateDict state = model.state_dict();
  CHECK(state.size() == 5);
  CHECK(state.at("in.weight").at({0, 1}) == 2.0);
  CHECK(state.at("count").at({0}) == 7.0);
  nn::init::constant(model.in.weight, 8.0);
  nn::init::constant(model.offset, 8.0);
  CHECK(state.at("in.weight").at({0, 1}) == 2.0);
  CHECK(state.at("offset").at({0}) == 0.5);

  const Tensor seen = other.in.weight.value();
  const Variable before = sum(square(other.in.weight));
  other.load_state_dict(state);
  CHECK(seen.at({0, 1}) == 2.0);
  CHECK(other(tensor({{1.0, 2.0}})).item() == 12.5);
  CHECK_THROWS_WITH_AS(before.backward(), Contains("changed after the forward pass"), std::logic_error);
  model.load_state_dict(other.state_dict());
  for (const auto& [name, tensor] : model.state_dict()) CHECK(bitwise_equal(tensor, state.at(name)));
}

TEST_CASE("a state that does not fit is refused as a whole") {
  Model model;
  set(model);
  const StateDict state = model.state_dict();
  StateDict wrong = state;
  wrong["scale"] = tensor({100.0});
  wrong["in.weight"] = ones({3, 1});
  wrong.erase("in.bias");
  wrong["extra"] = ones({1});
  wrong["count"] = ones({1});
  CHECK_THROWS_WITH_AS(model.load_state_dict(wrong), Contains("Module::load_state_dict"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(model.load_state_dict(wrong), Contains("missing in.bias"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(model.load_state_dict(wrong), Contains("unexpected extra"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(model.load_state_dict(wrong), Contains("in.weight is (3, 1), expected (1, 2)"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(model.load_state_dict(wrong), Contains("count is f32, expected i64"), std::invalid_argument);
  for (const auto& [name, tensor] : model.state_dict()) CHECK(bitwise_equal(tensor, state.at(name)));
}

TEST_CASE("a temporary is worked in, a named variable is not") {
  nn::Sequential net{nn::Identity(), nn::ReLU()};
  Variable x = Variable(tensor({-1.0, 2.0})) * 1.0;
  const float* memory = x.value().raw<float>();
  const Variable kept = net(x);
  CHECK(kept.value().raw<float>() != memory);
  CHECK(x.value().at({0}) == -1.0);
  const Variable y = net(std::move(x));
  CHECK(y.value().raw<float>() == memory);
  CHECK(y.value().at({0}) == 0.0);

  const Tensor constant = tensor({-1.0});
  CHECK(net(constant).value().at({0}) == 0.0);
  CHECK(constant.at({0}) == -1.0);
}

TEST_CASE("an anomaly is traced to the op and the module it was in") {
  struct Outer final : nn::Module {
    Outer() : net{nn::Identity(), nn::Identity(), Root()} { register_module("net", net); }
    Variable forward(const Variable& x) override { return net(x) + 0.0; }
    nn::Sequential net;
  } outer;
  const DetectAnomaly detect;
  CHECK_THROWS_WITH_AS(outer(parameter(tensor({4.0, -1.0}))), Contains("sqrt in net.2: first nan at (1)"),
                       AnomalyError);
  // 0 has a root but no finite derivative there; the op remembers where it was recorded.
  const Variable x = parameter(tensor({4.0, 0.0}));
  CHECK_THROWS_WITH_AS(sum(outer(x)).backward(), Contains("in the gradient of sqrt in net.2"), AnomalyError);
  CHECK_THROWS_WITH_AS(sqrt(parameter(tensor({-1.0}))), Contains("sqrt: first nan"), AnomalyError);
}

TEST_CASE("modules describe themselves and what is below them") {
  CHECK(Model().describe() == "Model()");
  CHECK(nn::Sequential().describe() == "Sequential()");
  CHECK(nn::to_string(Square()) == "Square()");
  CHECK(nn::to_string(nn::Sequential()) == "Sequential()");
  std::ostringstream out;
  out << nn::Sequential{nn::Linear(2, 3), nn::Sequential{nn::ReLU(), nn::Dropout(0.25)}, Model()};
  CHECK(out.str() ==
        "Sequential(\n"
        "  (0): Linear(2, 3)\n"
        "  (1): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Dropout(0.25)\n"
        "  )\n"
        "  (2): Model(\n"
        "    (in): Linear(2, 1)\n"
        "  )\n"
        ")");
}
