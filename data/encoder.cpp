#include <ravine/data/encoder.hpp>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/column.hpp>
#include <ravine/data/encoded_column.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/number.hpp>

namespace ravine {

Index detail::EncodedColumn::width() const {
  const Index columns = kind == Kind::one_hot ? static_cast<Index>(categories.size()) : 1;
  return columns + indicator;
}

std::string detail::listed(const std::vector<std::string>& names, const char* quote) {
  constexpr std::size_t most = 6;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
    list += (i > 0 ? ", " : "") + (quote + shown(names[i]) + quote);
  return names.size() > most ? list + ", …" : list;
}

void detail::refuse_missing(const data::Table& table, Index row, const std::string& name) {
  throw data::FormatError(table.place(row, name) +
                          ": the value is missing, and there is nothing to fill it with (Filling::refuse)");
}

data::Table detail::rows_with(const data::Table& table, const std::vector<std::string>& names) {
  std::vector<const data::Column*> columns;
  for (const auto& name : names) columns.push_back(&table.at(name));
  std::vector<Index> rows;
  for (Index row = 0; row < table.rows(); ++row)
    if (std::none_of(columns.begin(), columns.end(), [row](const auto* column) { return column->missing(row); }))
      rows.push_back(row);
  return static_cast<Index>(rows.size()) == table.rows() ? table : table.take(tensor(rows, i64));
}

Tensor detail::numbers_of(const data::Table& table, const std::string& name) {
  const Tensor numbers = numbers_if_all(table.at(name));
  return numbers.defined() ? numbers : table.column(name);  // which throws
}

namespace data {
namespace {

using detail::EncodedColumn;
using detail::text;
using Kind = EncodedColumn::Kind;
using Strings = std::vector<std::string>;

[[noreturn]] void refuse(const Table& table, Index row, const std::string& name, const std::string& why) {
  throw FormatError(table.place(row, name) + ": " + why);
}

// What a category is known by. Where numbers may be written in several ways, by the number: 4.0 is 4, and -0 is 0.
std::string key(const std::string& category, bool numbers, const detail::NumberFormat& format = {}) {
  const auto number = numbers ? detail::parse_number(category, format) : std::nullopt;
  return number ? text(number->value + 0.0) : category;
}

// The positions, among those the encoder knows, of the categories that a table has; -1 of one that it does not know.
std::vector<Index> known_positions(const EncodedColumn& column, const Column& read, const Strings& categories) {
  const bool numbers = column.numeric || read.numeric();
  const detail::NumberFormat format =
      read.numeric() ? detail::NumberFormat() : detail::NumberFormat{read.decimal, read.thousands};
  std::unordered_map<std::string, Index> known, as_written;
  Index position = 0;
  for (const auto& category : column.categories) {
    as_written.emplace(category, position);
    const auto [place, first] = known.emplace(key(category, numbers), position++);
    if (!first) place->second = -1;  // which of the two it is cannot be told
  }
  for (const auto& [category, place] : as_written) known[category] = place;
  std::vector<Index> positions;
  for (const auto& category : categories) {
    const auto found = known.find(key(category, numbers, format));
    positions.push_back(found == known.end() ? -1 : found->second);
  }
  return positions;
}

[[noreturn]] void refuse_unknown(const EncodedColumn& column, const Table& table, Index row, std::string_view value) {
  refuse(table, row, column.name,
         text("found '", detail::shown(value), "', expected one of the ", column.categories.size(), " known ",
              column.kind == Kind::classes ? "classes" : "categories", ", ", detail::listed(column.categories, "'")));
}

// Calls put(row, position, missing) for each row; position -1 stands for a category that is not known.
template <class Put>
void each_category(const EncodedColumn& column, const Table& table, const Put& put) {
  const Column& read = table.at(column.name);
  const auto values = detail::categorical(read);
  const auto positions = known_positions(column, read, values->categories);
  const auto* codes = values->codes.data<std::int64_t>();
  for (Index row = 0; row < table.rows(); ++row) {
    const bool missing = codes[row] < 0;
    if (missing && std::isnan(column.fill)) detail::refuse_missing(table, row, column.name);
    const Index position = missing ? static_cast<Index>(column.fill) : positions[static_cast<std::size_t>(codes[row])];
    if (position < 0 && !column.zeros) refuse_unknown(column, table, row, detail::cell(read, row));
    put(row, position, missing);
  }
}

void write_categories(const EncodedColumn& column, const Table& table, float* to, Index stride) {
  each_category(column, table, [&](Index row, Index position, bool missing) {
    float* const place = to + row * stride;
    if (column.kind == Kind::codes) place[0] = static_cast<float>(position + column.zeros);
    if (column.kind == Kind::one_hot && position >= 0) place[position] = 1.0F;
    if (column.indicator) place[column.width() - 1] = missing;
  });
}

void write_numbers(const EncodedColumn& column, const Table& table, float* to, Index stride) {
  const Tensor values = detail::numbers_of(table, column.name);
  const auto* numbers = values.data<double>();
  for (Index row = 0; row < table.rows(); ++row, to += stride) {
    const bool missing = std::isnan(numbers[row]);
    if (missing && std::isnan(column.fill)) detail::refuse_missing(table, row, column.name);
    const double x = missing ? column.fill : numbers[row];
    to[0] = static_cast<float>((x - column.offset) / column.scale);
    if (!std::isfinite(to[0])) refuse(table, row, column.name, text("found ", x, ", which is beyond f32 when scaled"));
    if (column.indicator) to[1] = missing;
  }
}

// (rows, features) of these columns.
Tensor encode(const std::vector<EncodedColumn>& columns, const Table& table) {
  Index width = 0;
  for (const auto& column : columns) width += column.width();
  Tensor result = zeros({table.rows(), width});
  float* to = result.mutable_data<float>();
  for (const auto& column : columns) {
    column.kind == Kind::number ? write_numbers(column, table, to, width) : write_categories(column, table, to, width);
    to += column.width();
  }
  return result;
}

Strings names_of(const std::vector<EncodedColumn>& columns) {
  Strings names;
  for (const auto& column : columns) names.push_back(column.name);
  return names;
}

}  // namespace

Tensor TableEncoder::inputs(const Table& table) const {
  if (inputs_.empty()) throw std::logic_error("TableEncoder: inputs before fit");
  return encode(inputs_, table);
}

bool TableEncoder::classifies() const { return !targets_.empty() && targets_[0].kind == Kind::classes; }

Tensor TableEncoder::targets(const Table& table) const {
  if (!classifies()) return encode(targets_, table);
  Tensor classes({table.rows()}, i64);
  auto* to = classes.mutable_data<std::int64_t>();
  each_category(targets_[0], table, [&](Index row, Index position, bool) { to[row] = position; });
  return classes;
}

TensorDataset TableEncoder::dataset(const Table& table) const {
  const Table rows = detail::rows_with(table, target_names());
  return {inputs(rows), targets(rows)};
}

Tensor TableEncoder::targets_in_units(const Tensor& predictions) const {
  if (targets_.empty()) throw std::logic_error("TableEncoder: targets_in_units: there is no target");
  if (classifies())
    throw std::logic_error("TableEncoder: targets_in_units: the target '" + targets_[0].name +
                           "' is classes; argmax of the scores gives positions in class_names()");
  const auto count = static_cast<Index>(targets_.size());
  if (predictions.rank() != 2 || predictions.size(1) != count)
    throw ShapeError(text("TableEncoder: targets_in_units needs (rows, ", count, "), got ", predictions.shape()));
  detail::check_floating("TableEncoder: targets_in_units", predictions);
  std::vector<double> offset, scale;
  for (const auto& column : targets_) {
    offset.push_back(column.offset);
    scale.push_back(column.scale);
  }
  return (predictions.to(f64) * tensor(scale, f64) + tensor(offset, f64)).to(predictions.dtype());
}

const std::vector<std::string>& TableEncoder::class_names() const {
  static const Strings none;
  return classifies() ? targets_[0].categories : none;
}

std::vector<std::string> TableEncoder::feature_names() const {
  Strings names;
  for (const auto& column : inputs_) {
    if (column.kind != Kind::one_hot) names.push_back(column.name);
    if (column.kind == Kind::one_hot)
      for (const auto& category : column.categories) names.push_back(column.name + "=" + category);
    if (column.indicator) names.push_back(column.name + " missing");
  }
  return names;
}

std::vector<std::string> TableEncoder::target_names() const { return names_of(targets_); }

}  // namespace data
}  // namespace ravine
