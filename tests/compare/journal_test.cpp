// Finished runs on disk, as an interrupted comparison finds them again.
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <ravine/compare/compare.hpp>
#include <ravine/compare/journal.hpp>
#include <ravine/core/isa.hpp>
#include <ravine/data/error.hpp>

using namespace ravine;
using namespace ravine::compare;
using doctest::Contains;

namespace {

/// A comparison, and the folder of its journal, which is removed in the end.
struct Comparison {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("ravine-journal-" + std::to_string(getpid()));
  std::vector<Problem> problems{{.name = "bowl", .make = {}, .minimum = 0.0}};
  std::vector<Method> methods{{"sgd", "sgd", {{"lr", 1e-3, 1.0}}}};
  Protocol protocol{.trials = 2, .budget = 100};

  ~Comparison() { std::filesystem::remove_all(folder); }
  Journal journal() const { return {folder.string(), problems, methods, protocol}; }
  std::string file() const { return (folder / "unfinished").string(); }
  std::string read() const {
    std::ifstream in(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

/// With all that is hard to write down.
Run hard() {
  Run run;
  run.problem = "bowl";
  run.method = "sgd";
  run.phase = Phase::tune;
  run.trial = 3;
  run.seed = 0xffffffffffffffffu;
  run.options = "sgd:lr=0.1";
  run.status = Status::diverged;
  run.steps = 7;
  run.evaluations = 14;
  run.start_loss = 0.1;
  run.final_loss = std::numeric_limits<double>::infinity();
  run.best_loss = std::numeric_limits<double>::denorm_min();
  run.diverged_at = 6;
  run.reason = "the loss is \"infinite\"\n";
  run.evaluations_to_target.fill(Run::never);
  run.evaluations_to_target[5] = 1'000'000'000'000;
  run.improvements = {{1, 1.0 / 3.0}, {2, -0.0}};
  run.curve = {{0, 0, 0.1}, {1, 2, -1e300, 5.0, 1.0, 2.0}};
  run.seconds = 0.7;
  run.step_seconds = 0.3;
  return run;
}

void check_same(const Run& a, const Run& b) {
  const auto same = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  CHECK(a.problem == b.problem);
  CHECK(a.method == b.method);
  CHECK(a.phase == b.phase);
  CHECK(a.trial == b.trial);
  CHECK(a.seed == b.seed);
  CHECK(a.options == b.options);
  CHECK(a.status == b.status);
  CHECK(a.steps == b.steps);
  CHECK(a.evaluations == b.evaluations);
  CHECK(same(a.start_loss, b.start_loss));
  CHECK(same(a.final_loss, b.final_loss));
  CHECK(same(a.best_loss, b.best_loss));
  CHECK(same(a.test_loss, b.test_loss));
  CHECK(a.diverged_at == b.diverged_at);
  CHECK(a.reason == b.reason);
  CHECK(a.evaluations_to_target == b.evaluations_to_target);
  CHECK(same(a.seconds, b.seconds));
  CHECK(same(a.step_seconds, b.step_seconds));
  REQUIRE(a.improvements.size() == b.improvements.size());
  for (std::size_t i = 0; i < a.improvements.size(); ++i) {
    CHECK(a.improvements[i].evaluations == b.improvements[i].evaluations);
    CHECK(a.improvements[i].loss == b.improvements[i].loss);
    CHECK(std::signbit(a.improvements[i].loss) == std::signbit(b.improvements[i].loss));
  }
  REQUIRE(a.curve.size() == b.curve.size());
  for (std::size_t i = 0; i < a.curve.size(); ++i) {
    const CurvePoint &p = a.curve[i], &q = b.curve[i];
    CHECK((p.step == q.step && p.evaluations == q.evaluations));
    CHECK((same(p.loss, q.loss) && same(p.test_loss, q.test_loss) && same(p.x, q.x) && same(p.y, q.y)));
  }
}

}  // namespace

TEST_CASE("a journal keeps runs to the last bit, over any number of interruptions") {
  const Comparison comparison;
  CHECK(comparison.journal().finished().empty());
  comparison.journal().add(hard());
  Run plain = hard();
  plain.final_loss = 2.0;
  plain.test_loss = 0.5;
  comparison.journal().add(plain);
  Journal journal = comparison.journal();
  const std::vector<Run> found = journal.finished();
  REQUIRE(found.size() == 2);
  check_same(found[0], hard());
  check_same(found[1], plain);
  CHECK(journal.finished().empty());
}

TEST_CASE("a run that was being written when the program was killed is left out, wherever that was") {
  const Comparison comparison;
  comparison.journal().add(hard());
  const std::string one = comparison.read();
  comparison.journal().add(hard());
  const std::string two = comparison.read();
  for (std::size_t cut = one.size(); cut < two.size(); ++cut) {
    std::ofstream(comparison.file(), std::ios::binary) << two.substr(0, cut);
    Journal journal = comparison.journal();
    REQUIRE(journal.finished().size() == 1);
    journal.add(hard());
    CHECK(comparison.read() == two);
  }
}

TEST_CASE("a journal takes names of any bytes, as those of files may be") {
  Comparison comparison;
  comparison.problems[0].name = "mlp:caf\xe9.csv,target=y";
  comparison.journal().add(hard());
  CHECK(comparison.journal().finished().size() == 1);
}

TEST_CASE("a journal is refused by a process of another instruction set") {
  const Comparison comparison;
  comparison.journal().add(hard());
  std::string bytes = comparison.read();
  const std::string mine = name(active_isa());
  const std::size_t at = bytes.find(mine, bytes.find("instruction_set"));
  REQUIRE(at != std::string::npos);
  bytes[at] = 'w';
  std::ofstream(comparison.file(), std::ios::binary) << bytes;
  const std::string words = " has runs by the instruction set w" + mine.substr(1) + ", here it is " + mine;
  CHECK_THROWS_WITH_AS(comparison.journal(), Contains(words.c_str()), std::invalid_argument);
  CHECK(comparison.read() == bytes);
  bytes[bytes.find("instruction_set")] = 'I';  // one that knows of none
  std::ofstream(comparison.file(), std::ios::binary) << bytes;
  CHECK_THROWS_WITH_AS(comparison.journal(), Contains(" was begun by an older ravine"), std::invalid_argument);
}

TEST_CASE("a journal is refused by another comparison, which is told what differs") {
  Comparison comparison;
  comparison.journal().add(hard());
  const auto refused = [&](auto change, const char* words) {
    Comparison other = comparison;
    change(other);
    CHECK_THROWS_WITH_AS(other.journal(), Contains(words), std::invalid_argument);
    other.folder.clear();  // it stays
  };
  refused([](Comparison& c) { c.protocol.budget = 200; }, "is of another comparison: its budget: 100; here: 200");
  refused([](Comparison& c) { c.protocol.seeds = 3; }, "its seeds: 20; here: 3");
  refused([](Comparison& c) { c.protocol.targets["net"].fill(0.5); }, "its targets: {}; here: {\"net\":[0.5,");
  refused([](Comparison& c) { c.problems[0].name = "cup"; }, "its problems: \"bowl\"; here: \"cup\"");
  refused([](Comparison& c) { c.problems[0].checksum = "0a"; },
          "the data of \"bowl\" were others, with the checksum null; here: \"0a\"");
  refused(
      [](Comparison& c) {
        c.methods.push_back({"adam", "adam", {}});
      },
      "its methods: \"sgd\"; here: \"sgd\", \"adam\"");
  refused([](Comparison& c) { c.methods[0].space[0].high = 2.0; }, "its methods' search spaces: ");
  CHECK(comparison.journal().finished().size() == 1);
  for (int i = 0; i < 40; ++i) comparison.methods.push_back({"m" + std::to_string(i), "adam", {}});
  std::filesystem::remove(comparison.file());
  comparison.journal();
  refused([](Comparison& c) { c.methods[25].name = "other"; }, "its methods: …");
  refused([](Comparison& c) { c.methods[25].name = "other"; }, "\"m23\", \"other\", \"m25\"");
}

TEST_CASE("what is no journal is refused, and what cannot be written") {
  const Comparison comparison;
  std::filesystem::create_directories(comparison.folder);
  const std::string a_number("\1\0\0\0\0\0\0\0\7", 9);  // as a record
  for (const std::string& content : {std::string("short"), std::string("longer than eight bytes"), a_number}) {
    std::ofstream(comparison.file(), std::ios::binary) << content;
    CHECK_THROWS_WITH_AS(comparison.journal(), Contains("unfinished is no journal of a comparison"), data::FormatError);
  }
  std::filesystem::remove(comparison.file());
  comparison.journal();
  std::ofstream(comparison.file(), std::ios::binary | std::ios::app) << a_number;  // in place of a run
  CHECK_THROWS_WITH_AS(comparison.journal().finished(), Contains("unfinished is no journal of a comparison"),
                       data::FormatError);
  CHECK_THROWS_WITH_AS(Journal("/dev/null/x", {}, {}, {}), Contains("compare: cannot make the folder /dev/null/x: "),
                       FileError);
}

TEST_CASE("of several journals of one folder one makes a run, and the others find it") {
  const Comparison comparison;
  Journal one = comparison.journal();
  std::ofstream(comparison.file(), std::ios::binary | std::ios::app) << "what was being written by one who was killed";
  Journal two = comparison.journal();
  CHECK(one.claim(0));
  CHECK_FALSE(two.claim(0));
  CHECK(two.claim(1));
  CHECK(one.finished().empty());
  two.add(hard());
  two.release(1);
  CHECK(one.claim(1));
  const std::vector<Run> news = one.finished();
  REQUIRE(news.size() == 1);
  check_same(news[0], hard());
  CHECK(one.finished().empty());
  CHECK(two.finished().empty());  // its own
  one.add(hard());
  one.add(hard());
  CHECK(two.finished().size() == 2);
  CHECK(comparison.journal().finished().size() == 3);
  std::optional<Journal> killed(comparison.journal());
  CHECK(killed->claim(7));
  CHECK_FALSE(two.claim(7));
  killed.reset();
  CHECK(two.claim(7));
}

TEST_CASE("a comparison is under way while somebody is at it") {
  const Comparison comparison;
  CHECK_FALSE(is_under_way(comparison.folder.string()));
  {
    const Journal journal = comparison.journal();
    CHECK(is_under_way(comparison.folder.string()));
  }
  CHECK_FALSE(is_under_way(comparison.folder.string()));
  CHECK(std::filesystem::exists(comparison.file()));
}

TEST_CASE("one of several journals is the last, unless it ends before it has written the files") {
  const Comparison comparison;
  std::atomic<int> last = 0;
  std::vector<std::thread> threads;
  {
    std::vector<Journal> journals;
    for (int i = 0; i < 5; ++i) journals.push_back(comparison.journal());
    for (std::size_t i = 1; i < journals.size(); ++i)
      threads.emplace_back([&, journal = std::move(journals[i])]() mutable {
        if (journal.is_last() && ++last == 2) std::filesystem::remove(comparison.file());
        const Journal ends = std::move(journal);
      });
    CHECK(last.load() == 0);  // they wait for the one that is left here
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(last.load() == 2);
}
