// Stop in the middle of an epoch, save, load in fresh objects, go on: bit for bit what the uninterrupted run gives.
#include <ravine/ravine.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include "check.hpp"

namespace rv = ravine;

struct Training {
  rv::nn::Sequential model{rv::nn::Linear(4, 32), rv::nn::BatchNorm1d(32), rv::nn::ReLU(), rv::nn::Dropout(0.1),
                           rv::nn::Linear(32, 1)};
  rv::optim::Adam adam{model.parameters(), {.lr = 1e-2}};
  rv::data::DataLoader loader;

  explicit Training(const rv::data::TensorDataset& data)
      : loader(data, {.batch_size = 16, .shuffle = true, .prefetch = 2}) {}

  // Runs until the optimizer has taken `steps` steps; 13 batches make an epoch.
  void run_until(rv::Index steps) {
    while (adam.steps() < steps)
      for (const auto& batch : loader) {  // goes on where a loaded position left it, else starts an epoch
        adam.step([&] { return rv::nn::mse_loss(model(batch.inputs), batch.targets); });
        if (adam.steps() == steps) return;
      }
  }
};

static bool same_bits(const rv::nn::Module& a, const rv::nn::Module& b) {
  auto x = a.state_dict(), y = b.state_dict();
  if (x.size() != y.size()) return false;
  for (const auto& [name, tensor] : x)
    if (!y.contains(name) || !rv::bitwise_equal(tensor, y.at(name))) return false;
  return true;
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  const std::string path = std::string(argv[1]) + "/checkpoint.safetensors";
  std::filesystem::remove(path);
  rv::manual_seed(5);
  rv::Tensor x = rv::randn({200, 4});
  rv::data::TensorDataset data(x, rv::sum(x * x, 1, /*keepdim=*/true));

  rv::manual_seed(6);
  Training straight(data);
  straight.run_until(300);
  auto state = straight.model.state_dict();
  CHECK(state.contains("0.weight") && state.contains("1.running_mean") && state.contains("4.bias"));

  rv::manual_seed(6);
  {
    Training first(data);
    first.run_until(137);  // 10 epochs and 7 batches
    rv::train::save_checkpoint(path, first.model, first.adam,
                               first.loader);  // weights, buffers, optimizer, loader position, random state
    CHECK(!same_bits(straight.model, first.model));
  }
  rv::manual_seed(999);  // whatever the state was, the checkpoint brings its own
  Training second(data);
  rv::train::load_checkpoint(path, second.model, second.adam, second.loader);
  second.run_until(300);
  CHECK(same_bits(straight.model, second.model));

  // The file of another model, and a flipped byte in the middle, are refused.
  {
    struct Wider {
      rv::nn::Sequential model{rv::nn::Linear(4, 33), rv::nn::BatchNorm1d(33), rv::nn::ReLU(), rv::nn::Dropout(0.1),
                               rv::nn::Linear(33, 1)};
      rv::optim::Adam adam{model.parameters(), {.lr = 1e-2}};
    } wider;
    rv::data::DataLoader loader(data, {.batch_size = 16, .shuffle = true});
    CHECK_THROWS(rv::train::load_checkpoint(path, wider.model, wider.adam, loader), "0.weight");
    const std::string flipped = path + ".flipped";
    std::filesystem::copy_file(path, flipped, std::filesystem::copy_options::overwrite_existing);
    const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(flipped) * 3 / 4);
    std::fstream file(flipped, std::ios::in | std::ios::out | std::ios::binary);
    const int byte = file.seekg(middle).get();
    file.seekp(middle).put(static_cast<char>(byte ^ 4));
    file.close();
    Training other(data);
    CHECK_THROWS(rv::train::load_checkpoint(flipped, other.model, other.adam, other.loader), "flipped");
    CHECK(other.adam.steps() == 0);
    std::filesystem::remove(flipped);
  }

  // A damaged checkpoint is refused and changes nothing.
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  rv::manual_seed(1);
  Training third(data);
  auto before = third.model.state_dict();
  bool refused = false;
  try {
    rv::train::load_checkpoint(path, third.model, third.adam, third.loader);
  } catch (const rv::data::FormatError& e) {
    refused = std::string(e.what()).find("checkpoint.safetensors") != std::string::npos;
  }
  CHECK(refused);
  for (const auto& [name, tensor] : before) CHECK(rv::bitwise_equal(tensor, third.model.state_dict().at(name)));
  std::filesystem::remove(path);
  std::puts("resumed run is bit-identical; a damaged file is refused");
}
