// golden DIRECTORY: runs every reference file in it and prints, for each, how many cases ran, how many passed, and how
// many no class of the library can express, with the reasons. Fails if a case fails or cannot be read.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <vector>

#include "golden.hpp"

static bool check(const std::filesystem::path& path, const golden::Json& functions) {
  const golden::Report report = golden::check_file(golden::read_json(path.string()), functions);
  int not_expressible = 0;
  for (const auto& [reason, count] : report.not_expressible) not_expressible += count;
  std::printf("%-28s %4d ran %4d passed %4d not expressible   worst %.2g of the tolerance\n", path.filename().c_str(),
              report.ran, report.passed, not_expressible, report.worst);
  for (const auto& [reason, count] : report.not_expressible)
    std::printf("    not yet: %d x %s\n", count, reason.c_str());
  for (const std::string& failure : report.failures) std::printf("    FAILED %s\n", failure.c_str());
  return report.ok();
}

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "use: golden DIRECTORY\n");
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  const golden::Json functions = golden::read_json((directory / "functions.json").string());
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  bool ok = true;
  for (const auto& path : files) ok &= check(path, functions);
  return ok ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "golden: %s\n", e.what());
  return 2;
}
