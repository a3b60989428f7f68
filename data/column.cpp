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

NumberFormat format(const Column& column) { return {column.decimal, column.thousands}; }

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

// The same text column with other values.
Column with_values(const Column& column, const std::vector<std::string_view>& values) {
  const auto categories = sorted_distinct(values, is_missing);
  Column result = column;
  result.values = positions(values, categories, is_missing);
  result.categories = {categories.begin(), categories.end()};
  return result;
}

}  // namespace

bool read_as_numbers(const std::vector<std::string>& texts, const NumberFormat& format) {
  bool integers = true, identifiers = false;
  for (const auto& text : texts) {
    const auto number = parse_number(text, format);
    if (!number) return false;
    integers &= number->integer;
    identifiers |= number->leading_zeros || number->inexact;
  }
  return !(integers && identifiers);
}

Column numeric_if_possible(const Column& column) {
  if (column.numeric() || !column.remark.empty() || !read_as_numbers(column.categories, format(column))) return column;
  Column result = column;
  result.values = Tensor(column.values.shape(), f64);
  result.categories.clear();
  auto* to = result.values.mutable_data<double>();
  for (Index row = 0; row < column.values.numel(); ++row)
    to[row] = column.missing(row) ? std::numeric_limits<double>::quiet_NaN()
                                  : parse_number(cell(column, row), format(column))->value;
  return result;
}

std::vector<Index> words(const Column& column) {
  std::vector<Index> result;
  for (std::size_t i = 0; i < column.categories.size(); ++i)
    if (!parse_number(column.categories[i], format(column))) result.push_back(static_cast<Index>(i));
  return result;
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
  Column taken = column;
  taken.values = index_select(column.values, 0, rows);
  return taken.numeric() ? taken : with_values(taken, views(taken));
}

Column replace_missing(const Column& column, std::string_view value) {
  auto values = views(column);
  std::replace_if(values.begin(), values.end(), is_missing, value);
  return with_values(column, values);
}

}  // namespace detail
}  // namespace ravine
