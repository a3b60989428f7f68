// `ravine compare` as a user meets it: what it prints and writes, how it is interrupted, what it refuses.
#include <doctest/doctest.h>

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <ravine/optim/make.hpp>

#include "../data/temporary.hpp"
#include "program.hpp"

namespace {

const std::string small = " --trials 3 --tune-seeds 2 --seeds 3 --budget 60 ";

/// A folder that goes with its scope.
struct Folder {
  TemporaryFile place{"comparison"};
  Folder() { std::filesystem::remove(place.path()); }
  ~Folder() { std::filesystem::remove_all(place.path()); }
  const std::string& path() const { return place.path(); }
  std::string read(const std::string& name) const {
    std::ifstream in(path() + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

/// A field of every row of runs.csv in which another has a value; rows of these tests hold no quotes.
std::vector<std::string> column(const Folder& folder, std::size_t field, std::size_t where, const std::string& value) {
  std::istringstream lines(folder.read("runs.csv"));
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> fields;
    std::istringstream parts(line);
    for (std::string part; std::getline(parts, part, ',');) fields.push_back(part);
    if (fields.at(where) == value) found.push_back(fields.at(field));
  }
  return found;
}

/// The lines of a text that hold a number only.
std::vector<std::string> numbers(const std::string& text) {
  std::istringstream lines(text);
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && line.find_first_not_of("-+.e0123456789") == std::string::npos) found.push_back(line);
  return found;
}

}  // namespace

TEST_CASE(
    "compare: the table and the losses on the terminal; in a folder all files, the same on any number of threads") {
  const std::string what = "compare --problems beale mlp:sine,hidden=2 --optimizers adam sgd:lr=0.01 --no-page" + small;
  const Outcome printed = ravine_program(what);
  CHECK(printed.code == 0);
  CHECK(printed.out.starts_with("beale: gradient evaluations until 0.0001 of the distance to the minimum is left\n"));
  CHECK(numbers(printed.out).size() == 2 * 2 * 2 * 3);
  CHECK(printed.error.find("run 36/36") != std::string::npos);
  const Folder one, four;
  CHECK(ravine_program(what + "--out " + one.path(), "OMP_NUM_THREADS=1").code == 0);
  const Outcome written = ravine_program(what + "--out " + four.path(), "OMP_NUM_THREADS=4");
  CHECK(written.code == 0);
  CHECK(written.out.find(four.path()) != std::string::npos);
  CHECK(numbers(written.out).empty());
  CHECK(printed.out.starts_with(written.out.substr(0, written.out.find("All runs"))));
  for (const char* name : {"runs.csv", "curves.csv", "results.json"}) {
    CHECK(!one.read(name).empty());
    CHECK(one.read(name) == four.read(name));
  }
  CHECK(!one.read("timings.csv").empty());
  CHECK(!std::filesystem::exists(one.path() + "/report.html"));
  CHECK(!std::filesystem::exists(one.path() + "/unfinished"));
}

TEST_CASE("compare: a row's command prints the losses of its row, a line each, as runs.csv has them") {
  const Folder folder;
  REQUIRE(
      ravine_program("compare --problems beale --optimizers adam+cosine --no-page" + small + "--out " + folder.path())
          .code == 0);
  const std::string json = folder.read("results.json"), key = "\"command\": \"ravine ";
  std::vector<std::string> commands;
  for (std::size_t at = json.find(key); at != std::string::npos; at = json.find(key, at + 1))
    commands.push_back(json.substr(at + key.size(), json.find('"', at + key.size()) - at - key.size()));
  REQUIRE(commands.size() == 2);
  for (const std::string& command : commands) {
    CAPTURE(command);
    const Outcome again = ravine_program(command);
    CHECK(again.code == 0);
    const bool defaults = command.find("lr=") == std::string::npos;
    CHECK(numbers(again.out) == column(folder, 10, 2, defaults ? "defaults" : "final"));
  }
}

TEST_CASE("compare: one that is interrupted says how to go on, and goes on to the same bytes") {
  const std::string what =
      "compare --problems rosenbrock mlp:sine --optimizers adam lbfgs --no-page --trials 4 --seeds 30 --budget 1000 "
      "--out ";
  const Folder straight, stopped;
  REQUIRE(ravine_program(what + straight.path()).code == 0);
  const std::string journal = stopped.path() + "/unfinished";
  const std::string some_runs = "[ \"$(stat -c %s " + journal + " 2>/dev/null)0\" -gt 200000 ]";  // 20 kB
  const Outcome outcome = ravine_program(
      what + stopped.path(), "", " & pid=$!; until " + some_runs + "; do sleep 0.01; done; kill -TERM $pid; wait $pid");
  CHECK(outcome.code == 1);
  CHECK(outcome.error.find("--resume") != std::string::npos);
  CHECK(outcome.out.empty());
  refuses(what + stopped.path(), 2, "is not empty; --resume");
  refuses("compare --problems beale --optimizers adam --resume --out " + stopped.path(), 2, "--resume: ");
  const Outcome resumed = ravine_program(what + stopped.path() + " --resume");
  CHECK(resumed.code == 0);
  for (const char* name : {"runs.csv", "curves.csv", "results.json"}) CHECK(straight.read(name) == stopped.read(name));
  const Outcome again = ravine_program(what + stopped.path() + " --resume");
  CHECK(again.code == 0);
  CHECK(again.out == resumed.out);
}

TEST_CASE("compare: one that was interrupted does not go on with a table that has changed since") {
  const TemporaryFile table("table.csv", "x,y\n1,2\n2,3\n3,4\n4,6\n5,6\n6,8\n");
  const Folder folder;
  const std::string what = "compare --problems 'mlp:" + table.path() +
                           ",target=y,hidden=2' --optimizers adam --no-page" + small + "--out " + folder.path();
  REQUIRE(ravine_program(what).code == 0);
  std::ofstream(table.path(), std::ios::app) << "7,9\n";
  refuses(what + " --resume", 2, "the data of \"mlp:" + table.path() + ",target=y,hidden=2\" were others");
}

TEST_CASE("compare: targets of an earlier comparison count again") {
  const Folder first, second;
  const std::string what = "compare --problems mlp:sine,hidden=2 --no-page" + small;
  REQUIRE(ravine_program(what + "--optimizers adam lbfgs --out " + first.path()).code == 0);
  REQUIRE(ravine_program(what + "--optimizers sgd --targets " + first.path() + "/results.json --out " + second.path())
              .code == 0);
  const auto main_target = [](const Outcome& o) { return o.out.substr(0, o.out.find('\n')); };
  const Outcome with = ravine_program(what + "--optimizers sgd --targets " + first.path() + "/results.json");
  CHECK(main_target(with) == main_target(ravine_program(what + "--optimizers adam lbfgs")));
  CHECK(main_target(with) != main_target(ravine_program(what + "--optimizers sgd")));
  refuses("compare --problems beale mlp:sine --optimizers sgd --targets " + first.path() + "/results.json", 2,
          "--targets: " + first.path() + "/results.json has none for mlp:sine");
}

TEST_CASE("compare --list has the problems, the optimizers with ranges and search spaces, and the schedules") {
  const Outcome list = ravine_program("compare --list");
  CHECK(list.code == 0);
  for (const char* words : {"beale ", "quadratic:dim=10,condition=100", "mlp:cars", "FILE.csv,target=COLUMN",
                            "hidden=32", "beta2=0.999  in [0, 1)", "nesterov=none  none, lookahead, reparam",
                            "tuned: lr from 0.0001 to 1", "tuned: base.lr", "cosine", "sgd:momentum=0.9"})
    CHECK(list.out.find(words) != std::string::npos);
}

TEST_CASE("compare --quick is all optimizers on four problems; what is given counts") {
  const Outcome quick = ravine_program("compare --quick --trials 1 --seeds 1 --budget 20");
  CHECK(quick.code == 0);
  const auto runs = 4 * (ravine::optim::names().size() + 2) * 5;  // with two forms of momentum; 3 of a trial, and 2
  CHECK(quick.error.find("run " + std::to_string(runs) + "/") != std::string::npos);
  for (const char* name : {"beale: ", "rosenbrock: ", "saddle: ", "mlp:friedman1: ", "\nfactored_adam"})
    CHECK(quick.out.find(name) != std::string::npos);
  CHECK(ravine_program("compare --quick --problems booth --optimizers adam --trials 0").out.starts_with("booth: "));
}

TEST_CASE("compare: wrong words are named, with what there is") {
  refuses("compare --optimizers adum --problems beale", 2,
          "--optimizers: make: no optimizer 'adum', there are: adabelief");
  refuses("compare --optimizers adam --problems beal", 2, "--problems: problem: no problem 'beal', there are: beale");
  refuses("compare --optimizers adam:beta3=1 --problems beale", 2, "no option 'beta3'");
  refuses("compare --optimizers adam:lr=-1 --problems beale", 2, "lr must be > 0");
  refuses("compare --optimizers adam+cosinus --problems beale", 2, "cosinus");
  refuses("compare --optimizers adam --problems beale beale", 2, "'beale' is given twice");
  const Folder none;
  refuses("compare --optimizers adam adam --problems beale --out " + none.path(), 2,
          "--optimizers: 'adam' is given twice");
  CHECK_FALSE(std::filesystem::exists(none.path()));
  refuses("compare --optimizers adam --problems mlp:nowhere.csv,target=y", 1, "nowhere.csv");
  refuses("compare --optimizers adam --problems mlp:sine,hidden=x", 2, "hidden");
  refuses("compare --optimizers 'sgd+warmup(cosine):steps=100' --problems beale --budget 20", 2,
          "sgd+warmup(cosine):steps=100 with a budget of 20: cosine: total_steps must be > 0");
  refuses("compare --trials -1", 2, "--trials");
  refuses("compare --seeds 0", 2, "--seeds");
  refuses("compare --budget many", 2, "--budget");
  refuses("compare --resume", 2, "--out is missing");
  refuses("compare --quick --targets nowhere.json", 1, "nowhere.json");
  refuses("compare --optimizers adam --problems beale --out /proc/nowhere", 1, "/proc/nowhere");
  refuses("compare stray", 2, "stray");
  refuses("compare --optimizers adam --problems beale --out ''", 2, "--out: the name is empty");
  refuses("compare --optimizers adam --problems beale --targets ''", 2, "--targets: the name is empty");
  refuses("compare --quick --targets /tmp", 1, "cannot read /tmp: Is a directory");
  const TemporaryFile only("only.csv", "y\n1\n2\n3\n");
  refuses("compare --optimizers adam --problems 'mlp:" + only.path() + ",target=y'", 2,
          "--problems: problem: " + only.path() + ": TableEncoder: fit: no column is left for the inputs");
  const Folder others;
  std::filesystem::create_directory(others.path());
  std::ofstream(others.path() + "/letter.txt") << "Dear";
  refuses("compare --optimizers adam --problems beale --resume --out " + others.path(), 2,
          "no comparison in the folder");
  const TemporaryFile file("results.json", "[1, 2]");
  refuses("compare --quick --targets " + file.path(), 1, file.path());
  refuses("compare --optimizers adam --problems beale --out " + file.path(), 2, "is no folder");
}
