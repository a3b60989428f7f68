#include <ravine/core/utf8.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

namespace ravine::detail {

std::string valid_utf8(const std::string& text) {
  using nlohmann::json;
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return text;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

}  // namespace ravine::detail
