#include <ravine/data/csv_text.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <stdexcept>

#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>
#include <ravine/data/error.hpp>

namespace ravine::detail {
namespace {

using data::FormatError;

// Behind the line end at `at`: LF, CRLF or CR.
const char* behind_line_end(const char* at, const char* end) {
  return at + 1 + (*at == '\r' && at + 1 != end && at[1] == '\n');
}

// Where a quoted field that begins behind `at` has its closing quote; `end` if it has none. Adds its lines up.
const char* closing_quote(const CsvFormat& format, const char* at, const char* end, Index& lines, bool& doubled) {
  for (;; ++at) {
    at = format.quotes_and_line_ends.find(at, end);
    if (at == end) return end;
    if (*at != format.quote)
      lines += *at == '\n' || at + 1 == end || at[1] != '\n';
    else if (at + 1 == end || at[1] != format.quote)
      return at;
    else {
      doubled = true;
      ++at;
    }
  }
}

// True if a field begins with this quote, in a record that begins at `begin`.
bool opens(const CsvFormat& format, const char* quote, const char* begin) {
  while (quote != begin && format.blank(quote[-1])) --quote;
  return quote == begin || format.separates(quote[-1]);
}

// Behind the record, or the line if it does not count, that begins at `begin`; adds its lines up.
const char* behind_record(const CsvFormat& format, const char* begin, const char* end, bool counts, Index& lines) {
  for (const char* at = begin;; ++at) {
    at = (counts ? format.quotes_and_line_ends : format.line_ends).find(at, end);
    if (at == end || *at != format.quote || !counts) {
      ++lines;
      return at == end ? end : behind_line_end(at, end);
    }
    if (!opens(format, at, begin)) continue;
    bool doubled = false;
    at = closing_quote(format, at + 1, end, lines, doubled);
    if (at == end) return end;
  }
}

// True for a line that is a comment, or empty where that is no record.
bool does_not_count(const CsvFormat& format, const char* at, const char* end, bool single) {
  while (at != end && (format.blank(*at) || (format.runs && format.separates(*at)))) ++at;
  if (at == end || is_line_end(*at)) return !single;
  return format.comment != '\0' && *at == format.comment;
}

// Records from `begin` to `end`, and the next one too.
void add_record(const CsvFormat& format, CsvPart& records, const char* end, bool single) {
  const bool counts = !does_not_count(format, records.end, end, single);
  records.end = behind_record(format, records.end, end, counts, records.line);
  records.row += counts;
}

// The records of a part of a text, if one begins where it begins, with their lines and rows.
struct Guess {
  CsvPart all = {};
  const char* until = nullptr;
  std::array<CsvPart, 32> first = {};  // none of them, one, two, …
};

Guess guess(const CsvFormat& format, const char* begin, const char* until, const char* end, bool single) {
  Guess result{{begin, begin, 0, 0}, until};
  std::fill(result.first.begin(), result.first.end(), result.all);
  for (std::size_t count = 1; result.all.end < until; ++count) {
    add_record(format, result.all, end, single);
    if (count < result.first.size()) result.first[count] = result.all;
  }
  return result;
}

// The records from `begin` on, where one does begin: soon after a wrong beginning they are mostly the same.
CsvPart right(const CsvFormat& format, const Guess& guess, const char* begin, const char* end, bool single) {
  CsvPart records{begin, begin, 0, 0};
  for (; records.end < guess.until; add_record(format, records, end, single))
    for (const CsvPart& some : guess.first)
      if (some.end == records.end)
        return {begin, guess.all.end, records.line + guess.all.line - some.line,
                records.row + guess.all.row - some.row};
  return records;
}

// Where parts of so many bytes, or a little more, begin, unless in a quoted field; and the text's end.
std::vector<const char*> guessed_begins(const CsvFormat& format, const CsvPart& text, Index bytes) {
  std::vector<const char*> begins{text.begin};
  for (const char* last = text.begin; text.end - last > bytes; last = begins.back()) {
    const char* const at = format.line_ends.find(last + bytes - 1, text.end);
    begins.push_back(at == text.end ? at : behind_line_end(at, text.end));
  }
  if (begins.back() != text.end || begins.size() == 1) begins.push_back(text.end);
  return begins;
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
    : field_ends('\n', '\r', options.separator == data::csv_spaces ? ' ' : options.separator,
                 options.separator == data::csv_spaces ? '\t' : options.separator),
      line_ends('\n', '\r', '\n', '\r'),
      quotes_and_line_ends('\n', '\r', options.quote, options.quote),
      runs(options.separator == data::csv_spaces),
      quote(options.quote),
      comment(options.comment),
      numbers{options.decimal, options.thousands},
      separator_name(runs ? "a space" : text('\'', options.separator, '\'')),
      missing_(options.missing) {
  check(op, options);
  for (const char c : {' ', '\t'}) classes_[static_cast<unsigned char>(c)] = runs ? separator : around;
  for (const char c : {'\n', '\r'}) classes_[static_cast<unsigned char>(c)] = line_end;
  if (!runs) classes_[static_cast<unsigned char>(options.separator)] = separator;
  for (const auto& word : missing_)
    sizes_of_missing_[word.empty() ? 0 : static_cast<unsigned char>(word[0])] |=
        std::uint32_t{1} << std::min<std::size_t>(word.size(), 31);
}

bool CsvFormat::is_listed(std::string_view field) const {
  return std::find(missing_.begin(), missing_.end(), field) != missing_.end();
}

std::string CsvField::value(char quote) const {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0, next = 0; at < text.size(); at = next + 1) {
    next = doubled ? std::min(text.find(quote, at), text.size() - 1) + 1 : text.size();
    result.append(text, at, next - at);
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

CsvField CsvCursor::quoted_field() {
  const char* const begin = at_ + 1;
  CsvField field;
  Index lines = 0;
  const char* const close = closing_quote(format_, begin, end_, lines, field.doubled);
  if (close == end_) throw FormatError(text(path_, ", line ", line_, ": found a quoted field that is never closed"));
  field.text = std::string_view(begin, static_cast<std::size_t>(close - begin));
  line_ += lines;
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
  const auto begins = guessed_begins(format, text, bytes);
  std::vector<Guess> guesses(begins.size() - 1);
  run_parallel(static_cast<Index>(guesses.size()), threads_available(), [&](Index task) {
    const auto i = static_cast<std::size_t>(task);
    guesses[i] = guess(format, begins[i], begins[i + 1], text.end, single);
  });
  std::vector<CsvPart> parts;
  CsvPart at = text;
  for (const Guess& guess : guesses) {
    const CsvPart part = right(format, guess, at.begin, text.end, single);
    if (part.begin == part.end) continue;
    parts.push_back({at.begin, part.end, at.line, at.row});
    at = {part.end, text.end, at.line + part.line, at.row + part.row};
  }
  parts.push_back(at);
  return parts;
}

}  // namespace ravine::detail
