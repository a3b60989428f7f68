/// @file
/// Numbering different texts; for the library's sources, not its public headers.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Numbers texts 0, 1, … as they first come. It keeps views of them.
class Dictionary {
 public:
  const std::vector<std::string_view>& texts() const { return texts_; }

  /// Has the memory fetched in which `number(text)` will look.
  void prefetch(std::string_view text) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[first(slot(text))]);
  }

  /// The number of a text.
  std::int64_t number(std::string_view text) {
    if (2 * texts_.size() >= slots_.size()) grow();
    const Slot wanted = slot(text);
    for (std::size_t at = first(wanted);; at = (at + 1) & (slots_.size() - 1)) {
      Slot& slot = slots_[at];
      if (slot.number == none) {
        slot = {wanted.key, wanted.size, static_cast<std::uint32_t>(texts_.size())};
        texts_.push_back(text);
        return slot.number;
      }
      if (slot.key == wanted.key && slot.size == wanted.size && (text.size() <= 8 || texts_[slot.number] == text))
        return slot.number;
    }
  }

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  struct Slot {
    std::uint64_t key = 0;  // the text itself if it is short, else a hash
    std::uint32_t size = 0, number = none;
  };

  static Slot slot(std::string_view text) {
    Slot slot{0, static_cast<std::uint32_t>(text.size())};
    if (text.size() > 8)
      slot.key = std::hash<std::string_view>{}(text);
    else
      for (const char c : text) slot.key = slot.key << 8 | static_cast<unsigned char>(c);
    return slot;
  }

  std::size_t first(const Slot& slot) const {
    const std::uint64_t mixed = (slot.key + slot.size) * 0x9e3779b97f4a7c15;  // 2^64 by the golden ratio
    return mixed >> (64 - std::countr_zero(slots_.size()));
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.number == none) continue;
      std::size_t at = first(slot);
      while (slots_[at].number != none) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = slot;
    }
  }

  std::vector<Slot> slots_;  // a power of two, at most half of them taken
  std::vector<std::string_view> texts_;
};

}  // namespace ravine::detail
#pragma GCC visibility pop
