#include <ravine/data/csv.hpp>

#include <algorithm>
#include <string_view>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/column.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/input_file.hpp>
#include <ravine/data/number.hpp>

namespace ravine::data {
namespace {

// Cuts a text into records and fields. Fields refer to the text; quoted ones are unquoted in place.
class Scanner {
 public:
  Scanner(std::string& text, const CsvOptions& options, const std::string& path)
      : text_(text), options_(options), path_(path) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
  }

  bool done() const { return at_ >= text_.size(); }
  /// The line the next record starts in, counted from 1.
  Index line() const { return line_; }

  /// Appends the fields of one record and moves behind its line end.
  void record(std::vector<std::string_view>& fields) {
    for (;;) {
      fields.push_back(at_ < text_.size() && text_[at_] == options_.quote ? quoted_field() : plain_field());
      if (done() || text_[at_] != options_.separator) break;
      ++at_;
    }
    if (!done()) end_line();
  }

 private:
  bool at_line_end() const { return text_[at_] == '\n' || text_[at_] == '\r'; }

  void end_line() {
    if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
    ++at_;
    ++line_;
  }

  std::string_view plain_field() {
    const std::size_t begin = at_;
    while (!done() && text_[at_] != options_.separator && !at_line_end()) ++at_;
    return std::string_view(text_).substr(begin, at_ - begin);
  }

  std::string_view quoted_field() {
    const Index opened = line_;
    const std::size_t begin = ++at_;
    std::size_t end = begin;
    for (; !done(); ++at_) {
      if (text_[at_] == options_.quote && !skip_doubled_quote()) {
        ++at_;
        require_field_end();
        return std::string_view(text_).substr(begin, end - begin);
      }
      line_ += text_[at_] == '\n' || (text_[at_] == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] != '\n'));
      text_[end++] = text_[at_];
    }
    throw FormatError(detail::text(path_, ", line ", opened, ": found a quoted field that is never closed"));
  }

  bool skip_doubled_quote() {
    if (at_ + 1 >= text_.size() || text_[at_ + 1] != options_.quote) return false;
    ++at_;
    return true;
  }

  void require_field_end() const {
    if (done() || text_[at_] == options_.separator || at_line_end()) return;
    throw FormatError(detail::text(path_, ", line ", line_, ": found '", text_[at_],
                                   "' after a closing quote, expected '", options_.separator,
                                   "' or the end of the line"));
  }

  std::string& text_;
  const CsvOptions& options_;
  const std::string& path_;
  std::size_t at_ = 0;
  Index line_ = 1;
};

std::string counted(std::size_t fields) { return detail::text(fields, fields == 1 ? " field" : " fields"); }

void check(const CsvOptions& options) {
  const auto is_line_end = [](char c) { return c == '\n' || c == '\r'; };
  if (options.separator == options.quote || is_line_end(options.separator) || is_line_end(options.quote))
    throw std::invalid_argument("read_csv: separator and quote must differ from each other and from line ends");
}

// Names that are not given are the columns' numbers.
std::vector<std::string> column_names(const std::vector<std::string_view>& given, const std::string& path) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < given.size(); ++i)
    names.push_back(given[i].empty() ? std::to_string(i) : std::string(given[i]));
  auto sorted = names;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) throw FormatError(path + ", line 1: found two columns named '" + *twice + "'");
  return names;
}

// The fields of all rows, one row after the other, and the line each row starts in.
struct Rows {
  std::vector<std::string_view> fields;
  std::vector<std::int64_t> lines;
};

// Reads what is left, in rows of `width` fields; a width of 0 is set by the first row.
Rows read_rows(Scanner& scanner, std::size_t& width, const std::string& path) {
  Rows rows;
  while (!scanner.done()) {
    rows.lines.push_back(scanner.line());
    const std::size_t before = rows.fields.size();
    scanner.record(rows.fields);
    const std::size_t found = rows.fields.size() - before;
    if (width == 0) width = found;
    if (found != width)
      throw FormatError(
          detail::text(path, ", line ", rows.lines.back(), ": found ", counted(found), ", expected ", width));
  }
  return rows;
}

// The field, or a view without data if it means "no value".
std::string_view value_of(std::string_view field, const std::vector<std::string>& markers) {
  const bool missing = std::find(markers.begin(), markers.end(), detail::trim(field)) != markers.end();
  return missing ? std::string_view{} : field;
}

}  // namespace

Table read_csv(const std::string& path, const CsvOptions& options) {
  check(options);
  std::string text = detail::InputFile(path).read_all();
  text.erase(text.find_last_not_of("\r\n") + 1);  // npos + 1 is 0: nothing but line ends

  Scanner scanner(text, options, path);
  if (scanner.done()) throw FormatError(path + ": the file is empty");
  std::vector<std::string_view> header;
  if (options.header) scanner.record(header);
  std::size_t width = header.size();
  const Rows rows = read_rows(scanner, width, path);
  header.resize(width);
  const auto names = column_names(header, path);

  std::vector<Column> columns;
  std::vector<std::string_view> values(rows.lines.size());
  for (std::size_t c = 0; c < width; ++c) {
    for (std::size_t row = 0; row < values.size(); ++row)
      values[row] = value_of(rows.fields[row * width + c], options.missing);
    columns.push_back(detail::make_column(names[c], values));
  }
  return {path, std::move(columns), tensor(rows.lines, i64)};
}

}  // namespace ravine::data
