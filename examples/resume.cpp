// A training that survives being killed: run it, stop it any time, and run it again. resume [FILE [STEPS]]
#include <ravine/ravine.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

namespace rv = ravine;

struct Print final : rv::train::Callback {
  void on_step(rv::train::Run& run) override {
    if (run.step % 10 != 0) return;
    std::printf("step %d: loss %.17g\n", static_cast<int>(run.step), run.loss);
    std::fflush(stdout);
  }
};

static void train(const std::string& path, rv::Index steps) {
  rv::manual_seed(1);
  const rv::Tensor x = rv::uniform({512, 2}, -2.0, 2.0);
  const rv::data::TensorDataset examples(x, rv::sum(rv::sin(x * 3.0), 1, true));

  rv::nn::Sequential model{rv::nn::Linear(2, 64), rv::nn::BatchNorm1d(64), rv::nn::ReLU(), rv::nn::Dropout(0.1),
                           rv::nn::Linear(64, 1)};
  rv::optim::Adam adam(model.parameters(), {.lr = 1e-2});
  rv::data::DataLoader loader(examples, {.batch_size = 32, .shuffle = true});
  Print print;
  rv::train::fit(model, adam, rv::nn::mse_loss, loader,
                 {.steps = steps, .checkpoint = path, .checkpoint_steps = 10, .callbacks = {&print}});
}

int main(int argc, char** argv) {
  try {
    train(argc > 1 ? argv[1] : "resume.safetensors", argc > 2 ? std::atoi(argv[2]) : 2000);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "resume: %s\n", error.what());
    return 1;
  }
}
