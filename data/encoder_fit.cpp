// What an encoder learns, and from what.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/column.hpp>
#include <ravine/data/encoded_column.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/scaler.hpp>

namespace ravine::data {
namespace {

using detail::EncodedColumn;
using detail::text;
using Kind = EncodedColumn::Kind;

bool contains(const Names& names, const std::string& name) {
  return std::find(names.list().begin(), names.list().end(), name) != names.list().end();
}

// A zero byte ends a text in the state.
void check_text(const std::string& name, const std::string& value) {
  if (value.find('\0') != std::string::npos)
    throw std::invalid_argument("TableEncoder: fit: column '" + name + "' holds a zero byte");
}

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

void require_some(const std::string& name, bool some) {
  if (!some) throw std::invalid_argument("TableEncoder: fit: column '" + name + "' has no value at all");
}

// The column's missing numbers are filled before it is scaled, so that its rows have mean 0 when all is done.
EncodedColumn learn_number(const Table& rows, const std::string& name, Scaling scaling, Filling filling) {
  EncodedColumn column{.name = name, .categories = {}};
  const auto values = detail::numbers_of(rows, name).to_vector<double>();
  std::vector<double> present;
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (std::isinf(values[row]))
      throw FormatError(
          text(rows.place(static_cast<Index>(row), name), ": found ", values[row], ", expected a finite number"));
    if (!std::isnan(values[row])) present.push_back(values[row]);
    if (std::isnan(values[row]) && filling == Filling::refuse)
      detail::refuse_missing(rows, static_cast<Index>(row), name);
  }
  require_some(name, !present.empty());
  require_finite_span(name, present);
  column.fill = filling_of(present, filling);
  column.indicator = present.size() < values.size();
  present.resize(values.size(), column.fill);
  learn_scaling(column, present, scaling);
  return column;
}

// A column of 0 and 1 for each of a great many categories, most of which come once, is memory without any use.
void refuse_identifiers(const std::string& name, std::size_t different, Index rows) {
  constexpr std::size_t many = 1000;
  if (different > many && different > static_cast<std::size_t>(rows) / 2)
    throw std::invalid_argument(text("TableEncoder: fit: column '", name, "' names ", different,
                                     " different things in ", rows, " rows; drop it, or take codes"));
}

EncodedColumn learn_categories(const Table& rows, const std::string& name, Kind kind, Filling filling) {
  const Column& read = rows.at(name);
  const auto values = detail::categorical(read);
  EncodedColumn column{.name = name, .kind = kind, .numeric = read.numeric(), .categories = values->categories};
  for (const auto& category : column.categories) check_text(name, category);
  require_some(name, !column.categories.empty());
  if (kind == Kind::one_hot) refuse_identifiers(name, column.categories.size(), rows.rows());
  column.indicator = read.missing() > 0;
  const auto counts = detail::frequencies(*values);
  if (filling != Filling::refuse)
    column.fill = static_cast<double>(std::max_element(counts.begin(), counts.end()) - counts.begin());
  for (Index row = 0; filling == Filling::refuse && row < rows.rows(); ++row)
    if (read.missing(row)) detail::refuse_missing(rows, row, name);
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
  if (detail::numeric_if_possible(rows.at(name)).numeric()) return false;  // the words may be in other rows
  refuse_words_among_numbers(rows, name);
  return true;
}

void check_names(const Table& table, const TableEncoderOptions& options) {
  for (const Names* names : {&options.target, &options.drop, &options.categorical})
    static_cast<void>(table.select(*names));  // throws for a name that is no column, or comes twice
  for (const auto& name : table.column_names()) check_text(name, name);
  for (const auto& name : options.target.list())
    if (contains(options.drop, name))
      throw std::invalid_argument("TableEncoder: fit: the target '" + name + "' is to be dropped");
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

}  // namespace

TableEncoder TableEncoder::fit(const Table& table, const TableEncoderOptions& options) {
  check_names(table, options);
  const Table rows = detail::rows_with(table, options.target.list());
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

}  // namespace ravine::data
