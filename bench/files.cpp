// How fast arrays are read and written, beside memcpy into new memory:  files [MB [ROUNDS [FOLDER]]]
// All take turns; of each, the fastest round counts. In /dev/shm (the default) no disk is waited for.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <ravine/bench/arguments.hpp>
#include <ravine/ravine.hpp>

namespace rv = ravine;

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Way {
  const char* name;
  std::function<void()> run;
  double seconds = std::numeric_limits<double>::infinity();
};

int main(int argc, char** argv) {
  const rv::Index megabytes = bench::argument<rv::Index>(argc, argv, 1, 400);
  const int rounds = bench::argument(argc, argv, 2, 5);
  const std::string folder = argc > 3 ? argv[3] : "/dev/shm", name = folder + "/ravine-files";
  const rv::Tensor x = rv::randn({megabytes * 250, 1000});
  const rv::StateDict named{{"x", x}};
  const auto size = static_cast<std::size_t>(x.numel()) * 4;
  rv::data::write_npy(name + ".npy", x);
  rv::data::write_npz(name + ".npz", named);
  rv::data::save_safetensors(name + ".safetensors", named);
  std::vector<Way> ways{{"memcpy",
                         [&] {
                           const auto copy = std::make_unique_for_overwrite<char[]>(size);
                           std::memcpy(copy.get(), x.data<float>(), size);
                           [[maybe_unused]] static volatile char seen;  // else there would be no copy
                           seen = copy[size / 2];
                         }},
                        {"clone", [&] { x.clone(); }},
                        {"read_npy", [&] { rv::data::read_npy(name + ".npy"); }},
                        {"map_npy and copy", [&] { rv::data::map_npy(name + ".npy").clone(); }},
                        {"read_npz", [&] { rv::data::read_npz(name + ".npz"); }},
                        {"load_safetensors", [&] { rv::data::load_safetensors(name + ".safetensors"); }},
                        {"write_npy", [&] { rv::data::write_npy(name + ".npy", x); }},
                        {"write_npz", [&] { rv::data::write_npz(name + ".npz", named); }},
                        {"save_safetensors", [&] { rv::data::save_safetensors(name + ".safetensors", named); }}};
  for (int round = 0; round < rounds; ++round)
    for (Way& way : ways) {
      rv::release_memory();
      const double start = now();
      way.run();
      way.seconds = std::min(way.seconds, now() - start);
    }
  std::printf("%-18s %8s %8s\n", "", "GB/s", "memcpy");
  for (const Way& way : ways)
    std::printf("%-18s %8.2f %8.2f\n", way.name, static_cast<double>(size) / way.seconds / 1e9,
                ways[0].seconds / way.seconds);
  for (const char* ending : {".npy", ".npz", ".safetensors"}) std::filesystem::remove(name + ending);
}
