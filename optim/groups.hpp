/// @file
/// Parameters in groups, each with its own options.
#pragma once

#include <utility>
#include <vector>

#include <ravine/optim/optimizer.hpp>
#include <ravine/optim/options.hpp>

namespace ravine::detail {

/// So many elements, of a class that there is one of for each optimizer: a std::vector of each would take a program
/// that includes all of them a tenth longer to compile.
template <class T>
class Row {
 public:
  explicit Row(std::size_t size) : items_(new T[size]), size_(size) {}
  ~Row() { delete[] items_; }
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return items_[i]; }
  const T& operator[](std::size_t i) const { return items_[i]; }
  const T* begin() const { return items_; }
  const T* end() const { return items_ + size_; }

 private:
  T* items_;
  std::size_t size_;
};

}  // namespace ravine::detail

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

/// An optimizer whose parameters come in groups with options. (Its members stand behind it, where `extern template`
/// spares a program to compile those of usual optimizers, as adam.hpp has it: of members within a class it does not.)
template <class Options>
class Grouped : public Optimizer {
 public:
  ~Grouped() override;

 protected:
  /// The options of the parameters from `begin` up to `end`.
  struct Group {
    Options options;
    std::size_t begin = 0, end = 0;
  };

  Grouped(const char* name, std::vector<Variable> params, Options options);
  Grouped(const char* name, const std::vector<ParamGroup<Options>>& groups);

  const detail::Row<Group>& groups() const { return groups_; }

  /// Throws std::invalid_argument if options about to be loaded do not go with the state that is there.
  virtual void check_loaded(const Group& /*present*/, const Options& /*loaded*/) const {}

  std::size_t group_count() const override { return groups_.size(); }
  void visit_options(std::size_t group, detail::OptionVisitor visit) const override;
  void change_options(std::size_t group, detail::OptionVisitor visit) override;

 private:
  static std::vector<Variable> all(const std::vector<ParamGroup<Options>>& groups);
  void set_group(std::size_t k, Options options, std::size_t size);

  detail::Row<Group> groups_;
};

template <class Options>
Grouped<Options>::Grouped(const char* name, std::vector<Variable> params, Options options)
    : Optimizer(name, std::move(params)), groups_(1) {
  set_group(0, std::move(options), parameters().size());
}

template <class Options>
Grouped<Options>::Grouped(const char* name, const std::vector<ParamGroup<Options>>& groups)
    : Optimizer(name, all(groups)), groups_(groups.size()) {
  for (std::size_t k = 0; k < groups.size(); ++k) set_group(k, groups[k].options, groups[k].params.size());
}

template <class Options>
Grouped<Options>::~Grouped() = default;

template <class Options>
void Grouped<Options>::visit_options(std::size_t group, detail::OptionVisitor visit) const {
  check_loaded(groups_[group], detail::visit_options(name(), groups_[group].options, visit));
}

template <class Options>
void Grouped<Options>::change_options(std::size_t group, detail::OptionVisitor visit) {
  groups_[group].options = detail::visit_options(name(), groups_[group].options, visit);
}

template <class Options>
std::vector<Variable> Grouped<Options>::all(const std::vector<ParamGroup<Options>>& groups) {
  std::vector<Variable> params;
  for (const ParamGroup<Options>& group : groups) params.insert(params.end(), group.params.begin(), group.params.end());
  return params;
}

template <class Options>
void Grouped<Options>::set_group(std::size_t k, Options options, std::size_t size) {
  if (size == 0) refuse_empty_group(k);
  const std::size_t begin = k == 0 ? 0 : groups_[k - 1].end;
  options = detail::visit_options(name(), std::move(options), [](const auto& field) { return field.value; });
  groups_[k] = {std::move(options), begin, begin + size};
}

}  // namespace ravine::optim
