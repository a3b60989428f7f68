#include <ravine/data/stored.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include <ravine/core/text.hpp>
#include <ravine/data/error.hpp>

namespace ravine::detail {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are written as they lie in memory");

/// IEEE's number of 16 bits.
struct Half {
  std::uint16_t bits;
  operator float() const {
    const std::uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
    const float size = exponent == 0
                           ? std::ldexp(static_cast<float>(fraction), -24)
                           : std::bit_cast<float>((exponent + (exponent == 31 ? 224 : 112)) << 23 | fraction << 13);
    return std::copysign(size, bits >> 15 ? -1.0f : 1.0f);
  }
};

/// The upper half of an f32.
struct BrainFloat {
  std::uint16_t bits;
  operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};

template <class T>
T swap_bytes(T value) {
  auto bytes = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
  std::reverse(bytes.begin(), bytes.end());
  return std::bit_cast<T>(bytes);
}

/// What elements that are stored so become.
template <class Stored>
using Element = std::conditional_t<
    std::is_class_v<Stored>, float,
    std::conditional_t<std::is_integral_v<Stored> && !std::is_same_v<Stored, std::uint8_t>, std::int64_t, Stored>>;

/// Calls f with an element as it is stored.
template <class F>
auto visit_stored(StoredType type, F f) {
  switch (type.kind << 4 | static_cast<int>(type.bytes)) {
    case 'b' << 4 | 1:
    case 'u' << 4 | 1: return f(std::uint8_t{});
    case 'u' << 4 | 2: return f(std::uint16_t{});
    case 'u' << 4 | 4: return f(std::uint32_t{});
    case 'u' << 4 | 8: return f(std::uint64_t{});
    case 'i' << 4 | 1: return f(std::int8_t{});
    case 'i' << 4 | 2: return f(std::int16_t{});
    case 'i' << 4 | 4: return f(std::int32_t{});
    case 'i' << 4 | 8: return f(std::int64_t{});
    case 'f' << 4 | 2: return f(Half{});
    case 'g' << 4 | 2: return f(BrainFloat{});
    case 'f' << 4 | 4: return f(float{});
    default: return f(double{});
  }
}

template <class Stored>
void convert(ByteSource& source, bool swapped, Element<Stored>* to, Index n) {
  if constexpr (std::is_same_v<Stored, Element<Stored>>)
    if (!swapped) return source.next(to, static_cast<std::size_t>(n) * sizeof(Stored));
  std::vector<Stored> part(static_cast<std::size_t>(std::min(n, Index{8192})));
  for (Index i = 0; i < n;) {
    const auto count = std::min(part.size(), static_cast<std::size_t>(n - i));
    source.next(part.data(), count * sizeof(Stored));
    for (std::size_t k = 0; k < count; ++k, ++i) {
      const Stored value = swapped ? swap_bytes(part[k]) : part[k];
      if constexpr (std::is_same_v<Stored, std::uint64_t>)
        if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
          throw data::FormatError(text(source.name, ": element ", i, " is ", value, ", which i64 does not hold"));
      to[i] = static_cast<Element<Stored>>(value);
    }
  }
}

}  // namespace

DType dtype_of(StoredType type) {
  return visit_stored(type, [](auto stored) { return ravine::dtype_of<Element<decltype(stored)>>(); });
}

bool lies_as_in_memory(StoredType type) {
  const bool stays =
      visit_stored(type, [](auto stored) { return std::is_same_v<decltype(stored), Element<decltype(stored)>>; });
  return stays && (!type.swapped || type.bytes == 1);
}

std::optional<std::uint64_t> possible_numel(std::span<const Index> shape) {
  constexpr std::uint64_t limit = std::uint64_t{1} << 45;  // a tensor's
  std::uint64_t product = 1;
  bool empty = false;
  for (const Index size : shape) {
    empty |= size == 0;
    if (size == 0) continue;
    if (__builtin_mul_overflow(product, static_cast<std::uint64_t>(size), &product) || product >= limit) return {};
  }
  return empty ? 0 : product;
}

Tensor read_elements(ByteSource& source, StoredType type, const Shape& shape) {
  Tensor x(shape, dtype_of(type));
  visit_stored(type, [&](auto stored) {
    using Stored = decltype(stored);
    convert<Stored>(source, type.swapped, x.raw<Element<Stored>>(), x.numel());
  });
  return x;
}

}  // namespace ravine::detail
