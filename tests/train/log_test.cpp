// Histories as files: each epoch once, whenever a run was killed.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include <nlohmann/json.hpp>

#include <ravine/core/core.hpp>
#include <ravine/data/data.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/optim.hpp>
#include <ravine/train/train.hpp>

#include "../data/temporary.hpp"

using namespace ravine;
using doctest::Contains;

namespace {

struct Throw final : train::Callback {
  Index at = 0;
  std::function<void()> begin;
  void on_begin(train::Run&) override {
    if (begin) begin();
  }
  void on_step(train::Run& run) override {
    if (run.step == at) throw std::runtime_error("killed");
  }
};

train::History run(train::FitOptions options, const std::string& metric = "nan") {
  manual_seed(1);
  nn::Linear model(2, 1);
  optim::SGD sgd(model.parameters(), {.lr = 0.01});
  const Tensor x = randn({8, 2});
  data::DataLoader loader({x, sum(x, 1, true)}, {.batch_size = 4});
  options.metrics = {{metric, [](const Variable&, const Tensor&) { return std::nan(""); }}};
  return fit(model, sgd, nn::mse_loss, loader, options);
}

}  // namespace

TEST_CASE("a CSV log is the history, and each epoch is there as soon as it is over") {
  const TemporaryFile file("log.csv", "what was there before");
  train::Log log(file.path());
  struct Check final : train::Callback {
    const TemporaryFile* file = nullptr;
    void on_epoch(train::Run& run) override {
      const std::string all = file->read();
      CHECK(std::count(all.begin(), all.end(), '\n') == run.epoch + 1);
    }
  } check;
  check.file = &file;
  const train::History history = run({.steps = 5, .callbacks = {&log, &check}}, "a \"b\", c");
  const data::Table table = data::read_csv(file.path());
  CHECK(file.read().starts_with("epoch,step,loss,\"a \"\"b\"\", c\"\n1,2,"));
  CHECK(table.column_names() == history.names());
  CHECK(table.rows() == 3);  // the last one was cut short
  for (const char* name : {"epoch", "step", "loss"}) CHECK(bitwise_equal(table.column(name), history.column(name)));
  CHECK(std::isnan(table.column("a \"b\", c").at({0})));
}

TEST_CASE("a JSON log has an object a line") {
  const TemporaryFile file("log.jsonl");
  train::Log log(file.path());
  const train::History history = run({.epochs = 3, .callbacks = {&log}});
  std::istringstream lines(file.read());
  Index i = 0;
  for (std::string line; std::getline(lines, line); ++i) {
    const auto object = nlohmann::json::parse(line);
    CHECK(object["epoch"] == i + 1);
    CHECK(object["step"].is_number_integer());
    CHECK(object["loss"] == history.column("loss").at({i}));
    CHECK(object["nan"].is_null());
  }
  CHECK(i == 3);
}

TEST_CASE("a log that goes on has each epoch once, whatever was logged after the checkpoint") {
  const TemporaryFile straight("straight.csv"), log_file("log.csv"), checkpoint("run.safetensors");
  {
    train::Log log(straight.path());
    run({.epochs = 6, .callbacks = {&log}});
  }
  std::filesystem::remove(checkpoint.path());
  train::Log log(log_file.path());
  Throw kill;
  kill.at = 9;
  const auto go_on = [&] {
    return run({.epochs = 6, .checkpoint = checkpoint.path(), .checkpoint_steps = 5, .callbacks = {&log, &kill}});
  };
  CHECK_THROWS_WITH(go_on(), "killed");  // four epochs are logged, two are in the checkpoint
  std::ofstream(log_file.path(), std::ios::app) << "4,8,0.";
  kill.at = 0;
  kill.begin = [&] { CHECK(data::read_csv(log_file.path()).rows() == 2); };
  go_on();
  CHECK(log_file.read() == straight.read());
  kill.begin = {};
  go_on();  // it is over
  CHECK(log_file.read() == straight.read());
}

TEST_CASE("logs refuse other endings and folders that are not there") {
  CHECK_THROWS_WITH_AS(train::Log("history.txt"), "Log: a path ends in .csv or .jsonl, got history.txt",
                       std::invalid_argument);
  train::Log log("/no/such/folder/log.csv");
  CHECK_THROWS_WITH_AS(run({.epochs = 1, .callbacks = {&log}}), Contains("Log: cannot write /no/such/folder/log.csv"),
                       FileError);
}
