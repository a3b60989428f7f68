/// @file
/// What a comparison is, as JSON: what results.json and a journal begin with; for the library's sources, not its public
/// headers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <ravine/compare/run.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::compare {

using Json = nlohmann::ordered_json;

/// {"protocol": …, "problems": [{"name", "checksum"}], "methods": [{"name", "search_space"}]}
Json setup_json(const std::vector<Problem>& problems, const std::vector<Method>& methods, const Protocol& protocol);

/// A problem's, or null.
Json checksum_json(const Problem& problem);

/// Throws std::invalid_argument, naming the first thing in `mine` that is something else in `there`.
void check_same(const Json& mine, const Json& there, const std::string& file);

/// CRC-32, in eight hexadecimal digits.
std::string checksum(std::string_view bytes);

/// The file where finished runs wait for the rest, and the one that is there in the end.
std::string journal_file(const std::string& folder);
std::string results_file(const std::string& folder);

}  // namespace ravine::compare
#pragma GCC visibility pop
