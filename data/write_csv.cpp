#define ZLIB_CONST  // what it reads it leaves as it is
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <new>
#include <string_view>

#include <ravine/core/file.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/column.hpp>
#include <ravine/data/csv.hpp>
#include <ravine/data/csv_text.hpp>

namespace ravine::data {
namespace {

using detail::CsvFormat;

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument("write_csv: " + why); }

std::string gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, deflateEnd);
  std::string packed, room(std::size_t{1} << 20, '\0');
  do {
    stream.next_in = reinterpret_cast<const Bytef*>(text.data());
    stream.avail_in = static_cast<uInt>(std::min(text.size(), room.size()));
    text.remove_prefix(stream.avail_in);
    do {
      stream.next_out = reinterpret_cast<Bytef*>(room.data());
      stream.avail_out = static_cast<uInt>(room.size());
      deflate(&stream, text.empty() ? Z_FINISH : Z_NO_FLUSH);
      packed.append(room, 0, room.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  } while (!text.empty());
  return packed;
}

// Writes fields so that a reader with the same options finds them.
class Writer {
 public:
  Writer(const CsvOptions& options, const std::vector<std::string>& names, Index rows)
      : options_(options), format_("write_csv", options), single_(names.size() == 1) {
    if (options.separator == csv_guess) refuse("name a separator; csv_guess is for reading");
    if (options.skip_lines != 0 || options.skip_footer != 0) refuse("skip_lines and skip_footer are for reading");
    if (names.empty()) refuse("there is no column");
    if (rows == 0 && !options.header.value_or(true)) refuse("there is neither a header nor a row");
    if (!options.header && std::all_of(names.begin(), names.end(), [&](auto& name) { return like_data(name); }))
      refuse("a line of the names '" + names[0] + "', … would be read as data; give .header = true");
  }

  const CsvFormat& format() const { return format_; }

  // Has the file written: cell(row, column) is the text of a field, or nothing if its value is missing.
  template <class Cell>
  void write(const std::string& path, const std::vector<std::string>& names, Index rows, Cell cell) {
    const auto columns = static_cast<Index>(names.size());
    if (options_.header.value_or(true))
      add_row(columns, [&](Index c) { return std::optional(names[static_cast<std::size_t>(c)]); });
    for (Index row = 0; row < rows; ++row) add_row(columns, [&](Index c) { return cell(row, c); });
    if (path.ends_with(".gz")) text_ = gzip(text_);
    const std::string_view pieces[] = {text_};
    detail::write_file("write_csv", path, pieces);
  }

  // The number as a reader takes it for one: integers beyond 2^53 are written with an exponent.
  template <class T>
  std::optional<std::string> number(T value) const {
    if (std::isnan(static_cast<double>(value))) return std::nullopt;
    std::string digits = detail::text(value);
    if constexpr (std::is_floating_point_v<T>)
      if (std::abs(value) > T(1LL << 53) && std::isfinite(value)) {
        char scientific[32];
        digits.assign(
            scientific,
            std::to_chars(scientific, scientific + sizeof scientific, value, std::chars_format::scientific).ptr);
      }
    std::replace(digits.begin(), digits.end(), '.', options_.decimal);
    return digits;
  }

 private:
  bool like_data(const std::string& name) const {
    return detail::parse_number(name, format_.numbers) || (!name.empty() && format_.missing(name));
  }

  template <class Field>
  void add_row(Index columns, Field field) {
    for (Index c = 0; c < columns; ++c) {
      if (c > 0) text_ += format_.runs ? ' ' : options_.separator;
      const std::optional<std::string> value = field(c);
      add_field(value ? *value : missing_word());
    }
    text_ += '\n';
  }

  std::string missing_word() const {
    const auto& words = options_.missing;
    const auto empty = std::find(words.begin(), words.end(), "");
    return empty == words.end() && !words.empty() ? words[0] : std::string();
  }

  void add_field(const std::string& field) {
    if (!needs_quotes(field)) {
      text_ += field;
      return;
    }
    text_ += options_.quote;
    for (const char c : field) {
      if (c == options_.quote) text_ += c;
      text_ += c;
    }
    text_ += options_.quote;
  }

  bool needs_quotes(const std::string& field) const {
    if (field.empty()) return single_ || format_.runs;  // an empty line would not count
    const auto special = [&](char c) { return c == options_.quote || format_.ends_field(c); };
    return format_.blank(field.front()) || format_.blank(field.back()) || field[0] == options_.comment ||
           reads_otherwise(field) || std::any_of(field.begin(), field.end(), special);
  }

  // Whether a file that begins so is taken for another kind: a separator's name, UTF-8 with a mark, UTF-16, gzip.
  static bool reads_otherwise(const std::string& field) {
    const std::string_view beginnings[] = {"sep=", "\xef\xbb\xbf", "\xff\xfe", "\xfe\xff", "\x1f\x8b"};
    return std::any_of(std::begin(beginnings), std::end(beginnings), [&](auto b) { return field.starts_with(b); });
  }

  CsvOptions options_;
  CsvFormat format_;
  bool single_;
  std::string text_;
};

void check_text(const Column& column, std::optional<ColumnType> type, const CsvFormat& format) {
  const auto refuse_text = [&](Index row, const char* why) {
    refuse("column '" + detail::shown(column.name) + "' holds the text '" + detail::shown(detail::cell(column, row)) +
           "', " + why);
  };
  const auto& texts = *column.texts;
  for (Index row = 0; row < texts.size(); ++row)
    if (!texts.missing(row) && format.missing(texts.at(row))) refuse_text(row, "which would be read as missing");
  Index first = 0;
  while (first < texts.size() && texts.missing(first)) ++first;
  if (first == texts.size()) return;
  if (type == ColumnType::number) refuse_text(first, "but its type is number");
  if (!type && detail::read_as_numbers(texts, format.numbers))
    refuse_text(first, "which would be read as a number; give its type");
}

void check_numbers(const Column& column, const CsvOptions& options, const Writer& writer) {
  for (const auto& word : options.missing) {
    const auto number = detail::parse_number(word, writer.format().numbers);
    if (!number) continue;
    for (const double value : column.values.to_vector<double>())
      if (writer.number(value) == word)
        refuse("column '" + column.name + "' holds " + word + ", which would be read as missing");
  }
}

// Refuses what would be read as something else.
void check(const Column& column, const CsvOptions& options, const Writer& writer) {
  const auto found = options.types.find(column.name);
  const auto type = found == options.types.end() ? std::nullopt : std::optional(found->second);
  if (options.missing.empty() && column.missing() > 0)
    refuse("column '" + column.name + "' lacks a value, and the options have no word for that");
  if (!column.numeric()) return check_text(column, type, writer.format());
  if (type == ColumnType::text) refuse("column '" + column.name + "' holds numbers, but its type is text");
  check_numbers(column, options, writer);
}

}  // namespace

void write_csv(const std::string& path, const Table& table, const CsvOptions& options) {
  const auto names = table.column_names();
  Writer writer(options, names, table.rows());
  std::vector<const Column*> columns;
  for (const auto& name : names) {
    columns.push_back(&table.at(name));
    check(*columns.back(), options, writer);
  }
  writer.write(path, names, table.rows(), [&](Index row, Index c) -> std::optional<std::string> {
    const Column& column = *columns[static_cast<std::size_t>(c)];
    if (column.numeric()) return writer.number(column.values.data<double>()[row]);
    if (column.missing(row)) return std::nullopt;
    return detail::cell(column, row);
  });
}

void write_csv(const std::string& path, const Names& names, const Tensor& values, const CsvOptions& options) {
  const auto columns = static_cast<Index>(names.list().size());
  if (values.rank() < 1 || values.rank() > 2 || (values.rank() == 1 ? 1 : values.size(1)) != columns)
    throw ShapeError(detail::text("write_csv: ", columns, " column names for values ", values.shape()));
  Writer writer(options, names.list(), values.size(0));
  detail::visit(values.dtype(), [&](auto type) {
    const auto* elements = values.data<decltype(type)>();
    writer.write(path, names.list(), values.size(0),
                 [&](Index row, Index c) { return writer.number(elements[row * columns + c]); });
  });
}

}  // namespace ravine::data
