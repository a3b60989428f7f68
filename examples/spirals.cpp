// Learns which arm of a spiral a point in the plane belongs to, and draws what it has learned: the plane in the colours
// of the classes, with the points. Where the output is not a terminal, letters take the place of colours.
#include <ravine/ravine.hpp>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
using rv::data::TensorDataset;

struct Settings {
  rv::Index classes = 3, points = 200;
  int epochs = 60;
  double noise = 0.03;
  std::uint64_t seed = 1;
};

nn::Sequential train(const TensorDataset& rows, const Settings& settings) {
  nn::Sequential model{nn::Linear(2, 64), nn::Tanh(), nn::Linear(64, 64), nn::Tanh(), nn::Linear(64, settings.classes)};
  rv::optim::Adam adam(model.parameters(), {.lr = 1e-2});
  rv::data::DataLoader loader(rows, {.batch_size = 32, .shuffle = true});
  for (int epoch = 1; epoch <= settings.epochs; ++epoch) {
    double total = 0.0;
    for (const auto& [x, y] : loader) {
      auto loss = nn::cross_entropy(model(x), y);
      adam.zero_grad();
      loss.backward();
      adam.step();
      total += loss.item();
    }
    if (epoch % 10 == 0) std::printf("epoch %3d   loss %.4f\n", epoch, total / static_cast<double>(loader.size()));
  }
  return model;
}

// The class of each row of x, (rows) i64.
rv::Tensor classify(nn::Sequential& model, const rv::Tensor& x) {
  rv::NoGrad no_grad;
  return rv::argmax(model(x).value(), 1);
}

// The square [-1.2, 1.2]^2 in pixels, row by row from its upper left corner: the class the model sees in each, and the
// class of the example in it, if there is one.
constexpr int width = 72, height = 72;
constexpr double limit = 1.2;

struct Map {
  std::vector<rv::Index> seen;
  std::vector<rv::Index> example = std::vector<rv::Index>(width * height, -1);
};

Map draw(nn::Sequential& model, const TensorDataset& rows) {
  std::vector<double> centres;
  for (int pixel = 0; pixel < width * height; ++pixel) {
    centres.push_back(limit * ((pixel % width * 2 + 1.0) / width - 1.0));
    centres.push_back(limit * (1.0 - (pixel / width * 2 + 1.0) / height));
  }
  Map map{classify(model, rv::tensor(centres, {width * height, 2})).to_vector<rv::Index>()};
  for (rv::Index i = 0; i < rows.size(); ++i) {
    const int column = static_cast<int>((rows.inputs().at({i, 0}) / limit + 1.0) / 2.0 * width);
    const int row = static_cast<int>((1.0 - rows.inputs().at({i, 1}) / limit) / 2.0 * height);
    const bool inside = column >= 0 && column < width && row >= 0 && row < height;
    if (inside) map.example[row * width + column] = static_cast<rv::Index>(rows.targets().at({i}));
  }
  return map;
}

// Two pixels in a character: the upper half block in one colour on a ground of another.
void print_colours(const Map& map) {
  constexpr int ground[] = {153, 223, 157, 225, 230, 159}, dot[] = {21, 202, 28, 129, 136, 30};  // of xterm's 256
  const auto colour = [&](int pixel) {
    return map.example[pixel] < 0 ? ground[map.seen[pixel]] : dot[map.example[pixel]];
  };
  for (int row = 0; row < height; row += 2) {
    for (int pixel = row * width; pixel < (row + 1) * width; ++pixel)
      std::printf("\033[38;5;%d;48;5;%dm▀", colour(pixel), colour(pixel + width));
    std::puts("\033[0m");
  }
}

// Two pixels in a character: a sign for the class seen, or the number of an example's class.
void print_letters(const Map& map) {
  for (int row = 0; row < height; row += 2) {
    for (int pixel = row * width; pixel < (row + 1) * width; ++pixel) {
      const rv::Index example = std::max(map.example[pixel], map.example[pixel + width]);
      std::putchar(example < 0 ? ".:+-~'"[map.seen[pixel]] : static_cast<char>('0' + example));
    }
    std::puts("");
  }
}

int run(const Settings& settings) {
  rv::manual_seed(settings.seed);
  const auto [training, test] =
      rv::data::split(rv::data::spirals(settings.points, settings.classes, settings.noise), 0.8);
  nn::Sequential model = train(training, settings);
  const double accuracy = nn::accuracy(classify(model, test.inputs()), test.targets());

  const Map map = draw(model, training);
  isatty(STDOUT_FILENO) ? print_colours(map) : print_letters(map);
  std::printf("accuracy on %d points it has not seen: %.1f %%\n", static_cast<int>(test.size()), 100.0 * accuracy);
  return accuracy > 0.9 ? 0 : 1;
}

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Trains a network to tell the arms of a spiral apart. Succeeds if 90 % of unseen points are right.");
  app.option_defaults()->always_capture_default();
  app.add_option("--classes", settings.classes, "arms of the spiral")->check(CLI::Range(2, 6));
  app.add_option("--points", settings.points, "points of each class")->check(CLI::Range(10, 100000));
  app.add_option("--noise", settings.noise, "standard deviation of the points around the arms")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--epochs", settings.epochs, "passes over the points")->check(CLI::Range(1, 1000000));
  app.add_option("--seed", settings.seed, "of all random numbers");
  try {
    app.parse(argc, argv);
    return run(settings);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "spirals: %s\n", error.what());
    return 1;
  }
}
