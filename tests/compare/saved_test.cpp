// Finished comparisons in folders: they are read back, to the same bytes, unless something has become of their files.
#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <ravine/ravine.hpp>

#include "../data/temporary.hpp"

namespace rv = ravine;
using doctest::Contains;
using rv::Index;
using rv::compare::Execution;
using rv::compare::Instance;
using rv::compare::Problem;
using rv::compare::Results;

namespace {

const char* const all_files[] = {"runs.csv", "curves.csv", "results.json", "timings.csv"};

/// A finished comparison with all that is hard to read back: names, failures, unknown minima, and none.
struct Finished {
  std::filesystem::path folder = TemporaryFile("finished").path();
  mutable std::atomic<int> made{0};  // instances
  std::vector<Problem> problems;
  std::vector<rv::compare::Method> methods;
  rv::compare::Protocol protocol{.trials = 2, .tune_seeds = 2, .seeds = 3, .budget = 40};

  Finished() {
    const auto bowl = [this](std::uint64_t seed) {
      ++made;
      const auto theta = rv::parameter(rv::tensor({1.0 + static_cast<double>(seed % 7), 2.0}, rv::f64));
      return Instance{{theta}, [=] { return rv::exp(rv::sum(rv::square(theta))) * 1e-3; }};
    };
    problems = {{"a \"bowl\",\nand more", bowl},
                {"another", bowl, 0.0},
                {"nan", bowl, -std::numeric_limits<double>::infinity()}};
    for (const char* name : {"sgd", "adam:lr=0.1", "sgd:lr=30+cosine"}) methods.push_back(rv::compare::method(name));
  }
  ~Finished() { std::filesystem::remove_all(folder); }

  Results run(bool page = false, const rv::Callable<void(Index, Index)>& progress = {}) const {
    return rv::compare::run(problems, methods, protocol,
                            {.progress = progress, .folder = folder.string(), .page = page});
  }
  std::string read(const std::string& name) const {
    std::ifstream in(folder / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder / name, std::ios::binary) << content;
  }
  std::string all() const {
    std::string content;
    for (const char* name : all_files) content += read(name);
    return content;
  }
};

}  // namespace

TEST_CASE("a finished comparison that is run again is read from its folder, with a page if that is wanted") {
  const Finished comparison;
  const Results first = comparison.run();
  const std::string files = comparison.all();
  CHECK(files.find("diverged") != std::string::npos);
  comparison.made = 0;
  Index calls = 0;
  const Results again = comparison.run(false, [&](Index done, Index total) {
    CHECK((done == total && done == static_cast<Index>(first.runs().size())));
    ++calls;
  });
  CHECK(calls == 1);
  CHECK(comparison.made == 0);
  CHECK(comparison.all() == files);
  CHECK_FALSE(std::filesystem::exists(comparison.folder / "report.html"));
  REQUIRE(again.complete());
  REQUIRE(again.table().size() == first.table().size());
  for (std::size_t i = 0; i < again.runs().size(); ++i) {
    CHECK(again.runs()[i].seconds == first.runs()[i].seconds);
    CHECK(again.runs()[i].step_seconds == doctest::Approx(first.runs()[i].step_seconds));
    CHECK(again.runs()[i].curve.size() == first.runs()[i].curve.size());
  }
  comparison.run(true);
  CHECK(std::filesystem::exists(comparison.folder / "report.html"));
  CHECK(comparison.all() == files);
  const Finished elsewhere;
  again.save(elsewhere.folder.string(), false);
  for (const char* name : {"runs.csv", "curves.csv", "results.json"})
    CHECK(elsewhere.read(name) == comparison.read(name));
}

TEST_CASE("a finished comparison of a problem that begins nowhere is read as others are; its targets serve nobody") {
  Finished nowhere;
  nowhere.problems = {{"nowhere", [](std::uint64_t) {
                         const auto theta = rv::parameter(rv::ones({2}, rv::f64));
                         return Instance{{theta}, [=] { return rv::log(-rv::sum(theta)); }};
                       }}};
  nowhere.run();
  const std::string before = nowhere.all();
  CHECK(nowhere.run().complete());
  CHECK(nowhere.all() == before);
  CHECK(rv::compare::read_targets((nowhere.folder / "results.json").string()).empty());
}

TEST_CASE("a file of a finished comparison that is missing, damaged or changed is named") {
  const Finished comparison;
  comparison.run();
  for (const std::string name : all_files) {
    CAPTURE(name);
    const std::string path = (comparison.folder / name).string(), content = comparison.read(name);
    const auto refused = [&](const std::string& words) {
      CHECK_THROWS_WITH_AS(comparison.run(), Contains((path + words).c_str()), rv::data::FormatError);
      comparison.write(name, content);
    };
    std::filesystem::remove(path);
    if (name != "results.json") CHECK_THROWS_WITH_AS(comparison.run(), Contains(path.c_str()), rv::FileError);
    comparison.write(name, content);
    const bool checked = name == "runs.csv" || name == "curves.csv";
    for (const std::size_t cut : {std::size_t{0}, std::size_t{20}, content.size() / 2, content.size() - 3}) {
      CAPTURE(cut);
      comparison.write(name, content.substr(0, cut));
      refused(checked ? " was changed" : name == "timings.csv" ? ", line " : " is no results.json of a comparison");
    }
    if (!checked) continue;
    std::string other = content;
    const std::size_t digit = other.find_last_of("123456789");
    other[digit] = other[digit] == '9' ? '8' : '9';
    comparison.write(name, other);
    refused(" was changed");
  }
  CHECK(comparison.run().complete());
}

TEST_CASE("a folder of another finished comparison, or of something else, is refused") {
  Finished comparison;
  comparison.run();
  const auto refused = [&](const char* words) {
    CHECK_THROWS_WITH_AS(comparison.run(), Contains(words), std::invalid_argument);
  };
  comparison.problems[0].checksum = "0a";
  refused("results.json is of another comparison: the data of ");
  comparison.problems[0].checksum = "";
  comparison.protocol.budget = 7;
  refused("results.json is of another comparison: its budget: 40; here: 7");
  for (const char* content : {"", "{", "[1]", "{}", "{\"protocol\": 3}", "{\"protocol\": null, \"problems\": [1]}"}) {
    CAPTURE(content);
    comparison.write("results.json", content);
    CHECK_THROWS_WITH_AS(comparison.run(), Contains("results.json is no results.json of a comparison"),
                         rv::data::FormatError);
  }
  comparison.write("results.json", "{\"protocol\": {}}");
  refused("is of another comparison: its trials: null; here: ");
  CHECK_FALSE(std::filesystem::exists(comparison.folder / "unfinished"));
}
