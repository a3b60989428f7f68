// golden FILE-OR-DIRECTORY...: runs golden files, of a directory all, and prints for each how many cases ran, how many
// passed, and how many no class of the library can express, with the reasons; then what it does not know, and what
// failed. Fails if there is any of these, or a file cannot be read. Functions are those of the functions.json beside a
// file, or one folder up.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <vector>

#include "golden.hpp"

namespace fs = std::filesystem;

static std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

static golden::Json functions_beside(const fs::path& path) {
  const fs::path folder = fs::absolute(path).parent_path();
  for (const fs::path& functions : {folder / "functions.json", folder.parent_path() / "functions.json"})
    if (fs::exists(functions)) return golden::read_json(functions.string());
  return golden::Json::object();
}

static void print(const fs::path& path, const golden::Report& report) {
  int not_expressible = 0;
  for (const auto& [reason, count] : report.not_expressible) not_expressible += count;
  std::printf("%-28s %4d ran %4d passed %4d not expressible   worst %.2g of the tolerance\n", path.filename().c_str(),
              report.ran, report.passed, not_expressible, report.worst);
  for (const auto& [reason, count] : report.not_expressible)
    std::printf("    not yet: %d x %s\n", count, reason.c_str());
  for (const auto& [what, count] : report.unknown) std::printf("    FAILED %d x %s\n", count, what.c_str());
  for (const std::string& failure : report.failures) std::printf("    FAILED %s\n", failure.c_str());
}

static bool check(const fs::path& path) try {
  const golden::Report report = golden::check_file(golden::read_json(path.string()), functions_beside(path));
  print(path, report);
  return report.ok();
} catch (const std::exception& e) {
  std::printf("%-28s FAILED %s\n", path.filename().c_str(), e.what());
  return false;
}

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "use: golden FILE-OR-DIRECTORY...\n");
    return 2;
  }
  bool ok = true;
  for (int i = 1; i < argc; ++i)
    for (const fs::path& path : files_of(argv[i])) ok &= check(path);
  return ok ? 0 : 1;
}
