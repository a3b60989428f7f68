#include <ravine/data/column.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/number.hpp>

namespace ravine {

bool data::Column::missing(Index row) const {
  return numeric() ? std::isnan(values.data<double>()[row]) : values.data<std::int64_t>()[row] < 0;
}

Index data::Column::missing() const {
  Index count = 0;
  for (Index row = 0; row < values.numel(); ++row) count += missing(row);
  return count;
}

namespace detail {
namespace {

using data::Column;

bool is_missing(std::string_view value) { return value.data() == nullptr; }

// Each value's position among the different ones, sorted; -1 where `skip` holds.
template <class T, class Skip>
Tensor positions(const std::vector<T>& values, const std::vector<T>& sorted, Skip skip) {
  Tensor codes({static_cast<Index>(values.size())}, i64);
  auto* code = codes.mutable_data<std::int64_t>();
  for (const T& value : values)
    *code++ = skip(value) ? -1 : std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin();
  return codes;
}

template <class T, class Skip>
std::vector<T> sorted_distinct(std::vector<T> values, Skip skip) {
  values.erase(std::remove_if(values.begin(), values.end(), skip), values.end());
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

// An undefined tensor if a value is not a number.
Tensor numbers(const std::vector<std::string_view>& values) {
  Tensor result({static_cast<Index>(values.size())}, f64);
  auto* to = result.mutable_data<double>();
  for (const auto value : values) {
    const auto number = is_missing(value) ? std::numeric_limits<double>::quiet_NaN() : parse_number(value);
    if (!number) return {};
    *to++ = *number;
  }
  return result;
}

// The values of a text column; they refer to its categories.
std::vector<std::string_view> views(const Column& column) {
  std::vector<std::string_view> result;
  result.reserve(static_cast<std::size_t>(column.values.numel()));
  for (Index row = 0; row < column.values.numel(); ++row) {
    const Index code = column.values.data<std::int64_t>()[row];
    result.push_back(code < 0 ? std::string_view{}
                              : std::string_view(column.categories[static_cast<std::size_t>(code)]));
  }
  return result;
}

Column text_column(std::string name, const std::vector<std::string_view>& values) {
  const auto categories = sorted_distinct(values, is_missing);
  return {std::move(name), positions(values, categories, is_missing), {categories.begin(), categories.end()}};
}

}  // namespace

Column make_column(std::string name, const std::vector<std::string_view>& values) {
  if (Tensor all_numbers = numbers(values); all_numbers.defined()) return {std::move(name), std::move(all_numbers), {}};
  return text_column(std::move(name), values);
}

Column numeric_if_possible(const Column& column) {
  return column.numeric() ? column : make_column(column.name, views(column));
}

Column categorical(const Column& column) {
  if (!column.numeric()) return column;
  const auto is_nan = [](double value) { return std::isnan(value); };
  const auto values = column.values.to_vector<double>();
  const auto distinct = sorted_distinct(values, is_nan);
  Column result{column.name, positions(values, distinct, is_nan), {}};
  for (const double value : distinct) result.categories.push_back(text(value));
  return result;
}

std::string cell(const Column& column, Index row) {
  if (column.missing(row)) return {};
  if (column.numeric()) return text(column.values.data<double>()[row]);
  return column.categories[static_cast<std::size_t>(column.values.data<std::int64_t>()[row])];
}

std::vector<Index> frequencies(const Column& column) {
  std::vector<Index> counts(column.categories.size());
  for (Index row = 0; row < column.values.numel(); ++row)
    if (!column.missing(row)) ++counts[static_cast<std::size_t>(column.values.data<std::int64_t>()[row])];
  return counts;
}

Column take_rows(const Column& column, const Tensor& rows) {
  Column taken{column.name, index_select(column.values, 0, rows), column.categories};
  return taken.numeric() ? taken : text_column(taken.name, views(taken));
}

Column replace_missing(const Column& column, std::string_view value) {
  auto values = views(column);
  std::replace_if(values.begin(), values.end(), is_missing, value);
  return make_column(column.name, values);
}

}  // namespace detail
}  // namespace ravine
