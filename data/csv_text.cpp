#include <ravine/data/csv_text.hpp>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <stdexcept>

#include <ravine/core/text.hpp>
#include <ravine/data/error.hpp>

namespace ravine::detail {
namespace {

using data::FormatError;

bool is_line_end(char c) { return c == '\n' || c == '\r'; }

// Behind the line end at `at`: LF, CRLF or CR.
const char* behind_line_end(const char* at, const char* end) {
  return at + 1 + (*at == '\r' && at + 1 != end && at[1] == '\n');
}

Index count_line_ends(const char* at, const char* end) {
  Index count = 0;
  for (; at != end; ++at) count += *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] != '\n'));
  return count;
}

// Where a quoted field that begins behind `at` has its closing quote; `end` if it has none.
const char* closing_quote(const char* at, const char* end, char quote, bool& doubled) {
  for (;;) {
    at = static_cast<const char*>(std::memchr(at, quote, static_cast<std::size_t>(end - at)));
    if (!at) return end;
    if (at + 1 == end || at[1] != quote) return at;
    doubled = true;
    at += 2;
  }
}

// The places of one character, from front to back.
class Places {
 public:
  Places(char c, const char* begin, const char* end) : c_(c), next_(begin), end_(end) { find(begin); }
  /// The first one in [at, end), or end.
  const char* from(const char* at) {
    if (next_ < at) find(at);
    return next_;
  }

 private:
  void find(const char* at) {
    const void* found = std::memchr(at, c_, static_cast<std::size_t>(end_ - at));
    next_ = found ? static_cast<const char*>(found) : end_;
  }

  char c_;
  const char* next_;
  const char* end_;
};

// Finds where records end, without a look at their fields.
class RecordEnds {
 public:
  RecordEnds(const CsvFormat& format, const CsvPart& text)
      : format_(format),
        end_(text.end),
        newlines_('\n', text.begin, text.end),
        returns_('\r', text.begin, text.end),
        quotes_(format.quote, text.begin, text.end) {}

  /// Behind the record, or the line if it does not count, that begins at `begin`; adds its lines up.
  const char* behind(const char* begin, bool counts, Index& lines) {
    const char* at = begin;
    for (;;) {
      const char* line_end = std::min(newlines_.from(at), returns_.from(at));
      const char* quote = counts ? quotes_.from(at) : end_;
      if (quote >= line_end) {
        ++lines;
        return line_end == end_ ? end_ : behind_line_end(line_end, end_);
      }
      at = quote + 1;
      if (!opens(quote, begin)) continue;
      bool doubled = false;
      const char* close = closing_quote(at, end_, format_.quote, doubled);
      lines += count_line_ends(at, close);
      if (close == end_) return end_;
      at = close + 1;
    }
  }

 private:
  // True if the field begins with this quote.
  bool opens(const char* quote, const char* begin) const {
    while (quote != begin && format_.blank(quote[-1])) --quote;
    return quote == begin || format_.separates(quote[-1]);
  }

  const CsvFormat& format_;
  const char* end_;
  Places newlines_, returns_, quotes_;
};

// True for a line that is a comment, or empty where that is no record.
bool does_not_count(const CsvFormat& format, const char* at, const char* end, bool single) {
  while (at != end && (format.blank(*at) || (format.runs && format.separates(*at)))) ++at;
  if (at == end || is_line_end(*at)) return !single;
  return format.comment != '\0' && *at == format.comment;
}

// Every character has one meaning, and none that it has in numbers.
void check(const char* op, const data::CsvOptions& options) {
  const bool spaces = options.separator == data::csv_spaces;
  const std::pair<const char*, char> uses[] = {{"separator", spaces ? ' ' : options.separator},
                                               {"separator", spaces ? '\t' : options.separator},
                                               {"quote", options.quote},
                                               {"decimal", options.decimal},
                                               {"thousands", options.thousands},
                                               {"comment", options.comment}};
  if (options.quote == ' ' || options.quote == '\t')
    throw std::invalid_argument(text(op, ": quote must not be a space or tab"));
  if (options.skip_lines < 0 || options.skip_footer < 0)
    throw std::invalid_argument(text(op, ": skip_lines and skip_footer must be >= 0"));
  for (const auto& [use, c] : uses) {
    if ((c != '\0' && std::strchr("\r\n+-", c)) || std::isalnum(static_cast<unsigned char>(c)))
      throw std::invalid_argument(text(op, ": ", use, " must not be a line end, letter, digit or sign"));
    for (const auto& [other, same] : uses)
      if (std::strcmp(use, other) < 0 && c == same && c != '\0' && std::strcmp(other, "thousands") != 0)
        throw std::invalid_argument(text(op, ": ", use, " and ", other, " must differ, both are '", c, "'"));
  }
}

}  // namespace

CsvFormat::CsvFormat(const char* op, const data::CsvOptions& options)
    : runs(options.separator == data::csv_spaces),
      quote(options.quote),
      comment(options.comment),
      numbers{options.decimal, options.thousands},
      separator_name(runs ? "a space" : text('\'', options.separator, '\'')),
      missing_(options.missing) {
  check(op, options);
  for (const char c : {' ', '\t'}) classes_[static_cast<unsigned char>(c)] = runs ? separator : around;
  for (const char c : {'\n', '\r'}) classes_[static_cast<unsigned char>(c)] = line_end;
  if (!runs) classes_[static_cast<unsigned char>(options.separator)] = separator;
}

bool CsvFormat::missing(std::string_view field) const {
  return std::find(missing_.begin(), missing_.end(), field) != missing_.end();
}

std::string CsvField::value(char quote) const {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    result += text[i];
    i += doubled && text[i] == quote;
  }
  return result;
}

bool CsvCursor::next_record() {
  while (at_ != end_ && does_not_count(format_, at_, end_, single_)) {
    while (at_ != end_ && !is_line_end(*at_)) ++at_;
    if (at_ != end_) end_line();
  }
  if (at_ == end_) return false;
  while (format_.runs && at_ != end_ && format_.separates(*at_)) ++at_;
  return true;
}

void CsvCursor::end_line() {
  at_ = behind_line_end(at_, end_);
  ++line_;
}

CsvField CsvCursor::field() {
  at_ = format_.skip_blanks(at_, end_);
  if (at_ != end_ && *at_ == format_.quote) return quoted_field();
  const char* const begin = at_;
  while (at_ != end_ && !format_.ends_field(*at_)) ++at_;
  const char* last = at_;
  while (last != begin && format_.blank(last[-1])) --last;
  return {std::string_view(begin, static_cast<std::size_t>(last - begin))};
}

CsvField CsvCursor::quoted_field() {
  const char* const begin = at_ + 1;
  CsvField field;
  field.quoted = true;
  const char* const close = closing_quote(begin, end_, format_.quote, field.doubled);
  if (close == end_) throw FormatError(text(path_, ", line ", line_, ": found a quoted field that is never closed"));
  field.text = std::string_view(begin, static_cast<std::size_t>(close - begin));
  line_ += count_line_ends(begin, close);
  at_ = format_.skip_blanks(close + 1, end_);
  if (at_ != end_ && !format_.ends_field(*at_))
    throw FormatError(text(path_, ", line ", line_, ": found '", *at_, "' after a closing quote, expected ",
                           format_.separator_name, " or the end of the line"));
  return field;
}

bool CsvCursor::more() {
  if (at_ == end_) return false;
  if (!is_line_end(*at_)) {
    ++at_;
    if (!format_.runs) return true;
    while (at_ != end_ && format_.separates(*at_)) ++at_;
    if (at_ == end_) return false;
    if (!is_line_end(*at_)) return true;
  }
  end_line();
  return false;
}

std::vector<CsvPart> csv_parts(const CsvFormat& format, const CsvPart& text, bool single, Index bytes) {
  std::vector<CsvPart> parts;
  RecordEnds ends(format, text);
  CsvPart at = text;
  while (at.begin != text.end) {
    if (parts.empty() || at.begin - parts.back().begin >= bytes) parts.push_back(at);
    const bool counts = !does_not_count(format, at.begin, text.end, single);
    at.begin = ends.behind(at.begin, counts, at.line);
    at.row += counts;
  }
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i].end = i + 1 < parts.size() ? parts[i + 1].begin : text.end;
  parts.push_back(at);
  return parts;
}

}  // namespace ravine::detail
