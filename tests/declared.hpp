// What the headers of a room declare, read from their text: so that a table in a test cannot forget one.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>

/// The names that the pattern's first group finds in the lines of the room's headers, but not in a namespace detail,
/// each with its header.
inline std::map<std::string, std::string> declared(const std::string& room, const char* pattern) {
  const std::regex declaration(pattern), detail("^namespace (ravine::)?detail \\{"), end("^\\}  // namespace");
  std::map<std::string, std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(RAVINE_SOURCE "/") + room)) {
    if (entry.path().extension() != ".hpp") continue;
    std::ifstream header(entry.path());
    bool inside = false;
    for (std::string line; std::getline(header, line);) {
      inside = (inside || std::regex_search(line, detail)) && !std::regex_search(line, end);
      std::smatch found;
      if (!inside && std::regex_search(line, found, declaration))
        names[found[1]] = std::filesystem::relative(entry.path(), RAVINE_SOURCE).string();
    }
  }
  return names;
}
