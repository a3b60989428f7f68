// Whether blocks of memory are used again: under the address sanitizer every one is new, so that a use after free is
// seen.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool recycled = false;
#elif defined(__has_feature)
inline constexpr bool recycled = !__has_feature(address_sanitizer);
#else
inline constexpr bool recycled = true;
#endif
