/// @file
/// Walking through the text of a CSV file; for the library's sources, not its public headers.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <ravine/data/csv.hpp>
#include <ravine/data/number.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

inline bool is_line_end(char c) { return c == '\n' || c == '\r'; }

/// Four characters to look for, of which some may be the same.
class CharSet {
 public:
  CharSet(char a, char b, char c, char d) : chars_{a, b, c, d} {
    for (std::size_t i = 0; i < 4; ++i) everywhere_[i] = Bytes{} + static_cast<unsigned char>(chars_[i]);
  }
  /// The first of them in [at, end), or end.
  const char* find(const char* at, const char* end) const {
    while (std::endian::native == std::endian::little && end - at >= 16) {
      Bytes bytes;
      std::memcpy(&bytes, at, sizeof bytes);
      const auto found = reinterpret_cast<Halves>((bytes == everywhere_[0]) | (bytes == everywhere_[1]) |
                                                  (bytes == everywhere_[2]) | (bytes == everywhere_[3]));
      if (found[0]) return at + std::countr_zero(found[0]) / 8;
      if (found[1]) return at + 8 + std::countr_zero(found[1]) / 8;
      at += 16;
    }
    while (at != end && std::memchr(chars_, *at, sizeof chars_) == nullptr) ++at;
    return at;
  }

 private:
  typedef unsigned char Bytes __attribute__((vector_size(16)));
  typedef std::uint64_t Halves __attribute__((vector_size(16)));

  Bytes everywhere_[4];
  char chars_[4];
};

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
  /// True for a field that means "no value".
  bool missing(std::string_view field) const {
    const auto sizes = sizes_of_missing_[field.empty() ? 0 : static_cast<unsigned char>(field[0])];
    return (sizes >> std::min<std::size_t>(field.size(), 31) & 1) && is_listed(field);
  }

  CharSet field_ends, line_ends, quotes_and_line_ends;
  bool runs;  ///< several separators count as one, and none around a record
  char quote;
  char comment;  ///< 0 if there is none
  NumberFormat numbers;
  std::string separator_name;  ///< for messages

 private:
  enum Class : unsigned char { line_end = 1, separator = 2, ends = 3, around = 4 };
  bool is_listed(std::string_view field) const;

  std::array<unsigned char, 256> classes_{};
  std::array<std::uint32_t, 256> sizes_of_missing_{};  // by their first bytes, a bit for each size
  std::vector<std::string> missing_;
};

struct CsvField {
  std::string_view text = {};  ///< without the blanks, or quotes, around it
  bool doubled = false;        ///< each quote in it is written twice

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
  CsvField field() {
    at_ = format_.skip_blanks(at_, end_);
    if (at_ != end_ && *at_ == format_.quote) return quoted_field();
    const char* const begin = at_;
    at_ = format_.field_ends.find(at_, end_);
    const char* last = at_;
    while (last != begin && format_.blank(last[-1])) --last;
    return {std::string_view(begin, static_cast<std::size_t>(last - begin))};
  }
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
  const char* end() const { return end_; }
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
