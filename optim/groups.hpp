/// @file
/// Parameters in groups, each with its own options.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ravine/optim/optimizer.hpp>
#include <ravine/optim/options.hpp>

namespace ravine::optim {

/// Parameters and the complete options for them.
template <class Options>
struct ParamGroup {
  std::vector<Variable> params;
  Options options;
};

}  // namespace ravine::optim

namespace ravine::detail {

[[noreturn]] void refuse_empty_group(const char* optimizer, std::size_t group);
/// "group.0.lr".
std::string option_key(std::size_t group, const char* option);

}  // namespace ravine::detail

namespace ravine::optim {

/// An optimizer with options: keeps them by group, checks, describes, saves and loads them.
template <class Options>
class Grouped : public Optimizer {
 public:
  std::string describe() const override {
    std::string text = name();
    for (const Group& group : groups_) text += "(" + detail::describe_options(group.options) + ")";
    return text;
  }

 protected:
  /// The parameters from `begin` up to `end` and their options.
  struct Group {
    Options options;
    std::size_t begin, end;
  };

  Grouped(const char* name, const std::vector<ParamGroup<Options>>& groups) : Optimizer(name, all(name, groups)) {
    std::size_t begin = 0;
    for (const ParamGroup<Options>& group : groups) {
      groups_.push_back({group.options, begin, begin + group.params.size()});
      detail::check_options(name, groups_.back().options);
      begin = groups_.back().end;
    }
  }

  const std::vector<Group>& groups() const { return groups_; }

  /// Throws std::invalid_argument if options about to be loaded do not go with the state that is there.
  virtual void check_loaded(const Group& /*present*/, const Options& /*loaded*/) const {}

  void add_options(StateDict& state) const override {
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      Options options = groups_[g].options;
      detail::visit_options(options, [&](const detail::OptionField& field) {
        state[detail::option_key(g, field.name)] = Tensor({}, f64);
        state[detail::option_key(g, field.name)].fill(field.value);
        return field.value;
      });
    }
  }

  void load_options(const StateDict& state) override {
    std::vector<Group> loaded = groups_;
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      detail::visit_options(loaded[g].options, [&](detail::OptionField field) {
        field.value = state.at(detail::option_key(g, field.name)).item();
        detail::check_option(name(), field);
        return field.value;
      });
      detail::check_options(name(), loaded[g].options);
      check_loaded(groups_[g], loaded[g].options);
    }
    groups_ = std::move(loaded);
  }

 private:
  static std::vector<Variable> all(const char* name, const std::vector<ParamGroup<Options>>& groups) {
    std::vector<Variable> params;
    for (const ParamGroup<Options>& group : groups) {
      if (group.params.empty()) detail::refuse_empty_group(name, static_cast<std::size_t>(&group - groups.data()));
      params.insert(params.end(), group.params.begin(), group.params.end());
    }
    return params;
  }

  std::vector<Group> groups_;
};

}  // namespace ravine::optim
