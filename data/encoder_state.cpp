// What an encoder knows, as tensors and as text.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/column.hpp>
#include <ravine/data/encoded_column.hpp>

namespace ravine::data {
namespace {

using detail::EncodedColumn;
using detail::text;
using Kind = EncodedColumn::Kind;
using Strings = std::vector<std::string>;
using Columns = std::vector<EncodedColumn>;

// A later ravine reads the states of this version as well.
constexpr int version = 1;
const Strings kind_words = {"number", "one_hot", "codes", "classes"};  // by Kind

template <class... Why>
[[noreturn]] void refuse(const Why&... why) {
  throw std::invalid_argument(text("TableEncoder: ", why...));
}

// ---- the state ----

Tensor packed(const Strings& texts) {
  std::vector<std::uint8_t> bytes;
  for (const auto& one : texts) {
    bytes.insert(bytes.end(), one.begin(), one.end());
    bytes.push_back(0);
  }
  return tensor(bytes, u8);
}

Strings unpacked(const char* name, const StateDict& state) {
  const Tensor& bytes = state.at(name);
  if (bytes.numel() > 0 && bytes.data<std::uint8_t>()[bytes.numel() - 1] != 0)
    refuse("the last text in ", name, " has no zero byte behind it");
  Strings texts;
  for (Index i = 0; i < bytes.numel(); i += static_cast<Index>(texts.back().size()) + 1)
    texts.emplace_back(reinterpret_cast<const char*>(bytes.data<std::uint8_t>() + i));
  return texts;
}

// get(column) of every column.
template <class T, class Get>
Tensor gathered(const Columns& columns, DType dtype, Get get) {
  std::vector<T> values;
  for (const auto& column : columns) values.push_back(static_cast<T>(get(column)));
  return tensor(values, dtype);
}

StateDict state_of(const Columns& columns, std::size_t inputs) {
  Strings names, kinds, categories;
  std::vector<std::uint8_t> targets(columns.size());
  std::fill(targets.begin() + static_cast<std::ptrdiff_t>(inputs), targets.end(), std::uint8_t{1});
  for (const auto& column : columns) {
    names.push_back(column.name);
    kinds.push_back(kind_words[static_cast<std::size_t>(column.kind)]);
    categories.insert(categories.end(), column.categories.begin(), column.categories.end());
  }
  const auto flags = [&](bool EncodedColumn::*flag) {
    return gathered<std::uint8_t>(columns, u8, [flag](const auto& column) { return column.*flag; });
  };
  const auto numbers = [&](double EncodedColumn::*number) {
    return gathered<double>(columns, f64, [number](const auto& column) { return column.*number; });
  };
  return {
      {"version", scalar(version, i64)},
      {"names", packed(names)},
      {"kinds", packed(kinds)},
      {"target", tensor(targets, u8)},
      {"numeric", flags(&EncodedColumn::numeric)},
      {"offset", numbers(&EncodedColumn::offset)},
      {"scale", numbers(&EncodedColumn::scale)},
      {"fill", numbers(&EncodedColumn::fill)},
      {"indicator", flags(&EncodedColumn::indicator)},
      {"zeros", flags(&EncodedColumn::zeros)},
      {"categories", packed(categories)},
      {"category_counts", gathered<Index>(columns, i64, [](const auto& column) { return column.categories.size(); })}};
}

bool is_text(const StateDict& state, const char* name) {
  const auto found = state.find(name);
  return found != state.end() && found->second.dtype() == u8 && found->second.rank() == 1;
}

// Throws unless the state has the tensors of one with as many columns as it has names.
void check_tensors(const StateDict& state) {
  const auto found = state.find("version");
  if (found != state.end() && found->second.dtype() == i64 && found->second.numel() == 1 &&
      found->second.item<Index>() != version)
    refuse("the state is of version ", found->second.item<Index>(), ", this ravine reads version ", version);
  const std::size_t columns = is_text(state, "names") ? unpacked("names", state).size() : 0;
  StateDict expected = state_of(Columns(columns), 0);
  for (const char* name : {"names", "kinds", "categories"})
    if (is_text(state, name)) expected.at(name) = state.at(name);
  check_state_dict("TableEncoder", expected, state);
}

Kind kind_of(const std::string& name, const std::string& word) {
  const auto found = std::find(kind_words.begin(), kind_words.end(), word);
  if (found == kind_words.end()) refuse("column '", name, "' is of the kind '", word, "', which is none");
  return static_cast<Kind>(found - kind_words.begin());
}

// Moves `count` of the categories behind `taken` to a column.
void take_categories(EncodedColumn& column, const Strings& categories, std::size_t& taken, Index count) {
  if (count < 0 || static_cast<std::size_t>(count) > categories.size() - taken)
    refuse("column '", column.name, "' has ", count, " categories, of ", categories.size() - taken, " left");
  const auto first = categories.begin() + static_cast<std::ptrdiff_t>(taken);
  column.categories.assign(first, first + count);
  taken += static_cast<std::size_t>(count);
}

bool twice(Strings names) {
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

void check_column(const EncodedColumn& column, bool target) {
  const bool number = column.kind == Kind::number;
  if (target ? !number && column.kind != Kind::classes : column.kind == Kind::classes)
    refuse(target ? "the target '" : "the input '", column.name, "' is of the other's kind");
  if (number != column.categories.empty() || twice(column.categories))
    refuse("the categories of column '", column.name, "' are not those of its kind");
  if (!std::isfinite(column.offset) || !std::isfinite(column.scale) || !(column.scale > 0.0))
    refuse("column '", column.name, "' has offset ", column.offset, " and scale ", column.scale);
  const bool position = column.fill >= 0.0 && column.fill < static_cast<double>(column.categories.size()) &&
                        column.fill == std::floor(column.fill);
  if (!std::isnan(column.fill) && !(number ? std::isfinite(column.fill) : position))
    refuse("column '", column.name, "' is filled with ", column.fill);
}

Columns columns_of(const StateDict& state) {
  const Strings names = unpacked("names", state), kinds = unpacked("kinds", state),
                categories = unpacked("categories", state);
  if (kinds.size() != names.size()) refuse(kinds.size(), " kinds of ", names.size(), " columns");
  if (twice(names)) refuse("two columns have one name");
  Columns columns(names.size());
  std::size_t taken = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto flag = [&](const char* name) { return state.at(name).data<std::uint8_t>()[i] != 0; };
    const auto number = [&](const char* name) { return state.at(name).data<double>()[i]; };
    columns[i] = {names[i],
                  kind_of(names[i], kinds[i]),
                  flag("numeric"),
                  number("offset"),
                  number("scale"),
                  number("fill"),
                  flag("indicator"),
                  flag("zeros"),
                  {}};
    take_categories(columns[i], categories, taken, state.at("category_counts").data<std::int64_t>()[i]);
    check_column(columns[i], flag("target"));
  }
  if (taken != categories.size()) refuse(categories.size() - taken, " categories belong to no column");
  return columns;
}

// ---- the description ----

std::string brief(double number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::general, 5);
  return {digits.data(), end.ptr};
}

std::string what_it_is(const EncodedColumn& column, bool target) {
  const std::size_t count = column.categories.size();
  if (column.kind == Kind::number) return target ? "target" : "number";
  const char* const word = target ? (count == 1 ? " class" : " classes") : (count == 1 ? " category" : " categories");
  return text(target ? "target, " : "", count, word);
}

std::string what_fills(const EncodedColumn& column, bool target) {
  if (target) return "left out";
  if (std::isnan(column.fill)) return "refused";
  return column.categories.empty() ? brief(column.fill)
                                   : detail::shown(column.categories[static_cast<std::size_t>(column.fill)]);
}

std::string what_it_becomes(const EncodedColumn& column) {
  const std::string count = std::to_string(column.categories.size() - (column.zeros ? 0 : 1));
  if (column.kind == Kind::one_hot)
    return "0 or 1 for each of " + detail::listed(column.categories, "") +
           (column.zeros ? "; any other is 0 in all" : "");
  if (column.kind != Kind::number)
    return (column.zeros ? "1 to " : "0 to ") + count + ": " + detail::listed(column.categories, "") +
           (column.zeros ? "; any other is 0" : "");
  std::string formula =
      column.offset == 0.0 ? "x" : (column.offset < 0.0 ? "x + " : "x - ") + brief(std::abs(column.offset));
  if (column.scale == 1.0) return formula;
  return (column.offset == 0.0 ? formula : "(" + formula + ")") + " / " + brief(column.scale);
}

using Line = std::array<std::string, 4>;

// Characters of UTF-8 text.
std::size_t width_of(const std::string& cell) {
  return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string aligned(const std::vector<Line>& lines) {
  std::array<std::size_t, 4> widths{};
  for (const Line& line : lines)
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], width_of(line[c]));
  std::string out;
  for (const Line& line : lines) {
    for (std::size_t c = 0; c + 1 < line.size(); ++c)
      out += line[c] + std::string(widths[c] - width_of(line[c]) + 2, ' ');
    out += line[3] + '\n';
  }
  return out;
}

}  // namespace

StateDict TableEncoder::state_dict() const {
  Columns columns = inputs_;
  columns.insert(columns.end(), targets_.begin(), targets_.end());
  return state_of(columns, inputs_.size());
}

void TableEncoder::load_state_dict(const StateDict& state) {
  check_tensors(state);
  Columns inputs, targets;
  const Columns columns = columns_of(state);
  for (std::size_t i = 0; i < columns.size(); ++i)
    (state.at("target").data<std::uint8_t>()[i] != 0 ? targets : inputs).push_back(columns[i]);
  if (inputs.empty() && !targets.empty()) refuse("there are no inputs");
  for (const auto& column : targets)
    if (column.kind == Kind::classes && targets.size() > 1)
      refuse("the target '", column.name, "' is not the only one");
  for (const auto& column : targets)
    if (column.indicator || column.zeros || !std::isnan(column.fill))
      refuse("the target '", column.name, "' has what only inputs have");
  inputs_ = std::move(inputs);
  targets_ = std::move(targets);
}

std::string TableEncoder::describe() const {
  std::vector<Line> lines{{"column", "what it is", "missing", "becomes"}};
  const auto add = [&](const EncodedColumn& column, bool target) {
    lines.push_back({column.name, what_it_is(column, target), what_fills(column, target),
                     what_it_becomes(column) + (column.indicator ? ", and 1 where missing" : "")});
  };
  for (const auto& column : inputs_) add(column, false);
  for (const auto& column : targets_) add(column, true);
  return aligned(lines);
}

}  // namespace ravine::data
