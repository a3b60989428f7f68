#include <ravine/compare/setup.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include <zlib.h>

#include <ravine/core/text.hpp>

namespace ravine::compare {
namespace {

using detail::text;

Json protocol_json(const Protocol& protocol) {
  return {{"trials", protocol.trials},
          {"tune_seeds", protocol.tune_seeds},
          {"seeds", protocol.seeds},
          {"budget", protocol.budget},
          {"targets", protocol.targets}};
}

Json space_json(const std::vector<SearchRange>& space) {
  Json ranges = Json::array();
  for (const SearchRange& range : space)
    ranges.push_back({{"option", range.option},
                      {"low", range.low},
                      {"high", range.high},
                      {"scale", range.logarithmic ? "log" : "linear"}});
  return ranges;
}

/// Names may be of any bytes.
std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// The values of a field of all elements of a list, as text.
std::string all(const Json& list, const char* field) {
  std::string words;
  for (const Json& one : list) words += (words.empty() ? "" : ", ") + dumped(one.value(field, Json()));
  return words;
}

/// The words, or of many those about a place.
std::string about(const std::string& words, std::size_t place) {
  const std::size_t first = words.size() > 100 && place > 20 ? place - 20 : 0;
  return (first > 0 ? "…" : "") + words.substr(first, 100) + (words.size() > first + 100 ? "…" : "");
}

void check_equal(const std::string& what, const std::string& mine, const std::string& there, const std::string& file) {
  if (mine == there) return;
  const auto place = static_cast<std::size_t>(
      std::mismatch(mine.begin(), mine.end(), there.begin(), there.end()).first - mine.begin());
  throw std::invalid_argument(text("compare: ", file, " is of another comparison: its ", what, ": ",
                                   about(there, place), "; here: ", about(mine, place)));
}

}  // namespace

Json checksum_json(const Problem& problem) { return problem.checksum.empty() ? Json() : Json(problem.checksum); }

Json setup_json(const std::vector<Problem>& problems, const std::vector<Method>& methods, const Protocol& protocol) {
  Json result{{"protocol", protocol_json(protocol)}, {"problems", Json::array()}, {"methods", Json::array()}};
  for (const Problem& problem : problems)
    result["problems"].push_back({{"name", problem.name}, {"checksum", checksum_json(problem)}});
  for (const Method& method : methods)
    result["methods"].push_back({{"name", method.name}, {"search_space", space_json(method.space)}});
  return result;
}

void check_same(const Json& mine, const Json& there, const std::string& file) {
  for (const auto& [what, value] : mine.at("protocol").items())
    check_equal(what, dumped(value), dumped(there.value("protocol", Json()).value(what, Json())), file);
  for (const auto& [list, field] : {std::pair("problems", "name"), {"methods", "name"}, {"methods", "search_space"}})
    check_equal(text(list, field[0] == 'n' ? "" : "' search spaces"), all(mine.at(list), field),
                all(there.value(list, Json::array()), field), file);
  for (std::size_t i = 0; i < mine.at("problems").size(); ++i) {
    const Json &problem = mine.at("problems")[i], checksum = there.at("problems")[i].value("checksum", Json());
    if (checksum != problem.at("checksum"))
      throw std::invalid_argument(text("compare: ", file, " is of another comparison: the data of ",
                                       dumped(problem.at("name")), " were others, with the checksum ", dumped(checksum),
                                       "; here: ", dumped(problem.at("checksum"))));
  }
}

std::string checksum(std::string_view bytes) {
  const uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  char digits[16];
  std::snprintf(digits, sizeof digits, "%08lx", static_cast<unsigned long>(sum));
  return digits;
}

std::string journal_file(const std::string& folder) { return (std::filesystem::path(folder) / "unfinished").string(); }
std::string results_file(const std::string& folder) {
  return (std::filesystem::path(folder) / "results.json").string();
}

}  // namespace ravine::compare
