// Writes event files for TensorBoard to read, and says what is in them: board FOLDER
// A run was killed when it had logged more than its checkpoint holds, and another one went on from there.
#include <cmath>
#include <cstdio>
#include <string>

#include <ravine/ravine.hpp>

namespace rv = ravine;

static rv::train::History run(const std::string& folder, rv::Index epochs, rv::train::TensorBoard& board) {
  rv::manual_seed(1);
  const rv::Tensor x = rv::randn({8, 2});
  rv::nn::Sequential model{rv::nn::Linear(2, 3), rv::nn::Tanh(), rv::nn::Linear(3, 1)};
  rv::optim::SGD sgd(model.parameters(), {.lr = 0.01});
  rv::data::DataLoader loader({x, rv::sum(x, 1, true)}, {.batch_size = 4});
  return rv::train::fit(model, sgd, rv::nn::mse_loss, loader,
                        {.epochs = epochs, .checkpoint = folder + "/run.safetensors", .callbacks = {&board}});
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  {
    rv::train::TensorBoard board(folder, {.histograms = true});
    run(folder, 3, board);
    board.add_scalar("loss", 99.0, 8);
    board.add_scalar("loss", 99.0, 100);
  }
  rv::train::TensorBoard board(folder, {.steps = 1});
  const rv::train::History history = run(folder, 5, board);
  board.add_text("note", "größe **x**", 10);
  board.add_scalar("bad", std::nan(""), 10);
  for (rv::Index epoch = 0; epoch < history.epochs(); ++epoch)
    std::printf("%g %.9g\n", history.row(epoch)[1], history.row(epoch)[2]);
}
