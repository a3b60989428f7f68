// Steps that a NaN would spoil end before it gets into the parameters, whoever makes them.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/optim.hpp>
#include <ravine/train/train.hpp>

#include "../same_bits.hpp"

using namespace ravine;
using doctest::Contains;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

using Op = std::function<Variable(const Variable&)>;

/// A part of a model that is harmless until it is not: its value stays finite, its gradient does not.
class Part final : public nn::Module {
 public:
  Part(Op good, Op bad) : good_(std::move(good)), bad_(std::move(bad)) {}
  Variable forward(const Variable& x) override { return *broken ? bad_(x) : good_(x); }
  std::shared_ptr<bool> broken = std::make_shared<bool>(false);  // of all copies

 private:
  Op good_, bad_;
};

struct Net {
  Part part;
  nn::Sequential model{nn::Linear(3, 4), nn::BatchNorm1d(4), nn::Dropout(0.3), nn::Sequential{nn::Tanh(), part},
                       nn::Linear(4, 1)};
  Tensor x = randn({8, 3}), y = randn({8, 1});

  explicit Net(Op bad = [](const Variable& v) { return v + sqrt(v * 0.0); })
      : part([](const Variable& v) { return v * 1.0; }, std::move(bad)) {}
  Variable loss() { return nn::mse_loss(model(x), y); }
};

struct OneParameter final : nn::Module {
  explicit OneParameter(const Variable& w) { register_parameter("w", w); }
  Variable forward(const Variable& x) override { return x; }
};

StateDict state_of(const Net& net, const optim::Optimizer& optimizer) {
  StateDict all = net.model.state_dict();
  for (const auto& [name, value] : optimizer.state_dict()) all["optimizer." + name] = value;
  for (const auto& [name, value] : default_generator().state_dict()) all["random." + name] = value;
  return all;
}

std::string what(train::NanGuard& guard, const std::function<double()>& step) {
  try {
    guard.step(step);
  } catch (const AnomalyError& error) {
    return error.what();
  }
  return "nothing";
}

using Make = std::function<std::unique_ptr<optim::Optimizer>(std::vector<Variable>)>;
const std::vector<Make>& every_kind() {
  static const std::vector<Make> all = {
      [](auto p) { return std::make_unique<optim::Adam>(p); },
      [](auto p) {
        return std::make_unique<optim::SGD>(
            p, optim::SGDOptions{.lr = 0.01, .momentum = 0.9, .nesterov = optim::Nesterov::lookahead});
      },
      [](auto p) { return std::make_unique<optim::SAM>(std::make_unique<optim::SGD>(p)); },
      [](auto p) { return std::make_unique<optim::AdaHessian>(p); },
      [](auto p) { return std::make_unique<optim::LBFGS>(p, optim::LBFGSOptions{.max_iterations = 2}); },
      [](auto p) { return std::make_unique<optim::FactoredAdam>(p); },
  };
  return all;
}

}  // namespace

TEST_CASE("a gradient that is not finite changes nothing, whatever the optimizer; parameter, op and module are named") {
  for (const Make& make : every_kind()) {
    manual_seed(1);
    Net net;
    const auto optimizer = make(net.model.parameters());
    CAPTURE(optimizer->describe());
    train::NanGuard guard(net.model, *optimizer);
    const auto step = [&] { return optimizer->step([&] { return net.loss(); }); };
    for (int i = 0; i < 3; ++i) CHECK(guard.step(step) > 0.0);
    const StateDict before = state_of(net, *optimizer);
    *net.part.broken = true;
    const std::string said = what(guard, step);
    CAPTURE(said);
    CHECK(said.starts_with("the gradient of 0.weight holds nan: "));
    CHECK(said.find("gradient of sqrt in 3.1: first infinity at (0, 0)") != std::string::npos);
    CHECK(same_bits(state_of(net, *optimizer), before));
    *net.part.broken = false;
    CHECK(guard.step(step) > 0.0);  // and training goes on
  }
}

TEST_CASE("pullbacks that make a NaN are told by their op") {
  const auto said = [](Op bad) {
    manual_seed(1);
    Net net(std::move(bad));
    optim::SGD sgd(net.model.parameters());
    train::NanGuard guard(net.model, sgd);
    *net.part.broken = true;
    return what(guard, [&] { return sgd.step([&] { return net.loss(); }); });
  };
  // The branch that is not taken has a value as well, and an infinite slope.
  CHECK(said([](const Variable& v) {
          const Variable none = v * 0.0;
          return where(gt(none.value(), 0.0), log(none + 1.0), v) + where(gt(none.value(), 0.0), sqrt(none), v);
        }).find("in the gradient of sqrt in 3.1: first nan") != std::string::npos);
  CHECK(said([](const Variable& v) { return v + pow(abs(v) * 0.0, 0.5); }).find("in the gradient of pow in 3.1") !=
        std::string::npos);
  CHECK(said([](const Variable& v) { return v + norm(v * 0.0, {}, true) / norm(v * 0.0 + 1e-45, {}, true); }) !=
        "nothing");
}

TEST_CASE("an explicit loop, and one of accumulated gradients, gets the same help") {
  manual_seed(2);
  Net net;
  optim::Adam adam(net.model.parameters());
  train::NanGuard guard(net.model, adam);
  const auto step = [&] {
    adam.zero_grad();
    double sum = 0.0;
    for (int part = 0; part < 3; ++part) {
      const Variable loss = net.loss() / 3.0;
      loss.backward();
      sum += loss.item();
    }
    adam.step();
    return sum;
  };
  guard.step(step);
  const StateDict before = state_of(net, adam);
  *net.part.broken = true;
  CHECK(what(guard, step).starts_with("the gradient of 0.weight holds nan: "));
  CHECK(same_bits(state_of(net, adam), before));
  *net.part.broken = false;
  net.y = full({8, 1}, 1e30);
  CHECK(what(guard, step) == "the loss is inf: mse_loss: first infinity at () of its result of shape ()");
  CHECK(same_bits(state_of(net, adam), before));
  adam.zero_grad();
  *net.part.broken = true;
  {
    const DetectAnomaly detect;  // says it by itself
    CHECK(what(guard, step).find("the gradient of 0.weight") == std::string::npos);
    CHECK(same_bits(state_of(net, adam), before));
  }
  adam.step([&] { return net.loss(); });  // outside of a guard nothing is refused
  CHECK(!all_finite(net.model.parameters()[0].value()));
  CHECK_THROWS_WITH_AS(guard.check_parameters(), "0.weight holds nan", AnomalyError);
  *net.part.broken = false;
  CHECK(what(guard, step) == "the loss is nan: before the step, 0.weight holds nan");
}

TEST_CASE("a frozen parameter that was not finite is named, and the op that met it") {
  manual_seed(3);
  Net net;
  const Variable frozen = net.model.parameters()[0];
  frozen.set_requires_grad(false);
  optim::SGD sgd(net.model.parameters());
  train::NanGuard guard(net.model, sgd);
  const auto step = [&] { return sgd.step([&] { return net.loss(); }); };
  CHECK(guard.step(step) > 0.0);
  frozen.set_value(full_like(frozen.value(), NAN));
  const std::string said = what(guard, step);
  CHECK(said.starts_with("the loss is nan: frozen 0.weight holds nan; linear in 0: "));
  guard.check_parameters();  // of those that learn
}

TEST_CASE("parameters that only the optimizer has are looked at as well") {
  nn::Linear model(2, 1);
  const Variable scale = parameter(ones({1}));
  optim::SGD sgd({scale}, {.lr = 1e38});
  train::NanGuard guard(model, sgd);
  CHECK_THROWS_WITH_AS(guard.step([&] { return sgd.step([&] { return sum(sqrt(scale - 1.0)); }); }),
                       Contains("the gradient of parameter 0 of the optimizer holds infinity"), AnomalyError);
  CHECK(scale.item() == 1.0);
  guard.step([&] { return sgd.step([&] { return sum(scale * -1e30); }); });
  CHECK_THROWS_WITH_AS(guard.check_parameters(), "parameter 0 of the optimizer holds infinity", AnomalyError);
}

TEST_CASE("a gradient is looked at as the callbacks leave it") {
  manual_seed(3);
  Variable w = parameter(ones({2}));
  OneParameter model(w);
  const auto run = [&](optim::Optimizer::GradientCallback f, double slope) {
    optim::SGD sgd({w}, {.lr = 0.1});
    sgd.on_gradients(std::move(f));
    train::NanGuard guard(model, sgd);
    return what(guard, [&] {
      sgd.zero_grad();
      w.set_grad(tensor({1.0, slope}));
      sgd.step();
      return 0.0;
    });
  };
  CHECK(run([](const auto& p) { optim::clip_grad_value(p, 1.0); }, infinity) == "nothing");
  CHECK(run([](const auto& p) { optim::clip_grad_value(p, 1.0); }, std::nan("")) ==
        "the gradient of w holds nan: no op made it, it was given");
  CHECK(run([](const auto& p) { p[0].set_grad(full({2}, infinity)); }, 1.0) ==
        "the gradient of w holds infinity: SGD: after the callbacks on gradients that of parameter 0, of shape (2), "
        "holds infinity");
  CHECK(run([](const auto& p) { optim::clip_grad_norm(p, 1.0); }, infinity).starts_with("the gradient of w holds nan"));
  CHECK(run([](const auto& p) { p[0].set_grad(zeros({2})); }, std::nan("")) == "nothing");
  w.set_requires_grad(false);
  CHECK(run([](const auto&) {}, std::nan("")) == "nothing");  // it is not used
}

TEST_CASE("gradients that are finite one by one and not in their sum are told from those of an op") {
  Variable w = parameter(ones({1}));
  OneParameter model(w);
  optim::SGD sgd({w});
  train::NanGuard guard(model, sgd);
  CHECK(
      what(guard, [&] { return sgd.step([&] { return sum(w * 2e38 - 2e38) + sum(w * 2e38 - 2e38); }); }) ==
      "the gradient of w holds infinity: sum of gradients, in the gradient of mul: first infinity at (0) of its result "
      "of shape (1)");
  CHECK(w.item() == 1.0);
}

TEST_CASE("SAM's second gradient counts, a line search may look beyond") {
  manual_seed(4);
  Variable w = parameter(full({1}, 0.5));
  OneParameter model(w);
  {
    optim::SAM sam(std::make_unique<optim::SGD>(std::vector{w}), {.rho = 0.5});
    train::NanGuard guard(model, sam);
    // At w it is 0.5; at w + 0.5 = 1 its slope is infinite.
    const auto loss = [&] { return sum(1.0 - sqrt(1.0 - w)); };
    const std::string said = what(guard, [&] { return sam.step(loss); });
    CHECK(said ==
          "the gradient of w holds infinity: gradient, in the gradient of sqrt: first infinity at (0) of its "
          "result of shape (1)");
    CHECK(w.item() == 0.5);
    CHECK(sam.steps() == 0);
    CHECK(sam.base().steps() == 0);
  }
  {
    w.set_value(full({1}, 3.0));
    optim::LBFGS lbfgs({w}, {.lr = 8.0});
    train::NanGuard guard(model, lbfgs);
    Index beyond = 0;
    const double first = guard.step([&] {
      return lbfgs.step([&] {
        const Variable loss = sum(w - log(w));  // least at 1; the first look is far below 0
        beyond += std::isfinite(loss.item()) ? 0 : 1;
        return loss;
      });
    });
    CHECK(std::isfinite(first));
    CHECK(w.item() == doctest::Approx(1.0).epsilon(1e-3));
    CHECK(beyond > 0);
  }
}

TEST_CASE("AdaHessian's diagonal counts as well") {
  Variable w = parameter(ones({2}));
  OneParameter model(w);
  optim::AdaHessianOptions options;
  options.diagonal = [](const auto&, const auto&) { return std::vector{tensor({1.0, std::nan("")})}; };
  optim::AdaHessian adahessian({w}, options);
  train::NanGuard guard(model, adahessian);
  CHECK(what(guard, [&] {
          return adahessian.step([&] { return sum(square(w)); });
        }).starts_with("AdaHessian: the Hessian's diagonal of parameter 0, of shape (2), holds nan: "));
  CHECK(all_finite(w.value()));
  CHECK(all_finite(adahessian.state_dict().at("0.v")));
}

TEST_CASE("what a step throws otherwise passes, and running statistics and random numbers are as before") {
  manual_seed(5);
  Net net;
  optim::SGD sgd(net.model.parameters());
  train::NanGuard guard(net.model, sgd);
  const StateDict before = state_of(net, sgd);
  const auto step = [&]() -> double {
    net.loss();
    throw std::runtime_error("enough");
  };
  CHECK_THROWS_WITH_AS(guard.step(step), "enough", std::runtime_error);
  CHECK(same_bits(state_of(net, sgd), before));
  // A step that is not the same when it is repeated does not slip through.
  bool first = true;
  const auto once = [&] {
    *net.part.broken = std::exchange(first, false);
    return sgd.step([&] { return net.loss(); });
  };
  CHECK(what(guard, once) ==
        "the gradient of 0.weight holds nan: repeated under DetectAnomaly, no op gave such a number");
  CHECK(same_bits(state_of(net, sgd), before));
}
