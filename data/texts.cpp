#include <ravine/data/texts.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <string>

namespace ravine::detail {
namespace {

constexpr std::size_t most_block = std::size_t{1} << 20;

// Numbers texts 0, 1, … as they first come. It keeps their words.
class Dictionary {
 public:
  const std::vector<TextWord>& words() const { return words_; }

  /// What a text is looked for by: itself, and then odd, or an even hash.
  static std::uint64_t key(const TextWord& word) {
    if (word & 1) return static_cast<std::uint64_t>(word);
    return std::hash<std::string_view>{}(text_of(word)) & ~std::uint64_t{1};
  }

  /// Has the memory fetched in which `number` will look.
  void prefetch(std::uint64_t key) const { __builtin_prefetch(&slots_[first(key)]); }

  /// The number of a text that has this key.
  std::int64_t number(std::uint64_t key, const TextWord& word) {
    if (2 * words_.size() >= slots_.size()) grow();
    for (std::size_t at = first(key);; at = (at + 1) & (slots_.size() - 1)) {
      Slot& slot = slots_[at];
      if (slot.number == none) {
        slot = {key, static_cast<std::int64_t>(words_.size())};
        words_.push_back(word);
        return slot.number;
      }
      if (slot.key == key && (key & 1 || text_of(words_[static_cast<std::size_t>(slot.number)]) == text_of(word)))
        return slot.number;
    }
  }

 private:
  static constexpr std::int64_t none = -1;
  struct Slot {
    std::uint64_t key = 0;
    std::int64_t number = none;
  };

  std::size_t first(std::uint64_t key) const {
    const std::uint64_t mixed = key * 0x9e3779b97f4a7c15;  // 2^64 by the golden ratio
    return mixed >> (64 - std::countr_zero(slots_.size()));
  }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.number == none) continue;
      std::size_t at = first(slot.key);
      while (slots_[at].number != none) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = slot;
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(64);  // a power of two, at most half of them taken
  std::vector<TextWord> words_;
};

// Numbers a column's texts, -1 where they are missing.
void number(Dictionary& different, const TextWord* words, Index rows, std::int64_t* codes) {
  constexpr Index block = 32;  // of which the slots are fetched before the first is looked at
  std::array<std::uint64_t, block> keys;
  for (Index begin = 0; begin < rows; begin += block) {
    const Index count = std::min(block, rows - begin);
    for (Index i = 0; i < count; ++i)
      different.prefetch(keys[static_cast<std::size_t>(i)] = different.key(words[begin + i]));
    for (Index i = 0; i < count; ++i) {
      const TextWord& word = words[begin + i];
      codes[begin + i] = word == 0 ? -1 : different.number(keys[static_cast<std::size_t>(i)], word);
    }
  }
}

// A text, to be sorted, and its number.
struct Ranked {
  Ranked(std::string_view given, std::size_t its_number) : text(given), number(its_number) {
    for (std::size_t i = 0; i < 8; ++i)
      prefix = prefix << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0);
  }
  bool operator<(const Ranked& other) const {
    return prefix != other.prefix ? prefix < other.prefix : text < other.text;
  }

  std::uint64_t prefix = 0;  // the first bytes: most comparisons need no more
  std::string_view text;
  std::size_t number;
};

// Sorts texts; each one's position, by its number.
std::vector<std::int64_t> sort(const std::vector<TextWord>& words, std::vector<std::string>& sorted) {
  std::vector<Ranked> ranked;
  ranked.reserve(words.size());
  for (const TextWord& word : words) ranked.emplace_back(text_of(word), ranked.size());
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::int64_t> positions(words.size());
  sorted.reserve(words.size());
  for (const Ranked& one : ranked) {
    positions[one.number] = static_cast<std::int64_t>(sorted.size());
    sorted.emplace_back(one.text);
  }
  return positions;
}

data::Categorical find_categories(const Tensor& words) {
  data::Categorical found{Tensor(words.shape(), i64), {}};
  auto* const code = found.codes.mutable_data<std::int64_t>();
  Dictionary different;
  number(different, words.raw<TextWord>(), words.numel(), code);
  const auto positions = sort(different.words(), found.categories);
  for (Index row = 0; row < words.numel(); ++row)
    if (code[row] >= 0) code[row] = positions[static_cast<std::size_t>(code[row])];
  return found;
}

}  // namespace

TextWord TextMemory::outside(std::string_view text) {
  const std::size_t size = text.size(), head = size < 255 ? 1 : 1 + sizeof size, need = (head + size + 1) / 2 * 2;
  if (need > left_) {
    block_ = std::min(2 * block_, most_block);
    left_ = std::max(block_, need);
    at_ = blocks_.emplace_back(std::make_unique_for_overwrite<char[]>(left_)).get();
  }
  char* const to = at_;
  *to = static_cast<char>(std::min<std::size_t>(size, 255));
  if (head > 1) std::memcpy(to + 1, &size, sizeof size);
  std::memcpy(to + head, text.data(), size);
  at_ += need;
  left_ -= need;
  return static_cast<TextWord>(reinterpret_cast<std::uintptr_t>(to));
}

const data::Categorical& Texts::categorical() const {
  std::call_once(found_, [this] { categorical_ = find_categories(words_); });
  return categorical_;
}

std::shared_ptr<const Texts> TextsBuilder::texts() {
  std::vector<TextMemory> memory;
  memory.push_back(std::move(memory_));
  return std::make_shared<const Texts>(std::move(words_), std::move(memory));
}

}  // namespace ravine::detail
