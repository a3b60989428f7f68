#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <optional>
#include <sstream>
#include <system_error>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/data/csv.hpp>
#include <ravine/data/split.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/lbfgs.hpp>
#include <ravine/optim/make.hpp>
#include <ravine/report/plot.hpp>
#include <ravine/tools/commands.hpp>
#include <ravine/tools/model_file.hpp>
#include <ravine/train/fit.hpp>
#include <ravine/train/log.hpp>
#include <ravine/train/progress.hpp>
#include <ravine/train/stop_signals.hpp>

namespace ravine::tools {
namespace {

using data::Table;
using data::TableEncoder;
using data::TensorDataset;
using Strings = std::vector<std::string>;

bool contains(const Strings& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_optimizer(const std::string& text) try {
  optim::make(text, {parameter(zeros({1}))});
} catch (const std::exception& error) {
  throw WrongArgument("--optimizer: " + std::string(error.what()));
}

// Of each text the column of this name, or of several names with commas between them.
Strings columns_of(const Table& table, const char* option, const Strings& texts) try {
  Strings names;
  for (const auto& text : texts) {
    std::istringstream parts(text);
    if (contains(table.column_names(), text))
      names.push_back(text);
    else
      for (std::string name; std::getline(parts, name, ',');) names.push_back(name);
  }
  for (const auto& name : names) table.numeric(name);
  return names;
} catch (const std::out_of_range& error) {
  throw WrongArgument(std::string(option) + ": " + error.what());
}

bool is_number(const std::string& text) {
  double number = 0.0;
  return std::from_chars(text.data(), text.data() + text.size(), number).ptr == text.data() + text.size();
}

// Text of many values, most of which come once, tells rows apart: there is nothing in it to learn. But numbers with a
// word or two among them are another matter, of which the encoder speaks.
bool tells_rows_apart(const Table& table, const std::string& name) {
  if (table.numeric(name)) return false;
  const auto categories = table.categories(name);
  const auto different = static_cast<Index>(categories.size());
  const auto words = different - std::count_if(categories.begin(), categories.end(), is_number);
  return different > 12 && different > (table.rows() - table.at(name).missing()) / 2 && (words == 0 || words > 2);
}

// Numbers with a few words among them, as a device that fails writes: the encoder refuses up to two.
void refuse_words_among_numbers(const Table& table, const std::string& name) {
  Strings words = table.categories(name);
  const std::size_t different = words.size();
  std::erase_if(words, is_number);
  if (words.empty() || words.size() > std::min<std::size_t>(different / 10, 12)) return;
  std::string list;
  for (const auto& word : words) list += (list.empty() ? "'" : ", '") + word + "'";
  const Strings values = table.text(name);
  const Index row = std::find(values.begin(), values.end(), words[0]) - values.begin();
  throw std::runtime_error(table.place(row, name) + ": found '" + words[0] +
                           "', expected a number; all are numbers except " + list +
                           "; if they are names: --categorical");
}

// What more there is to say of a column of such texts.
std::string why_text(const Table& table, const std::string& name) {
  const std::string remark = table.at(name).remark, first = table.categories(name)[0];
  if (!remark.empty()) return "; it is " + remark;
  if (first.find(',') == std::string::npos || first.find_first_not_of("0123456789,.-") != std::string::npos) return "";
  return "; numbers with commas, such as '" + first + "', are read as text";
}

Table with_target(const Table& table, const std::string& target) {
  std::vector<Index> rows;
  for (Index row = 0; row < table.rows(); ++row)
    if (!table.at(target).missing(row)) rows.push_back(row);
  return table.take(tensor(rows, i64));
}

// The rows with a target, in the columns that are used, which `a` then names; says what becomes of the others.
Table read_table(TrainArguments& a) {
  Table table = data::read_csv(a.table, {.separator = data::csv_guess, .header = true});
  if (columns_of(table, "--target", {a.target}) != Strings{a.target})
    throw WrongArgument("--target: '" + a.target + "' is not the name of one column");
  a.drop = columns_of(table, "--drop", a.drop);
  a.categorical = columns_of(table, "--categorical", a.categorical);
  if (contains(a.drop, a.target)) throw WrongArgument("--drop: '" + a.target + "' is the target");
  for (const auto& name : a.categorical)
    if (contains(a.drop, name)) throw WrongArgument("--drop: '" + name + "' is --categorical as well");
  std::cout << a.table << " has " << table.rows() << " rows and " << table.columns() << " columns.\n";
  if (tells_rows_apart(table, a.target)) {
    refuse_words_among_numbers(table, a.target);
    throw std::runtime_error(a.table + ": the target '" + a.target + "' is " +
                             std::to_string(table.categories(a.target).size()) + " different texts in " +
                             std::to_string(table.rows()) + " rows: no classes to learn" + why_text(table, a.target));
  }
  table = table.drop_column(a.drop);
  for (const auto& name : table.column_names()) {
    if (name == a.target || contains(a.categorical, name) || !tells_rows_apart(table, name)) continue;
    refuse_words_among_numbers(table, name);
    std::cout << "Column '" << name << "' is left out: " << table.categories(name).size() << " different texts"
              << why_text(table, name) << ".\n";
    table = table.drop_column(name);
  }
  const Table labelled = with_target(table, a.target);
  if (labelled.rows() < table.rows())
    std::cout << table.rows() - labelled.rows() << " rows lack '" << a.target << "' and are left out.\n";
  std::cout << '\n' << labelled.describe() << '\n';
  return labelled;
}

struct Data {
  TableEncoder encoder;
  TensorDataset training, validation, test;

  bool classifies() const { return !encoder.class_names().empty(); }
  Index features() const { return training.inputs().size(1); }
  Index outputs() const {
    return classifies() ? static_cast<Index>(encoder.class_names().size()) : training.targets().size(1);
  }
};

// Without the rows of classes that training has not seen.
Table of_classes(const Table& table, const std::string& target, const Strings& classes) {
  if (classes.empty()) return table;
  std::vector<Index> rows;
  const Strings values = table.text(target);
  for (std::size_t row = 0; row < values.size(); ++row)
    if (contains(classes, values[row])) rows.push_back(static_cast<Index>(row));
  return table.take(tensor(rows, i64));
}

// The columns that lack all values, of which it tells.
Strings without_values(const Table& table) {
  Strings names;
  for (const auto& name : table.column_names())
    if (table.at(name).missing() == table.rows()) names.push_back(name);
  for (const auto& name : names)
    std::cout << "Column '" << name << "' is left out: no value in the rows to learn from.\n";
  return names;
}

// Rows dealt out at random, those of each class by its share: all but so many, and those.
std::pair<Table, Table> deal(const Table& table, Index count, const TrainArguments& a) {
  const bool classes = !table.numeric(a.target) || contains(a.categorical, a.target);
  return data::split(table, table.rows() - count, {.stratify = classes ? table.codes(a.target) : Tensor()});
}

// All that is learned of the columns is learned from the training rows. A category that only other rows have is no
// trouble here; for the rows of another table it is, so the encoder that is kept refuses it.
Data encode(const Table& table, const TrainArguments& a) {
  const auto count = [&](double share) { return static_cast<Index>(share * static_cast<double>(table.rows())); };
  const auto [rest, test] = deal(table, count(a.test), a);
  const auto [training, validation] = deal(rest, count(a.validation), a);
  if (training.rows() < 2) throw std::runtime_error(a.table + " leaves fewer than two rows to learn from");
  data::TableEncoderOptions options{
      .target = a.target, .drop = without_values(training), .categorical = a.categorical, .indicator = true};
  const TableEncoder encoder = TableEncoder::fit(training, options);
  options.unknown = data::Unknown::zeros;
  const TableEncoder lenient = TableEncoder::fit(training, options);
  const auto set = [&](const Table& part) {
    return lenient.dataset(of_classes(part, a.target, encoder.class_names()));
  };
  Data data{encoder, set(training), set(validation), set(test)};
  if (!data.classifies() && !all_finite(encoder.targets_in_units(data.training.targets())))
    throw std::runtime_error(a.table + ": numbers of '" + a.target + "' are beyond f32, in which it is predicted");
  std::cout << encoder.describe() << '\n'
            << data.training.size() << " rows to learn from, " << data.validation.size()
            << " to choose the best epoch, " << data.test.size() << " to measure the error.\n\n";
  return data;
}

nn::Sequential network(const Data& data, std::vector<Index> sizes) {
  sizes.insert(sizes.begin(), data.features());
  sizes.push_back(data.outputs());
  return nn::mlp(sizes, {.batch_norm = true});
}

train::Loss loss_of(const Data& data) {
  return data.classifies() ? train::Loss(nn::cross_entropy) : train::Loss(nn::mse_loss);
}

// Least squares, or for classes the least cross-entropy, whatever the network's optimizer.
nn::Sequential linear_model(const Data& data) {
  nn::Sequential linear = network(data, {});
  optim::LBFGS lbfgs(linear.parameters(), {.max_iterations = 200});
  lbfgs.step([&] { return loss_of(data)(linear(data.training.inputs()), data.training.targets()); });
  return linear;
}

// The result, of a run that fails as well.
struct SoFar final : train::Callback {
  std::optional<train::FitResult> result;
  void on_epoch(train::Run& run) override {
    if (!result) result.emplace(run.history.names());
    result->add(run.history.row(run.epoch - 1));
    result->best_epoch = run.history.best_epoch;
  }
  void on_end(train::Run& run) override { result = run.history; }
};

// An error that comes after an epoch that can be kept, as divergence does, is the `failure`.
train::FitResult fit(Model& model, const Data& data, const TrainArguments& a, std::vector<train::Callback*> callbacks,
                     std::exception_ptr& failure) {
  const auto optimizer = optim::make(a.optimizer, model.net.parameters());
  const Index batch = std::min(a.batch, data.training.size());
  data::DataLoader loader(data.training, {.batch_size = batch, .shuffle = true, .drop_last = true});
  std::optional<data::DataLoader> validation;
  if (data.validation.size() > 0) validation.emplace(data.validation, data::DataLoaderOptions{.batch_size = 4096});
  train::Progress progress(stderr);
  callbacks.push_back(&progress);
  const train::StopSignals signals;  // until the model is in its file
  SoFar so_far;
  callbacks.insert(callbacks.begin(), &so_far);
  try {
    train::fit(model.net, *optimizer, loss_of(data), loader,
               {.epochs = a.epochs,
                .validation = validation ? &*validation : nullptr,
                .patience = validation ? a.patience : 0,
                .stop_on_signals = true,
                .callbacks = callbacks});
  } catch (const std::exception&) {
    if (!so_far.result || so_far.result->best_epoch == 0) throw;
    failure = std::current_exception();
  }
  const train::FitResult& history = *so_far.result;
  const bool pipe = std::filesystem::is_other(a.save);
  if (!a.save.empty() && !pipe) save_model(a.save, model);  // what follows takes its time, and may be interrupted
  std::cout << "The network was trained for " << history.epochs() << " epochs";
  if (failure) std::cout << ", until an error came";
  if (history.stopped == train::Stopped::signal) std::cout << ", until a signal came";
  if (history.best_epoch > 0) std::cout << ", and is kept as it was after " << history.best_epoch;
  std::cout << ".\n" << std::flush;
  return history;
}

// ---- how good it is ----

using Scores = std::vector<double>;

// A target of numbers, in f64, where squares have room.
Tensor in_units(const Data& data, const Tensor& scaled) { return data.encoder.targets_in_units(scaled.to(f64)); }

// In units of the target: root of the mean squared error and mean absolute error; of classes the share that is right.
Scores scores(const Data& data, const Tensor& outputs, const TensorDataset& rows) {
  if (data.classifies()) return {nn::accuracy(outputs, rows.targets())};
  const Tensor error = in_units(data, outputs) - in_units(data, rows.targets());
  return {std::sqrt(mean(square(error)).item()), mean(abs(error)).item()};
}

// What predicts the mean of the training rows, or their most frequent class, whatever the inputs.
Tensor guess(const Data& data, Index rows) {
  const Tensor& targets = data.training.targets();
  if (!data.classifies()) return broadcast_to(mean(targets, 0, true), {rows, data.outputs()});
  Tensor counts = zeros({1, data.outputs()});
  for (const Index target : targets.to_vector<Index>()) counts.set({0, target}, counts.at({0, target}) + 1.0);
  return broadcast_to(counts, {rows, data.outputs()});
}

// The table at the end: scores on the training rows and, if there are any, on the test rows.
class ScoreTable {
 public:
  ScoreTable(const Data& data, const std::string& target) : data_(data) {
    const double size = data.classifies() ? 0.0 : std::sqrt(var(in_units(data, data.training.targets())).item());
    const int digit = size > 0.0 ? static_cast<int>(std::floor(std::log10(size))) : -1;
    if (digit < -6 || digit > 8)
      out_ << std::scientific << std::setprecision(2);
    else
      out_ << std::fixed << std::setprecision(std::max(2 - digit, 0));
    start("");
    for (std::size_t i = 0; i < sets().size(); ++i)
      out_ << "  " << std::setw(width()) << (i == 0 ? "rows it learned from" : "rows it has not seen");
    out_ << '\n';
    start((data.classifies() ? "" : "error in ") + target);
    for (std::size_t i = 0; i < sets().size(); ++i)
      for (const char* score : data.classifies() ? std::vector{"accuracy"} : std::vector{"RMSE", "MAE"})
        out_ << "  " << std::setw(cell()) << score;
    out_ << '\n';
  }

  // outputs(rows) are what a net gives for them.
  template <class Outputs>
  void add(const char* name, const Outputs& outputs) {
    start(name);
    for (const TensorDataset* rows : sets())
      for (const double score : scores(data_, outputs(*rows), *rows)) out_ << "  " << std::setw(cell()) << score;
    out_ << '\n';
  }
  std::string text() const { return out_.str(); }

 private:
  std::vector<const TensorDataset*> sets() const {
    if (data_.test.size() == 0) return {&data_.training};
    return {&data_.training, &data_.test};
  }
  int width() const { return data_.classifies() ? 20 : 22; }
  int cell() const { return data_.classifies() ? 20 : 10; }
  void start(const std::string& name) { out_ << std::left << std::setw(22) << name << std::right; }

  const Data& data_;
  std::ostringstream out_;
};

void draw(const std::string& path, const train::History& history) {
  const Tensor loss = history.column("loss");
  const bool positive = loss.numel() > 0 && max(loss).item() > 0.0;  // those of a single class are 0
  report::Plot plot({.title = "Training", .x_label = "epoch", .y_label = "loss", .y_log = positive});
  plot.line(history.column("epoch"), loss, "training rows");
  for (const auto& name : history.names())
    if (name == "val_loss") plot.line(history.column("epoch"), history.column(name), "validation rows");
  plot.save(path);
}

void check_ending(const char* option, const std::string& file, const Strings& endings) {
  const std::string ending = std::filesystem::path(file).extension();
  if (file.empty() || contains(endings, ending)) return;
  std::string known;
  for (const auto& one : endings) known += (known.empty() ? "" : " or ") + one;
  throw WrongArgument(std::string(option) + ": '" + file + "' does not end in " + known);
}

// Better before the training than after it.
void check_arguments(const TrainArguments& a) {
  check_optimizer(a.optimizer);
  if (a.test + a.validation >= 1.0) throw WrongArgument("--test and --validation leave no rows to learn from");
  check_ending("--plot", a.plot, {".svg", ".png", ".pdf"});
  check_ending("--history", a.history, {".csv", ".jsonl"});
  refuse_overwriting("--save", a.save, {a.table});
  refuse_overwriting("--history", a.history, {a.table, a.save});
  refuse_overwriting("--plot", a.plot, {a.table, a.save, a.history});
  for (const auto& file : {a.save, a.history, a.plot}) {
    const std::string folder = std::filesystem::path(file).parent_path();
    if (!file.empty() && access(folder.empty() ? "." : folder.c_str(), W_OK) != 0)
      throw FileError("cannot write " + file + ": " + std::generic_category().message(errno));
    if (!file.empty() && std::filesystem::is_directory(file))
      throw FileError("cannot write " + file + ": it is a folder");
  }
}

}  // namespace

void refuse_overwriting(const char* option, const std::string& file, const Strings& others) {
  const auto place = [](const std::string& path) {
    std::error_code none;  // where a pipe stands there
    const auto place = std::filesystem::weakly_canonical(std::filesystem::absolute(path), none);
    return none ? std::filesystem::path(path) : place;
  };
  for (const auto& other : others)
    if (!file.empty() && !other.empty() && place(file) == place(other))
      throw WrongArgument(std::string(option) + ": '" + file + "' is '" + other + "', which would be lost");
}

void train(TrainArguments a) {
  check_arguments(a);
  std::signal(SIGPIPE, SIG_IGN);  // Ctrl-C in `ravine train | tee log` ends tee first
  manual_seed(a.seed);
  const Data data = encode(read_table(a), a);
  Model model{network(data, a.hidden), data.encoder, ""};
  std::cout << nn::summary(model.net, {a.batch, data.features()}) << std::endl;
  std::optional<train::Log> log;
  std::vector<train::Callback*> callbacks;
  if (!a.history.empty()) callbacks.push_back(&log.emplace(a.history));
  std::exception_ptr failure;
  const train::FitResult history = fit(model, data, a, callbacks, failure);
  const nn::Sequential linear = linear_model(data);

  ScoreTable table(data, a.target);
  table.add(data.classifies() ? "most frequent class" : "guess the mean",
            [&](const auto& rows) { return guess(data, rows.size()); });
  table.add("linear model", [&](const auto& rows) { return outputs_of(linear, rows.inputs()); });
  table.add("network", [&](const auto& rows) { return outputs_of(model.net, rows.inputs()); });
  model.results = table.text();
  std::cout << '\n' << model.results;
  if (!a.save.empty()) {
    save_model(a.save, model);
    std::cout << "\nThe model is in " << a.save << ".\n";
  }
  if (!a.plot.empty()) draw(a.plot, history);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace ravine::tools
