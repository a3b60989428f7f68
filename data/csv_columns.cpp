#include <ravine/data/csv_columns.hpp>

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>

#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>
#include <ravine/data/column.hpp>
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
  run_parallel(static_cast<Index>(tasks), static_cast<int>(threads), [&](Index task) {
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
  TextMemory texts;
};

// A column on its way.
struct Conversion {
  enum { number, text, done } state;
  Tensor values = {};
  double* numbers = nullptr;  // of a column of numbers
  TextWord* texts = nullptr;  // of one of text
  std::vector<TextMemory> memory = {};
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
    for (std::size_t c = 0; c < columns_.size(); ++c) result.columns.push_back(finished(c));
    return result;
  }

 private:
  using Shares = std::vector<Share>;  // of one thread, for each column

  // Reads the first parts into the columns that are not done.
  void pass(std::size_t count) {
    shares_.clear();
    shares_.resize(parts_.size() > 1 ? static_cast<std::size_t>(threads_available()) : 1);
    for (Shares& shares : shares_) shares.resize(columns_.size());
    line_ = lines_.mutable_data<std::int64_t>();
    for (Conversion& column : columns_) prepare(column);
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
      column.texts = column.values.mutable_data<TextWord>();
  }

  void read_part(std::size_t i) {
    const auto thread = static_cast<std::size_t>(shares_.size() > 1 ? worker() : 0);
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
    if (c != columns_.size())
      throw FormatError(
          text(path_, ", line ", line_[row], ": found ", counted(c, "field"), ", expected ", columns_.size()));
  }

  void read_field(CsvCursor& cursor, Index row, std::size_t c, Share& share) {
    Conversion& column = columns_[c];
    if (column.state == Conversion::text) {
      column.texts[row] = word(cursor.field(), share.texts, cursor.end());
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
    throw FormatError(text(path_, ", line ", line_[row], ", column '", shown(plans_[c].name), "': found '",
                           shown(field.value(format_.quote)), "', expected a number"));
  }

  TextWord word(const CsvField& field, TextMemory& texts, const char* end) const {
    if (!field.doubled) return format_.missing(field.text) ? 0 : texts.keep(field.text, end);
    const std::string value = field.value(format_.quote);
    return format_.missing(value) ? 0 : texts.keep(value);
  }

  bool turned_out_text(std::size_t c, bool all) const {
    const Conversion& column = columns_[c];
    return column.state == Conversion::number && !plans_[c].type &&
           (column.findings.word || (all && column.findings.identifiers()));
  }

  // Decides what columns hold; if all has been read, those that are not to be read as text now are done. True if some
  // are.
  bool settle(bool all) {
    bool again = false;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      Conversion& column = columns_[c];
      if (turned_out_text(c, all)) {
        column.state = Conversion::text;
        again = true;
      } else if (all && column.state != Conversion::done) {
        if (column.state == Conversion::text)
          for (Shares& shares : shares_) column.memory.push_back(std::move(shares[c].texts));
        column.state = Conversion::done;
      }
    }
    return again;
  }

  data::Column finished(std::size_t c) {
    Conversion& from = columns_[c];
    const std::string& name = plans_[c].name;
    data::Column column =
        from.values.dtype() == f64
            ? data::Column(name, std::move(from.values))
            : data::Column(name, std::make_shared<const Texts>(std::move(from.values), std::move(from.memory)));
    column.decimal = format_.numbers.decimal;
    column.thousands = format_.numbers.thousands;
    column.remark = remark(column, c);
    return column;
  }

  // What there is to say of how a column was read.
  std::string remark(const data::Column& column, std::size_t c) const {
    const Findings& findings = columns_[c].findings;
    if (!column.numeric() && plans_[c].type) return "text, as asked for";
    if (!column.numeric() && !findings.word && findings.identifiers()) {
      const bool zeros = findings.leading_zeros != nowhere;
      const Index row = zeros ? findings.leading_zeros : findings.inexact;
      return text("text, since ", zeros ? "integers have leading zeros" : "f64 does not hold integers beyond 2^53",
                  ": '", shown(cell(column, row)), "' in line ", lines_.data<std::int64_t>()[row]);
    }
    if (findings.infinite + findings.zero == 0) return {};
    return text(findings.infinite, " infinite and ", findings.zero, " zero, being beyond the range of f64");
  }

  const CsvFormat& format_;
  const std::string& path_;
  const std::vector<CsvColumnPlan>& plans_;
  std::vector<CsvPart> parts_;
  Tensor lines_;
  std::int64_t* line_ = nullptr;
  std::vector<Conversion> columns_;
  std::vector<Shares> shares_;  // of each thread
};

}  // namespace

CsvColumns read_csv_columns(const CsvFormat& format, const std::string& path, const CsvPart& text,
                            const std::vector<CsvColumnPlan>& plans) {
  return Reader(format, path, text, plans).read();
}

}  // namespace ravine::detail
