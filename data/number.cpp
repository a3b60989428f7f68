#include <ravine/data/number.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

namespace ravine::detail {
namespace {

using Size = std::int64_t;

constexpr std::uint64_t exact_integers = std::uint64_t{1} << 53;  // f64 has all up to this one
constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};  // all exact

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
bool is_letter(char c) { return static_cast<unsigned char>((c | 0x20) - 'a') < 26; }

constexpr std::uint64_t eight(std::uint64_t byte) { return byte * 0x0101010101010101; }

// Eight digits at once, on processors whose first byte is the lowest.
[[gnu::always_inline]] inline const char* read_digits(const char* at, const char* end, std::uint64_t& value) {
  constexpr std::uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
  while (std::endian::native == std::endian::little && end - at >= 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, at, 8);
    const std::uint64_t others =
        ((bytes + eight(0x46)) | (bytes - eight('0'))) & eight(0x80);  // the first one is right
    const int count = others == 0 ? 8 : std::countr_zero(others) / 8;
    if (count == 0) return at;
    bytes = (bytes << (8 * (8 - count))) & eight(0x0f);          // leading zeros
    bytes = (bytes * 10 + (bytes >> 8)) & 0x00ff00ff00ff00ff;    // pairs of digits
    bytes = (bytes * 100 + (bytes >> 16)) & 0x0000ffff0000ffff;  // fours
    value = value * tens[count] + ((bytes * 10000 + (bytes >> 32)) & 0xffffffff);
    at += count;
    if (count < 8) return at;
  }
  for (; at != end && is_digit(*at); ++at) value = 10 * value + static_cast<std::uint64_t>(*at - '0');
  return at;
}

// The exponent at `at`, if there is one; more than any number needs counts as 10^15.
const char* read_exponent(const char* at, const char* end, Size& exponent) {
  exponent = 0;
  if (at == end || (*at | 0x20) != 'e') return at;
  const char* digit = at + 1;
  const bool negative = digit != end && *digit == '-';
  if (digit != end && (*digit == '-' || *digit == '+')) ++digit;
  if (digit == end || !is_digit(*digit)) return at;
  for (; digit != end && is_digit(*digit); ++digit)
    exponent = std::min<Size>(10 * exponent + (*digit - '0'), 1'000'000'000'000'000);
  if (negative) exponent = -exponent;
  return digit;
}

// For a number of any length, [begin, end), without a sign; its point, if it has one, is at `point`.
void read_any(const char* begin, const char* end, const char* point, Size exponent, Number& number) {
  const auto result = std::from_chars(begin, end, number.value);
  if (result.ec != std::errc::result_out_of_range) return;
  const char* first = std::find_if(begin, end, [](char c) { return c != '0' && is_digit(c); });
  number.out_of_range = true;
  number.value = point - first + exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
}

// "12.345.678" without what separates the thousands; the same if that is not where it should be.
std::string without_thousands(std::string_view field, const NumberFormat& format) {
  const auto whole = field.substr(0, field.find(format.decimal));
  const auto first = whole.find_first_of("0123456789");
  std::string result(field.substr(0, std::min(first, whole.size())));
  Size group = 0, groups = 0;
  for (const char c : whole.substr(result.size())) {
    const bool separates = c == format.thousands;
    if (separates && (group < 1 || group > 3 || (groups > 0 && group != 3))) return std::string(field);
    if (!separates) result += c;
    groups += separates;
    group = separates ? 0 : group + is_digit(c);
  }
  if (groups > 0 && group != 3) return std::string(field);
  return result.append(field.substr(whole.size()));
}

}  // namespace

std::string_view trim(std::string_view field) {
  const auto first = field.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return field.substr(first, field.find_last_not_of(" \t") - first + 1);
}

const char* read_number(const char* at, const char* end, char decimal, Number& number) {
  const bool negative = at != end && *at == '-';
  at += at != end && (*at == '-' || *at == '+');  // no branch: signs come as they like
  const char* const begin = at;
  std::uint64_t digits = 0;
  const char* const point = at = read_digits(at, end, digits);
  if (at != end && *at == decimal) at = read_digits(at + 1, end, digits);
  const Size fraction = at == point ? 0 : at - point - 1, count = point - begin + fraction;
  if (count == 0) return nullptr;
  Size exponent = 0;
  at = read_exponent(at, end, exponent);

  const Size power = exponent - fraction;
  const bool exact = count <= 19 && digits <= exact_integers;
  number = {.integer = at == point};
  number.leading_zeros = number.integer && count > 1 && *begin == '0';
  number.inexact = number.integer && !exact;
  if (exact && power <= 0 && power >= -22)  // both exact, so that the quotient is rounded once
    number.value = static_cast<double>(digits) / powers[-power];
  else if (exact && power > 0 && power <= 22)
    number.value = static_cast<double>(digits) * powers[power];
  else if (decimal == '.')
    read_any(begin, at, point, exponent, number);
  else {
    std::string copy(begin, at);
    if (fraction > 0 || at != point) std::replace(copy.begin(), copy.end(), decimal, '.');
    read_any(copy.data(), copy.data() + copy.size(), copy.data() + (point - begin), exponent, number);
  }
  number.value = std::copysign(number.value, negative ? -1.0 : 1.0);
  return at;
}

std::optional<Number> parse_number(std::string_view field, const NumberFormat& format) {
  field = trim(field);
  std::string copy;
  if (format.thousands != '\0' && field.find(format.thousands) != std::string_view::npos)
    field = copy = without_thousands(field, format);
  Number number;
  const char* const end = field.data() + field.size();
  if (const char* behind = read_number(field.data(), end, format.decimal, number)) {
    if (behind != end) return std::nullopt;
    return number;
  }
  if (field.size() > 1 && field[0] == '+') field.remove_prefix(1);
  if (field.empty() || !(is_letter(field[0]) || (field[0] == '-' && field.size() > 1 && is_letter(field[1]))))
    return std::nullopt;
  const auto [behind, error] = std::from_chars(field.data(), end, number.value);
  if (error != std::errc{} || behind != end) return std::nullopt;
  return number;
}

}  // namespace ravine::detail
