#include <ravine/data/table.hpp>

#include <algorithm>
#include <limits>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/column.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/number.hpp>

namespace ravine::data {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string joined(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "'" : ", '") + name + "'";
  return list;
}

Column with_numbers(const Column& column, double value) {
  Column filled = column;
  filled.values = column.values.clone();
  double* numbers = filled.values.mutable_data<double>();
  for (Index row = 0; row < filled.values.numel(); ++row)
    if (filled.missing(row)) numbers[row] = value;
  return filled;
}

// 1 where the code is this one, else 0; missing where it is.
Tensor indicator(const Tensor& codes, Index wanted) {
  Tensor result(codes.shape(), f64);
  double* to = result.mutable_data<double>();
  for (const Index code : codes.to_vector<Index>())
    *to++ = code < 0 ? std::numeric_limits<double>::quiet_NaN() : code == wanted ? 1.0 : 0.0;
  return result;
}

[[noreturn]] void refuse_nothing(const Column& column) {
  throw std::invalid_argument("fill_missing: column '" + column.name + "' has no value at all");
}

// The mean of a column's numbers that are there.
double mean_number(const Column& column) {
  double sum = 0.0;
  Index count = 0;
  for (Index row = 0; row < column.values.numel(); ++row) {
    if (column.missing(row)) continue;
    sum += column.values.data<double>()[row];
    ++count;
  }
  if (count == 0) refuse_nothing(column);
  return sum / static_cast<double>(count);
}

Column filled(const Column& column) {
  if (column.numeric()) return with_numbers(column, mean_number(column));
  const auto& values = column.texts->categorical();
  if (values.categories.empty()) refuse_nothing(column);
  const auto counts = detail::frequencies(values);
  const auto most = std::max_element(counts.begin(), counts.end()) - counts.begin();
  return detail::replace_missing(column, values.categories[static_cast<std::size_t>(most)]);
}

}  // namespace

Names::Names(const char* name) : names_{name} {}
Names::Names(std::string name) : names_{std::move(name)} {}
Names::Names(std::initializer_list<std::string> names) : names_(names) {}
Names::Names(std::vector<std::string> names) : names_(std::move(names)) {}

Table::Table(std::string file, std::vector<Column> columns, Tensor lines, std::string remark)
    : file_(std::move(file)), columns_(std::move(columns)), lines_(std::move(lines)), remark_(std::move(remark)) {
  for (const Column& column : columns_) {
    const Shape shape = column.numeric() ? column.values.shape() : Shape{column.rows()};
    if (shape != lines_.shape())
      throw ShapeError(detail::text("Table: column '", column.name, "' is ", shape, ", expected ", lines_.shape()));
  }
  auto names = column_names();
  std::sort(names.begin(), names.end());
  const auto same = std::adjacent_find(names.begin(), names.end());
  if (same != names.end()) throw std::invalid_argument("Table: two columns are named '" + *same + "'");
}

Table::Table(const Table&) = default;
Table::Table(Table&&) noexcept = default;
Table& Table::operator=(const Table&) = default;
Table& Table::operator=(Table&&) noexcept = default;
Table::~Table() = default;

std::vector<std::string> Table::column_names() const {
  std::vector<std::string> names;
  for (const Column& column : columns_) names.push_back(column.name);
  return names;
}

bool Table::has(const std::string& name) const { return contains(column_names(), name); }

const Column& Table::at(const std::string& name) const {
  for (const Column& column : columns_)
    if (column.name == name) return column;
  throw std::out_of_range("Table: no column '" + name + "' in " + file_ + ", which has " + joined(column_names()));
}

std::string Table::place(Index row, const Column& column) const {
  return detail::text(file_, ", line ", lines_.data<std::int64_t>()[row], ", column '", detail::shown(column.name),
                      "'");
}

std::string Table::place(Index row, const std::string& name) const { return place(row, at(name)); }

void Table::require_numbers(const Column& column) const {
  if (column.numeric()) return;
  const auto words = detail::words(column);
  const auto* codes = column.texts->categorical().codes.data<std::int64_t>();
  for (Index row = 0; row < rows(); ++row) {
    const Index code = codes[row];
    if (code < 0 || (!words.empty() && std::find(words.begin(), words.end(), code) == words.end())) continue;
    throw FormatError(place(row, column) + ": found '" + detail::shown(detail::cell(column, row)) +
                      "', expected a number" + odd_words(column));
  }
}

// "; all are numbers except 'tall' in line 3 and 'n.a.' in lines 4, 9, …", if it is so.
std::string Table::odd_words(const Column& column) const {
  constexpr std::size_t most_lines = 3;
  const auto words = detail::words(column);
  const auto& [codes, categories] = column.texts->categorical();
  if (words.empty() || words.size() > 2 || 2 * words.size() >= categories.size()) return {};
  std::string list;
  for (const Index word : words) {
    std::vector<std::string> lines;
    for (Index row = 0; row < rows() && lines.size() <= most_lines; ++row)
      if (codes.data<std::int64_t>()[row] == word) lines.push_back(std::to_string(lines_.data<std::int64_t>()[row]));
    if (lines.size() > most_lines) lines.back() = "…";
    list += (list.empty() ? "; all are numbers except '" : " and '") +
            detail::shown(categories[static_cast<std::size_t>(word)]) +
            (lines.size() > 1 ? "' in lines " : "' in line ");
    for (std::size_t i = 0; i < lines.size(); ++i) list += (i > 0 ? ", " : "") + lines[i];
  }
  return list;
}

Tensor Table::column(const std::string& name) const {
  const Column& found = at(name);
  require_numbers(found);
  return found.values.clone();
}

std::vector<std::string> Table::text(const std::string& name) const {
  const Column& found = at(name);
  std::vector<std::string> values;
  for (Index row = 0; row < rows(); ++row) values.push_back(detail::cell(found, row));
  return values;
}

std::vector<std::string> Table::categories(const std::string& name) const {
  return detail::categorical(at(name))->categories;
}

Tensor Table::codes(const std::string& name) const { return detail::categorical(at(name))->codes.clone(); }

Table Table::drop_column(const Names& names) const {
  for (const auto& name : names.list()) at(name);
  Table result = *this;
  std::erase_if(result.columns_, [&](const Column& column) { return contains(names.list(), column.name); });
  return result;
}

Table Table::select(const Names& names) const {
  std::vector<Column> chosen;
  for (const auto& name : names.list()) chosen.push_back(at(name));
  return {file_, std::move(chosen), lines_, remark_};
}

Table Table::take(const Tensor& positions) const {
  Table result = *this;
  result.lines_ = index_select(lines_, 0, positions);
  for (Column& column : result.columns_) column = detail::take_rows(column, positions);
  return result;
}

Table Table::drop_missing() const {
  std::vector<std::int64_t> complete;
  for (Index row = 0; row < rows(); ++row) {
    const auto lacks = [row](const Column& column) { return column.missing(row); };
    if (std::none_of(columns_.begin(), columns_.end(), lacks)) complete.push_back(row);
  }
  Table result = take(tensor(complete, i64));
  for (Column& column : result.columns_) column = detail::numeric_if_possible(column);
  return result;
}

Table Table::fill_missing() const {
  Table result = *this;
  for (Column& column : result.columns_)
    if (column.missing() > 0) column = filled(column);
  return result;
}

Table Table::replaced(Column column) const {
  Table result = *this;
  for (Column& old : result.columns_)
    if (old.name == column.name) old = std::move(column);
  return result;
}

Table Table::with_column(const std::string& name, const Tensor& values) const {
  if (values.shape() != lines_.shape())
    throw ShapeError(detail::text("with_column: '", name, "' is ", values.shape(), ", expected ", lines_.shape()));
  Column column{name, values.dtype() == f64 ? values.clone() : values.to(f64), {}};
  if (has(name)) return replaced(std::move(column));
  Table result = *this;
  result.columns_.push_back(std::move(column));
  return result;
}

Table Table::fill_missing(const std::string& name, double value) const {
  const Column& column = at(name);
  if (!column.numeric())
    throw std::invalid_argument(detail::text("fill_missing: column '", name, "' holds text, got the number ", value));
  return replaced(with_numbers(column, value));
}

Table Table::fill_missing(const std::string& name, const std::string& value) const {
  const Column& column = at(name);
  if (column.numeric())
    throw std::invalid_argument("fill_missing: column '" + name + "' holds numbers, got the text '" + value + "'");
  return replaced(detail::replace_missing(column, value));
}

Table Table::one_hot(const std::string& name) const {
  const auto chosen = detail::categorical(at(name));
  std::vector<Column> columns;
  for (const Column& column : columns_) {
    if (column.name != name) {
      columns.push_back(column);
      continue;
    }
    for (std::size_t code = 0; code < chosen->categories.size(); ++code)
      columns.emplace_back(name + "=" + chosen->categories[code], indicator(chosen->codes, static_cast<Index>(code)));
  }
  return {file_, std::move(columns), lines_, remark_};
}

Tensor Table::to_tensor(DType dtype) const {
  Tensor result({rows(), columns()}, dtype);
  detail::visit_floating("to_tensor", dtype, [&](auto type) {
    auto* to = result.mutable_data<decltype(type)>();
    for (Index c = 0; c < columns(); ++c) {
      const Column& column = columns_[static_cast<std::size_t>(c)];
      require_numbers(column);
      for (Index row = 0; row < rows(); ++row) {
        if (column.missing(row))
          throw FormatError(place(row, column) + ": the value is missing (drop_missing, fill_missing)");
        to[row * columns() + c] = static_cast<decltype(type)>(column.values.template data<double>()[row]);
      }
    }
  });
  return result;
}

// The classes a column of text holds, not one of numbers with a stray word.
Tensor Table::class_targets(const Column& column) const {
  const auto words = detail::words(column);
  const auto& [codes, categories] = column.texts->categorical();
  if (column.remark.empty() && words.size() <= 2 && words.size() < categories.size()) require_numbers(column);
  for (Index row = 0; row < rows(); ++row)
    if (column.missing(row)) throw FormatError(place(row, column) + ": the class is missing (drop_missing)");
  return codes.clone();
}

TensorDataset Table::to_dataset(const Names& targets) const {
  const Table inputs = drop_column(targets);
  if (inputs.columns() == 0)
    throw std::invalid_argument("to_dataset: no column is left for the inputs, the targets are " +
                                joined(targets.list()));
  const bool classes = targets.list().size() == 1 && !numeric(targets.list()[0]);
  return {inputs.to_tensor(), classes ? class_targets(at(targets.list()[0])) : select(targets).to_tensor()};
}

}  // namespace ravine::data
