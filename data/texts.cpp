#include <ravine/data/texts.hpp>

#include <ravine/data/dictionary.hpp>

namespace ravine::detail {
namespace {

constexpr std::size_t most_block = std::size_t{1} << 20;

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

// Sorts them; each one's position, by its number.
std::vector<std::int64_t> sort(const std::vector<std::string_view>& texts, std::vector<std::string>& sorted) {
  std::vector<Ranked> ranked;
  ranked.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) ranked.emplace_back(texts[i], i);
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::int64_t> positions(texts.size());
  sorted.reserve(texts.size());
  for (const Ranked& one : ranked) {
    positions[one.number] = static_cast<std::int64_t>(sorted.size());
    sorted.emplace_back(one.text);
  }
  return positions;
}

data::Categorical find_categories(const Texts& texts) {
  constexpr Index ahead = 16;  // so far the memory is fetched in which a text will be looked for
  data::Categorical result{Tensor({texts.size()}, i64), {}};
  auto* const codes = result.codes.mutable_data<std::int64_t>();
  Dictionary different;
  for (Index row = 0; row < texts.size(); ++row) {
    if (row + ahead < texts.size()) different.prefetch(texts.at(row + ahead));
    codes[row] = texts.missing(row) ? -1 : different.number(texts.at(row));
  }
  const auto positions = sort(different.texts(), result.categories);
  for (Index row = 0; row < texts.size(); ++row)
    if (codes[row] >= 0) codes[row] = positions[static_cast<std::size_t>(codes[row])];
  return result;
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
  std::call_once(found_, [this] { categorical_ = find_categories(*this); });
  return categorical_;
}

std::shared_ptr<const Texts> TextsBuilder::texts() {
  std::vector<TextMemory> memory;
  memory.push_back(std::move(memory_));
  return std::make_shared<const Texts>(std::move(words_), std::move(memory));
}

}  // namespace ravine::detail
