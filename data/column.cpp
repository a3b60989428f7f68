#include <ravine/data/column.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/number.hpp>

namespace ravine {
namespace data {
namespace {

// The texts that these codes name.
std::shared_ptr<const detail::Texts> named(const std::string& name, const Tensor& codes,
                                           const std::vector<std::string>& categories) {
  if (codes.rank() != 1)
    throw ShapeError(detail::text("Column: the codes of '", name, "' are ", codes.shape(), ", expected (rows)"));
  const auto count = static_cast<Index>(categories.size());
  detail::TextsBuilder builder(codes.numel());
  for (const Index code : codes.to_vector<Index>()) {
    if (code < -1 || code >= count)
      throw std::out_of_range(detail::text("Column: code ", code, " of '", name, "', of ", count, " categories"));
    code < 0 ? builder.add_missing() : builder.add(categories[static_cast<std::size_t>(code)]);
  }
  return builder.texts();
}

}  // namespace

Column::Column(std::string name, Tensor given, const std::vector<std::string>& categories) : name(std::move(name)) {
  if (given.dtype() == i64)
    texts = named(this->name, given, categories);
  else if (given.dtype() == f64)
    values = std::move(given);
  else
    throw DTypeError(detail::text("Column: '", this->name, "' is ", given.dtype(), ", expected f64, or i64 for text"));
}

Column::Column(std::string name, std::shared_ptr<const detail::Texts> texts)
    : name(std::move(name)), texts(std::move(texts)) {}

Index Column::rows() const { return numeric() ? values.numel() : texts->size(); }

bool Column::missing(Index row) const {
  return numeric() ? std::isnan(values.raw<double>()[row]) : texts->missing(row);
}

Index Column::missing() const {
  Index count = 0;
  for (Index row = 0; row < rows(); ++row) count += missing(row);
  return count;
}

}  // namespace data

namespace detail {
namespace {

using data::Categorical;
using data::Column;

NumberFormat format(const Column& column) { return {column.decimal, column.thousands}; }

// The same column with other values.
Column with_texts(const Column& column, std::shared_ptr<const Texts> texts) {
  Column result = column;
  result.texts = std::move(texts);
  return result;
}

Categorical different_numbers(const Tensor& values) {
  Categorical result{Tensor(values.shape(), i64), {}};
  auto sorted = values.to_vector<double>();
  std::erase_if(sorted, [](double value) { return std::isnan(value); });
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  auto* code = result.codes.mutable_data<std::int64_t>();
  for (const double value : values.to_vector<double>())
    *code++ = std::isnan(value) ? -1 : std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin();
  for (const double value : sorted) result.categories.push_back(text(value));
  return result;
}

}  // namespace

bool read_as_numbers(const Texts& texts, const NumberFormat& format) {
  bool integers = true, identifiers = false;
  for (Index row = 0; row < texts.size(); ++row) {
    if (texts.missing(row)) continue;
    const auto number = parse_number(texts.at(row), format);
    if (!number) return false;
    integers &= number->integer;
    identifiers |= number->leading_zeros || number->inexact;
  }
  return !(integers && identifiers);
}

Tensor numbers_if_all(const Column& column) {
  if (column.numeric()) return column.values;
  Tensor numbers({column.rows()}, f64);
  auto* to = numbers.mutable_data<double>();
  for (Index row = 0; row < column.rows(); ++row) {
    to[row] = std::numeric_limits<double>::quiet_NaN();
    if (column.missing(row)) continue;
    const auto number = parse_number(column.texts->at(row), format(column));
    if (!number) return {};
    to[row] = number->value;
  }
  return numbers;
}

Column numeric_if_possible(const Column& column) {
  if (column.numeric() || !column.remark.empty() || !read_as_numbers(*column.texts, format(column))) return column;
  Column result = column;
  result.values = numbers_if_all(column);
  result.texts = nullptr;
  return result;
}

std::vector<Index> words(const Column& column) {
  const auto& categories = column.texts->categorical().categories;
  std::vector<Index> result;
  for (std::size_t i = 0; i < categories.size(); ++i)
    if (!parse_number(categories[i], format(column))) result.push_back(static_cast<Index>(i));
  return result;
}

std::shared_ptr<const Categorical> categorical(const Column& column) {
  if (column.numeric()) return std::make_shared<const Categorical>(different_numbers(column.values));
  return {column.texts, &column.texts->categorical()};
}

std::string cell(const Column& column, Index row) {
  if (column.missing(row)) return {};
  return column.numeric() ? text(column.values.raw<double>()[row]) : std::string(column.texts->at(row));
}

std::string shown(std::string_view value, std::size_t most) {
  constexpr const char* digits = "0123456789abcdef";
  std::size_t end = std::min(value.size(), most);
  while (end > 0 && end < value.size() && (value[end] & 0xC0) == 0x80) --end;  // not within a character of UTF-8
  std::string out;
  for (const char c : value.substr(0, end)) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7F)
      out += {'\\', 'x', digits[code / 16], digits[code % 16]};
    else
      out += c;
  }
  return end < value.size() ? out + "…" : out;
}

std::vector<Index> frequencies(const Categorical& values) {
  std::vector<Index> counts(values.categories.size());
  for (const Index code : values.codes.to_vector<Index>())
    if (code >= 0) ++counts[static_cast<std::size_t>(code)];
  return counts;
}

Column take_rows(const Column& column, const Tensor& rows) {
  if (column.numeric()) {
    Column taken = column;
    taken.values = index_select(column.values, 0, rows);
    return taken;
  }
  TextsBuilder builder(rows.numel());
  for (const Index row : rows.to_vector<Index>()) builder.add(*column.texts, row);
  return with_texts(column, builder.texts());
}

Column replace_missing(const Column& column, std::string_view value) {
  TextsBuilder builder(column.rows());
  for (Index row = 0; row < column.rows(); ++row)
    column.missing(row) ? builder.add(value) : builder.add(*column.texts, row);
  return with_texts(column, builder.texts());
}

}  // namespace detail
}  // namespace ravine
