#include <ravine/data/csv.hpp>

#include <algorithm>
#include <cctype>
#include <string_view>

#include <ravine/core/text.hpp>
#include <ravine/data/csv_columns.hpp>
#include <ravine/data/csv_text.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/input_file.hpp>

namespace ravine::data {
namespace {

using detail::CsvColumnPlan;
using detail::CsvCursor;
using detail::CsvFormat;
using detail::CsvPart;
using detail::is_line_end;

// UTF-16 has a zero beside every letter.
void refuse_utf16(std::string_view text, const std::string& path) {
  const auto zero = [&](std::size_t i) { return text[i] == '\0'; };
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff") ||
      (text.size() >= 4 && zero(0) != zero(1) && zero(0) == zero(2) && zero(1) == zero(3)))
    throw FormatError(path + ": found UTF-16, expected UTF-8");
}

// Behind the first lines.
CsvPart without_lines(CsvPart text, Index lines) {
  for (; lines > 0 && text.begin != text.end; --lines, ++text.line) {
    while (text.begin != text.end && !is_line_end(*text.begin)) ++text.begin;
    if (text.begin == text.end) break;
    text.begin += text.end - text.begin > 1 && text.begin[0] == '\r' && text.begin[1] == '\n' ? 2 : 1;
  }
  return text;
}

// Without the last lines, and the line ends before them.
CsvPart without_footer(CsvPart text, Index lines) {
  const auto cut_line_ends = [&] {
    while (text.end != text.begin && is_line_end(text.end[-1])) --text.end;
  };
  for (cut_line_ends(); lines > 0; --lines, cut_line_ends())
    while (text.end != text.begin && !is_line_end(text.end[-1])) --text.end;
  return text;
}

// What counts of a file's content.
CsvPart records(std::string_view text, const CsvOptions& options, const std::string& path) {
  refuse_utf16(text, path);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const CsvPart part{text.data(), text.data() + text.size()};
  return without_footer(without_lines(part, options.skip_lines), options.skip_footer);
}

// The separator that a first line "sep=;" names, as spreadsheets have it; 0 if there is no such line.
char named_separator(const CsvPart& text) {
  const std::string_view line(text.begin, static_cast<std::size_t>(text.end - text.begin));
  const bool names = line.size() > 4 && line.starts_with("sep=") && std::ispunct(static_cast<unsigned char>(line[4]));
  return (names || line.starts_with("sep=\t")) && (line.size() == 5 || is_line_end(line[5])) ? line[4] : '\0';
}

// How many fields each of the first records has; nothing if they differ.
std::optional<Index> common_width(const CsvPart& text, const CsvOptions& options, const std::string& path) {
  constexpr int records = 32;
  const CsvFormat format("read_csv", options);
  CsvCursor cursor(format, path, text, false);
  std::optional<Index> width;
  for (int i = 0; i < records && cursor.next_record(); ++i) {
    Index fields = 0;
    do {
      cursor.field();
      ++fields;
    } while (cursor.more());
    if (width && width != fields) return std::nullopt;
    width = fields;
  }
  return width;
}

char guess_separator(const CsvPart& text, CsvOptions options, const std::string& path) {
  for (const char candidate : {'\t', ';', '|', ',', csv_spaces}) {
    options.separator = candidate;
    try {
      if (common_width(text, options, path).value_or(0) > 1) return candidate;
    } catch (const std::exception&) {  // it means something else, or quotes do not fit
    }
  }
  return options.decimal == ',' ? ';' : ',';
}

// True if among the first records' fields are numbers with a decimal comma and none with a point.
bool decimal_commas(const CsvPart& text, const CsvOptions& options, const std::string& path) {
  constexpr int records = 1000;
  const CsvFormat format("read_csv", options);
  CsvCursor cursor(format, path, text, false);
  bool commas = false;
  for (int i = 0; i < records && cursor.next_record(); ++i) do {
      const auto field = cursor.field();
      const bool point = detail::parse_number(field.text).has_value();
      const bool comma = detail::parse_number(field.text, {.decimal = ','}).has_value();
      if (point && !comma) return false;
      commas |= comma && !point;
    } while (cursor.more());
  return commas;
}

// The first record.
struct FirstRecord {
  Index line = 1;
  std::vector<std::string> fields = {};
  bool numbers = false;  // at least one, and nothing but numbers and words for missing ones
};

FirstRecord read_first(CsvCursor& cursor, const CsvFormat& format) {
  FirstRecord record{cursor.line()};
  bool words = false;
  do {
    const auto field = cursor.field();
    record.fields.push_back(field.value(format.quote));
    const bool number = detail::parse_number(field.text, format.numbers).has_value();
    record.numbers |= number;
    words |= !number && (field.text.empty() || !format.missing(field.text));
  } while (cursor.more());
  record.numbers &= !words;
  return record;
}

// Columns without a name are given one.
void complete(std::vector<std::string>& names) {
  const auto given = names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string number = std::to_string(i);
    if (names[i].empty())
      names[i] = std::find(given.begin(), given.end(), number) == given.end() ? number : "Unnamed: " + number;
  }
}

std::vector<CsvColumnPlan> plans(const std::vector<std::string>& names, const CsvOptions& options) {
  std::vector<CsvColumnPlan> plans;
  for (const auto& name : names) {
    const auto type = options.types.find(name);
    plans.push_back({name, type == options.types.end() ? std::nullopt : std::optional(type->second)});
  }
  return plans;
}

void refuse_same_names(std::vector<std::string> names, const std::string& path, Index line) {
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    throw FormatError(detail::text(path, ", line ", line, ": found two columns named '", *twice, "'"));
}

}  // namespace

Table read_csv(const std::string& path) { return read_csv(path, CsvOptions()); }

Table read_csv(const std::string& path, const CsvOptions& given) {
  CsvFormat format("read_csv", given);
  const detail::FileBytes content = detail::InputFile(path).read_all();
  CsvPart text = records(content.view(), given, path);
  std::string remark;
  const char named = named_separator(text);
  if (named) text = without_lines(text, 1);
  if (given.separator == csv_guess) {
    CsvOptions options = given;
    options.separator = named ? named : guess_separator(text, given, path);
    const bool plain = options.separator == ';' && options.decimal == '.' && options.thousands == '\0';
    if (plain && decimal_commas(text, options, path)) options.decimal = ',';
    format = CsvFormat("read_csv", options);
    remark = "fields are separated by " + format.separator_name + (named ? ", as 'sep=' says\n" : ", as guessed\n");
    if (options.decimal != given.decimal) remark += "numbers have decimal commas, as guessed\n";
  } else if (named && named != given.separator)
    throw FormatError(detail::text(path, ", line ", text.line - 1, ": found 'sep=", named, "', but the separator is ",
                                   format.separator_name));

  CsvCursor cursor(format, path, text, false);
  if (!cursor.next_record()) throw FormatError(path + ": the file is empty");
  text.begin = cursor.at();
  text.line = cursor.line();
  auto [line, names, numbers] = read_first(cursor, format);
  if (given.header.value_or(!numbers)) {
    text.begin = cursor.at();
    text.line = cursor.line();
  } else {
    names.assign(names.size(), "");
    if (!given.header) remark += "the first line is data, since its fields are numbers\n";
  }
  complete(names);
  refuse_same_names(names, path, line);

  auto [columns, lines] = detail::read_csv_columns(format, path, text, plans(names, given));
  Table table(path, std::move(columns), std::move(lines), std::move(remark));
  for (const auto& [name, type] : given.types) table.numeric(name);  // throws if there is none
  return table;
}

}  // namespace ravine::data
