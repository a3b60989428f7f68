/// @file
/// Numbering different texts; for the library's sources, not its public headers.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include <ravine/core/dtype.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Numbers texts 0, 1, … as they first come. It keeps views of them.
class Dictionary {
 public:
  const std::vector<std::string_view>& texts() const { return texts_; }

  /// The number of a text. One that is new is kept as `keep()` gives it, equal but longer-lived.
  template <class Keep>
  std::uint32_t number(std::string_view text, Keep keep) {
    if (2 * texts_.size() >= slots_.size()) grow();
    const auto hash = static_cast<std::uint32_t>(std::hash<std::string_view>{}(text));
    std::size_t at = hash & (slots_.size() - 1);
    for (; slots_[at].number != none; at = (at + 1) & (slots_.size() - 1))
      if (slots_[at].hash == hash && texts_[slots_[at].number] == text) return slots_[at].number;
    slots_[at] = {hash, static_cast<std::uint32_t>(texts_.size())};
    texts_.push_back(keep());
    return slots_[at].number;
  }

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  struct Slot {
    std::uint32_t hash = 0, number = none;
  };

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.number == none) continue;
      std::size_t at = slot.hash & (slots_.size() - 1);
      while (slots_[at].number != none) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = slot;
    }
  }

  std::vector<Slot> slots_;  // a power of two, at most half of them taken
  std::vector<std::string_view> texts_;
};

}  // namespace ravine::detail
#pragma GCC visibility pop
