/// @file
/// What a column of text holds; for the library's sources, not its public headers.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include <ravine/data/table.hpp>

namespace ravine::detail {

/// Stands for a text: up to seven bytes are in it, more are where it points to. 0 stands for none.
using TextWord = std::int64_t;

inline constexpr std::size_t most_in_word = 7;
inline constexpr bool low_byte_first = std::endian::native == std::endian::little;

/// The text of a word; it lives as long as the word and what has kept it.
inline std::string_view text_of(const TextWord& word) {
  if (word & 1)  // in the low byte: 1, and twice the size
    return {reinterpret_cast<const char*>(&word) + low_byte_first, static_cast<std::size_t>(word >> 1 & 7)};
  if (word == 0) return {};
  const char* const at = reinterpret_cast<const char*>(word);
  std::size_t size = static_cast<unsigned char>(*at);
  if (size < 255) return {at + 1, size};
  std::memcpy(&size, at + 1, sizeof size);
  return {at + 1 + sizeof size, size};
}

/// Keeps copies of texts.
class TextMemory {
 public:
  /// The word of a text, after which bytes can be read up to `end`.
  TextWord keep(std::string_view text, const char* end) {
    return text.size() <= most_in_word ? in_word(text, end) : outside(text);
  }
  TextWord keep(std::string_view text) { return keep(text, text.data() + text.size()); }

 private:
  static TextWord in_word(std::string_view text, const char* end) {
    std::uint64_t bytes = 0;
    if (end - text.data() >= 8)
      std::memcpy(&bytes, text.data(), 8);
    else
      std::copy_n(text.data(), text.size(), reinterpret_cast<char*>(&bytes));
    const std::size_t others = 8 * (most_in_word - text.size());  // bits
    const std::uint64_t tag = 2 * text.size() + 1;
    if (low_byte_first) return static_cast<TextWord>(((bytes << 8) & (~std::uint64_t{0} >> others)) | tag);
    return static_cast<TextWord>((bytes & (~std::uint64_t{0} << 8 << others)) | tag);
  }
  TextWord outside(std::string_view text);

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* at_ = nullptr;  // in the last block, an even address
  std::size_t left_ = 0, block_ = 128;
};

/// The texts of a column. Their categories are found when they are first asked for, and kept.
class Texts {
 public:
  /// Of words, (rows), and all that has kept them.
  Texts(Tensor words, std::vector<TextMemory> memory) : words_(std::move(words)), memory_(std::move(memory)) {}

  Index size() const { return words_.numel(); }
  bool missing(Index row) const { return words_.raw<TextWord>()[row] == 0; }
  /// Empty if it is missing.
  std::string_view at(Index row) const { return text_of(words_.raw<TextWord>()[row]); }
  const data::Categorical& categorical() const;

 private:
  Tensor words_;
  std::vector<TextMemory> memory_;
  mutable std::once_flag found_;
  mutable data::Categorical categorical_;
};

/// Such texts, one after the other.
class TextsBuilder {
 public:
  explicit TextsBuilder(Index rows) : words_({rows}, i64), next_(words_.mutable_data<TextWord>()) {}
  void add(std::string_view text) { *next_++ = memory_.keep(text); }
  void add_missing() { *next_++ = 0; }
  void add(const Texts& texts, Index row) { texts.missing(row) ? add_missing() : add(texts.at(row)); }
  std::shared_ptr<const Texts> texts();

 private:
  Tensor words_;
  TextWord* next_;
  TextMemory memory_;
};

}  // namespace ravine::detail
