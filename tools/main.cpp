// The program `ravine`: trains a network on a table, predicts with it, says what a file holds, and compares optimizers.
#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>
#include <limits>
#include <sstream>
#include <utility>

#include <ravine/core/text.hpp>
#include <ravine/tools/commands.hpp>

namespace {

using ravine::tools::CompareArguments;
using ravine::tools::PredictArguments;
using ravine::tools::TrainArguments;

using ravine::Index;
using ravine::detail::text;

constexpr int failed = 1, wrong_usage = 2;
constexpr Index most = 1000000000;  // of what is counted

/// The number that an option is given, in decimal digits only.
template <class T>
T number(const std::string& option, const std::string& digits, T low, T high) {
  T value{};
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || !(value >= low && value <= high))
    throw ravine::tools::WrongArgument(text(option, ": '", digits, "' is no number from ", low, " to ", high));
  return value;
}

/// "64,64", or nothing.
std::vector<Index> sizes(const std::string& text) {
  std::vector<Index> all;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) all.push_back(number<Index>("--hidden", part, 1, 100000));
  return all;
}

template <class T>
CLI::Option* add_number(CLI::App& app, const char* name, T& to, T low, T high, const char* what) {
  const auto read = [=, &to](const std::string& digits) { to = number(name, digits, low, high); };
  return app.add_option_function<std::string>(name, read, what)
      ->type_name(text(low, " to ", high))
      ->default_str(text(to));
}

void add_table(CLI::App& app, std::string& table, const char* what) {
  const auto name = [&table](const std::string& file) { table = file == "-" ? "/dev/stdin" : file; };
  app.add_option_function<std::string>("table", name, what)->required();
}

void add_train(CLI::App& app, TrainArguments& a) {
  CLI::App* train = app.add_subcommand("train", "Trains a network that predicts a column of a table from the others.");
  train->option_defaults()->always_capture_default();
  add_table(*train, a.table, "CSV file with a header line, or - for the standard input");
  train->add_option("--target", a.target, "column to predict: text is classes")->required();
  train->add_option("--drop", a.drop, "columns to leave out, as in a,b")->allow_extra_args(false);
  train->add_option("--categorical", a.categorical, "columns of numbers that name things; such a target is classes")
      ->allow_extra_args(false);
  train
      ->add_option_function<std::string>(
          "--hidden", [&a](const std::string& text) { a.hidden = sizes(text); }, "units of the hidden layers; '': none")
      ->default_str("64,64");
  train->add_option("--optimizer", a.optimizer, "name and options, as in adamw:lr=1e-3,weight_decay=0.01");
  add_number<Index>(*train, "--epochs", a.epochs, 1, most, "passes over the training rows, at most");
  add_number<Index>(*train, "--batch", a.batch, 2, most, "rows in a mini-batch");
  add_number(*train, "--validation", a.validation, 0.0, 0.9, "share of the rows that choose the best epoch");
  add_number(*train, "--test", a.test, 0.0, 0.9, "share of the rows that measure the error");
  add_number<Index>(*train, "--patience", a.patience, 0, most,
                    "stop after so many epochs without a better one; 0: never");
  add_number<std::uint64_t>(*train, "--seed", a.seed, 0, std::numeric_limits<std::int64_t>::max(),
                            "of all random numbers");
  train->add_option("--save", a.save, "file for the model, which `ravine predict` takes");
  train->add_option("--history", a.history, "losses of each epoch, .csv or .jsonl");
  train->add_option("--plot", a.plot, "picture of them, .svg, .png or .pdf; needs gnuplot");
  train->callback([&a] { ravine::tools::train(a); });
}

void add_predict(CLI::App& app, PredictArguments& a) {
  CLI::App* predict = app.add_subcommand("predict", "Predicts the rows of a table, in their order.");
  predict->add_option("model", a.model, "file that `ravine train --save` wrote")->required();
  add_table(*predict, a.table, "CSV file, or -, with the columns that the model was trained with");
  predict->add_option("--out", a.out, "CSV file for the predictions, instead of the standard output (-)");
  predict->add_flag("--allow-unknown", a.unknown_as_zeros,
                    "take categories that training has not seen as none of those it has");
  predict->callback([&a] {
    if (a.out == "-") a.out.clear();
    ravine::tools::predict(a);
  });
}

void add_info(CLI::App& app, std::string& file) {
  CLI::App* info = app.add_subcommand("info", "Says what a model or any other safetensors file holds.");
  info->add_option("file", file, "the file")->required();
  info->callback([&file] { ravine::tools::info(file); });
}

void add_compare(CLI::App& app, CompareArguments& a) {
  CLI::App* compare =
      app.add_subcommand("compare", "Compares optimizers: which is best on what, by how much, at what cost.");
  compare->add_option("--problems", a.problems, "names, as --list has them; all, if none are given");
  compare->add_option("--optimizers", a.optimizers, "names, perhaps with options and a schedule: adam:lr=0.01+cosine");
  const auto path = [&](const char* name, std::string& to, const char* what) {
    compare->add_option(name, to, what)->check([](const std::string& given) {
      return std::string(given.empty() ? "the name is empty" : "");
    });
  };
  path("--out", a.out, "folder for all runs, curves, results and a page, instead of the terminal");
  const auto* trials = add_number<Index>(*compare, "--trials", a.protocol.trials, 0, 100000,
                                         "points that each optimizer tries; 0: no tuning");
  add_number<Index>(*compare, "--tune-seeds", a.protocol.tune_seeds, 1, 100000, "runs of each trial");
  const auto* seeds =
      add_number<Index>(*compare, "--seeds", a.protocol.seeds, 1, 10000, "runs that count, on other seeds");
  const auto* budget =
      add_number<Index>(*compare, "--budget", a.protocol.budget, 1, most, "gradient evaluations of a run");
  path("--targets", a.targets, "results.json whose targets count, for problems of unknown minimum");
  compare->add_flag("--resume", a.resume, "go on with the comparison in the folder --out");
  compare->add_flag("--no-page", a.no_page, "write no report.html");
  compare->add_flag("--quick", a.quick, "four problems, and little of everything");
  compare->add_flag("--list", a.list, "print the problems and optimizers with their options, and end");
  compare->callback([=, &a] {
    if (a.list) return ravine::tools::list_compared();
    if (a.quick) {
      if (a.problems.empty()) a.problems = {"beale", "rosenbrock", "saddle", "mlp:friedman1"};
      if (!*trials) a.protocol.trials = 4;
      if (!*seeds) a.protocol.seeds = 5;
      if (!*budget) a.protocol.budget = 300;
    }
    ravine::tools::compare(a);
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains networks on tables and predicts with them.", "ravine");
  TrainArguments train;
  PredictArguments predict;
  CompareArguments compare;
  std::string file;
  app.require_subcommand(1);
  app.set_version_flag("--version", "ravine " RAVINE_VERSION);
  add_train(app, train);
  add_predict(app, predict);
  add_info(app, file);
  add_compare(app, compare);

  const auto fail = [&](const char* why, int code) {
    std::cout.flush();
    std::cerr << "ravine" << (app.get_subcommands().empty() ? "" : " " + app.get_subcommands()[0]->get_name()) << ": "
              << (ravine::tools::rank() > 0 ? "rank " + std::to_string(ravine::tools::rank()) + ": " : "") << why
              << '\n';
    return code;
  };
  try {
    const auto is_first = [&](const CLI::App* command) { return command->get_name() == argv[1]; };
    if (argc > 1 && argv[1][0] != '-' && std::as_const(app).get_subcommands(is_first).empty())
      throw ravine::tools::WrongArgument(std::string("no command '") + argv[1] +
                                         "', there are train, predict, info, compare");
    app.parse(argc, argv);
    if (!std::cout.flush()) return fail("cannot write to the standard output", failed);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return fail(error.what(), wrong_usage);
  } catch (const ravine::tools::WrongArgument& error) {
    return fail(error.what(), wrong_usage);
  } catch (const std::exception& error) {
    return fail(error.what(), failed);
  }
}
