#include <ravine/optim/options.hpp>

#include <cmath>
#include <stdexcept>

#include <ravine/core/text.hpp>

namespace ravine::detail {
namespace {

[[noreturn]] void refuse(const char* optimizer, const OptionField& field, const std::string& need) {
  throw std::invalid_argument(text(optimizer, ": ", field.name, " must be ", need, ", got ", field.value));
}

}  // namespace

double visit_option(const char* optimizer, OptionField field, OptionVisitor visit) {
  field.value = visit(field);
  const bool whole = std::abs(field.value) <= 0x1p53 && field.value == std::trunc(field.value);
  if (field.integral && !whole) refuse(optimizer, field, "a whole number");
  if (!field.range) {
    const auto last = static_cast<double>(field.names.size()) - 1.0;
    if (!(field.value >= 0.0 && field.value <= last)) refuse(optimizer, field, text("from 0 to ", last));
  } else if (!field.range->contains(field.value)) {
    refuse(optimizer, field, field.value > field.range->low && std::isinf(field.value) ? "finite" : field.range->text);
  }
  return field.value;
}

void refuse_options(const char* optimizer, const char* conflict) {
  throw std::invalid_argument(text(optimizer, ": ", conflict));
}

std::string describe_option(const OptionField& field) {
  const std::string value = field.range ? text(field.value) : field.names[static_cast<std::size_t>(field.value)];
  return text(field.name, "=", value);
}

}  // namespace ravine::detail
