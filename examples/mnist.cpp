// Reads handwritten digits: mnist [PREFIX [SEED [PICTURE]]], where PREFIX begins the names of four IDX files
#include <ravine/ravine.hpp>

#include <cstdio>
#include <string>

namespace rv = ravine;
namespace nn = rv::nn;
using rv::data::TensorDataset;

namespace {

// Images (N, 28, 28) of bytes as inputs (N, 784) from 0 to 1; their digits as classes.
TensorDataset load(const std::string& prefix, const std::string& part) {
  const rv::Tensor images = rv::data::read_idx(prefix + part + "-images-idx3-ubyte.gz");
  const rv::Tensor digits = rv::data::read_idx(prefix + part + "-labels-idx1-ubyte.gz");
  return {images.reshape({images.size(0), -1}).to(rv::f32) / 255.0, digits.to(rv::i64)};
}

// What each digit was taken for.
void print_confusion(const rv::Tensor& counts) {
  std::puts("\n        read as 0    1    2    3    4    5    6    7    8    9");
  for (rv::Index digit = 0; digit < 10; ++digit) {
    std::printf("digit %d     ", static_cast<int>(digit));
    for (const rv::Index count : counts[digit].to_vector<rv::Index>())
      count == 0 ? std::printf("%5s", ".") : std::printf("%5d", static_cast<int>(count));
    std::puts("");
  }
}

// The digit whose right class has the lowest score among all classes' probabilities, as a picture of letters.
void print_hardest(const TensorDataset& test, const rv::Tensor& scores) {
  const rv::Tensor right = rv::gather(rv::softmax(scores, 1), 1, test.targets().reshape({-1, 1}));
  const rv::Index i = rv::argmin(right.reshape({-1}), 0).to_vector<rv::Index>()[0];
  std::printf("\nThe hardest is a %d, which is read as a %d:\n", static_cast<int>(test.targets().at({i})),
              static_cast<int>(rv::argmax(scores[i], 0).item()));
  for (rv::Index row = 2; row < 26; row += 2) {
    for (rv::Index column = 2; column < 26; ++column)
      std::putchar(" .:*#"[static_cast<int>(4.99 * test.inputs().at({i, 28 * row + column}))]);
    std::puts("");
  }
}

void draw(const std::string& path, const rv::train::History& history) {
  const rv::Tensor epochs = history.column("epoch");
  rv::report::Plot loss({.title = "Loss", .x_label = "epoch", .y_label = "cross entropy", .y_log = true});
  rv::report::Plot wrong({.title = "Digits read wrongly", .x_label = "epoch", .y_label = "percent"});
  loss.line(epochs, history.column("loss"), "training").line(epochs, history.column("val_loss"), "test");
  wrong.line(epochs, 100.0 * (1.0 - history.column("accuracy")), "training");
  wrong.line(epochs, 100.0 * (1.0 - history.column("val_accuracy")), "test");
  rv::report::save_grid(path, {loss, wrong}, 2);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string prefix = argc > 1 ? argv[1] : "examples/data/mnist10k-";
  rv::manual_seed(argc > 2 ? std::stoull(argv[2]) : 1);
  const TensorDataset train = load(prefix, "train"), test = load(prefix, "test");

  nn::Sequential net = nn::mlp({784, 256, 10}, {.batch_norm = true});
  rv::optim::AdamW adamw(net.parameters(), {.lr = 2e-3});
  rv::data::DataLoader loader(train, {.batch_size = 64, .shuffle = true, .drop_last = true});
  rv::data::DataLoader validation(test, {.batch_size = 1000});
  const rv::Index epochs = 10;
  rv::train::Progress progress(stderr);
  const auto history = rv::train::fit(net, adamw, nn::cross_entropy, loader,
                                      {.epochs = epochs,
                                       .validation = &validation,
                                       .metrics = {{"accuracy", nn::accuracy}},
                                       .keep_best = false,  // the test chooses nothing
                                       .schedule = rv::optim::cosine({.total_steps = epochs * loader.size()}),
                                       .callbacks = {&progress}});

  net.eval();
  rv::NoGrad no_grad;
  const rv::Tensor scores = net(test.inputs()).value();
  std::printf("%d of %d digits are read rightly that the net has not seen: %.1f %%\n",
              static_cast<int>(rv::sum(rv::eq(rv::argmax(scores, 1), test.targets())).item()),
              static_cast<int>(test.size()), 100.0 * nn::accuracy(scores, test.targets()));
  print_confusion(nn::confusion_matrix(scores, test.targets(), 10));
  print_hardest(test, scores);
  if (argc > 3) draw(argv[3], history);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "mnist: %s\n", e.what());
  return 1;
}
