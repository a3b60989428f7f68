#include <cerrno>
#include <cmath>
#include <fstream>
#include <system_error>

#include <ravine/core/text.hpp>
#include <ravine/data/column.hpp>
#include <ravine/data/csv.hpp>
#include <ravine/data/error.hpp>

namespace ravine::data {
namespace {

// A field as RFC 4180 writes it.
std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string result = "\"";
  for (const char c : field) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + '"';
}

template <class T>
std::string number(T value) {
  return std::isnan(static_cast<double>(value)) ? "" : detail::text(value);
}

// Writes a header and rows; cell(row, column) is the text of a field.
template <class Cell>
void write(const std::string& path, const std::vector<std::string>& names, Index rows, Cell cell) {
  errno = 0;
  std::ofstream out(path, std::ios::binary);
  const auto columns = static_cast<Index>(names.size());
  const auto write_row = [&](auto field) {
    for (Index c = 0; c < columns; ++c) out << (c > 0 ? "," : "") << field(c);
    out << '\n';
  };
  write_row([&](Index c) { return quoted(names[static_cast<std::size_t>(c)]); });
  for (Index row = 0; row < rows && out; ++row)
    write_row([&](Index c) {
      const std::string field = cell(row, c);
      return field.empty() && columns == 1 ? "\"\"" : quoted(field);  // an empty line would not count as a row
    });
  out.close();
  if (!out) throw FileError(detail::text("cannot write ", path, ": ", std::generic_category().message(errno)));
}

}  // namespace

void write_csv(const std::string& path, const Table& table) {
  const auto names = table.column_names();
  std::vector<std::vector<std::string>> columns;
  for (const auto& name : names) columns.push_back(table.text(name));
  write(path, names, table.rows(),
        [&](Index row, Index c) { return columns[static_cast<std::size_t>(c)][static_cast<std::size_t>(row)]; });
}

void write_csv(const std::string& path, const Names& names, const Tensor& values) {
  const auto columns = static_cast<Index>(names.list().size());
  if (values.rank() < 1 || values.rank() > 2 || (values.rank() == 1 ? 1 : values.size(1)) != columns)
    throw ShapeError(detail::text("write_csv: ", columns, " column names for values ", values.shape()));
  detail::visit(values.dtype(), [&](auto type) {
    const auto* elements = values.data<decltype(type)>();
    write(path, names.list(), values.size(0), [&](Index row, Index c) { return number(elements[row * columns + c]); });
  });
}

}  // namespace ravine::data
