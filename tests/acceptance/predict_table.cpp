// A table with holes and words becomes a trained, saved model; another program, which has only the file and the code
// that builds the net, predicts other tables with it: columns in another order, unknown categories, no target.
#include <ravine/ravine.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "check.hpp"

namespace rv = ravine;

static rv::nn::Sequential make_net(rv::Index inputs) {
  return rv::nn::Sequential{rv::nn::Linear(inputs, 32), rv::nn::BatchNorm1d(32), rv::nn::ReLU(), rv::nn::Linear(32, 1)};
}

static std::string write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  return path;
}

int main(int argc, char** argv) {
  CHECK(argc == 3);  // the cars, a folder to write to
  const std::string folder = argv[2], file = folder + "/cars.safetensors";
  const rv::data::Table cars = rv::data::read_csv(argv[1]);
  rv::Tensor expected;

  {
    rv::manual_seed(3);
    auto [train, test] = rv::data::split(cars, 0.8);  // tables split as datasets do
    const auto encoder = rv::data::TableEncoder::fit(train, {.target = "mpg", .drop = {"name"}});
    const rv::data::TensorDataset rows =
        encoder.dataset(train);  // rows without a target are left out; missing numbers are filled
    CHECK(rows.inputs().dtype() == rv::f32 && rows.targets().shape() == rv::Shape({rows.size(), 1}));
    CHECK(std::abs(rv::mean(rows.targets()).item()) < 1e-5);  // scaled

    auto net = make_net(rows.inputs().size(1));
    rv::optim::AdamW adamw(net.parameters(), {.lr = 5e-3, .weight_decay = 1e-2});
    rv::data::DataLoader loader(rows, {.batch_size = 32, .shuffle = true, .drop_last = true});
    for (int epoch = 0; epoch < 60; ++epoch)
      for (const auto& batch : loader) adamw.step([&] { return rv::nn::mse_loss(net(batch.inputs), batch.targets); });

    net.eval();
    rv::NoGrad no_grad;
    const auto labelled = encoder.dataset(test);
    const rv::Tensor mpg = encoder.targets_in_units(net(labelled.inputs()).value());
    const rv::Tensor truth = encoder.targets_in_units(labelled.targets());
    const double error = std::sqrt(rv::mean(rv::square(mpg - truth)).item());
    std::printf("%.2f mpg on %d cars\n", error, static_cast<int>(labelled.size()));
    CHECK(error < 4.5);
    expected = encoder.targets_in_units(net(encoder.inputs(cars)).value());
    CHECK(expected.size(0) == cars.rows());
    rv::train::save_checkpoint(file, net, encoder);
  }

  rv::data::TableEncoder encoder;  // as another program would
  auto net = make_net(9);
  rv::train::load_checkpoint(file, net, encoder);
  net.eval();
  rv::NoGrad no_grad;
  auto predict = [&](const rv::data::Table& table) {
    return encoder.targets_in_units(net(encoder.inputs(table)).value());
  };
  CHECK(rv::bitwise_equal(predict(cars), expected));
  auto names = cars.column_names();
  CHECK(rv::bitwise_equal(predict(cars.select(std::vector<std::string>(names.rbegin(), names.rend()))),
                          expected));  // columns in reverse

  // Columns in another order, no target, one more column, a missing number.
  const rv::data::Table one = rv::data::read_csv(write(
      folder + "/one.csv",
      "origin,colour,weight,model_year,horsepower,acceleration,displacement,cylinders\nJapan,red,2100,80,,16,98,4\n"));
  const double mpg = predict(one).at({0, 0});
  CHECK(mpg > 20.0 && mpg < 50.0);

  // A category it has not seen, and a column that is not there, are refused by name.
  const rv::data::Table mars = rv::data::read_csv(
      write(folder + "/mars.csv",
            "origin,weight,model_year,horsepower,acceleration,displacement,cylinders\nMars,2100,80,65,16,98,4\n"));
  CHECK_THROWS(predict(mars), "Mars");
  CHECK_THROWS(predict(one.drop_column("weight")), "weight");
  for (const char* name : {"/cars.safetensors", "/one.csv", "/mars.csv"}) std::filesystem::remove(folder + name);
  std::puts("a saved model predicts other tables");
}
