#include <ravine/data/csv_columns.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <exception>
#include <limits>
#include <utility>

#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>
#include <ravine/data/column.hpp>
#include <ravine/data/dictionary.hpp>
#include <ravine/data/error.hpp>

namespace ravine::detail {
namespace {

using data::ColumnType;
using data::FormatError;

constexpr Index part_bytes = 256 * 1024;
constexpr Index nowhere = std::numeric_limits<Index>::max();

std::string counted(std::size_t count, const char* what) { return text(count, ' ', what, count == 1 ? "" : "s"); }

// Runs f(0), …, f(tasks - 1), in parallel if there are threads; throws what the first of those that failed threw.
template <class F>
void run_all(std::size_t tasks, std::size_t threads, F f) {
  if (tasks <= 1 || threads == 1) {
    for (std::size_t i = 0; i < tasks; ++i) f(i);
    return;
  }
  std::vector<std::exception_ptr> failures(tasks);
  run_parallel(static_cast<Index>(tasks), [&](Index task) {
    const auto i = static_cast<std::size_t>(task);
    try {
      f(i);
    } catch (...) {
      failures[i] = std::current_exception();
    }
  });
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

// What the fields of a column have shown.
struct Findings {
  bool word = false;                   // one that is no number
  bool fraction = false;               // a number that is no integer
  Index leading_zeros = nowhere;       // the first row with an integer that has them
  Index inexact = nowhere;             // the first row with an integer beyond 2^53
  std::size_t infinite = 0, zero = 0;  // numbers out of range

  void add(const Number& number, Index row) {
    fraction |= !number.integer;
    if (number.leading_zeros) leading_zeros = std::min(leading_zeros, row);
    if (number.inexact) inexact = std::min(inexact, row);
    if (number.out_of_range) ++(number.value == 0.0 ? zero : infinite);
  }
  void add(const Findings& other) {
    word |= other.word;
    fraction |= other.fraction;
    leading_zeros = std::min(leading_zeros, other.leading_zeros);
    inexact = std::min(inexact, other.inexact);
    infinite += other.infinite;
    zero += other.zero;
  }
  bool identifiers() const { return !fraction && std::min(leading_zeros, inexact) != nowhere; }
};

// What one thread has of a column.
struct Share {
  Findings findings;
  Dictionary texts;
  std::deque<std::string> unquoted;  // texts whose quotes are doubled in the file
  CsvField field = {};               // of the row that is being read
};

// A text, to be sorted, and where its position is wanted.
struct Ranked {
  Ranked(std::string_view given, std::int64_t& to) : text(given), position(&to) {
    for (std::size_t i = 0; i < 8; ++i)
      prefix = prefix << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0);
  }
  bool operator<(const Ranked& other) const {
    return prefix != other.prefix ? prefix < other.prefix : text < other.text;
  }

  std::uint64_t prefix = 0;  // the first bytes: most comparisons need no more
  std::string_view text;
  std::int64_t* position;
};

// A column on its way.
struct Conversion {
  enum { number, text, done } state;
  Tensor values = {};
  double* numbers = nullptr;      // of a column of numbers
  std::int64_t* codes = nullptr;  // of one of text: at first a thread's own numbers for its texts
  std::vector<std::string> categories = {};
  Findings findings = {};
};

class Reader {
 public:
  Reader(const CsvFormat& format, const std::string& path, const CsvPart& text, const std::vector<CsvColumnPlan>& plans)
      : format_(format), path_(path), plans_(plans), parts_(csv_parts(format, text, plans.size() == 1, part_bytes)) {
    lines_ = Tensor({parts_.back().row}, i64);
    parts_.pop_back();
    for (const auto& plan : plans)
      columns_.push_back({plan.type == ColumnType::text ? Conversion::text : Conversion::number});
  }

  CsvColumns read() {
    pass(std::min<std::size_t>(parts_.size(), 1));  // which tells of most columns whether they are text
    settle(false);
    do pass(parts_.size());
    while (settle(true));
    CsvColumns result{{}, lines_};
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      result.columns.push_back({plans_[c].name, columns_[c].values, std::move(columns_[c].categories),
                                format_.numbers.decimal, format_.numbers.thousands});
      result.columns.back().remark = remark(result.columns.back(), c);
    }
    return result;
  }

 private:
  using Shares = std::vector<Share>;  // of one thread, for each column

  // Reads the first parts into the columns that are not done.
  void pass(std::size_t count) {
    shares_.clear();
    shares_.resize(parts_.size() > 1 ? static_cast<std::size_t>(threads_available()) : 1);
    for (Shares& shares : shares_) shares.resize(columns_.size());
    reader_of_.resize(count);
    line_ = lines_.mutable_data<std::int64_t>();
    texts_.clear();
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      prepare(columns_[c]);
      if (columns_[c].state == Conversion::text) texts_.push_back(c);
    }
    run_all(count, shares_.size(), [&](std::size_t i) { read_part(i); });
    for (std::size_t c = 0; c < columns_.size(); ++c)
      if (columns_[c].state == Conversion::number) {
        columns_[c].findings = {};
        for (const Shares& shares : shares_) columns_[c].findings.add(shares[c].findings);
      }
  }

  void prepare(Conversion& column) {
    if (column.state == Conversion::done) return;
    const bool numbers = column.state == Conversion::number;
    if (!column.values.defined() || (column.values.dtype() == f64) != numbers)
      column.values = Tensor(lines_.shape(), numbers ? f64 : i64);
    if (numbers)
      column.numbers = column.values.mutable_data<double>();
    else
      column.codes = column.values.mutable_data<std::int64_t>();
  }

  void read_part(std::size_t i) {
    const auto thread = static_cast<std::size_t>(shares_.size() > 1 ? worker() : 0);
    reader_of_[i] = thread;
    CsvCursor cursor(format_, path_, parts_[i], columns_.size() == 1);
    const Index end = i + 1 < parts_.size() ? parts_[i + 1].row : lines_.numel();
    for (Index row = parts_[i].row; row < end && cursor.next_record(); ++row) {
      line_[row] = cursor.line();
      read_row(cursor, row, shares_[thread]);
    }
  }

  void read_row(CsvCursor& cursor, Index row, Shares& shares) {
    std::size_t c = 0;
    do {
      if (c < columns_.size())
        read_field(cursor, row, c, shares[c]);
      else
        cursor.field();
      ++c;
    } while (cursor.more());
    for (const std::size_t column : texts_) columns_[column].codes[row] = code(shares[column]);
    if (c != columns_.size())
      throw FormatError(
          text(path_, ", line ", line_[row], ": found ", counted(c, "field"), ", expected ", columns_.size()));
  }

  void read_field(CsvCursor& cursor, Index row, std::size_t c, Share& share) {
    Conversion& column = columns_[c];
    if (column.state == Conversion::text) {
      share.field = cursor.field();
      share.texts.prefetch(share.field.text);  // of several columns at once, before any is looked for
    } else if (column.state == Conversion::number && !share.findings.word) {
      Number number;
      if (!cursor.number(number) && !unusual_number(cursor.field(), row, c, number)) {
        share.findings.word = true;
        return;
      }
      column.numbers[row] = number.value;
      share.findings.add(number, row);
    } else {
      cursor.field();
    }
  }

  // A missing value, or a number in quotes or in words; false for all else.
  bool unusual_number(const CsvField& field, Index row, std::size_t c, Number& number) const {
    number = {.value = std::numeric_limits<double>::quiet_NaN(), .integer = true};
    if (format_.missing(field.text)) return true;
    if (const auto parsed = parse_number(field.text, format_.numbers)) {
      if (!std::isnan(parsed->value)) number = *parsed;
      return true;
    }
    if (plans_[c].type != ColumnType::number) return false;
    throw FormatError(text(path_, ", line ", line_[row], ", column '", plans_[c].name, "': found '",
                           field.value(format_.quote), "', expected a number"));
  }

  std::int64_t code(Share& share) const {
    const CsvField field = std::exchange(share.field, {});
    if (!field.doubled) return share.texts.number(field.text, [&] { return field.text; });
    const std::string value = field.value(format_.quote);
    return share.texts.number(value, [&] { return std::string_view(share.unquoted.emplace_back(value)); });
  }

  bool turned_out_text(std::size_t c, bool all) const {
    const Conversion& column = columns_[c];
    return column.state == Conversion::number && !plans_[c].type &&
           (column.findings.word || (all && column.findings.identifiers()));
  }

  // Decides what columns hold, and if all has been read finishes them. True if some are to be read as text.
  bool settle(bool all) {
    std::vector<std::size_t> texts;
    bool again = false;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      Conversion& column = columns_[c];
      if (turned_out_text(c, all)) {
        column.state = Conversion::text;
        again = true;
      } else if (all && column.state != Conversion::done) {
        if (column.state == Conversion::text) texts.push_back(c);
        column.state = Conversion::done;
      }
    }
    run_all(texts.size(), shares_.size(), [&](std::size_t i) { finish_text(texts[i]); });
    return again;
  }

  // From the threads' numbers for their texts to positions in the sorted list of all.
  void finish_text(std::size_t c) {
    std::vector<std::vector<std::int64_t>> positions(shares_.size());
    std::vector<Ranked> all;
    for (std::size_t thread = 0; thread < shares_.size(); ++thread) {
      const auto& texts = shares_[thread][c].texts.texts();
      positions[thread].resize(texts.size());
      for (std::size_t i = 0; i < texts.size(); ++i) all.emplace_back(texts[i], positions[thread][i]);
    }
    std::sort(all.begin(), all.end());
    auto& categories = columns_[c].categories;
    for (const Ranked& ranked : all) {
      const bool missing = format_.missing(ranked.text);
      if (!missing && (categories.empty() || categories.back() != ranked.text)) categories.emplace_back(ranked.text);
      *ranked.position = missing ? -1 : static_cast<std::int64_t>(categories.size()) - 1;
    }
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const Index end = i + 1 < parts_.size() ? parts_[i + 1].row : lines_.numel();
      for (Index row = parts_[i].row; row < end; ++row)
        columns_[c].codes[row] = positions[reader_of_[i]][static_cast<std::size_t>(columns_[c].codes[row])];
    }
  }

  // What there is to say of how a column was read.
  std::string remark(const data::Column& column, std::size_t c) const {
    const Findings& findings = columns_[c].findings;
    if (!column.numeric() && plans_[c].type) return "text, as asked for";
    if (!column.numeric() && !findings.word && findings.identifiers()) {
      const bool zeros = findings.leading_zeros != nowhere;
      const Index row = zeros ? findings.leading_zeros : findings.inexact;
      return text("text, since ", zeros ? "integers have leading zeros" : "f64 does not hold integers beyond 2^53",
                  ": '", cell(column, row), "' in line ", lines_.data<std::int64_t>()[row]);
    }
    if (findings.infinite + findings.zero == 0) return {};
    return text(findings.infinite, " infinite and ", findings.zero, " zero, being beyond the range of f64");
  }

  const CsvFormat& format_;
  const std::string& path_;
  const std::vector<CsvColumnPlan>& plans_;
  std::vector<CsvPart> parts_;
  std::vector<std::size_t> reader_of_;  // which thread has read each part
  Tensor lines_;
  std::int64_t* line_ = nullptr;
  std::vector<Conversion> columns_;
  std::vector<std::size_t> texts_;  // the columns that are read as text
  std::vector<Shares> shares_;      // of each thread
};

}  // namespace

CsvColumns read_csv_columns(const CsvFormat& format, const std::string& path, const CsvPart& text,
                            const std::vector<CsvColumnPlan>& plans) {
  return Reader(format, path, text, plans).read();
}

}  // namespace ravine::detail
