// A new optimizer is its options and its per-element rule: the base class owns the state, the loop over
// parameters, threads, groups, checkpoints and both precisions. This one is sign descent with momentum (signSGD).
#include <ravine/ravine.hpp>

#include <array>
#include <string>

#include "check.hpp"

namespace rv = ravine;

struct SignMomentumOptions {
  double lr = 1e-2;   // step size, > 0
  double beta = 0.9;  // decay of the momentum, in [0, 1)

  // Each field once, with its name and range: refusals, describe() and checkpoints use this.
  static void fields(auto&& field) {
    field("lr", &SignMomentumOptions::lr, rv::optim::positive);
    field("beta", &SignMomentumOptions::beta, rv::optim::below_one);
  }
};

class SignMomentum final : public rv::optim::Elementwise<SignMomentum, SignMomentumOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "SignMomentum";
  static constexpr std::array slots = {"momentum"};  // what is kept for each element, zero at the start

  // Made once a step from the options, the rate in force and t = 1, 2, ...; then applied to every element.
  struct Rule {
    double lr, beta;
    Rule(const SignMomentumOptions& o, double lr_now, rv::Index /*t*/) : lr(lr_now), beta(o.beta) {}

    template <class T>
    void operator()(T& theta, T g, T& m) const {
      m = static_cast<T>(beta) * m + static_cast<T>(1.0 - beta) * g;
      theta -= static_cast<T>(lr) * static_cast<T>((m > T(0)) - (m < T(0)));
    }
  };
};

int main() {
  for (rv::DType dtype : {rv::f64, rv::f32}) {
    rv::Variable a = rv::parameter(rv::tensor({4.0, -2.0, 0.5}, {3}, dtype));
    rv::Variable b = rv::parameter(rv::tensor({-3.0, 2.5}, {2, 1}, dtype));
    SignMomentum optimizer({a, b}, {.lr = 1e-3});
    double loss = 0.0;
    for (int step = 0; step < 6000; ++step)
      loss = optimizer.step([&] { return rv::sum(rv::square(a - 1.0)) + rv::sum(rv::square(b + 1.0)); });
    std::printf("loss %.2e   %s\n", loss, optimizer.describe().c_str());
    CHECK(loss < 1e-4);

    auto state = optimizer.state_dict();
    CHECK(state.contains("0.momentum") && state.at("0.momentum").shape() == rv::Shape({3}));
    CHECK(state.contains("1.momentum") && state.at("1.momentum").shape() == rv::Shape({2, 1}));
    CHECK(optimizer.describe().find("beta") != std::string::npos);
  }

  bool refused = false;
  try {
    SignMomentum({rv::parameter(rv::ones({1}))}, {.beta = 1.5});
  } catch (const std::invalid_argument& e) {
    std::string message = e.what();
    refused = message.find("SignMomentum") != std::string::npos && message.find("beta") != std::string::npos &&
              message.find("1.5") != std::string::npos;
  }
  CHECK(refused);
}
