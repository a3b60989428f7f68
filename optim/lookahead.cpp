#include <ravine/optim/lookahead.hpp>

#include <ravine/core/elementwise.hpp>

namespace ravine::optim {

Lookahead::Lookahead(std::unique_ptr<Optimizer> base, LookaheadOptions options)
    : Wrapping(name, std::move(base), options) {
  for (std::size_t i = 0; i < parameters().size(); ++i) add_copy(i, "slow");
  this->base().on_gradients([this](const std::vector<Variable>&) {
    if (through_closure_) run_callbacks();
  });
}

bool Lookahead::needs_closure() const { return base().needs_closure(); }

std::vector<Tensor> Lookahead::averages() const {
  std::vector<Tensor> all;
  for (std::size_t i = 0; i < parameters().size(); ++i) all.push_back(steps() > 0 ? state(i) : parameters()[i].value());
  return all;
}

void Lookahead::synchronize() {
  const LookaheadOptions& o = groups()[0].options;
  if ((steps() + 1) % o.period != 0) return;
  for (std::size_t i = 0; i < parameters().size(); ++i) {
    if (!parameters()[i].requires_grad()) continue;
    Tensor &slow = state(i), &theta = parameters()[i].node()->value;
    if (o.slow_rate == 1.0)
      slow.copy_from(theta);
    else
      slow = slow + (theta - slow) * o.slow_rate;
    theta.copy_from(slow);
  }
}

double Lookahead::advance(Closure closure) {
  check_unchanged();
  base().set_lr_factor(lr_factor());
  struct Through {
    bool& flag;
    explicit Through(bool& f) : flag(f) { flag = true; }
    ~Through() { flag = false; }
  };
  double loss = 0.0;
  {
    const Through through(through_closure_);
    const Index before = base().evaluations();
    loss = base().step(closure);
    count_evaluations(base().evaluations() - before);
  }
  synchronize();
  return loss;
}

void Lookahead::update() {
  base().set_lr_factor(lr_factor());
  base().step();
  synchronize();
}

}  // namespace ravine::optim
