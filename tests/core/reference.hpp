// Random tensors, plain double loops to compare with, and how far two results are apart.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <omp.h>
#include <ravine/core/random.hpp>
#include <ravine/core/tensor.hpp>

inline constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// Standard normal values, which use every bit of their mantissas: their sums depend on the order.
inline ravine::Tensor random_tensor(const ravine::Shape& shape, ravine::DType dtype, std::uint64_t seed = 1) {
  ravine::Generator generator(seed);
  return ravine::randn(shape, dtype, generator);
}

/// The same in [low, high).
inline ravine::Tensor random_between(double low, double high, const ravine::Shape& shape, ravine::DType dtype,
                                     std::uint64_t seed = 1) {
  ravine::Generator generator(seed);
  return ravine::uniform(shape, low, high, dtype, generator);
}

inline std::vector<double> values(const ravine::Tensor& x) { return x.to_vector<double>(); }

/// |a - b|, relative to b where that is larger than 1; 0 for two NaN or equal infinities, infinite if only one is.
inline double error(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0.0;
  if (!std::isfinite(a) || !std::isfinite(b)) return infinity;
  return std::abs(a - b) / std::max(1.0, std::abs(b));
}

/// The largest error; infinite if there are not as many values as expected.
inline double worst_error(const ravine::Tensor& found, const std::vector<double>& expected) {
  const std::vector<double> x = values(found);
  if (x.size() != expected.size()) return infinity;
  double worst = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) worst = std::max(worst, error(x[i], expected[i]));
  return worst;
}

/// What rounding may do to a result of order 1 in this type.
inline double rounding(ravine::DType dtype) { return dtype == ravine::f32 ? 4e-7 : 1e-15; }

/// The position in x of the element that stands at `flat` after x was broadcast to `shape`.
inline ravine::Index broadcast_source(ravine::Index flat, const ravine::Shape& x, const ravine::Shape& shape) {
  ravine::Index source = 0, stride = 1;
  for (int d = shape.rank() - 1, s = x.rank() - 1; s >= 0; --d, --s) {
    source += (x[s] == 1 ? 0 : flat % shape[d]) * stride;
    stride *= x[s];
    flat /= shape[d];
  }
  return source;
}

/// f of two tensors' elements by NumPy's rule, one after the other.
template <class F>
std::vector<double> broadcast_loop(const ravine::Tensor& a, const ravine::Tensor& b, const ravine::Shape& shape, F f) {
  const std::vector<double> x = values(a), y = values(b);
  std::vector<double> result;
  for (ravine::Index i = 0; i < shape.numel(); ++i)
    result.push_back(f(x[static_cast<std::size_t>(broadcast_source(i, a.shape(), shape))],
                       y[static_cast<std::size_t>(broadcast_source(i, b.shape(), shape))]));
  return result;
}

/// Reduces over the dimensions in `mask`: f gets, for every element of the result, the elements it is made of.
template <class F>
std::vector<double> reduce_loop(const ravine::Tensor& x, unsigned mask, F f) {
  const ravine::Shape& shape = x.shape();
  const ravine::Shape kept = ravine::detail::reduced_shape(shape, mask, true);
  std::vector<std::vector<double>> parts(static_cast<std::size_t>(kept.numel()));
  const std::vector<double> elements = values(x);
  for (ravine::Index i = 0; i < x.numel(); ++i)
    parts[static_cast<std::size_t>(broadcast_source(i, kept, shape))].push_back(elements[static_cast<std::size_t>(i)]);
  std::vector<double> result;
  for (const std::vector<double>& part : parts) result.push_back(f(part));
  return result;
}

/// While it lives, this thread's parallel regions have so many threads.
class Threads {
 public:
  explicit Threads(int count) : saved_(omp_get_max_threads()) { omp_set_num_threads(count); }
  ~Threads() { omp_set_num_threads(saved_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int saved_;
};

/// True if `f` gives the same bits on 1, 2, 3 and 8 threads.
template <class F>
bool same_bits_on_any_threads(F f) {
  const auto on = [&](int count) {
    const Threads threads(count);
    return f();
  };
  const ravine::Tensor one = on(1);
  for (const int count : {2, 3, 8})
    if (!bitwise_equal(one, on(count))) return false;
  return true;
}
