#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <system_error>
#include <thread>

#include <ravine/compare/compare.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/error.hpp>
#include <ravine/optim/make.hpp>
#include <ravine/optim/schedule.hpp>
#include <ravine/tools/commands.hpp>
#include <ravine/train/progress.hpp>

namespace ravine::tools {
namespace {

using compare::Method;
using compare::Phase;
using compare::Problem;
using compare::Results;
using compare::Row;
using Strings = std::vector<std::string>;

constexpr const char* all_networks[] = {"mlp:friedman1", "mlp:two_moons", "mlp:spirals", "mlp:cars"};

// What a function makes of an argument, which is wrong if it refuses it.
template <class F>
auto argument(const std::string& option, F f) try {
  return f();
} catch (const std::invalid_argument& error) {
  throw WrongArgument(option + error.what());
}

template <class F>
auto each(const char* option, const Strings& names, F make) {
  std::vector<decltype(make(names[0]))> all;
  for (const auto& name : names) {
    if (std::count(names.begin(), names.end(), name) > 1)
      throw WrongArgument(std::string(option) + ": '" + name + "' is given twice");
    all.push_back(argument(std::string(option) + ": ", [&] { return make(name); }));
  }
  return all;
}

Strings all_problems() {
  Strings names;
  for (const auto& l : landscapes::all()) names.push_back(l.name);
  names.insert(names.end(), std::begin(all_networks), std::end(all_networks));
  return names;
}

// ---- the table ----

std::string number(double x, int digits = 4) {
  if (!std::isfinite(x)) return std::isnan(x) ? "" : "-";
  std::ostringstream out;
  out << std::setprecision(digits) << x;
  return out.str();
}

// A line of fields, each as wide as its column.
using Line = std::array<std::string, 7>;
const Line titles = {"optimizer", "phase", "evaluations", "95 % interval", "reached", "final loss (quartiles)",
                     "test loss"};

Line line_of(const Row& row) {
  const auto& loss = row.final_loss;
  const bool reached = std::isfinite(row.low);
  return {row.options,
          name(row.phase),
          number(row.median_evaluations, 10),
          reached ? number(row.low, 10) + " to " + number(row.high, 10) : "-",
          number(100.0 * row.reached, 3) + " %",
          number(loss.median) + " (" + number(loss.q1) + ", " + number(loss.q3) + ")",
          number(row.test_loss.median)};
}

// "1e-4 of the way to the minimum left".
std::string target_text(const compare::Targets& targets) {
  const double value = targets.values[static_cast<std::size_t>(targets.main)];
  switch (targets.kind) {
    case compare::Targets::fractions: return number(value) + " of the distance to the minimum is left";
    case compare::Targets::falls: return "the loss has fallen by " + number(value);
    case compare::Targets::losses: return "the loss is " + number(value);
  }
  return "";
}

// A column in which nothing stands is left out.
void print(const std::vector<Line>& lines) {
  std::array<std::size_t, std::tuple_size_v<Line>> widths{};
  for (const Line& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  const auto write = [&](const Line& line) {
    std::cout << std::left;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (widths[i] == 0) continue;
      if (i == 2) std::cout << std::right;  // numbers
      std::cout << (i > 0 ? "  " : "") << std::setw(static_cast<int>(std::max(widths[i], titles[i].size()))) << line[i];
    }
    std::cout << '\n';
  };
  write(titles);
  for (const Line& line : lines) write(line);
}

// Of a problem the best rows first.
void print_table(const Results& results) {
  const auto cost = [](const Row* row) { return std::pair(row->median_evaluations, row->final_loss.median); };
  for (const Problem& problem : results.problems()) {
    std::vector<const Row*> rows;
    for (const Row& row : results.table())
      if (row.problem == problem.name) rows.push_back(&row);
    std::stable_sort(rows.begin(), rows.end(), [&](const Row* a, const Row* b) { return cost(a) < cost(b); });
    std::vector<Line> lines;
    for (const Row* row : rows) lines.push_back(line_of(*row));
    std::cout << problem.name << ": gradient evaluations until " << target_text(results.targets(problem.name))
              << "\n\n";
    print(lines);
    std::cout << '\n';
  }
}

// One a line, as they stand in runs.csv.
void print_losses(const Results& results) {
  for (const Row& row : results.table()) {
    std::cout << row.problem << ", " << row.options << ", " << name(row.phase) << ", final losses:\n";
    for (const auto& run : results.runs(row.problem, row.method, row.phase))
      std::cout << detail::digits17(run.final_loss) << '\n';
  }
}

// ---- the folder ----

void check_folder(const CompareArguments& a) {
  namespace fs = std::filesystem;
  if (a.resume && a.out.empty()) throw WrongArgument("--resume: which comparison? --out is missing");
  std::error_code error;
  if (a.out.empty() || !fs::exists(a.out, error)) return;
  if (!fs::is_directory(a.out)) throw WrongArgument("--out: " + a.out + " is no folder");
  if (fs::is_empty(a.out)) return;
  if (!a.resume)
    throw WrongArgument("--out: the folder " + a.out + " is not empty; --resume goes on with a comparison in it");
  if (!fs::exists(fs::path(a.out) / "unfinished") && !fs::exists(fs::path(a.out) / "results.json"))
    throw WrongArgument("--resume: there is no comparison in the folder " + a.out);
}

// ---- several processes ----

// Rank 0 speaks for all; the others join it in the folder, and say nothing but what goes wrong on them. False if there
// is nothing to join: all is finished, or rank 0 refuses what is in the folder. One that does not begin is not waited
// for longer than a minute.
bool joins_first(const CompareArguments& a) {
  if (a.out.empty()) throw WrongArgument("--out is missing: several processes meet in its folder");
  const std::filesystem::path folder = a.out;
  create_directories(folder);
  for (int looks = 0, left_alone = 0; looks < 3000 && !compare::is_under_way(a.out); ++looks) {
    const bool empty = is_empty(folder), begun = exists(folder / "unfinished");
    if (begun && a.resume) break;
    left_alone += begun;
    if (left_alone > 50 || (!begun && !empty)) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

// Of a file those for each problem that needs them.
auto targets_of(const std::string& file, const std::vector<Problem>& problems) {
  const auto targets = compare::read_targets(file);
  for (const Problem& problem : problems)
    if (!problem.minimum && !targets.contains(problem.name))
      throw WrongArgument("--targets: " + file + " has none for " + problem.name);
  return targets;
}

void print_outcome(const Results& results, const CompareArguments& a) {
  print_table(results);
  if (a.out.empty()) return print_losses(results);
  std::cout << "All runs, curves and the table are in " << a.out << ".\n";
}

[[noreturn]] void interrupted(const Results& results, const CompareArguments& a) {
  if (a.out.empty()) throw std::runtime_error("interrupted; with --out DIR what is finished is kept");
  throw std::runtime_error("interrupted after " + std::to_string(results.runs().size()) + " runs, which are in " +
                           a.out + "; the same command with --resume goes on with them");
}

}  // namespace

int rank() {
  for (const char* name : {"PMIX_RANK", "PMI_RANK"})  // what OpenMPI's and MPICH's tell those that they start
    if (const char* number = std::getenv(name)) return std::atoi(number);
  return 0;
}

void compare(const CompareArguments& a) {
  const bool first = rank() == 0;
  const auto problems = each("--problems", a.problems.empty() ? all_problems() : a.problems, compare::problem);
  const auto methods =
      each("--optimizers", a.optimizers.empty() ? compare::method_names() : a.optimizers, compare::method);
  compare::Protocol protocol = a.protocol;
  if (first) check_folder(a);
  if (!a.targets.empty()) protocol.targets = targets_of(a.targets, problems);
  if (!first && !joins_first(a)) return;
  train::Progress bar(stderr, {.step = "run"});
  const Results results = argument(a.resume ? "--resume: " : "", [&] {
    return compare::run(problems, methods, protocol,
                        {.progress =
                             [&](Index done, Index total) {
                               if (first) bar.update(done, total);
                             },
                         .stop_on_signals = true,
                         .folder = a.out,
                         .page = !a.no_page});
  });
  if (!first) return;
  if (!results.complete()) interrupted(results, a);
  print_outcome(results, a);
}

// ---- --list ----

namespace {

std::string point(const std::vector<double>& x) {
  std::string text;
  for (const double value : x) text += (text.empty() ? "(" : ", ") + number(value);
  return text + ")";
}

void list_problems() {
  std::cout
      << "Problems: a landscape, perhaps an instance of it, rotated, shifted and scaled by a seed, as in beale@7\n\n";
  for (const auto& l : landscapes::all())
    std::cout << "  " << std::left << std::setw(18) << l.name << "start near " << point(l.start)
              << (l.minima.empty() ? ", a saddle" : ", minimum " + number(l.minimum)) << '\n';
  std::cout << "  quadratic         curvatures from 1 to condition: quadratic:dim=10,condition=100\n\nor a network on "
               "data\n\n";
  for (const auto& name : compare::problem_names())
    if (name.starts_with("mlp:")) std::cout << "  " << name << '\n';
  std::cout
      << "\nbehind which stand hidden=32 or 64-32 …, activation=relu, tanh, gelu, silu, elu, leaky_relu, sigmoid or\n"
         "softplus, batch_norm=false, batch=32. Without --problems: all landscapes and";
  for (const char* name : all_networks) std::cout << ' ' << name;
  std::cout << ".\n";
}

void list_optimizers() {
  std::cout << "\nOptimizers, with their options as they are if none are given, and what these may be\n\n";
  for (const auto& name : optim::names()) {
    const auto signature = optim::signature(name);
    std::cout << "  " << name << (signature.wraps ? "(optimizer)" : "") << '\n';
    for (const auto& option : signature.options)
      std::cout << "      " << option.name << '=' << option.value << "  " << option.range << '\n';
    for (const auto& range : compare::search_space(name))
      std::cout << "      tuned: " << range.option << " from " << number(range.low) << " to " << number(range.high)
                << (range.logarithmic ? ", evenly in its logarithm\n" : "\n");
  }
  std::cout << "\nbehind which may stand a schedule, as in adam+cosine or sgd:lr=0.1+warmup(cosine):steps=100; its "
               "total steps\n"
               "are those of the budget:";
  for (const auto& name : optim::schedule_names()) std::cout << ' ' << name;
  std::cout << ".\nWithout --optimizers:";
  for (const auto& name : compare::method_names()) std::cout << ' ' << name;
  std::cout << ".\n";
}

}  // namespace

void list_compared() {
  list_problems();
  list_optimizers();
}

}  // namespace ravine::tools
