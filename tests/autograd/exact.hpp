// Functions of one number beside the same in long double, in units of the last place.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numbers>
#include <random>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <vector>

struct Function {
  const char* name;
  ravine::Variable (*op)(const ravine::Variable&);
  long double (*exact)(long double);
};

/// x times the part of a distribution below x, which is 0 at -infinity.
inline long double times(long double x, long double part) { return part == 0.0L ? std::copysign(0.0L, x) : x * part; }
inline long double logistic(long double x) { return 1.0L / (1.0L + std::exp(-x)); }

/// The part of the normal distribution below x; far out by a continued fraction, and with the square of x in two parts,
/// whose last digits are many in its exponential.
inline long double normal_part(long double x) {
  if (x > -5.0L) return std::erfc(-x / std::numbers::sqrt2_v<long double>) / 2.0L;
  const long double t = std::min(-x, 1000.0L), high = static_cast<float>(t), low = t - high;
  const long double density = std::exp(-high * high / 2.0L) * std::exp(-low * (high + t) / 2.0L);
  long double fraction = 0.0L;
  for (int k = 100; k > 0; --k) fraction = k / (t + fraction);
  return density / std::numbers::sqrt2_v<long double> * std::numbers::inv_sqrtpi_v<long double> / (t + fraction);
}

template <int p10>
ravine::Variable power(const ravine::Variable& x) {
  return ravine::pow(x, p10 / 10.0);
}
/// The exponent as it is in f64; in f32 these are the same.
template <int p10>
long double power(long double x) {
  return std::pow(x, p10 / 10.0L);
}

inline const std::vector<Function> functions = {
    {"sqrt", ravine::sqrt, [](long double x) { return std::sqrt(x); }},
    {"rsqrt", ravine::rsqrt, [](long double x) { return 1.0L / std::sqrt(x); }},
    {"reciprocal", ravine::reciprocal, [](long double x) { return 1.0L / x; }},
    {"exp", ravine::exp, [](long double x) { return std::exp(x); }},
    {"expm1", ravine::expm1, [](long double x) { return std::expm1(x); }},
    {"log", ravine::log, [](long double x) { return std::log(x); }},
    {"log2", ravine::log2, [](long double x) { return std::log2(x); }},
    {"log1p", ravine::log1p, [](long double x) { return std::log1p(x); }},
    {"sin", ravine::sin, [](long double x) { return std::sin(x); }},
    {"cos", ravine::cos, [](long double x) { return std::cos(x); }},
    {"tan", ravine::tan, [](long double x) { return std::tan(x); }},
    {"atan", ravine::atan, [](long double x) { return std::atan(x); }},
    {"erf", ravine::erf, [](long double x) { return std::erf(x); }},
    {"pow 2.5", power<25>, power<25>},
    {"pow -1.5", power<-15>, power<-15>},
    {"pow -2", power<-20>, power<-20>},
    {"pow 3", power<30>, power<30>},
    {"pow -37", power<-370>, power<-370>},
    {"tanh", ravine::tanh, [](long double x) { return std::tanh(x); }},
    {"sigmoid", ravine::sigmoid, logistic},
    {"silu", ravine::silu, [](long double x) { return times(x, logistic(x)); }},
    {"gelu", [](const ravine::Variable& x) { return ravine::gelu(x); },
     [](long double x) { return times(x, normal_part(x)); }},
    {"gelu, tanh", [](const ravine::Variable& x) { return ravine::gelu(x, "tanh"); },
     [](long double x) {
       const long double root = std::numbers::sqrt2_v<long double> * std::numbers::inv_sqrtpi_v<long double>;
       return times(x, logistic(2.0L * root * (x + 0.044715L * x * x * x)));
     }},
    {"elu", [](const ravine::Variable& x) { return ravine::elu(x); },
     [](long double x) { return x > 0.0L ? x : std::expm1(x); }},
    {"softplus", [](const ravine::Variable& x) { return ravine::softplus(x); },
     [](long double x) { return std::log1p(std::exp(-std::abs(x))) + (x < 0.0L ? 0.0L : x); }},
};

/// Of every size, subnormal ones, infinities and NaN among them, many where functions bend, and all special ones.
template <class T>
std::vector<T> arguments(std::size_t count) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> near(-20.0, 20.0), exponent(-9.0, 4.0);
  std::vector<T> x;
  using Limits = std::numeric_limits<T>;
  for (const T v : {T(0), T(0.5), T(1), T(2), T(8), T(88.7), T(103.9), T(709.7), T(745), Limits::infinity(),
                    Limits::quiet_NaN(), Limits::max(), Limits::min(), Limits::denorm_min(), Limits::epsilon()})
    x.insert(x.end(), {v, -v});
  while (x.size() < count) {
    const std::uint64_t bits = random();
    T any;
    std::memcpy(&any, &bits, sizeof any);
    x.push_back(any);
    x.push_back(static_cast<T>(near(random)));
    x.push_back(static_cast<T>(std::copysign(std::pow(10.0, exponent(random)), near(random))));
  }
  return x;
}

/// |found - exact| in units of the exact value's last place; infinite where only one of them is a number, or a zero has
/// the other sign.
template <class T>
double ulps(T found, long double exact) {
  using Limits = std::numeric_limits<T>;
  if (std::isnan(exact) || std::isnan(found)) return std::isnan(exact) && std::isnan(found) ? 0.0 : INFINITY;
  if (std::isinf(static_cast<T>(exact)) && std::isinf(found)) return (found > 0) == (exact > 0) ? 0.0 : INFINITY;
  if (exact == 0.0L && found == T(0)) return std::signbit(found) == std::signbit(exact) ? 0.0 : INFINITY;
  const int exponent = exact == 0.0L ? Limits::min_exponent - 1 : std::max(std::ilogb(exact), Limits::min_exponent - 1);
  // What is too large for T counts as the power of 2 that follows.
  const long double value = std::isinf(found) ? std::copysign(std::ldexp(1.0L, Limits::max_exponent), found) : found;
  return static_cast<double>(std::abs(value - exact) / std::ldexp(1.0L, exponent - (Limits::digits - 1)));
}

struct Worst {
  double ulps = 0.0, at = 0.0;
};

template <class T>
Worst worst(const Function& f, const std::vector<T>& x) {
  ravine::Tensor at({static_cast<ravine::Index>(x.size())}, ravine::dtype_of<T>());
  std::copy(x.begin(), x.end(), at.mutable_data<T>());
  const ravine::Tensor y = f.op(at).value();
  const T* found = y.data<T>();
  Worst result;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error = ulps(found[i], f.exact(static_cast<long double>(x[i])));
    if (!(error <= result.ulps)) result = {error, static_cast<double>(x[i])};
  }
  return result;
}
