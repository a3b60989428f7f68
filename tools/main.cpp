// The program `ravine`: trains a network on a table, predicts with it, and says what a file holds.
#include <CLI/CLI.hpp>
#include <iostream>
#include <limits>
#include <utility>

#include <ravine/tools/commands.hpp>

namespace {

using ravine::tools::PredictArguments;
using ravine::tools::TrainArguments;

constexpr int failed = 1, wrong_usage = 2;

void add_train(CLI::App& app, TrainArguments& a) {
  CLI::App* train = app.add_subcommand("train", "Trains a network that predicts a column of a table from the others.");
  const auto list = [&](const char* name, auto& to, const char* what) {
    return train->add_option(name, to, what)->delimiter(',')->allow_extra_args(false);
  };
  train->option_defaults()->always_capture_default();
  train->add_option("table", a.table, "CSV file with a header line")->required();
  train->add_option("--target", a.target, "column to predict: text is classes")->required();
  list("--drop", a.drop, "columns to leave out, as in a,b");
  list("--categorical", a.categorical, "columns of numbers that name things; such a target is classes");
  list("--hidden", a.hidden, "units of the hidden layers")->check(CLI::Range(1, 100000));
  train->add_option("--optimizer", a.optimizer, "name and options, as in adamw:lr=1e-3,weight_decay=0.01");
  train->add_option("--epochs", a.epochs, "passes over the training rows, at most")->check(CLI::Range(1, 1000000000));
  train->add_option("--batch", a.batch, "rows in a mini-batch")->check(CLI::Range(2, 1000000000));
  train->add_option("--validation", a.validation, "share of the rows that choose the best epoch")
      ->check(CLI::Range(0.0, 0.9));
  train->add_option("--test", a.test, "share of the rows that measure the error")->check(CLI::Range(0.0, 0.9));
  train->add_option("--patience", a.patience, "stop after so many epochs without a better one; 0: never")
      ->check(CLI::Range(0, 1000000000));
  train->add_option("--seed", a.seed, "of all random numbers")
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()));
  train->add_option("--save", a.save, "file for the model, which `ravine predict` takes");
  train->add_option("--history", a.history, "losses of each epoch, .csv or .jsonl");
  train->add_option("--plot", a.plot, "picture of them, .svg, .png or .pdf; needs gnuplot");
  train->callback([&a] { ravine::tools::train(a); });
}

void add_predict(CLI::App& app, PredictArguments& a) {
  CLI::App* predict = app.add_subcommand("predict", "Predicts the rows of a table, in their order.");
  predict->add_option("model", a.model, "file that `ravine train --save` wrote")->required();
  predict->add_option("table", a.table, "CSV file with the columns that the model was trained with")->required();
  predict->add_option("--out", a.out, "CSV file for the predictions, instead of the terminal");
  predict->add_flag("--allow-unknown", a.unknown_as_zeros,
                    "take categories that training has not seen as none of those it has");
  predict->callback([&a] { ravine::tools::predict(a); });
}

void add_info(CLI::App& app, std::string& file) {
  CLI::App* info = app.add_subcommand("info", "Says what a model or any other safetensors file holds.");
  info->add_option("file", file, "the file")->required();
  info->callback([&file] { ravine::tools::info(file); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains networks on tables and predicts with them.", "ravine");
  TrainArguments train;
  PredictArguments predict;
  std::string file;
  app.require_subcommand(1);
  app.set_version_flag("--version", "ravine " RAVINE_VERSION);
  add_train(app, train);
  add_predict(app, predict);
  add_info(app, file);

  const auto fail = [&](const char* why, int code) {
    std::cout.flush();
    std::cerr << "ravine" << (app.get_subcommands().empty() ? "" : " " + app.get_subcommands()[0]->get_name()) << ": "
              << why << '\n';
    return code;
  };
  try {
    const auto is_first = [&](const CLI::App* command) { return command->get_name() == argv[1]; };
    if (argc > 1 && argv[1][0] != '-' && std::as_const(app).get_subcommands(is_first).empty())
      throw ravine::tools::WrongArgument(std::string("no command '") + argv[1] + "', there are train, predict, info");
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
