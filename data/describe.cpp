#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>

#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/data/column.hpp>
#include <ravine/data/table.hpp>

namespace ravine::data {
namespace {

constexpr int figure_width = 11;
constexpr std::size_t most_categories = 6;  // named in one line

// Characters of UTF-8, whose further bytes are 10… each.
std::size_t characters(const std::string& text) {
  const auto begins = [](unsigned char byte) { return (byte & 0xC0) != 0x80; };
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins));
}

void write_figures(std::ostream& out, const Column& column) {
  std::vector<double> numbers;
  for (Index row = 0; row < column.values.numel(); ++row)
    if (!column.missing(row)) numbers.push_back(column.values.data<double>()[row]);
  if (numbers.empty()) return;
  const Tensor x = tensor(numbers, f64);
  for (const double figure : {mean(x).item(), std::sqrt(var(x).item()), min(x).item(), max(x).item()}) {
    out << std::setw(figure_width);
    std::isnan(figure) ? out << '-' : out << figure;
  }
}

void write_categories(std::ostream& out, const Column& column) {
  const auto& values = column.texts->categorical();
  const auto counts = detail::frequencies(values);
  out << "  " << counts.size() << (counts.size() == 1 ? " category:" : " categories:");
  for (std::size_t i = 0; i < std::min(counts.size(), most_categories); ++i)
    out << (i > 0 ? ", " : " ") << detail::shown(values.categories[i]) << " (" << counts[i] << ")";
  if (counts.size() > most_categories) out << ", …";
}

}  // namespace

std::string Table::describe() const {
  std::vector<std::string> names;
  std::size_t name_width = 6;
  for (const Column& column : columns_) {
    names.push_back(detail::shown(column.name, column.name.size()));
    name_width = std::max(name_width, characters(names.back()));
  }
  const auto padded = [&](const std::string& name) { return name + std::string(name_width - characters(name), ' '); };

  std::ostringstream out;
  out << padded("column") << std::setw(9) << "count" << std::setw(9) << "missing";
  for (const char* figure : {"mean", "std", "min", "max"}) out << std::setw(figure_width) << figure;
  out << '\n' << std::setprecision(5);
  for (std::size_t c = 0; c < names.size(); ++c) {
    const Column& column = columns_[c];
    out << padded(names[c]) << std::setw(9) << rows() - column.missing() << std::setw(9) << column.missing();
    column.numeric() ? write_figures(out, column) : write_categories(out, column);
    out << '\n';
  }
  for (std::size_t c = 0; c < names.size(); ++c) {
    const Column& column = columns_[c];
    if (!column.remark.empty()) out << names[c] << ": " << column.remark << '\n';
    const std::string odd = column.numeric() || !column.remark.empty() ? "" : odd_words(column);
    if (!odd.empty()) out << names[c] << ": text" << odd << '\n';
  }
  out << remark_;
  return out.str();
}

}  // namespace ravine::data
