#include <ravine/optim/options.hpp>

#include <cmath>
#include <stdexcept>

#include <ravine/core/text.hpp>

namespace ravine::detail {
namespace {

[[noreturn]] void refuse(const char* optimizer, const std::string& name, const std::string& need, double got) {
  throw std::invalid_argument(text(optimizer, ": ", name, " must be ", need, ", got ", got));
}

void check(const char* optimizer, const OptionField& field, double value) {
  const bool whole = std::abs(value) <= 0x1p53 && value == std::trunc(value);
  if (field.integral && !whole) refuse(optimizer, field.name, "a whole number", value);
  if (!field.range) {
    const auto last = static_cast<double>(field.names.size()) - 1.0;
    if (!(value >= 0.0 && value <= last)) refuse(optimizer, field.name, text("from 0 to ", last), value);
  } else if (!field.range->contains(value)) {
    const bool infinite = value > field.range->low && std::isinf(value);
    refuse(optimizer, field.name, infinite ? "finite" : field.range->text, value);
  }
}

}  // namespace

OptionValue visit_option(const char* optimizer, OptionField field, OptionVisitor visit) {
  field.value = visit(field);
  for (const double value : field.value) check(optimizer, field, value);
  return std::move(field.value);
}

double FieldReader::number(const char* field, double present, const optim::Range& range, bool integral) const {
  return numbers(field, {present}, range, integral, OptionField::single)[0];
}

double FieldReader::choice(const char* field, double present, std::span<const char* const> names) const {
  return visit_option(optimizer, {prefix + field, {present}, nullptr, names, true}, visit)[0];
}

OptionValue FieldReader::numbers(const char* field, OptionValue present, const optim::Range& range, bool integral,
                                 OptionField::Kind kind) const {
  return visit_option(optimizer, {prefix + field, std::move(present), &range, {}, integral, kind}, visit);
}

void refuse_options(const char* optimizer, const char* conflict) {
  throw std::invalid_argument(text(optimizer, ": ", conflict));
}

std::string describe_option(const OptionField& field) {
  std::string value = field.kind == OptionField::optional && field.value.empty() ? "none" : "";
  for (const double x : field.value) {
    if (!value.empty()) value += '-';
    value += field.range ? text(x) : field.names[static_cast<std::size_t>(x)];
  }
  return text(field.name, "=", value);
}

}  // namespace ravine::detail
