#include <ravine/train/history.hpp>

#include <algorithm>
#include <stdexcept>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/call.hpp>

namespace ravine::train {

Tensor History::column(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end())
    throw std::out_of_range(detail::text("History: no '", name, "', there are ", detail::join(names_)));
  std::vector<double> values;
  for (const auto& row : rows_) values.push_back(row[static_cast<std::size_t>(found - names_.begin())]);
  return tensor(values, f64);
}

data::Table History::table() const {
  std::vector<data::Column> columns;
  for (const std::string& name : names_) columns.push_back({name, column(name), {}});
  return data::Table("history", std::move(columns), arange(1, epochs() + 1, 1, i64));
}

void History::add(std::vector<double> row) {
  if (row.size() != names_.size())
    throw std::invalid_argument(detail::text("History: ", row.size(), " numbers for ", names_.size(), " names"));
  rows_.push_back(std::move(row));
}

StateDict History::state_dict() const {
  StateDict all;
  for (const std::string& name : names_) all[name] = column(name);
  return all;
}

void History::load_state_dict(const StateDict& state) {
  const auto first = names_.empty() ? state.end() : state.find(names_[0]);
  const Index epochs = first != state.end() && first->second.rank() == 1 ? first->second.numel() : 0;
  StateDict expected;
  for (const std::string& name : names_) expected[name] = zeros({epochs}, f64);
  check_state_dict("History", expected, state);
  rows_.assign(static_cast<std::size_t>(epochs), {});
  for (const std::string& name : names_)
    for (Index i = 0; i < epochs; ++i) rows_[static_cast<std::size_t>(i)].push_back(state.at(name).at({i}));
}

}  // namespace ravine::train
