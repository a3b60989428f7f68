/// @file
/// The base of optimizers that wrap another one.
#pragma once

#include <memory>
#include <utility>

#include <ravine/optim/groups.hpp>

namespace ravine::detail {

/// The base's parameters. Throws std::invalid_argument, naming the wrapper, if there is no base.
const std::vector<Variable>& parameters_of_base(const char* wrapper, const std::unique_ptr<optim::Optimizer>& base);
/// `own`, with the base's state under "base.".
StateDict with_base(StateDict own, const optim::Optimizer& base);
/// Loads what `with_base` gave: the base, then the rest by `load_own`; the base is as before if that throws.
void load_with_base(const char* wrapper, optim::Optimizer& base, const StateDict& state,
                    FunctionRef<void(const StateDict& own)> load_own);

}  // namespace ravine::detail

namespace ravine::optim {

/// An optimizer around another one, whose parameters are its own. The state is that of the base under "base." and its
/// own.
template <class Options>
class Wrapping : public Grouped<Options> {
 public:
  Optimizer& base() { return *base_; }
  const Optimizer& base() const { return *base_; }

  /// Its options, then the base's.
  std::string describe() const override { return Grouped<Options>::describe() + " over " + base_->describe(); }
  StateDict state_dict() const override { return detail::with_base(Grouped<Options>::state_dict(), *base_); }
  void load_state_dict(const StateDict& state) override {
    detail::load_with_base(this->name(), *base_, state, [this](const StateDict& own) {
      check_base(*base_);
      Grouped<Options>::load_state_dict(own);
    });
  }

 protected:
  Wrapping(const char* name, std::unique_ptr<Optimizer> base, Options options)
      : Grouped<Options>(name, detail::parameters_of_base(name, base), std::move(options)), base_(std::move(base)) {
    this->set_lr_factor(base_->lr_factor());
  }

  /// Throws std::invalid_argument for a base that cannot be wrapped.
  virtual void check_base(const Optimizer& /*base*/) const {}

 private:
  std::unique_ptr<Optimizer> base_;
};

}  // namespace ravine::optim
