/// @file
/// Parameters in groups, each with its own options.
#pragma once

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

/// Two groups: matrices with these options, and what has fewer dimensions, biases and the weights of normalization,
/// without their weight decay.
///
///     AdamW adamw(decay_matrices_only(model.parameters(), AdamWOptions{.weight_decay = 0.05}));
template <class Options>
std::vector<ParamGroup<Options>> decay_matrices_only(const std::vector<Variable>& params, const Options& options) {
  ParamGroup<Options> matrices{{}, options}, others{{}, options};
  others.options.weight_decay = 0.0;
  for (const Variable& p : params) (p.rank() >= 2 ? matrices : others).params.push_back(p);
  std::vector<ParamGroup<Options>> groups;
  for (ParamGroup<Options>* group : {&matrices, &others})
    if (!group->params.empty()) groups.push_back(std::move(*group));
  return groups;
}

/// An optimizer whose parameters come in groups with options.
template <class Options>
class Grouped : public Optimizer {
 protected:
  /// The options of the parameters from `begin` up to `end`.
  struct Group {
    Options options;
    std::size_t begin, end;
  };

  Grouped(const char* name, std::vector<Variable> params, Options options) : Optimizer(name, std::move(params)) {
    add_group(std::move(options), parameters().size());
  }
  Grouped(const char* name, const std::vector<ParamGroup<Options>>& groups) : Optimizer(name, all(groups)) {
    for (const ParamGroup<Options>& group : groups) add_group(group.options, group.params.size());
  }

  const std::vector<Group>& groups() const { return groups_; }

  /// Throws std::invalid_argument if options about to be loaded do not go with the state that is there.
  virtual void check_loaded(const Group& /*present*/, const Options& /*loaded*/) const {}

  std::size_t group_count() const override { return groups_.size(); }
  void visit_options(std::size_t group, detail::OptionVisitor visit) const override {
    check_loaded(groups_[group], detail::visit_options(name(), groups_[group].options, visit));
  }
  void change_options(std::size_t group, detail::OptionVisitor visit) override {
    groups_[group].options = detail::visit_options(name(), groups_[group].options, visit);
  }

 private:
  static std::vector<Variable> all(const std::vector<ParamGroup<Options>>& groups) {
    std::vector<Variable> params;
    for (const ParamGroup<Options>& group : groups)
      params.insert(params.end(), group.params.begin(), group.params.end());
    return params;
  }

  void add_group(Options options, std::size_t size) {
    if (size == 0) refuse_empty_group(groups_.size());
    const std::size_t begin = groups_.empty() ? 0 : groups_.back().end;
    options = detail::visit_options(name(), std::move(options), [](const auto& field) { return field.value; });
    groups_.push_back({std::move(options), begin, begin + size});
  }

  std::vector<Group> groups_;
};

}  // namespace ravine::optim
