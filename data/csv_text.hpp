/// @file
/// Walking through the text of a CSV file; for the library's sources, not its public headers.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <ravine/data/csv.hpp>
#include <ravine/data/number.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// What the characters of a file mean.
class CsvFormat {
 public:
  /// Throws std::invalid_argument, naming `op`, for options that contradict each other.
  CsvFormat(const char* op, const data::CsvOptions& options);

  bool ends_field(char c) const { return classes_[static_cast<unsigned char>(c)] & ends; }
  bool separates(char c) const { return classes_[static_cast<unsigned char>(c)] & separator; }
  /// A space or tab around a field, unless it separates fields.
  bool blank(char c) const { return classes_[static_cast<unsigned char>(c)] & around; }
  const char* skip_blanks(const char* at, const char* end) const {
    while (at != end && blank(*at)) ++at;
    return at;
  }
  bool missing(std::string_view field) const;

  bool runs;  ///< several separators count as one, and none around a record
  char quote;
  char comment;  ///< 0 if there is none
  NumberFormat numbers;
  std::string separator_name;  ///< for messages

 private:
  enum Class : unsigned char { line_end = 1, separator = 2, ends = 3, around = 4 };
  std::array<unsigned char, 256> classes_{};
  std::vector<std::string> missing_;
};

struct CsvField {
  std::string_view text = {};  ///< without the blanks, or quotes, around it
  bool quoted = false;
  bool doubled = false;  ///< each quote in it is written twice

  /// What it stands for.
  std::string value(char quote) const;
};

/// A part of a text, some records, and what came before it.
struct CsvPart {
  const char* begin;
  const char* end;
  Index line = 1;  ///< of the file, in which it begins
  Index row = 0;   ///< records before it
};

/// Walks through a part, record by record: `while (c.next_record()) do c.field(); while (c.more());`.
class CsvCursor {
 public:
  /// If `single`, an empty line is a record, of one field.
  CsvCursor(const CsvFormat& format, const std::string& path, const CsvPart& part, bool single)
      : format_(format), path_(path), at_(part.begin), end_(part.end), line_(part.line), single_(single) {}

  /// Moves to the next record, over empty lines and comments. False if there is none.
  bool next_record();
  /// Moves behind a field. Throws FormatError for one whose quotes are not closed, or not followed by its end.
  CsvField field();
  /// If the field is a number without quotes or separators of thousands, moves behind it.
  bool number(Number& number) {
    const char* behind = read_number(format_.skip_blanks(at_, end_), end_, format_.numbers.decimal, number);
    if (!behind) return false;
    behind = format_.skip_blanks(behind, end_);
    if (behind != end_ && !format_.ends_field(*behind)) return false;
    at_ = behind;
    return true;
  }
  /// Moves from the end of a field to the next one. False if there is none: then behind the line's end.
  bool more();

  const char* at() const { return at_; }
  /// Of the file, counted from 1.
  Index line() const { return line_; }

 private:
  void end_line();
  CsvField quoted_field();

  const CsvFormat& format_;
  const std::string& path_;
  const char* at_;
  const char* end_;
  Index line_;
  bool single_;
};

/// Cuts a text into parts of whole records, of `bytes` or a little more; the last one is empty, and says how many
/// records there are. `single` as for a cursor.
std::vector<CsvPart> csv_parts(const CsvFormat& format, const CsvPart& text, bool single, Index bytes);

}  // namespace ravine::detail
#pragma GCC visibility pop
