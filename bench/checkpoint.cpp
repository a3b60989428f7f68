// What a checkpoint costs, beside the same bytes written and synced by hand:  checkpoint [PARAMETERS [ROUNDS]]
// Both take turns; the fastest of each counts. The checkpoint holds a net's weights and Adam's two averages.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <ravine/bench/arguments.hpp>
#include <ravine/ravine.hpp>
#include <string>

namespace rv = ravine;

static double seconds(rv::FunctionRef<void()> f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

static bool write_by_hand(const std::string& path, const std::string& bytes) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  const bool done = file >= 0 && write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  return fsync(file) == 0 && close(file) == 0 && done;
}

int main(int argc, char** argv) {
  const double parameters = bench::argument(argc, argv, 1, 4e6);
  const int rounds = bench::argument(argc, argv, 2, 15);
  const auto width = static_cast<rv::Index>(std::sqrt(parameters));
  rv::nn::Linear model(width, width, false);
  rv::optim::Adam adam(model.parameters());
  adam.step([&] { return rv::sum(rv::square(model.weight)); });

  const std::string path = "checkpoint.safetensors", copy = "by_hand.bin";
  rv::train::save_checkpoint(path, model, adam);
  std::ifstream in(path, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  double ours = std::numeric_limits<double>::infinity(), by_hand = ours, loading = ours;
  bool done = true;
  for (int round = 0; round < rounds; ++round) {
    ours = std::min(ours, seconds([&] { rv::train::save_checkpoint(path, model, adam); }));
    by_hand = std::min(by_hand, seconds([&] { done = write_by_hand(copy, bytes) && done; }));
    loading = std::min(loading, seconds([&] { rv::train::load_checkpoint(path, model, adam); }));
  }
  std::filesystem::remove(path);
  std::filesystem::remove(copy);
  std::printf("%.3f MB: saved in %.2f ms, written and synced by hand in %.2f ms (%.2f times), loaded in %.2f ms\n",
              static_cast<double>(bytes.size()) / 1e6, ours * 1e3, by_hand * 1e3, ours / by_hand, loading * 1e3);
  return done ? 0 : 1;
}
