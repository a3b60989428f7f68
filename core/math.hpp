/// @file
/// What formulas of numbers need, by the compiler's own functions: `<cmath>` brings Bessel functions and elliptic
/// integrals with it, a fifteenth of what a program takes to compile.
#pragma once

/// Functions of one number or two; see `<cmath>`.
namespace ravine::math {

[[gnu::always_inline]] inline float sqrt(float x) { return __builtin_sqrtf(x); }
[[gnu::always_inline]] inline double sqrt(double x) { return __builtin_sqrt(x); }
[[gnu::always_inline]] inline float abs(float x) { return __builtin_fabsf(x); }
[[gnu::always_inline]] inline double abs(double x) { return __builtin_fabs(x); }
[[gnu::always_inline]] inline float pow(float x, float y) { return __builtin_powf(x, y); }
[[gnu::always_inline]] inline double pow(double x, double y) { return __builtin_pow(x, y); }
[[gnu::always_inline]] inline double exp(double x) { return __builtin_exp(x); }
[[gnu::always_inline]] inline double expm1(double x) { return __builtin_expm1(x); }
[[gnu::always_inline]] inline double log(double x) { return __builtin_log(x); }
[[gnu::always_inline]] inline double fmin(double x, double y) { return __builtin_fmin(x, y); }
[[gnu::always_inline]] inline double fmax(double x, double y) { return __builtin_fmax(x, y); }

}  // namespace ravine::math
