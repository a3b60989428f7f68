#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <ostream>

#include <ravine/core/tensor.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
namespace {

constexpr Index most_shown = 1000;       // of more elements, the middle of long dimensions is left out
constexpr std::size_t line_width = 100;  // where a long row goes on in the next line
constexpr int digits = 6;                // significant ones of the largest element

/// What is shown of a tensor, and where.
struct Layout {
  const Shape& shape;
  Index ends;      // positions at either end of a dimension that is cut
  Index per_line;  // elements

  /// Goes through it from dimension d on, in the order of reading: element(position) and mark(text).
  template <class Element, class Mark>
  void walk(int d, Index position, const Element& element, const Mark& mark) const {
    if (d == shape.rank()) return element(position);
    const Index size = shape[d];
    const bool last = d + 1 == shape.rank(), cut = size > 2 * ends;
    const auto depth = static_cast<std::size_t>(d), rank = static_cast<std::size_t>(shape.rank());
    std::string turn = ",";
    turn.append(last ? 1 : rank - 1 - depth, '\n').append(depth + 1, ' ');
    const std::string gap = last ? ", " : turn;
    mark("[");
    for (Index i = 0; i < size; ++i) {
      if (i > 0) mark(!cut && i % per_line == 0 ? turn : gap);
      if (cut && i == ends) {
        mark("...");
        mark(gap);
        i = size - ends;
      }
      walk(d + 1, position * size + i, element, mark);
    }
    mark("]");
  }
};

/// As many positions at either end as keep the whole short.
Index shown_ends(const Shape& shape) {
  Index ends = shape.numel() <= most_shown ? most_shown : 3;
  const auto shown = [&] {
    Index n = 1;
    for (const Index size : shape) n *= std::min(size, 2 * ends);
    return n;
  };
  while (ends > 1 && shown() > most_shown) --ends;
  return ends;
}

struct Format {
  std::chars_format style;
  int decimals;
};

std::string number(double value, Format format) {
  if (std::isnan(value)) return "nan";
  char buffer[64];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value, format.style, format.decimals).ptr};
}

/// Zeros at the end of a number's decimals.
int spare_decimals(const std::string& number) {
  const std::size_t end = std::min(number.find('e'), number.size());
  const std::size_t last = number.find_last_not_of('0', end - 1);
  return static_cast<int>(end - 1 - last);
}

/// One format for all the values: whole numbers as such, else as many decimals as give the largest its digits, less
/// the zeros that all of them end with; powers of ten if that would hide the smallest.
Format common_format(const std::vector<double>& values) {
  double largest = 0.0, smallest = std::numeric_limits<double>::infinity();
  bool whole = true;
  for (const double value : values) {
    if (!std::isfinite(value) || value == 0.0) continue;
    largest = std::max(largest, std::abs(value));
    smallest = std::min(smallest, std::abs(value));
    whole = whole && value == std::trunc(value);
  }
  if (whole && largest < 1e8) return {std::chars_format::fixed, 0};

  const int exponent = static_cast<int>(std::floor(std::log10(largest)));
  Format format{std::chars_format::fixed, digits - 1 - exponent};
  if (exponent < -4 || exponent >= digits || smallest < std::pow(10.0, -format.decimals))
    format = {std::chars_format::scientific, digits - 1};
  int spare = format.decimals;
  for (const double value : values)
    if (std::isfinite(value)) spare = std::min(spare, spare_decimals(number(value, format)));
  format.decimals -= spare;
  return format;
}

std::vector<std::string> numbers(const Tensor& tensor, const std::vector<Index>& positions) {
  std::vector<std::string> out;
  out.reserve(positions.size());
  detail::visit(tensor.dtype(), [&](auto zero) {
    const auto* elements = tensor.raw<decltype(zero)>();
    if constexpr (std::is_integral_v<decltype(zero)>) {
      for (const Index i : positions) out.push_back(std::to_string(elements[i]));
    } else {
      std::vector<double> values;
      values.reserve(positions.size());
      for (const Index i : positions) values.push_back(elements[i]);
      const Format format = common_format(values);
      for (const double value : values) out.push_back(number(value, format));
    }
  });
  return out;
}

std::string nested(const Tensor& tensor) {
  if (tensor.numel() == 0) return "[]";
  Layout layout{tensor.shape(), shown_ends(tensor.shape()), 1};
  std::vector<Index> positions;
  layout.walk(
      0, 0, [&](Index position) { positions.push_back(position); }, [](const std::string&) {});

  const std::vector<std::string> words = numbers(tensor, positions);
  std::size_t width = 0;
  for (const std::string& word : words) width = std::max(width, word.size());
  layout.per_line = static_cast<Index>(line_width / (width + 2));
  std::string out;
  auto word = words.begin();
  const auto element = [&](Index) {
    out.append(width - word->size(), ' ');
    out += *word++;
  };
  layout.walk(0, 0, element, [&](const std::string& mark) { out += mark; });
  return out;
}

}  // namespace

std::string to_string(const Tensor& tensor) {
  return detail::text(nested(tensor), ' ', tensor.shape(), ' ', tensor.dtype());
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) { return out << to_string(tensor); }
std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << to_string(shape); }
std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name(dtype); }

}  // namespace ravine
