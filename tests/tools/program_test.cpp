// The program `ravine` as a user meets it: what it prints, writes and refuses, and that it predicts what the library
// predicts.
#include <doctest/doctest.h>

#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/data/data.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/train/checkpoint.hpp>

#include "../data/temporary.hpp"
#include "program.hpp"

using namespace ravine;
using doctest::Contains;

namespace {

const std::string cars = RAVINE_SOURCE "/examples/data/auto-mpg.csv";

// The lines of a text that begin with a word.
std::vector<std::string> lines_with(const std::string& text, const std::string& start) {
  std::istringstream lines(text);
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(start)) found.push_back(line);
  return found;
}

// The numbers behind a name in the table at the end.
std::vector<double> scores(const std::string& text, const std::string& name) {
  const auto lines = lines_with(text, name + "   ");
  REQUIRE(!lines.empty());
  std::istringstream numbers(lines.back().substr(name.size()));
  std::vector<double> found;
  for (double number = 0.0; numbers >> number;) found.push_back(number);
  return found;
}

const std::string quick = " --epochs 4 --hidden 8 ";

// What a program of one's own does with the file: net and encoder, as the description says.
class Library {
 public:
  Library(const std::string& file, Index outputs) : net(nn::mlp({10, 8, outputs}, {.batch_norm = true})) {
    StateDict all = data::load_safetensors(file), net_state, encoder_state;
    for (const auto& [name, value] : all) {
      if (name.starts_with("0/")) net_state[name.substr(2)] = value;
      if (name.starts_with("1/")) encoder_state[name.substr(2)] = value;
    }
    net.load_state_dict(net_state);
    encoder.load_state_dict(encoder_state);
    net.eval();
  }
  Tensor outputs(const data::Table& table) {
    const NoGrad no_grad;
    return net(encoder.inputs(table)).value();
  }

  nn::Sequential net;
  data::TableEncoder encoder;
};

}  // namespace

TEST_CASE("a trained model predicts, in a file or printed, exactly what the library predicts with it") {
  const TemporaryFile model("cars.safetensors"), out("predictions.csv");
  const Outcome trained = ravine_program("train " + cars + " --target mpg --drop name --save " + model.path() + quick);
  CHECK(trained.code == 0);
  CHECK(trained.error.starts_with("epoch 4/4"));  // the progress, and nothing else
  Library library(model.path(), 1);
  const data::Table table = data::read_csv(cars);
  const Tensor expected = library.encoder.targets_in_units(library.outputs(table));

  const Outcome printed = ravine_program("predict " + model.path() + " " + cars);
  CHECK(printed.code == 0);
  CHECK(printed.error == "");
  const Outcome written = ravine_program("predict " + model.path() + " " + cars + " --out " + out.path());
  CHECK(written.code == 0);
  CHECK(written.out == "406 predictions of 'mpg' are in " + out.path() + ".\n");
  CHECK(out.read() == printed.out);
  const data::Table predicted = data::read_csv(out.path());
  CHECK(predicted.column_names() == std::vector<std::string>{"mpg"});
  CHECK(bitwise_equal(predicted.to_tensor(f32), expected));
  std::istringstream lines(printed.out);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 10);  // the digits of f32

  // Columns in another order, more of them, none of the target.
  const TemporaryFile other("other.csv");
  data::write_csv(other.path(), table.select({"name", "origin", "model_year", "acceleration", "weight", "horsepower",
                                              "displacement", "cylinders"}));
  CHECK(ravine_program("predict " + model.path() + " " + other.path()).out == printed.out);
  // Other separators.
  data::write_csv(other.path(), table, {.separator = ';'});
  CHECK(ravine_program("predict " + model.path() + " " + other.path()).out == printed.out);
  CHECK(ravine_program("train " + other.path() + " --target mpg" + quick).out.find("406 rows and 9 columns") !=
        std::string::npos);
  // No rows.
  other.write("origin,model_year,acceleration,weight,horsepower,displacement,cylinders\n");
  CHECK(ravine_program("predict " + model.path() + " " + other.path()).out == "mpg\n");
  // What is in a file that is appended to stays.
  other.write("before\n");
  const std::string append = "predict " + model.path() + " " + cars + " >>" + other.path() + " #";
  CHECK(ravine_program(append).code == 0);
  CHECK(other.read() == "before\n" + printed.out);
}

TEST_CASE("the errors it prints are those of its predictions, and the network beats the others") {
  const TemporaryFile model("cars.safetensors"), history("history.csv"), plot("losses.svg");
  const Outcome trained = ravine_program(
      "train " + cars +
      " --target mpg --drop name --seed 2 --epochs 60 --optimizer adamw:lr=5e-3,weight_decay=0.01 --save " +
      model.path() + " --history " + history.path() + " --plot " + plot.path());
  CHECK(trained.code == 0);
  for (const char* words :
       {"has 406 rows and 9 columns.", "8 rows lack 'mpg' and are left out.", "260 rows to learn from, 59 to",
        "0 or 1 for each of Europe, Japan, USA", "Linear(10, 64)", "rows it has not seen", "The model is in "})
    CHECK(trained.out.find(words) != std::string::npos);
  const auto mean = scores(trained.out, "guess the mean"), linear = scores(trained.out, "linear model"),
             network = scores(trained.out, "network");
  REQUIRE(network.size() == 4);
  for (const std::size_t i : {0, 1, 2, 3}) {
    CHECK(network[i] < linear[i]);
    CHECK(linear[i] < mean[i]);
  }

  const data::Table losses = data::read_csv(history.path());
  CHECK(losses.column_names() == std::vector<std::string>{"epoch", "step", "loss", "val_loss"});
  const std::string kept =
      "The network was trained for " + std::to_string(losses.rows()) + " epochs, and is kept as it was after ";
  CHECK(lines_with(trained.out, kept).size() == 1);
  const std::string picture = plot.read();
  CHECK(picture.find("training rows") != std::string::npos);
  CHECK(picture.find("validation rows") != std::string::npos);

  // All rows together: the root of the mean squared error lies between those of the parts.
  const TemporaryFile out("predictions.csv");
  CHECK(ravine_program("predict " + model.path() + " " + cars + " --out " + out.path()).code == 0);
  const auto truth = data::read_csv(cars).column("mpg").to_vector<double>(),
             guess = data::read_csv(out.path()).column("mpg").to_vector<double>();
  double squares = 0.0;
  for (std::size_t i = 0; i < truth.size(); ++i)
    if (!std::isnan(truth[i])) squares += (truth[i] - guess[i]) * (truth[i] - guess[i]);
  const double all = std::sqrt(squares / 398.0);
  CHECK(all > network[0]);
  CHECK(all < network[2]);
}

TEST_CASE("the linear model is fitted to the end, whatever optimizer the network has") {
  for (const std::string target : {"mpg", "origin"}) {
    const auto linear = [&](const std::string& options) {
      const Outcome trained = ravine_program("train " + cars + " --drop name --target " + target + quick + options);
      return lines_with(trained.out, "linear model   ");
    };
    CHECK(linear("--optimizer adam:lr=1e-5") == linear("--optimizer sgd:lr=0.01 --batch 16"));
  }
}

TEST_CASE("a training that gets a signal ends after the step, and the model is kept") {
  const TemporaryFile model("cars.safetensors"), history("history.csv");
  for (const std::string signal : {"TERM", "HUP"}) {
    history.write("");
    const Outcome trained = ravine_program(
        "train " + cars + " --target mpg --drop name --epochs 1000000000 --patience 0 --hidden 8 --save " +
            model.path() + " --history " + history.path(),
        "",
        " & while [ $(wc -l <" + history.path() + ") -lt 3 ]; do sleep 0.02; done; kill -" + signal + " $!; wait $!");
    CHECK(trained.code == 0);
    CHECK(trained.out.find(" epochs, until a signal came") != std::string::npos);
    CHECK(trained.out.find("The model is in ") != std::string::npos);
    CHECK(ravine_program("predict " + model.path() + " " + cars).code == 0);
  }
}

TEST_CASE("the model is kept before it is measured beside others") {
  const TemporaryFile model("cars.safetensors"), out("out");
  std::filesystem::remove(model.path());
  const Outcome killed = ravine_program(  // some hundred classes take the linear model a while
      "train " + cars + " --target weight --categorical weight --drop name --save " + model.path() + quick + ">" +
      out.path() + " 2>/dev/null & i=0; until grep -q 'was trained' " + out.path() +
      " || [ $((i += 1)) -gt 999 ]; do sleep 0.01; done; kill -KILL $!; wait $! #");
  CHECK(killed.code == 128 + 9);
  CHECK(ravine_program("predict " + model.path() + " " + cars).code == 0);
  // A pipe gets it once.
  ravine_program("train " + cars + " --target mpg --save /dev/stderr" + quick +
                 " 2>&1 >/dev/null | grep -ao 'ravine checkpoint' >" + out.path() + " #");
  CHECK(out.read() == "ravine checkpoint\n");
}

TEST_CASE("who reads what is printed may end before the training does") {
  const TemporaryFile model("cars.safetensors"), error("error");
  std::filesystem::remove(model.path());
  const std::string train = "train " + cars + " --target mpg --save " + model.path() + quick;
  ravine_program(train + "2>" + error.path() + " | true #");
  CHECK(error.read().ends_with("ravine train: cannot write to the standard output\n"));
  CHECK(ravine_program("predict " + model.path() + " " + cars).code == 0);
}

TEST_CASE("a training that diverges after good epochs ends with 1, and the best net is kept") {
  const TemporaryFile model("cars.safetensors");
  std::filesystem::remove(model.path());
  const Outcome trained = ravine_program("train " + cars + " --target mpg --drop name --hidden 8 --batch 1000" +
                                         " --optimizer sgd:lr=0.1,weight_decay=22 --save " + model.path());
  CHECK(trained.code == 1);
  CHECK(trained.error.find("fit: step ") != std::string::npos);
  CHECK(trained.out.find(" epochs, until an error came, and is kept as it was after ") != std::string::npos);
  CHECK(trained.out.find("The model is in ") != std::string::npos);
  CHECK(ravine_program("predict " + model.path() + " " + cars).code == 0);
}

TEST_CASE("a target of text, or of numbers that name things, is classified") {
  const TemporaryFile model("origin.safetensors"), out("predictions.csv");
  const Outcome trained = ravine_program(
      "train " + cars + " --target origin --drop name,mpg,horsepower --epochs 20 --hidden 16 --save " + model.path());
  CHECK(trained.code == 0);
  CHECK(trained.out.find("target, 3 classes") != std::string::npos);
  const auto most = scores(trained.out, "most frequent class"), network = scores(trained.out, "network");
  REQUIRE(network.size() == 2);
  CHECK(std::abs(most[0] - most[1]) < 0.015);  // each part has its share of each class
  CHECK(network[1] > most[1]);

  CHECK(ravine_program("predict " + model.path() + " " + cars + " --out " + out.path()).code == 0);
  const data::Table predicted = data::read_csv(out.path());
  CHECK(predicted.column_names() == std::vector<std::string>{"origin", "probability"});
  CHECK(predicted.categories("origin") == std::vector<std::string>{"Europe", "Japan", "USA"});
  const auto truth = data::read_csv(cars).text("origin"), guess = predicted.text("origin");
  double right = 0.0;
  for (std::size_t i = 0; i < truth.size(); ++i) right += truth[i] == guess[i];
  CHECK(right / 406.0 > 0.7);
  for (const double p : predicted.column("probability").to_vector<double>()) CHECK((p > 0.33 && p <= 1.0));

  const Outcome cylinders =
      ravine_program("train " + cars + " --target cylinders --categorical cylinders --save " + model.path() + quick);
  CHECK(cylinders.code == 0);
  CHECK(cylinders.out.find("target, 5 classes") != std::string::npos);
  CHECK(cylinders.out.find("0 to 4: 3, 4, 5, 6, 8") != std::string::npos);
  CHECK(ravine_program("predict " + model.path() + " " + cars + " --out " + out.path()).code == 0);
  CHECK(data::read_csv(out.path()).categories("cylinders").size() >= 3);
  CHECK(ravine_program("predict " + model.path() + " " + cars).out == out.read());
}

TEST_CASE("the same seed gives the same, on any number of threads, and another seed does not") {
  const TemporaryFile one("one.safetensors"), three("three.safetensors");
  const std::string arguments = "train " + cars + " --target mpg --drop name" + quick + "--save ";
  const auto without_path = [](const std::string& text) { return text.substr(0, text.find("The model is in")); };
  const Outcome first = ravine_program(arguments + one.path(), "OMP_NUM_THREADS=1");
  const Outcome second = ravine_program(arguments + three.path(), "OMP_NUM_THREADS=3");
  CHECK(without_path(first.out) == without_path(second.out));
  CHECK(one.read() == three.read());
  CHECK(without_path(ravine_program(arguments + one.path() + " --seed 2").out) != without_path(first.out));
}

TEST_CASE("texts that only tell rows apart are left out, and categories that few rows have are no trouble") {
  std::string rows = "id,kind,rare,y\n";
  for (int i = 0; i < 60; ++i)
    rows += "row" + std::to_string(i) + "," + (i % 2 ? "odd" : "even") + "," +
            (i % 20 ? "a" : "r" + std::to_string(i)) + "," + std::to_string(i % 7) + "\n";
  const TemporaryFile table("table.csv", rows), model("model.safetensors");
  for (const char* seed : {"1", "2", "3"}) {
    const Outcome trained = ravine_program("train " + table.path() + " --target y --seed " + seed + quick);
    CHECK(trained.code == 0);
    CHECK(trained.out.find("Column 'id' is left out: 60 different texts.") != std::string::npos);
  }
  std::string numbers = "x,y\n";
  for (int i = 0; i < 40; ++i)
    numbers += (i == 7 ? "many" : std::to_string(i) + ".5") + "," + std::to_string(i % 5) + "\n";
  const TemporaryFile odd("odd.csv", numbers);
  for (const char* seed : {"1", "2", "3", "4", "5", "6"})  // wherever the word is dealt to
    refuses("train " + odd.path() + " --target y --seed " + seed, 1,
            "line 9, column 'x': found 'many', expected a number");
  refuses("train " + odd.path() + " --target y --test 0 --validation 0", 1,
          "line 9, column 'x': found 'many', expected a number; all are numbers except 'many'");
  for (const char* seed : {"1", "2", "3"})  // classes of a single row: they are learned, or not measured
    CHECK(ravine_program("train " + table.path() + " --target rare --drop id --seed " + seed + quick).code == 0);
  const Outcome all =
      ravine_program("train " + table.path() + " --target y --validation 0 --test 0 --save " + model.path() + quick);
  CHECK(all.code == 0);
  CHECK(all.out.find("60 rows to learn from, 0 to choose the best epoch, 0 to measure the error.") !=
        std::string::npos);
  CHECK(lines_with(all.out, "network ").back().find("nan") == std::string::npos);
}

TEST_CASE("a column without a value where it learns is left out, and texts that tell rows apart are no classes") {
  std::string rows = "x,rare,none,y,\n";
  for (int i = 0; i < 40; ++i)
    rows += std::to_string(i % 7) + (i == 9 ? ",5" : ",") + ",," + std::to_string(i % 7) + ",\n";
  const TemporaryFile table("table.csv", rows), model("model.safetensors");
  bool rare_told = false;
  for (const char* seed : {"1", "2", "3", "4", "5", "6", "7", "8"}) {
    const Outcome trained =
        ravine_program("train " + table.path() + " --target y --seed " + seed + " --save " + model.path() + quick);
    CHECK(trained.code == 0);
    CHECK(trained.out.find("Column 'none' is left out: no value in the rows to learn from.") != std::string::npos);
    CHECK(trained.out.find("Column '4' is left out: no value in the rows to learn from.") != std::string::npos);
    rare_told |= trained.out.find("Column 'rare' is left out") != std::string::npos;
    CHECK(ravine_program("predict " + model.path() + " " + table.path()).code == 0);
  }
  CHECK(rare_told);
  refuses("train " + cars + " --target name", 1,
          "the target 'name' is 311 different texts in 406 rows: no classes to learn");
  std::string large = "x,y\n";
  for (int i = 0; i < 40; ++i) large += std::to_string(i) + ",100000000000000" + std::to_string(100 + i) + "\n";
  table.write(large);
  refuses(
      "train " + table.path() + " --target y", 1,
      "no classes to learn; it is text, since f64 does not hold integers beyond 2^53: '100000000000000100' in line");
}

TEST_CASE("tables as spreadsheets of other countries write them: semicolons and decimal commas") {
  std::string points = "x,y\n", commas = "x;y\n";
  for (int i = 0; i < 40; ++i) {
    const std::string digit = std::to_string(i % 10), row = std::to_string(i);
    points += row + "." + digit + "," + row + ".5\n";
    commas += row + "," + digit + ";" + row + ",5\n";
  }
  const TemporaryFile point("point.csv", points), comma("comma.csv", commas), a("a"), b("b");
  CHECK(ravine_program("train " + point.path() + " --target y --save " + a.path() + quick).code == 0);
  CHECK(ravine_program("train " + comma.path() + " --target y --save " + b.path() + quick).code == 0);
  CHECK(a.read() == b.read());
  CHECK(ravine_program("predict " + a.path() + " " + point.path()).out ==
        ravine_program("predict " + a.path() + " " + comma.path()).out);
}

TEST_CASE("that a value is missing is learned from, and another column may lack some later") {
  std::string rows = "x,pool,y\n";
  for (int i = 0; i < 60; ++i)
    rows += std::to_string(i % 7) + (i % 2 ? ",,0\n" : "," + std::to_string(i % 5) + ",100\n");
  const TemporaryFile table("table.csv", rows), model("model"), other("other.csv", "x,pool\n,3\n,\n");
  const Outcome trained = ravine_program("train " + table.path() + " --target y --hidden '' --save " + model.path());
  CHECK(trained.out.find("pool    number") != std::string::npos);
  CHECK(trained.out.find(", and 1 where missing") != std::string::npos);
  CHECK(scores(trained.out, "guess the mean")[2] > 45.0);
  CHECK(scores(trained.out, "linear model")[2] < 1.0);
  CHECK(ravine_program("predict " + model.path() + " " + other.path()).code == 0);
}

TEST_CASE("a column that is left out, or is no target, says why it is text") {
  std::string rows = "id,amount,sensor,y\n";
  for (int i = 100; i < 160; ++i)
    rows += "00" + std::to_string(i) + ",\"1," + std::to_string(i) + "\"," +
            (i % 20 ? std::to_string(i) : "error " + std::to_string(i)) + "," + std::to_string(i % 7) + "\n";
  const TemporaryFile table("table.csv", rows);
  const std::string train = "train " + table.path() + quick;
  refuses(train + "--target y", 1,
          "line 2, column 'sensor': found 'error 100', expected a number; all are numbers except 'error 100', 'error "
          "120', 'error 140'");
  refuses(
      train + "--target sensor", 1,
      "line 2, column 'sensor': found 'error 100', expected a number; all are numbers except 'error 100', 'error 120'");
  refuses(train + "--target amount", 1, "no classes to learn; numbers with commas, such as '1,100', are read as text");
  const Outcome trained = ravine_program(train + "--target y --drop sensor");
  CHECK(trained.out.find("Column 'id' is left out: 60 different texts; it is text, since integers have leading zeros: "
                         "'00100' in line 2.") != std::string::npos);
  CHECK(trained.out.find("Column 'amount' is left out: 60 different texts; numbers with commas, such as '1,100', are "
                         "read as text.") != std::string::npos);
}

TEST_CASE("the first line is the header, also if the columns' names are numbers") {
  std::string rows = "0,1\n";
  for (int i = 0; i < 40; ++i) rows += std::to_string(i % 7) + "," + std::to_string(i % 5) + ".5\n";
  const TemporaryFile table("table.csv", rows), model("model");
  const Outcome trained = ravine_program("train " + table.path() + " --target 1 --save " + model.path() + quick);
  CHECK(trained.out.find("has 40 rows and 2 columns.") != std::string::npos);
  const Outcome predicted = ravine_program("predict " + model.path() + " " + table.path());
  CHECK(std::count(predicted.out.begin(), predicted.out.end(), '\n') == 41);
}

TEST_CASE("- is the standard input and the standard output") {
  const TemporaryFile model("model"), same("same");
  CHECK(ravine_program("train " + cars + " --target mpg --save " + model.path() + quick).code == 0);
  CHECK(ravine_program("train - --target mpg --save " + same.path() + quick, "cat " + cars + " |").code == 0);
  CHECK(same.read() == model.read());
  const std::string printed = ravine_program("predict " + model.path() + " " + cars).out;
  CHECK(ravine_program("predict " + model.path() + " - --out -", "cat " + cars + " |").out == printed);
  CHECK(ravine_program("predict " + model.path() + " - --out /dev/stdout", "cat " + cars + " |", " | cat").code == 0);
}

TEST_CASE("a column that is said to be categories stays, and a target may be called as the second prediction is") {
  const TemporaryFile table("table.csv", "a,b,probability\n1,p,x\n2,q,y\n3,r,x\n4,s,y\n5,t,x\n6,u,y\n7,v,x\n"),
      model("model");
  const Outcome named = ravine_program("train " + cars + " --target mpg --categorical name --save " + model.path() +
                                       " --test 0 --validation 0" + quick);
  CHECK(named.code == 0);
  CHECK(ravine_program("info " + model.path()).out.find("304 categories") != std::string::npos);
  CHECK(
      ravine_program("train " + table.path() + " --target probability --drop b --save " + model.path() + quick).code ==
      0);
  CHECK(ravine_program("predict " + model.path() + " " + table.path())
            .out.starts_with("probability,probability of it\n"));
}

TEST_CASE("errors of large and small targets have digits, and numbers beyond f32 are refused") {
  const auto trained = [](const std::string& exponent) {
    std::string rows = "x,y\n";
    for (int i = 1; i <= 40; ++i) rows += std::to_string(i) + "," + std::to_string(i) + exponent + "\n";
    const TemporaryFile table("table.csv", rows);
    return ravine_program("train " + table.path() + " --target y --seed 1" + quick);
  };
  const auto expected = scores(trained("").out, "guess the mean");
  REQUIRE(expected.size() == 4);
  for (const std::string power : {"e-30", "e-8", "e4", "e23", "e36"}) {
    CAPTURE(power);
    const auto means = scores(trained(power).out, "guess the mean");
    REQUIRE(means.size() == 4);
    for (const std::size_t i : {0, 1, 2, 3})
      CHECK(means[i] / std::stod("1" + power) == doctest::Approx(expected[i]).epsilon(0.01));
  }
  const Outcome beyond = trained("e38");
  CHECK(beyond.code == 1);
  CHECK(beyond.error.find("numbers of 'y' are beyond f32, in which it is predicted") != std::string::npos);
}

TEST_CASE("targets far from 0 are predicted as closely as they are spread") {
  std::string rows = "x,y\n";
  for (int i = 0; i < 60; ++i) rows += std::to_string(i) + "," + std::to_string(1700000000 + 60 * i) + "\n";
  const TemporaryFile table("times.csv", rows), model("times.safetensors"), out("predictions.csv");
  CHECK(ravine_program("train " + table.path() + " --target y --hidden '' --optimizer lbfgs --epochs 5 --save " +
                       model.path())
            .code == 0);
  CHECK(ravine_program("predict " + model.path() + " " + table.path() + " --out " + out.path()).code == 0);
  const auto predicted = data::read_csv(out.path()).column("y").to_vector<double>();
  for (std::size_t i = 0; i < 60; ++i)
    CHECK(std::abs(predicted[i] - (1700000000.0 + 60.0 * static_cast<double>(i))) < 1.0);
}

TEST_CASE("a category that training has not seen is refused, or none of those it has") {
  const TemporaryFile model("cars.safetensors");
  const TemporaryFile mars("mars.csv",
                           "origin,model_year,acceleration,weight,horsepower,displacement,cylinders\n"
                           "Japan,80,16,2100,65,98,4\nMars,80,16,2100,65,98,4\n");
  CHECK(ravine_program("train " + cars + " --target mpg --drop name --save " + model.path() + quick).code == 0);
  refuses("predict " + model.path() + " " + mars.path(), 1,
          mars.path() + ", line 3, column 'origin': found 'Mars', expected one of the 3 known categories, 'Europe'");
  const Outcome allowed = ravine_program("predict --allow-unknown " + model.path() + " " + mars.path());
  CHECK(allowed.code == 0);
  CHECK(std::count(allowed.out.begin(), allowed.out.end(), '\n') == 3);
}

TEST_CASE("info says what a file holds") {
  const TemporaryFile model("cars.safetensors"), plain("plain.safetensors"), checkpoint("run.safetensors");
  const Outcome trained = ravine_program("train " + cars + " --target mpg --drop name --save " + model.path() + quick);
  const Outcome told = ravine_program("info " + model.path());
  CHECK(told.code == 0);
  const auto table_of = [](const std::string& text) { return text.substr(text.find("error in mpg")).substr(0, 200); };
  CHECK(table_of(told.out) == table_of(trained.out));
  for (const char* words : {"A model that `ravine predict` can use", "Linear(10, 8)", "origin        3 categories  USA",
                            "0/0.weight         f32  (8, 10)", "ravine checkpoint: 1"})
    CHECK(told.out.find(words) != std::string::npos);

  data::save_safetensors(plain.path(), {{"a", ones({2, 3})}, {"longer", ones({4}, i64)}}, {{"author", "me"}});
  CHECK(ravine_program("info " + plain.path()).out ==
        "author: me\na       f32  (2, 3)\nlonger  i64  (4)\n2 tensors, 56 bytes\n");
  data::save_safetensors(plain.path(), {});
  CHECK(ravine_program("info " + plain.path()).out == "0 tensors, 0 bytes\n");
  const std::string torch = ravine_program("info " RAVINE_SOURCE "/tests/data/torch/types.safetensors").out;
  CHECK(torch.find("bfloat16  bf16  (7)") != std::string::npos);
  CHECK(torch.find("14 tensors, 156 bytes") != std::string::npos);
  plain.write(std::string("\x4a\0\0\0\0\0\0\0", 8) +
              R"({"w":{"dtype":"F8_E4M3","shape":[1,1,1,1,1,1,1,1,3],"data_offsets":[0,3]}}xyz)");
  CHECK(ravine_program("info " + plain.path()).out ==
        "w       f8_e4m3  (1, 1, 1, 1, 1, 1, 1, 1, 3)\n1 tensors, 3 bytes\n");
  nn::Linear linear(2, 1);
  train::save_checkpoint(checkpoint.path(), linear);
  CHECK(ravine_program("info " + checkpoint.path()).out.find("0/weight    f32  (1, 2)") != std::string::npos);
}

TEST_CASE("a file that cannot be a model is refused, with the reason") {
  const TemporaryFile file("model.safetensors", "no such file");
  const std::string predict = "predict " + file.path() + " " + cars;
  refuses(predict, 1, file.path());
  nn::Linear linear(2, 1);
  train::save_checkpoint(file.path(), linear);
  refuses(predict, 1, file.path() + ": the file does not say what net it holds");
  data::save_safetensors(file.path(), {});
  refuses(predict, 1, "the file does not say what net it holds");
  refuses("predict " RAVINE_SOURCE "/tests/data/torch/types.safetensors " + cars, 1, "does not say what net it holds");
  refuses("info no-such-file", 1, "no-such-file");

  CHECK(ravine_program("train " + cars + " --target mpg --drop name --save " + file.path() + quick).code == 0);
  const std::string whole = file.read();
  file.write(whole.substr(0, whole.size() - 1));
  refuses(predict, 1, file.path());
  std::string flipped = whole;
  flipped[flipped.size() - 100] ^= 1;
  file.write(flipped);
  refuses(predict, 1, "checksum");

  // Layers that are none, or larger than the file's weights.
  file.write(whole);
  data::Metadata about;
  StateDict tensors = data::load_safetensors(file.path(), about);
  for (const std::string layer :
       {"Linear(10, 800000000)\n", "Linear(10)\n", "Conv2d(3, 4)\n", "Linear\n", "\n", "Linear(10, 8", "Linear(10,"}) {
    tensors.at("2/layers") = tensor(std::vector<std::uint8_t>(layer.begin(), layer.end()), u8);
    data::save_safetensors(file.path(), tensors, about);
    refuses(predict, 1, layer == "Linear(10, 8" ? "checkpoint is damaged" : "is none that this ravine can build");
  }
}

TEST_CASE("a column's name may have commas, and there may be no hidden layer") {
  const TemporaryFile model("line.safetensors"),
      table("table.csv", "\"x, y\",z,t\n1,a,1\n2,b,2\n3,c,3\n4,d,4\n5,e,5\n"), out("predictions.csv");
  const Outcome trained =
      ravine_program("train " + table.path() + " --target t --drop 'x, y' --drop z", "", " || true");
  CHECK(trained.error.find("no column is left for the inputs") != std::string::npos);
  CHECK(ravine_program("train " + table.path() + " --target t --drop z --hidden '' --epochs 2 --save " + model.path())
            .code == 0);
  CHECK(ravine_program("info " + model.path()).out.find("ReLU") == std::string::npos);
  CHECK(ravine_program("predict " + model.path() + " " + table.path() + " --out " + out.path()).code == 0);
  CHECK(data::read_csv(out.path()).rows() == 5);
}

TEST_CASE("arguments that cannot be end with 2, what fails with 1, in one line") {
  const TemporaryFile words("words.csv", "a,b\n1,x\n2,y\n3,z\n"), empty("empty.csv", "a,b\n"),
      few("few.csv", "a,b\n1,2\n");
  const std::string train = "train " + cars + " --target mpg ";
  refuses("", 2, "ravine: A subcommand is required");
  refuses("trian", 2, "ravine: no command 'trian', there are train, predict, info");
  refuses("train", 2, "ravine train: table is required");
  refuses("train " + cars, 2, "--target is required");
  refuses("train " + cars + " --target prise", 2,
          "ravine train: --target: Table: no column 'prise' in " + cars + ", which has 'mpg', 'cyl");
  for (const std::string target : {"''", "mpg,weight"})
    refuses("train " + cars + " --target " + target, 2, "ravine train: --target: '");
  refuses(train + "--drop prise", 2, "--drop: Table: no column 'prise'");
  refuses(train + "--drop name,mpg", 2, "--drop: 'mpg' is the target");
  refuses(train + "--drop origin --categorical origin", 2, "--drop: 'origin' is --categorical as well");
  refuses(train + "--categorical prise", 2, "--categorical: Table: no column 'prise'");
  refuses(train + "--colour red", 2, "--colour");
  refuses(train + "--optimizer adum", 2, "--optimizer: make: no optimizer 'adum', there are: ada");
  refuses(train + "--optimizer adam:lr=-1", 2, "lr must be > 0, got -1");
  for (const char* bad : {"--epochs 0", "--batch 1", "--hidden 8,0", "--hidden 8,,8", "--validation 1",
                          "--validation nan", "--test -0.1", "--test nan", "--patience -1", "--seed -1", "--hidden x",
                          "--epochs 0x10", "--epochs 1e2", "--seed 9223372036854775808", "--seed 99999999999999999999"})
    refuses(train + bad, 2, std::string(bad).substr(0, std::string(bad).find(' ')));
  refuses(train + "--batch 1", 2, "--batch: '1' is no number from 2 to 1000000000");
  CHECK(ravine_program(train + "--hidden 8 --epochs 010").out.find("for 10 epochs") != std::string::npos);
  refuses(train + "--test 0.6 --validation 0.6", 2, "--test and --validation leave no rows");
  refuses(train + "--plot losses.gif", 2, "--plot: 'losses.gif' does not end in .svg or .png or .pdf");
  refuses(train + "--history losses.txt", 2, "--history: 'losses.txt' does not end in .csv or .jsonl");
  for (const char* option : {"--save", "--history", "--plot"})
    refuses("train ./a.csv --target x " + std::string(option) + " a.csv", 2, std::string(option) + ": 'a.csv' ");
  refuses(train + "--save m.csv --history ./m.csv", 2, "--history: './m.csv' is 'm.csv', which would be lost");
  refuses("predict a.safetensors b.csv --out ./b.csv", 2, "--out: './b.csv' is 'b.csv', which would be lost");
  refuses("predict a.safetensors b.csv --out a.safetensors", 2, "--out: 'a.safetensors' is 'a.safetensors'");
  refuses("predict", 2, "model is required");
  refuses("predict a.safetensors", 2, "table is required");
  refuses("info", 2, "file is required");

  refuses("train no-such-file.csv --target x", 1, "cannot open no-such-file.csv");
  refuses("predict no-such-file.safetensors " + cars, 1, "no-such-file.safetensors");
  for (const std::string option :
       {"--save no/such/folder/x", "--history no/such/folder/x.csv", "--plot no/such/folder/x.svg"})
    refuses(train + option, 1, "cannot write no/such/folder/x");
  refuses("info /tmp", 1, "/tmp");
  refuses("train /tmp --target x", 1, "/tmp");
  refuses(train + "--optimizer sgd:lr=1e30", 1,
          "fit: step 2: BatchNorm1d: running_var would be more than f32 can hold");
  refuses("train " + empty.path() + " --target a", 1, "fewer than two rows to learn from");
  refuses("train " + few.path() + " --target a", 1, "fewer than two rows to learn from");
  refuses("train " + words.path() + " --target a --drop b", 1, "no column is left for the inputs");
}

TEST_CASE("a model that an older ravine saved predicts as it did") {
  const TemporaryFile out("predictions.csv");
  CHECK(ravine_program("predict '" RAVINE_SOURCE "/tests/tools/model_1.safetensors' " + cars + " --out " + out.path())
            .code == 0);
  const auto mpg = data::read_csv(out.path()).column("mpg").to_vector<double>();
  REQUIRE(mpg.size() == 406);
  CHECK(mpg[0] == doctest::Approx(14.987542).epsilon(1e-4));
  CHECK(mpg[405] == doctest::Approx(29.993301).epsilon(1e-4));
}

TEST_CASE("what cannot be printed is an error, and a picture that cannot be drawn costs no model") {
  const TemporaryFile model("cars.safetensors");
  std::filesystem::remove(model.path());
  const std::string train = "train " + cars + " --target mpg" + quick;
  const Outcome trained = ravine_program(train + "--save " + model.path() + " --plot losses.svg", "PATH=/nowhere");
  CHECK(trained.code == 1);
  CHECK(trained.error.find("gnuplot") != std::string::npos);
  CHECK(std::filesystem::exists(model.path()));
  const Outcome full = ravine_program("predict " + model.path() + " " + cars + " >/dev/full 2>/dev/null #");
  CHECK(full.code == 1);
}

TEST_CASE("losses that are all 0, as of a single class, are drawn") {
  const TemporaryFile table("one.csv", "x,kind\n1,a\n2,a\n3,a\n4,a\n"), plot("zeros.svg");
  const Outcome trained = ravine_program("train " + table.path() + " --target kind --epochs 2 --plot " + plot.path());
  CHECK_MESSAGE(trained.code == 0, trained.error);
  CHECK(plot.read().find("training rows") != std::string::npos);
}

TEST_CASE("it helps") {
  for (const char* arguments : {"--help", "train --help", "predict --help", "info --help"}) {
    const Outcome outcome = ravine_program(arguments);
    CHECK(outcome.code == 0);
    CHECK(outcome.out.find("Usage: ravine") != std::string::npos);
  }
  CHECK(ravine_program("--version").out.starts_with("ravine 0."));
}
