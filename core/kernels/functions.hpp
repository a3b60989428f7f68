/// @file
/// Functions of one register's lanes, within 2 units of the last place of the exact value in float and 3 in
/// double for every argument; the same arithmetic on every instruction set but for what is fused.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <type_traits>
#include <utility>

#include <ravine/core/kernels/simd.hpp>

namespace ravine::kernels {
namespace {  // see simd.hpp

template <class T>
using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
/// The bits of a register of T.
template <class T>
using Bits = Vector<Integer<T>>;

template <class T>
constexpr int fraction_bits = std::numeric_limits<T>::digits - 1;
template <class T>
constexpr Integer<T> exponent_bias = std::numeric_limits<T>::max_exponent - 1;
template <class T>
constexpr T infinite = std::numeric_limits<T>::infinity();

/// Coefficients of polynomials, lowest first, and constants cut into parts. The polynomials are least in their largest
/// error (Remez), found with 60 digits and rounded.
template <class T>
struct Terms;
template <>
struct Terms<float> {
  // exp(r) = 1 + r + r^2 exp(r), |r| < log(2) / 2; log(1 + f) = f - f^2 / 2 + f^3 log(f), 1 + f from sqrt(1/2) to
  // sqrt(2); sin(r) = r + r^3 sin(r^2), cos(r) = 1 - r^2 / 2 + r^4 cos(r^2), |r| < pi / 4; erf(x) = x + x erf(x^2), |x|
  // < 1; Phi(-t) = 2^(near_tail(t - 2) - 1009/1024 - (41/64 t + 123/128) t), 0 <= t <= 4, = 2^(far_tail(t - 37/4) -
  // 5525/4096 - (45/64 t + 135/256) t), 4 <= t <= tail_end; 2^r = 1 + r exp2(r), |r| < 2/3.
  static constexpr float exp[] = {0.49999994F, 0.16666515F, 0.041668456F, 0.00836942F, 0.0013813102F};
  static constexpr float log[] = {0.33333313F,  -0.2500001F, 0.20002149F, -0.1666802F, 0.14218894F,
                                  -0.12404649F, 0.11892472F, -0.1168383F, 0.06746794F};
  static constexpr float sin[] = {-0.16666667F, 0.008333329F, -0.00019839297F, 2.7179406e-06F};
  static constexpr float cos[] = {0.041666668F, -0.0013888883F, 2.479948e-05F, -2.7206784e-07F};
  static constexpr float erf[] = {0.12837917F,  -0.37612626F,    0.11283575F,  -0.026853353F,
                                  0.005187363F, -0.00080009317F, 7.820711e-05F};
  static constexpr float near_tail[] = {0.011745285F,    0.099611275F,    0.001712436F,   -0.014272346F,
                                        0.0023697224F,   -0.00034943648F, 4.1273783e-05F, -2.7888984e-06F,
                                        -4.3241286e-07F, 2.6687607e-07F,  -4.7235268e-08F};
  static constexpr float far_tail[] = {
      0.11604591F,     0.037709355F,   -0.010331599F,    -0.00053314725F, 3.970555e-05F, -3.087984e-06F, 2.4513747e-07F,
      -1.9949162e-08F, 1.6046814e-09F, -1.06918106e-10F, 8.143339e-12F,   -1.23141e-12F, 9.428668e-14F};
  static constexpr float exp2[] = {0.6931472F,    0.24022652F,    0.055504113F,  0.009617895F,
                                   0.0013333224F, 0.00015507678F, 1.5355843e-05F};
  static constexpr float ln2[] = {0.69311523F, 3.1946183e-05F}, log2e[] = {1.442695F, 1.925963e-08F};
  static constexpr float half_pi[] = {1.5707964F, -4.371139e-08F, -1.7151245e-15F};
  static constexpr float tail_end = 14.5F;
  static constexpr float exp_least = -130.0F, exp_most = 89.0F, expm1_least = -20.0F, trigonometric_most = 1e5F;
};
template <>
struct Terms<double> {
  // The same, but that log(1 + f) = 2 s + s^3 log(s^2) for s = f / (2 + f), and exp(t^2 / 2) Phi(-t) (t + tail_at) =
  // tail_start + u tail(u), u = (t - tail_at) / (t + tail_at), for 0.6 <= t <= tail_end; Phi(-t) = 1/2 - t cdf(t^2) for
  // t < 0.6; atan(x) = x + x^3 atan(x^2), |x| <= 1; and short ones, for results in float.
  static constexpr double exp[] = {0.5000000000000012,     0.16666666666666385,    0.04166666666651916,
                                   0.008333333333507734,   0.0013888888946919486,  0.0001984126948600726,
                                   2.4801489352447346e-05, 2.7557597317855194e-06, 2.7631687374071863e-07,
                                   2.4998953697063096e-08};
  static constexpr double log[] = {0.666666666666674,   0.39999999999377933, 0.2857142875130953, 0.2222219758686393,
                                   0.18183619009117016, 0.15312569373343385, 0.14811545350455846};
  static constexpr double sin[] = {-0.16666666666666666,  0.008333333333333323, -0.0001984126984125439,
                                   2.755731921383159e-06, -2.5052104816614e-08, 1.6058354348124377e-10,
                                   -7.57808078085689e-13};
  static constexpr double cos[] = {0.041666666666666664,    -0.0013888888888888874, 2.4801587301570737e-05,
                                   -2.7557319215046827e-07, 2.0876754291337377e-09, -1.14702846991791e-11,
                                   4.737719357794256e-14};
  static constexpr double erf[] = {0.1283791670955126,      -0.3761263890318375,     0.11283791670954828,
                                   -0.026866170645067026,   0.005223977624721593,    -0.0008548326975219265,
                                   0.00012055330904446666,  -1.4925590235290678e-05, 1.6460919010097019e-06,
                                   -1.6349441716236242e-07, 1.4653873348025662e-08,  -1.1349885992103314e-09,
                                   5.91810754624577e-11};
  static constexpr double tail_start = 0.7552851304157515;
  static constexpr double tail[] = {
      -0.6078966419718921,     0.38713740074221487,     -0.18652185795965862,   0.06039657489091965,
      -0.007540188966683566,   -0.0034796923670199864,  0.0016308184569830378,  0.00013334430815035327,
      -0.00023109493071335547, -1.9082299571823555e-06, 3.514466779333084e-05,  7.165464113277807e-07,
      -5.920133622114384e-06,  -6.293706058593057e-07,  1.0215260520221069e-06, 2.712318001501467e-07,
      -1.550296955235428e-07,  -8.478007088110998e-08,  1.3454528161368937e-08, 1.9228167143337637e-08,
      1.7571808428620447e-09,  -2.4163665029062186e-09, -6.708775768888239e-10};
  static constexpr double cdf[] = {0.3989422804014327,      -0.06649038006690544,   0.009973557010035763,
                                   -0.0011873282154797433,  0.00011543468761086162, -9.444656234917858e-06,
                                   6.659692764739148e-07,   -4.12265186918883e-08,  2.2733106004189927e-09,
                                   -1.1280355655878043e-10, 4.984487273464956e-12,  -1.6556138571588794e-13};
  static constexpr double atan[] = {
      -0.33333333333333093,   0.19999999999955437,   -0.14285714282802242,    0.11111111013651033,
      -0.09090907119248567,   0.07692281186520823,   -0.06666414994295845,    0.05880592529524547,
      -0.05253805421191721,   0.04723292853485905,   -0.04221716329466083,    0.03669349299191581,
      -0.029985509209911894,  0.022085068142745846,  -0.013994904822672344,   0.007263298721566249,
      -0.0029193119513718445, 0.0008434743439463739, -0.00015479492355637852, 1.3489076784578032e-05};
  static constexpr double short_exp[] = {0.4999999304465705, 0.16666514783866063, 0.04166845783368367,
                                         0.008369419712797553, 0.0013813102058589145};
  static constexpr double short_log[] = {0.33333333904998014,  -0.24999997019290185, 0.19999909617915196,
                                         -0.16666857819323952, 0.1429023805807345,   -0.1249827915800989,
                                         0.11013825776039134,  -0.0992370524891862,  0.09993512962113367,
                                         -0.09870772463999694, 0.053867700774136835};
  static constexpr double ln2[] = {0.6931471805592082, 7.371002565167799e-13};
  static constexpr double log2e[] = {1.4426950408889634, 2.0355273740931033e-17};
  static constexpr double half_pi[] = {1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33};
  static constexpr double tail_at = 4.0, tail_end = 39.0;
  static constexpr double exp_least = -800.0, exp_most = 710.0, expm1_least = -40.0, trigonometric_most = 1e8;
};

template <class T>
inline Bits<T> bits(Vector<T> x) {
  return (Bits<T>)x;
}
template <class T>
inline Vector<T> of_bits(Bits<T> x) {
  return (Vector<T>)x;
}
template <class T>
inline Bits<T> sign_bit() {
  return Bits<T>{} + std::numeric_limits<Integer<T>>::min();
}
template <class T>
inline Vector<T> magnitude(Vector<T> x) {
  return of_bits<T>(bits<T>(x) & ~sign_bit<T>());
}
/// The magnitude of one with the sign of the other.
template <class T>
inline Vector<T> with_sign(Vector<T> x, Vector<T> of) {
#if defined(__AVX512F__)
  return (Vector<T>)_mm512_ternarylogic_epi32((__m512i)sign_bit<T>(), (__m512i)of, (__m512i)x, 0xca);
#endif
  return of_bits<T>((bits<T>(x) & ~sign_bit<T>()) | (bits<T>(of) & sign_bit<T>()));
}
/// The larger, or the smaller, of two; b if one is NaN.
template <class T>
inline Vector<T> larger(Vector<T> a, Vector<T> b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (Vector<T>)_mm512_max_ps((__m512)a, (__m512)b);
  else
    return (Vector<T>)_mm512_max_pd((__m512d)a, (__m512d)b);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    return (Vector<T>)_mm256_max_ps((__m256)a, (__m256)b);
  else
    return (Vector<T>)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
  return a > b ? a : b;
#endif
}
template <class T>
inline Vector<T> smaller(Vector<T> a, Vector<T> b) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (Vector<T>)_mm512_min_ps((__m512)a, (__m512)b);
  else
    return (Vector<T>)_mm512_min_pd((__m512d)a, (__m512d)b);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    return (Vector<T>)_mm256_min_ps((__m256)a, (__m256)b);
  else
    return (Vector<T>)_mm256_min_pd((__m256d)a, (__m256d)b);
#else
  return a < b ? a : b;
#endif
}
/// min(max(x, lo), hi); NaN stays.
template <class T>
inline Vector<T> within(Vector<T> x, T lo, T hi) {
  return smaller<T>(broadcast(hi), larger<T>(broadcast(lo), x));
}

/// a * b + c rounded once, whatever the processor can.
template <class T>
inline Vector<T> fused(Vector<T> a, Vector<T> b, Vector<T> c) {
#if defined(__FMA__)
  return multiply_add<T>(a, b, c);
#else
  Vector<T> y;
  for (int i = 0; i < lanes<T>; ++i) y[i] = std::fma(a[i], b[i], c[i]);
  return y;
#endif
}

/// A product that must be rounded before it is added to something.
template <class T>
inline Vector<T> unfused(Vector<T> x) {
#if defined(__AVX512F__)
  asm("" : "+v"(x));
#elif defined(__SSE2__)
  asm("" : "+x"(x));
#elif defined(__aarch64__)
  asm("" : "+w"(x));
#endif
  return x;
}

/// 1 / x to 14 bits or more, for x from 1 to 100.
template <class T>
inline Vector<T> near_reciprocal(Vector<T> x) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return (Vector<T>)_mm512_rcp14_ps((__m512)x);
#endif
  return T(1) / x;
}

/// 1 / x to the last digits, for the same x.
template <class T>
inline Vector<T> reciprocal(Vector<T> x) {
  const Vector<T> y = near_reciprocal<T>(x);
  return multiply_add<T>(multiply_add<T>(-x, y, broadcast(T(1))), y, y);
}

/// c + e for c >= |e|, and what its rounding has lost.
template <class T>
struct Sum {
  Sum(T c, Vector<T> e) : value(e + c), lost(e - (value - c)) {}
  Vector<T> value, lost;
};
/// a / (c + e), rounded nearly once; c is a power of 2, |e| <= c / 2 or 0 <= e <= c: then a - c y has no rounding.
template <class T>
inline Vector<T> quotient(Vector<T> a, T c, Vector<T> e) {
  const Vector<T> inverse = near_reciprocal<T>(e + c), y = a * inverse;
  return multiply_add<T>(fused<T>(-y, e, multiply_add<T>(y, broadcast(-c), a)), inverse, y);
}

/// terms[first] + terms[first + 2] z + terms[first + 4] z^2 + …
template <class T, std::size_t n>
inline Vector<T> every_second(Vector<T> z, const T (&terms)[n], int first) {
  const int last = static_cast<int>(n) - 1 - (static_cast<int>(n) - 1 - first) % 2;
  Vector<T> y = broadcast(terms[last]);
#pragma GCC unroll 32
  for (int k = last - 2; k >= first; k -= 2) y = multiply_add<T>(y, z, broadcast(terms[k]));
  return y;
}
/// What is multiplied by x as two sums, of even and of odd powers, which need not wait for each other.
template <class T, std::size_t n>
inline Vector<T> polynomial(Vector<T> x, const T (&terms)[n]) {
  const Vector<T> z = x * x, rest = multiply_add<T>(every_second<T>(z, terms, 2), x, every_second<T>(z, terms, 1));
  return multiply_add<T>(rest, x, broadcast(terms[0]));
}

/// The nearest integer to x, |x| < 2^22 (2^51), as a number and in an integer's bits.
template <class T>
struct Rounded {
  explicit Rounded(Vector<T> x) {
    const T magic = T(1.5) / std::numeric_limits<T>::epsilon();
    const Vector<T> shifted = x + magic;
    number = shifted - magic;
    integer = bits<T>(shifted) - bits<T>(broadcast(magic));
  }
  Vector<T> number;
  Bits<T> integer;
};

/// 2^n for the exponents of normal numbers.
template <class T>
inline Vector<T> power_of_2(Bits<T> n) {
  return of_bits<T>((n + exponent_bias<T>) << fraction_bits<T>);
}

/// A factor 2^n in two steps, the last of which rounds where a result is subnormal; n <= 0 unless it is `rising`.
template <class T, bool rising>
struct Scale {
  explicit Scale(const Rounded<T>& exponent) : n(exponent) {}
  Rounded<T> n;
#if defined(__AVX512F__)
  Vector<T> first(Vector<T> x) const { return x; }
  Vector<T> last(Vector<T> x) const {
    if constexpr (sizeof(T) == 4)
      return (Vector<T>)_mm512_scalef_ps((__m512)x, (__m512)n.number);
    else
      return (Vector<T>)_mm512_scalef_pd((__m512d)x, (__m512d)n.number);
  }
#else
  static constexpr int up = sizeof(T) == 4 ? 64 : 512;
  Bits<T> half() const { return n.integer >> 1; }
  Vector<T> first(Vector<T> x) const { return x * power_of_2<T>(rising ? half() : n.integer + up); }
  Vector<T> last(Vector<T> x) const {
    if constexpr (rising) return x * power_of_2<T>(n.integer - half());
    return x * T(sizeof(T) == 4 ? 0x1p-64 : 0x1p-512);
  }
#endif
};

/// exp(r) - 1 of what is left of x, and of a correction of it, where the nearest multiple of log(2) is taken away.
template <class T, class... Correction>
inline Vector<T> reduced_expm1(Vector<T> x, const Rounded<T>& n, Correction... correction) {
  const Vector<T> high = multiply_add<T>(n.number, broadcast(-Terms<T>::ln2[0]), x);  // exact
  const Vector<T> low = ((n.number * -Terms<T>::ln2[1]) + ... + correction), r = high + low;
  return high + multiply_add<T>(r * r, polynomial<T>(r, Terms<T>::exp), low);
}

/// exp(x), or exp(x + correction), as (1 + m) 2^n; exp_least <= x, and x <= 0 unless it is `rising`.
template <class T, bool rising = false>
struct Exponential {
  template <class... Correction>
  explicit Exponential(Vector<T> x, Correction... correction)
      : n(x * Terms<T>::log2e[0]), m(reduced_expm1<T>(x, n, correction...)) {}
  Exponential(Rounded<T> exponent, Vector<T> rest) : n(exponent), m(rest) {}

  Vector<T> value() const { return times(broadcast(T(1))); }
  /// factor exp(x), of which the exponential alone may be subnormal or 0; |factor| < 1e4.
  Vector<T> times(Vector<T> factor) const {
    const Scale<T, rising> scale(n);
    const Vector<T> first = scale.first(factor);
    return scale.last(multiply_add<T>(first, m, first));
  }
  /// (factor + low) exp(x), where the sum has more digits than one number.
  Vector<T> times(Vector<T> factor, Vector<T> low) const {
    const Scale<T, rising> scale(n);
    return scale.last(scale.first(factor + multiply_add<T>(factor, m, low)));
  }

 private:
  Rounded<T> n;
  Vector<T> m;
};

template <class T>
inline Vector<T> exp(Vector<T> x) {
  return Exponential<T, true>(within<T>(x, Terms<T>::exp_least, Terms<T>::exp_most)).value();
}
/// -|x|, and what is far below changed to what the exponential is 0 of as well.
template <class T>
inline Vector<T> below_zero(Vector<T> x) {
  return larger<T>(broadcast(Terms<T>::exp_least), of_bits<T>(bits<T>(x) | sign_bit<T>()));
}
/// exp(-|x|).
template <class T>
inline Vector<T> decay(Vector<T> x) {
  return Exponential<T>(below_zero<T>(x)).value();
}

template <class T>
inline Vector<T> expm1(Vector<T> x) {
  const Vector<T> in = within<T>(x, Terms<T>::expm1_least, Terms<T>::exp_most);
  const Rounded<T> n(in * Terms<T>::log2e[0]);
  const Vector<T> p = reduced_expm1<T>(in, n), half = power_of_2<T>(n.integer - 1);  // 2^n itself may be too large
  const Vector<T> y = multiply_add<T>(p, half, half - T(0.5)) * T(2);
  return with_sign<T>(n.number == T(0) ? p : y, x);
}

/// A positive number is (1 + f) 2^e, with 1 + f from sqrt(1/2) to sqrt(2).
template <class T>
struct Split {
  explicit Split(Vector<T> x) {
    constexpr T least = std::numeric_limits<T>::min(), large = T(1) / std::numeric_limits<T>::epsilon();
    const auto small = x < least;
    const Bits<T> root = bits<T>(broadcast(T(std::numbers::sqrt2 / 2.0)));
    const Bits<T> above = bits<T>(small ? x * (T(2) * large) : x) - root;
    // The exponent is shifted down as an unsigned number, and becomes a number in the last places of a large one.
    const Bits<T> biased = of_unsigned((above + (exponent_bias<T> << fraction_bits<T>)));
    e = of_bits<T>(bits<T>(broadcast(large)) + biased) - (large + T(exponent_bias<T>));
    e = small ? e - T(fraction_bits<T> + 1) : e;
    f = of_bits<T>((above & ((Integer<T>(1) << fraction_bits<T>)-1)) + root) - T(1);
  }
  Vector<T> e, f;

 private:
  static Bits<T> of_unsigned(Bits<T> x) {
    using Unsigned = Vector<std::make_unsigned_t<Integer<T>>>;
    return (Bits<T>)((Unsigned)x >> fraction_bits<T>);
  }
};

/// log(1 + f) - f, 1 + f from sqrt(1/2) to sqrt(2).
template <class T>
inline Vector<T> log_tail(Vector<T> f) {
  const Vector<T> half_square = f * f * T(0.5);
  if constexpr (sizeof(T) == 4) return f * f * multiply_add<T>(f, polynomial<T>(f, Terms<T>::log), broadcast(T(-0.5)));
  const Vector<T> s = f / (f + T(2)), z = s * s;
  return s * multiply_add<T>(z, polynomial<T>(z, Terms<T>::log), half_square) - half_square;
}

/// e log(2) + log(1 + f).
template <class T>
inline Vector<T> log_of(Vector<T> e, Vector<T> f) {
  const Vector<T> rest = multiply_add<T>(e, broadcast(Terms<T>::ln2[1]), log_tail<T>(f));
  return multiply_add<T>(e, broadcast(Terms<T>::ln2[0]), f + rest);
}

/// y, the logarithm of x, where x is positive and finite; what it must be elsewhere.
template <class T>
inline Vector<T> logarithm(Vector<T> x, Vector<T> y) {
  const Vector<T> zero{}, of_zero = broadcast(-infinite<T>), none = broadcast(std::numeric_limits<T>::quiet_NaN());
  const Vector<T> special = x == zero ? of_zero : x < zero ? none : x;
  return ((x > zero) & (x < infinite<T>)) ? y : special;
}

template <class T>
inline Vector<T> log(Vector<T> x) {
  const Split<T> parts(x);
  return logarithm<T>(x, log_of<T>(parts.e, parts.f));
}

template <class T>
inline Vector<T> log2(Vector<T> x) {
  const Split<T> parts(x);
  const Vector<T> high = broadcast(Terms<T>::log2e[0]), low = broadcast(Terms<T>::log2e[1]);
  const Vector<T> rest = multiply_add<T>(log_tail<T>(parts.f), high, parts.f * low);
  return logarithm<T>(x, parts.e + multiply_add<T>(parts.f, high, rest));
}

template <class T>
inline Vector<T> log1p(Vector<T> x) {
  const Vector<T> u = x + T(1);
  const Split<T> parts(u);
  // 1 + f = (1 + x) / 2^e is rounded once, so that f = x where e is 0. From 2^60 on, 1 is nothing beside x.
  const Vector<T> down = power_of_2<T>(Rounded<T>(within<T>(-parts.e, T(-60), T(60))).integer);
  const Vector<T> f = parts.e > T(60) ? parts.f : x * down + (down - T(1));
  return with_sign<T>(logarithm<T>(u, log_of<T>(parts.e, f)), x);
}

/// log(1 + x) for x in [0, 1].
template <class T>
inline Vector<T> log1p_unit(Vector<T> x) {
  const auto high = x > T(std::numbers::sqrt2 - 1.0);
  const Vector<T> zero{}, one = broadcast(T(1));
  return log_of<T>(high ? one : zero, high ? (x - T(1)) * T(0.5) : x);
}

/// Whether one lane is set.
template <class Mask>
inline bool any(Mask mask) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask((__m512i)mask) != 0;
#elif defined(__AVX2__)
  return !_mm256_testz_si256((__m256i)mask, (__m256i)mask);
#else
  std::int64_t flags[sizeof(Mask) / sizeof(std::int64_t)], all = 0;
  std::memcpy(flags, &mask, sizeof flags);
  for (const std::int64_t flag : flags) all |= flag;
  return all != 0;
#endif
}
/// f of the lanes where `wanted` is set, y in the others.
template <class T, class Mask, class F>
inline Vector<T> replaced(Vector<T> y, Mask wanted, Vector<T> x, F f) {
  if (any(wanted)) [[unlikely]]
    for (int i = 0; i < lanes<T>; ++i)
      if (wanted[i]) y[i] = f(x[i]);
  return y;
}

/// Sine and cosine of what is left of x where the nearest multiple of pi / 2 is taken away.
template <class T>
struct Turn {
  explicit Turn(Vector<T> x) {
    const Rounded<T> n(x * T(2.0 / std::numbers::pi));
    quarter = n.integer;
    const Vector<T> first = fused<T>(n.number, broadcast(-Terms<T>::half_pi[0]), x);  // exact
    const Vector<T> second = unfused<T>(n.number * Terms<T>::half_pi[1]), r = first - second;
    const Vector<T> rest = fused<T>(n.number, broadcast(Terms<T>::half_pi[1]), -second);
    const Vector<T> low = first - r - second - multiply_add<T>(n.number, broadcast(Terms<T>::half_pi[2]), rest);
    const Vector<T> z = r * r, half = z * T(0.5);
    sine = r + multiply_add<T>(z * r, polynomial<T>(z, Terms<T>::sin), low);
    cosine = T(1) - (half - multiply_add<T>(z * z, polynomial<T>(z, Terms<T>::cos), -(r * low)));
  }
  Vector<T> sine, cosine;
  Bits<T> quarter;

  /// The sine after so many more quarters of a turn.
  Vector<T> sine_after(int quarters) const {
    const Bits<T> q = quarter + quarters;
    const Vector<T> y = (q & 1) != 0 ? cosine : sine;
    return of_bits<T>(bits<T>(y) ^ ((q & 2) << (fraction_bits<T> == 52 ? 62 : 30)));
  }
};

template <class T>
inline auto far_out(Vector<T> x) {
  return magnitude<T>(x) > Terms<T>::trigonometric_most;
}

template <class T>
inline Vector<T> sin(Vector<T> x) {
  const Vector<T> y = Turn<T>(x).sine_after(0);
  return replaced<T>(x == T(0) ? x : y, far_out<T>(x), x, [](T v) { return std::sin(v); });
}
template <class T>
inline Vector<T> cos(Vector<T> x) {
  return replaced<T>(Turn<T>(x).sine_after(1), far_out<T>(x), x, [](T v) { return std::cos(v); });
}

template <int first, int... lane>
inline Vector<double> half(Vector<float> x, std::integer_sequence<int, lane...>) {
  return __builtin_convertvector(__builtin_shufflevector(x, x, first + lane...), Vector<double>);
}
/// f, of registers of double, of each half of registers of float.
template <class F, class... X>
inline Vector<float> in_double(F f, X... x) {
  typedef float Half __attribute__((vector_size(register_bytes / 2)));
  const auto lanes_of_half = std::make_integer_sequence<int, lanes<double>>{};
  const Half low = __builtin_convertvector(f(half<0>(x, lanes_of_half)...), Half);
  const Half high = __builtin_convertvector(f(half<lanes<double>>(x, lanes_of_half)...), Half);
  return [&]<int... lane>(std::integer_sequence<int, lane...>) { return __builtin_shufflevector(low, high, lane...); }
  (std::make_integer_sequence<int, lanes<float>>{});
}

template <class T>
inline Vector<T> tan(Vector<T> x) {
  if constexpr (sizeof(T) == 4) {
    return in_double([](Vector<double> v) { return kernels::tan<double>(v); }, x);
  } else {
    const Turn<T> turn(x);
    const Vector<T> y = (turn.quarter & 1) != 0 ? -turn.cosine / turn.sine : turn.sine / turn.cosine;
    return replaced<T>(x == T(0) ? x : y, far_out<T>(x), x, [](T v) { return std::tan(v); });
  }
}

template <class T>
inline Vector<T> atan(Vector<T> x) {
  if constexpr (sizeof(T) == 4) {
    return in_double([](Vector<double> v) { return kernels::atan<double>(v); }, x);
  } else {
    const Vector<T> size = magnitude<T>(x), t = size > T(1) ? T(1) / size : size, z = t * t;
    const Vector<T> a = multiply_add<T>(z * t, polynomial<T>(z, Terms<T>::atan), t);
    return with_sign<T>(size > T(1) ? Terms<T>::half_pi[0] - (a - Terms<T>::half_pi[1]) : a, x);
  }
}

template <class T>
inline Vector<T> tanh(Vector<T> x) {
  const Vector<T> e = expm1<T>(magnitude<T>(x) * T(-2));
  return with_sign<T>(quotient<T>(-e, T(2), e), x);
}

/// 1 / (1 + exp(-x)), of exp(-|x|).
template <class T>
inline Vector<T> sigmoid(Vector<T> x, Vector<T> e) {
  return quotient<T>(x < T(0) ? e : broadcast(T(1)), T(1), e);
}
template <class T>
inline Vector<T> sigmoid(Vector<T> x) {
  return sigmoid<T>(x, decay<T>(x));
}

/// x / (1 + exp(-z)), or of z + correction.
template <class T, class... Correction>
inline Vector<T> times_sigmoid(Vector<T> x, Vector<T> z, Correction... correction) {
  [[maybe_unused]] const auto minus = [&](Vector<T> v) {
    return of_bits<T>(bits<T>(v) ^ (~bits<T>(z) & sign_bit<T>()));
  };
  const Exponential<T> small(below_zero<T>(z), minus(correction)...);
  const Vector<T> e = small.value();
  const Vector<T> y = quotient<T>(z < T(0) ? small.times(x) : x, T(1), e);
  return with_sign<T>(z > T(50) ? x : y, x);  // x may be infinite
}
template <class T>
inline Vector<T> silu(Vector<T> x) {
  return times_sigmoid<T>(larger<T>(broadcast(T(-1000)), x), x);
}

template <class T>
inline Vector<T> positive(Vector<T> x) {
  return larger<T>(Vector<T>{}, x);
}
/// log(1 + exp(beta x)) / beta.
template <class T>
inline Vector<T> softplus(Vector<T> x, Vector<T> beta) {
  const Vector<T> z = unfused<T>(x * beta), zero{};
  const Vector<T> lost = magnitude<T>(z) < T(1000) ? fused<T>(x, beta, -z) : zero;
  const Vector<T> e = Exponential<T>(below_zero<T>(z), z < zero ? lost : -lost).value();
  return log1p_unit<T>(e) / beta + positive<T>(x);
}
/// log(1 + exp(x)) - t x without cancellation.
template <class T>
inline Vector<T> binary_cross_entropy(Vector<T> x, Vector<T> t) {
  return log1p_unit<T>(decay<T>(x)) + ((T(1) - t) * positive<T>(x) + t * positive<T>(-x));
}

/// t^2, of twice the digits, as it goes into an exponential.
template <class T>
struct Square {
  explicit Square(Vector<T> t) : high(unfused<T>(t * t)), low(fused<T>(t, t, -high)) {}
  Exponential<T> density() const { return Exponential<T>(high * T(-0.5), low * T(-0.5)); }
  Vector<T> high, low;
};

/// Phi(-t) for the normal distribution's Phi, 0 <= t <= tail_end.
template <class T>
struct NormalTail {
  NormalTail(Vector<T> t, const Square<T>& square)
      : sum(Terms<T>::tail_at, t),
        inverse(reciprocal<T>(sum.value)),
        u((t - Terms<T>::tail_at) * inverse),
        rest(polynomial<T>(u, Terms<T>::tail)),
        terms(multiply_add<T>(u, rest, broadcast(Terms<T>::tail_start))),
        lost(fused<T>(u, rest, Terms<T>::tail_start - terms)),
        density(square.density()) {}

  /// The same times a factor, with more digits on the way than one number has.
  Vector<T> times(Vector<T> factor) const {
    const Vector<T> product = unfused<T>(factor * terms), y = product * inverse;
    const Vector<T> low = fused<T>(factor, terms, -product) + (factor * lost - y * sum.lost);
    return density.times(y, (fused<T>(-y, sum.value, product) + low) * inverse);
  }

 private:
  Sum<T> sum;
  Vector<T> inverse, u, rest, terms, lost;
  Exponential<T> density;
};

/// By its binary logarithm, which is nearly a square.
template <>
struct NormalTail<float> {
  using T = float;

  NormalTail(Vector<T> t, const Square<T>&) : power(near_or_far(t)) {}
  Vector<T> times(Vector<T> factor) const { return power.times(factor); }

 private:
  /// 2^(n + r)
  struct Exponent {
    Rounded<T> n;
    Vector<T> r;
  };

  /// terms(t - middle) - offset - (factor t + slope) t, of which so many steps to 1 are taken without rounding.
  template <std::size_t count>
  static Exponent exponent(Vector<T> t, const T (&terms)[count], T middle, T steps, T factor, T slope, T offset) {
    const T magic = 1.5F / std::numeric_limits<T>::epsilon() / steps;
    const Vector<T> high = (t + magic) - magic, minus = broadcast(-factor);
    const Vector<T> line = multiply_add<T>(high, minus, broadcast(-slope));
    const Vector<T> exact = multiply_add<T>(high, line, broadcast(-offset));
    const Vector<T> low = multiply_add<T>(t - high, multiply_add<T>(t, minus, line), polynomial<T>(t - middle, terms));
    const Rounded<T> n(exact);
    return {n, (exact - n.number) + low};
  }

  static Exponential<T> near_or_far(Vector<T> t) {
    Exponent e = exponent(t, Terms<T>::near_tail, 2.0F, 128.0F, 0.640625F, 0.9609375F, 0.9853515625F);
    const auto far = t > 4.0F;
    if (any(far)) [[unlikely]] {  // as numbers seldom are
      const Exponent other = exponent(t, Terms<T>::far_tail, 9.25F, 32.0F, 0.703125F, 0.52734375F, 1.348876953125F);
      const Rounded<T> more(other.r);
      e.n.number = far ? other.n.number + more.number : e.n.number;
      e.n.integer = far ? other.n.integer + more.integer : e.n.integer;
      e.r = far ? other.r - more.number : e.r;
    }
    return {e.n, e.r * polynomial<T>(e.r, Terms<T>::exp2)};
  }

  Exponential<T> power;
};

template <class T>
inline Vector<T> erf(Vector<T> x) {
  const Vector<T> size = within<T>(magnitude<T>(x), T(0), T(6)), t = size * T(std::numbers::sqrt2);
  const Vector<T> tail = NormalTail<T>(t, Square<T>(t)).times(broadcast(T(2)));
  const Vector<T> near = multiply_add<T>(size, polynomial<T>(size * size, Terms<T>::erf), size);
  return with_sign<T>(size < T(1) ? near : T(1) - tail, x);
}

/// x Phi(x), and the derivative.
template <class T>
struct Gelu {
  explicit Gelu(Vector<T> at)
      : x(at), size(smaller<T>(broadcast(Terms<T>::tail_end), magnitude<T>(at))), square(size), tail(size, square) {}

  Vector<T> value() const { return larger<T>(broadcast(T(-0.0)), x) - beyond(size); }
  Vector<T> slope() const {
    constexpr T root = static_cast<T>(std::numbers::sqrt2 * std::numbers::inv_sqrtpi / 2.0);
    const Vector<T> outside = beyond(broadcast(T(1))), cdf = x < T(0) ? outside : T(1) - outside;
    return multiply_add<T>(with_sign<T>(square.density().times(size), x), broadcast(root), cdf);
  }

 private:
  /// Phi(-size) times a factor.
  Vector<T> beyond(Vector<T> factor) const {
    const Vector<T> y = tail.times(factor);
    if constexpr (sizeof(T) == 4) {
      return y;
    } else {
      const Vector<T> near = multiply_add<T>(-size, polynomial<T>(square.high, Terms<T>::cdf), broadcast(T(0.5)));
      return size < T(0.6) ? factor * near : y;
    }
  }

  Vector<T> x, size;
  Square<T> square;
  NormalTail<T> tail;
};

/// sqrt(8 / pi) (x + 0.044715 x^3) = z + correction, with twice the digits as it is an exponent; and its derivative.
template <class T>
struct GeluTanh {
  static constexpr long double linear = 1.59576912160573071176L, cubic = 0.044715L * linear;  // sqrt(8 / pi)

  explicit GeluTanh(Vector<T> at) : x(within<T>(at, -Terms<T>::tail_end, Terms<T>::tail_end)) {
    constexpr T a = T(linear), a_low = T(linear - a), b = T(cubic), b_low = T(cubic - b);
    const Vector<T> square = unfused<T>(x * x), square_low = fused<T>(x, x, -square);
    const Vector<T> p = unfused<T>(square * b),
                    p_low = fused<T>(square, broadcast(b), -p) + (square * b_low + square_low * b);
    const Vector<T> sum = p + a, part = sum - a, lost = (a - (sum - part)) + (p - part);
    z = unfused<T>(x * sum);
    correction = fused<T>(x, sum, -z) + x * (lost + (p_low + a_low));
  }
  Vector<T> slope() const { return x * x * T(3 * cubic) + T(linear); }

  Vector<T> x, z, correction;
};
template <class T>
inline Vector<T> gelu_tanh(Vector<T> x) {
  const GeluTanh<T> g(x);
  return times_sigmoid<T>(larger<T>(broadcast(T(-1000)), x), g.z, g.correction);
}

/// x^p of floats, in double.
inline Vector<double> unsigned_power(Vector<double> x, Vector<double> p) {
  using T = double;
  const Split<T> parts(x);
  const Vector<T> f = parts.f, zero{};
  const Vector<T> log = f + f * f * multiply_add<T>(f, polynomial<T>(f, Terms<T>::short_log), broadcast(-0.5));
  const Vector<T> log2 = logarithm<T>(x, multiply_add<T>(log, broadcast(Terms<T>::log2e[0]), parts.e));
  const Vector<T> y = within<T>(log2 * p, -200.0, 200.0);
  const Rounded<T> n(y);
  const Vector<T> r = (y - n.number) * std::numbers::ln2;
  const Vector<T> power = multiply_add<T>(r * r, polynomial<T>(r, Terms<T>::short_exp), r) + 1.0;
  return ((x == 1.0) | (p == zero)) ? zero + 1.0 : power * power_of_2<T>(n.integer);
}
inline Vector<double> pow(Vector<double> x, Vector<double> p) {
  Vector<double> y;  // a logarithm in twice the digits would be needed: the C library's is as exact
  for (int i = 0; i < lanes<double>; ++i) y[i] = std::pow(x[i], p[i]);
  return y;
}
inline Vector<float> pow(Vector<float> x, Vector<float> p) {
  using T = float;
  const Vector<T> y = in_double([](auto a, auto b) { return unsigned_power(a, b); }, magnitude<T>(x), p);
  const auto whole = [](Vector<T> v) {  // from 2^23 on, all are
    const Vector<T> size = magnitude<T>(v), large = broadcast(T(1) / std::numeric_limits<T>::epsilon());
    return (size >= large) | (size + large - large == size);
  };
  const Vector<T> one = broadcast(1.0F), none = broadcast(std::numeric_limits<T>::quiet_NaN());
  const auto negative = bits<T>(x) < 0, odd = whole(p) & ~whole(p * 0.5F);
  const Vector<T> with_sign_of_x = (negative & odd) ? -y : y;
  const auto no_power = (x < 0.0F) & (x > -infinite<T>)&~whole(p);
  return ((x == one) | (p == 0.0F)) ? one : ((x != x) | (p != p)) ? x + p : no_power ? none : with_sign_of_x;
}

}  // namespace
}  // namespace ravine::kernels
