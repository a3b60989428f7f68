#include <ravine/dist/hash.hpp>

#include <cstring>

#include <ravine/core/text.hpp>

namespace ravine::detail {

std::uint64_t hash(std::string_view bytes, std::uint64_t before) {
  std::uint64_t h = before;
  const auto add = [&](std::uint64_t word) {
    h = (h ^ word) * 0x9E3779B97F4A7C15;  // odd, of bits that look random: 2^64 over the golden ratio
    h ^= h >> 32;
  };
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    add(word);
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, bytes.data(), bytes.size());
  add(rest);
  add(bytes.size() + 1);
  return h;
}

std::uint64_t hash(const nn::Module::NamedVariables& variables, std::uint64_t before) {
  for (const auto& [name, variable] : variables) {
    const Tensor& x = variable.value();
    before = hash(text(name, " ", x.dtype(), " ", x.shape()), before);
    before = hash({reinterpret_cast<const char*>(x.bytes()), static_cast<std::size_t>(x.numel()) * size_of(x.dtype())},
                  before);
  }
  return before;
}

}  // namespace ravine::detail

namespace ravine::dist {

std::uint64_t hash(const nn::Module& module) {
  return detail::hash(module.named_buffers(), detail::hash(module.named_parameters()));
}

}  // namespace ravine::dist
