#include <ravine/data/encoder.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/column.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/number.hpp>
#include <ravine/data/scaler.hpp>

namespace ravine {

Index detail::EncodedColumn::width() const {
  const Index columns = kind == Kind::one_hot ? static_cast<Index>(categories.size()) : 1;
  return columns + indicator;
}

namespace data {
namespace {

using detail::EncodedColumn;
using detail::text;
using Kind = EncodedColumn::Kind;
using Strings = std::vector<std::string>;

constexpr std::size_t most_listed = 6;  // categories, in a message

bool contains(const Names& names, const std::string& name) {
  return std::find(names.list().begin(), names.list().end(), name) != names.list().end();
}

std::string listed(const Strings& names) {
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), most_listed); ++i) list += (i > 0 ? ", '" : "'") + names[i] + "'";
  return names.size() > most_listed ? list + ", …" : list;
}

[[noreturn]] void refuse(const Table& table, Index row, const std::string& name, const std::string& why) {
  throw FormatError(table.place(row, name) + ": " + why);
}

// A zero byte ends a text in the state.
void check_text(const std::string& name, const std::string& value) {
  if (value.find('\0') != std::string::npos)
    throw std::invalid_argument("TableEncoder: fit: column '" + name + "' holds a zero byte");
}

// ---- learning ----

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return std::midpoint(*std::max_element(values.begin(), middle), *middle);
}

double most_frequent(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  double best = values[0];
  std::ptrdiff_t most = 0;
  for (auto first = values.begin(); first != values.end();) {
    const auto last = std::upper_bound(first, values.end(), *first);
    if (last - first > most) best = *first;
    most = std::max(most, last - first);
    first = last;
  }
  return best;
}

Tensor as_rows(const std::vector<double>& values) {
  return tensor(values, {static_cast<Index>(values.size()), 1}, f64);
}

double filling_of(const std::vector<double>& values, Filling filling) {
  if (filling == Filling::mean) return StandardScaler::fit(as_rows(values)).mean().item();
  if (filling == Filling::median) return median(values);
  return filling == Filling::most_frequent ? most_frequent(values) : std::numeric_limits<double>::quiet_NaN();
}

void learn_scaling(EncodedColumn& column, const std::vector<double>& values, Scaling scaling) {
  if (scaling == Scaling::standard) {
    const auto scaler = StandardScaler::fit(as_rows(values));
    column.offset = scaler.mean().item();
    column.scale = scaler.std().item();
  } else if (scaling == Scaling::min_max) {
    const auto scaler = MinMaxScaler::fit(as_rows(values));
    column.offset = scaler.min().item();
    column.scale = scaler.range().item();
  }
}

void require_finite_span(const std::string& name, const std::vector<double>& values) {
  const auto [least, largest] = std::minmax_element(values.begin(), values.end());
  if (!std::isfinite(*largest - *least))
    throw std::invalid_argument("TableEncoder: fit: column '" + name + "' spans more than f64 can hold");
}

[[noreturn]] void refuse_missing(const Table& table, Index row, const std::string& name) {
  refuse(table, row, name, "the value is missing, and there is nothing to fill it with (Filling::refuse)");
}

void require_some(const std::string& name, bool some) {
  if (!some) throw std::invalid_argument("TableEncoder: fit: column '" + name + "' has no value at all");
}

// The column's missing numbers are filled before it is scaled, so that its rows have mean 0 when all is done.
EncodedColumn learn_number(const Table& rows, const std::string& name, Scaling scaling, Filling filling) {
  EncodedColumn column{.name = name, .categories = {}};
  const auto values = rows.column(name).to_vector<double>();
  std::vector<double> present;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (std::isinf(values[row]))
      refuse(rows, static_cast<Index>(row), name, text("found ", values[row], ", expected a finite number"));
    if (!std::isnan(values[row])) present.push_back(values[row]);
    if (std::isnan(values[row]) && filling == Filling::refuse) refuse_missing(rows, static_cast<Index>(row), name);
  }
  require_some(name, !present.empty());
  require_finite_span(name, present);
  column.fill = filling_of(present, filling);
  column.indicator = present.size() < values.size();
  present.resize(values.size(), column.fill);
  learn_scaling(column, present, scaling);
  return column;
}

EncodedColumn learn_categories(const Table& rows, const std::string& name, Kind kind, Filling filling) {
  EncodedColumn column{.name = name, .kind = kind, .numeric = rows.numeric(name), .categories = rows.categories(name)};
  for (const auto& category : column.categories) check_text(name, category);
  require_some(name, !column.categories.empty());
  std::vector<Index> counts(column.categories.size());
  const auto codes = rows.codes(name).to_vector<Index>();
  for (std::size_t row = 0; row < codes.size(); ++row) {
    if (codes[row] < 0 && filling == Filling::refuse) refuse_missing(rows, static_cast<Index>(row), name);
    if (codes[row] < 0)
      column.indicator = true;
    else
      ++counts[static_cast<std::size_t>(codes[row])];
  }
  if (filling != Filling::refuse)
    column.fill = static_cast<double>(std::max_element(counts.begin(), counts.end()) - counts.begin());
  return column;
}

// Text of many numbers and a word or two is hardly meant to be categories: throws FormatError with words and lines.
void refuse_words_among_numbers(const Table& rows, const std::string& name) try {
  constexpr std::size_t most_words = 2, least_numbers = 12;
  const auto words = detail::words(rows.at(name)).size();
  if (words > 0 && words <= most_words && rows.categories(name).size() >= words + least_numbers) rows.column(name);
} catch (const FormatError& error) {
  throw FormatError(error.what() + std::string(" (TableEncoder: unless the column is `categorical`)"));
}

bool is_categorical(const Table& rows, const std::string& name, const TableEncoderOptions& options) {
  if (contains(options.categorical, name)) return true;
  if (rows.numeric(name)) return false;
  refuse_words_among_numbers(rows, name);
  return true;
}

EncodedColumn learn_input(const Table& rows, const std::string& name, const TableEncoderOptions& options) {
  const Kind kind = options.categories == Categories::codes ? Kind::codes : Kind::one_hot;
  EncodedColumn column = is_categorical(rows, name, options)
                             ? learn_categories(rows, name, kind, options.filling)
                             : learn_number(rows, name, options.scaling, options.filling);
  column.zeros = options.unknown == Unknown::zeros && column.kind != Kind::number;
  column.indicator = column.indicator && options.indicator;
  return column;
}

EncodedColumn learn_target(const Table& rows, const std::string& name, const TableEncoderOptions& options) {
  if (!is_categorical(rows, name, options)) return learn_number(rows, name, options.target_scaling, Filling::refuse);
  if (options.target.list().size() > 1)
    throw std::invalid_argument("TableEncoder: fit: the target '" + name + "' is classes, and must be the only one");
  return learn_categories(rows, name, Kind::classes, Filling::refuse);
}

// The rows in which none of these columns lacks its value.
Table rows_with(const Table& table, const Strings& names) {
  if (names.empty()) return table;
  Tensor least = zeros({table.rows()}, i64);
  for (const auto& name : names) least = minimum(least, table.codes(name));
  std::vector<Index> rows;
  for (Index row = 0; row < table.rows(); ++row)
    if (least.data<std::int64_t>()[row] == 0) rows.push_back(row);
  return table.take(tensor(rows, i64));
}

void check_names(const Table& table, const TableEncoderOptions& options) {
  for (const Names* names : {&options.target, &options.drop, &options.categorical})
    static_cast<void>(table.select(*names));  // throws for a name that is no column, or comes twice
  for (const auto& name : table.column_names()) check_text(name, name);
  for (const auto& name : options.target.list())
    if (contains(options.drop, name))
      throw std::invalid_argument("TableEncoder: fit: the target '" + name + "' is to be dropped");
}

// ---- encoding ----

// The positions, among those the encoder knows, of a table's categories; -1 of one that it does not know.
std::vector<Index> known_positions(const EncodedColumn& column, const Table& table) {
  std::unordered_map<std::string, Index> known;
  for (const auto& category : column.categories) known.emplace(category, static_cast<Index>(known.size()));
  std::vector<Index> positions;
  const Column& read = table.at(column.name);
  for (const std::string& category : table.categories(column.name)) {
    // A number may be written otherwise here, where words stand beside it: 4.0 is 4.
    const bool number_then = column.numeric && !read.numeric();
    const auto number = number_then ? detail::parse_number(category, {read.decimal, read.thousands}) : std::nullopt;
    const auto found = known.find(number ? text(number->value) : category);
    positions.push_back(found == known.end() ? -1 : found->second);
  }
  return positions;
}

[[noreturn]] void refuse_unknown(const EncodedColumn& column, const Table& table, Index row, std::string_view value) {
  refuse(table, row, column.name,
         text("found '", value, "', expected one of the ", column.categories.size(), " known ",
              column.kind == Kind::classes ? "classes" : "categories", ", ", listed(column.categories)));
}

// Calls put(row, position, missing) for each row; position -1 stands for a category that is not known.
template <class Put>
void each_category(const EncodedColumn& column, const Table& table, const Put& put) {
  const auto positions = known_positions(column, table);
  const auto codes = table.codes(column.name).to_vector<Index>();
  for (Index row = 0; row < table.rows(); ++row) {
    const Index code = codes[static_cast<std::size_t>(row)];
    if (code < 0 && std::isnan(column.fill)) refuse_missing(table, row, column.name);
    const Index position = code < 0 ? static_cast<Index>(column.fill) : positions[static_cast<std::size_t>(code)];
    if (position < 0 && !column.zeros)
      refuse_unknown(column, table, row, table.categories(column.name)[static_cast<std::size_t>(code)]);
    put(row, position, code < 0);
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

// Numbers that are text in this table, as they would name things if nothing else were known (007), are numbers all the
// same. Throws FormatError for words.
Tensor numbers_of(const Table& table, const std::string& name) {
  const Column& column = table.at(name);
  if (column.numeric() || !detail::words(column).empty()) return table.column(name);
  std::vector<double> values;
  for (const auto& category : column.categories)
    values.push_back(detail::parse_number(category, {column.decimal, column.thousands})->value);
  values.push_back(std::numeric_limits<double>::quiet_NaN());  // of what is missing
  Tensor numbers({table.rows()}, f64);
  for (Index row = 0; row < table.rows(); ++row)
    numbers.raw<double>()[row] =
        column.missing(row) ? values.back() : values[static_cast<std::size_t>(column.values.data<std::int64_t>()[row])];
  return numbers;
}

void write_numbers(const EncodedColumn& column, const Table& table, float* to, Index stride) {
  const Tensor values = numbers_of(table, column.name);
  const auto* numbers = values.data<double>();
  for (Index row = 0; row < table.rows(); ++row, to += stride) {
    const bool missing = std::isnan(numbers[row]);
    if (missing && std::isnan(column.fill)) refuse_missing(table, row, column.name);
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

TableEncoder TableEncoder::fit(const Table& table, const TableEncoderOptions& options) {
  check_names(table, options);
  const Table rows = rows_with(table, options.target.list());
  if (rows.rows() == 0)
    throw std::invalid_argument(text("TableEncoder: fit: none of ", table.rows(), " rows has a target"));
  TableEncoder encoder;
  for (const auto& name : table.column_names())
    if (!contains(options.drop, name) && !contains(options.target, name))
      encoder.inputs_.push_back(learn_input(rows, name, options));
  for (const auto& name : options.target.list()) encoder.targets_.push_back(learn_target(rows, name, options));
  if (encoder.inputs_.empty()) throw std::invalid_argument("TableEncoder: fit: no column is left for the inputs");
  return encoder;
}

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
  const Table rows = rows_with(table, target_names());
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
