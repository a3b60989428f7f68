#include <ravine/data/scaler.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>

namespace ravine::data {
namespace {

Tensor range_of(const Tensor& rows) { return max(rows, 0) - min(rows, 0); }

// What a scaler can be fitted to, in f64.
Tensor checked_rows(const char* scaler, const Tensor& x) {
  if (x.rank() != 2 || x.size(0) == 0 || x.size(1) == 0)
    throw ShapeError(detail::text(scaler, ": fit needs (rows, features), got ", x.shape()));
  detail::check_floating(detail::text(scaler, ": fit").c_str(), x);
  const Tensor rows = x.to(f64);
  const auto finite = min(isfinite(rows), 0).to_vector<int>(), spans = isfinite(range_of(rows)).to_vector<int>();
  for (std::size_t column = 0; column < finite.size(); ++column)
    if (!finite[column] || !spans[column])
      throw std::invalid_argument(
          detail::text(scaler, ": fit: column ", column,
                       finite[column] ? " spans more than f64 can hold" : " holds a value that is not finite"));
  return rows;
}

// For each column the power of two of its largest magnitude: over it, squares stay within the range of f64.
Tensor unit_of(const Tensor& rows) {
  Tensor unit = max(abs(rows), 0);
  double* units = unit.mutable_data<double>();
  for (Index column = 0; column < unit.numel(); ++column) {
    int exponent = 0;
    std::frexp(units[column], &exponent);
    units[column] = std::ldexp(1.0, std::max(exponent - 1, std::numeric_limits<double>::min_exponent));
  }
  return unit;
}

// The widths of the columns, 1 where they are constant. A spread that is rounding alone does not count.
Tensor scale_of(const Tensor& width, const Tensor& range) {
  return where(gt(minimum(width, range), 0.0), width, ones_like(width));
}

}  // namespace

ColumnScaler::ColumnScaler(std::string name, std::string offset_name)
    : name_(std::move(name)), offset_name_(std::move(offset_name)), offset_({0}, f64), scale_({0}, f64) {}

void ColumnScaler::set(Tensor offset, Tensor scale) {
  offset_ = std::move(offset);
  scale_ = std::move(scale);
}

void ColumnScaler::check(const char* what, const Tensor& x) const {
  if (scale_.numel() == 0) throw std::logic_error(detail::text(name_, ": ", what, " before fit"));
  if (x.rank() != 2 || x.size(1) != scale_.numel())
    throw ShapeError(detail::text(name_, ": ", what, " needs (rows, ", scale_.numel(), "), got ", x.shape()));
  detail::check_floating(detail::text(name_, ": ", what).c_str(), x);
}

Tensor ColumnScaler::transform(const Tensor& x) const {
  check("transform", x);
  return ((x.to(f64) - offset_) / scale_).to(x.dtype());
}

Tensor ColumnScaler::inverse_transform(const Tensor& x) const {
  check("inverse_transform", x);
  return (x.to(f64) * scale_ + offset_).to(x.dtype());
}

StateDict ColumnScaler::state_dict() const { return {{offset_name_, offset_.clone()}, {"scale", scale_.clone()}}; }

void ColumnScaler::load_state_dict(const StateDict& state) {
  StateDict expected = state_dict();
  const auto given = state.find("scale");
  if (given != state.end() && (scale_.numel() == 0 || given->second.numel() == 0))
    for (auto& [name, tensor] : expected) tensor = zeros({given->second.numel()}, f64);
  check_state_dict(name_.c_str(), expected, state);
  set(state.at(offset_name_).clone(), state.at("scale").clone());
}

StandardScaler StandardScaler::fit(const Tensor& x) {
  const Tensor rows = checked_rows("StandardScaler", x), unit = unit_of(rows), moderate = rows / unit;
  StandardScaler scaler;
  scaler.set(ravine::mean(moderate, 0) * unit, scale_of(sqrt(var(moderate, 0, false, 0.0)) * unit, range_of(rows)));
  return scaler;
}

MinMaxScaler MinMaxScaler::fit(const Tensor& x) {
  const Tensor rows = checked_rows("MinMaxScaler", x);
  const Tensor range = range_of(rows);
  MinMaxScaler scaler;
  scaler.set(ravine::min(rows, 0), scale_of(range, range));
  return scaler;
}

}  // namespace ravine::data
