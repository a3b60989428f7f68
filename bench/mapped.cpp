// Training on a dataset in a file, ten times as large as what the process keeps of it in memory, beside reading the
// file:
//   mapped [MB of the file [MB to keep [FILE]]]
// A system that is short of memory forgets pages of the file by itself, oldest first. Here it has plenty, so the
// program lets go of them all whenever it has read half of what it may keep, out of the system's cache as well: every
// epoch comes from the disk.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <ravine/bench/arguments.hpp>
#include <ravine/ravine.hpp>

namespace rv = ravine;

constexpr rv::Index columns = 1024, row_bytes = 4 * columns, batch_size = 256, header_bytes = 128;

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Random numbers (rows, columns) f32, a piece at a time.
static void write_rows(const std::string& path, rv::Index rows) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", 1024)}";
  header.resize(header_bytes - 10, ' ');
  std::ofstream file(path, std::ios::binary);
  file << std::string("\x93NUMPY\1\0\x76\0", 10) << header;
  const rv::Tensor piece = rv::randn({batch_size, columns});
  for (rv::Index row = 0; row < rows; row += batch_size)
    file.write(reinterpret_cast<const char*>(piece.data<float>()), std::min(batch_size, rows - row) * row_bytes);
}

/// Has the system forget what it keeps of a file.
static void forget(int file) {
  fdatasync(file);
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
}

/// Megabytes of files that the process has in memory, programs included.
static double resident_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "RssFile:" && status >> word) return std::stod(word) / 1e3;
  return 0.0;
}

/// Bytes per second of reading a file, a piece at a time: from front to back, or in any order.
static double read_speed(const std::string& path, rv::Index rows, rv::Index rows_at_once, bool shuffled) {
  const int file = open(path.c_str(), O_RDONLY);
  forget(file);
  const rv::Index pieces = rows / rows_at_once;
  const rv::Tensor order = shuffled ? rv::permutation(pieces) : rv::arange(pieces);
  std::vector<char> piece(static_cast<std::size_t>(rows_at_once * row_bytes));
  const double start = now();
  for (const rv::Index i : order.to_vector<rv::Index>())
    if (pread(file, piece.data(), piece.size(), header_bytes + i * rows_at_once * row_bytes) < 0) std::exit(1);
  const double seconds = now() - start;
  forget(file);
  close(file);
  return static_cast<double>(pieces * rows_at_once * row_bytes) / seconds;
}

struct Training {
  Training(const std::string& path, rv::Index kept_bytes)
      : kept_bytes(kept_bytes), file(open(path.c_str(), O_RDONLY)), inputs(rv::data::map_npy(path)) {}

  rv::Index kept_bytes;
  int file;
  rv::Tensor inputs;
  rv::nn::Sequential model{rv::nn::Linear(columns, 32), rv::nn::ReLU(), rv::nn::Linear(32, 1)};
  rv::optim::Adam adam{model.parameters()};
  double resident_before = resident_megabytes(), most_resident = 0.0;

  void let_go() {
    most_resident = std::max(most_resident, resident_megabytes() - resident_before);
    // The pages are as in the file: forgotten, they are read again. Written ones would be lost.
    madvise(inputs.mutable_data<float>() - header_bytes / 4,
            static_cast<std::size_t>(inputs.numel()) * 4 + header_bytes, MADV_DONTNEED);
    forget(file);
  }

  /// Bytes per second of an epoch.
  double epoch(bool shuffled, rv::Index prefetch) {
    let_go();
    const rv::Tensor targets = rv::zeros({inputs.size(0), 1});
    rv::data::DataLoader loader({inputs, targets},
                                {.batch_size = batch_size, .shuffle = shuffled, .seed = 1, .prefetch = prefetch});
    // A row lies on two pages, and around one that is missing others come along.
    const rv::Index batches_kept = kept_bytes / 2 / (batch_size * row_bytes);
    rv::Index batches = 0;
    const double start = now();
    for (const auto& [x, y] : loader) {
      auto loss = rv::nn::mse_loss(model(x), y);
      adam.zero_grad();
      loss.backward();
      adam.step();
      if (++batches % batches_kept == 0) let_go();
    }
    return static_cast<double>(inputs.numel()) * 4.0 / (now() - start);
  }
};

int main(int argc, char** argv) {
  const auto argument = [&](int i, rv::Index otherwise) { return bench::argument(argc, argv, i, otherwise); };
  const rv::Index megabytes = argument(1, 2000), kept = argument(2, 200);
  const std::string path = argc > 3 ? argv[3] : "mapped.npy";
  const rv::Index rows = megabytes * 1'000'000 / row_bytes;
  write_rows(path, rows);
  std::printf("%ld MB in %s, at most %ld MB kept\n%-38s %10s\n", long(megabytes), path.c_str(), long(kept), "", "MB/s");
  const auto show = [](const char* what, double speed) {
    std::printf("%-38s %10.0f\n", what, speed / 1e6);
    std::fflush(stdout);
  };
  Training training(path, kept * 1'000'000);
  for (int round = 0; round < 2; ++round) {
    show("read, front to back", read_speed(path, rows, batch_size, false));
    show("training, front to back", training.epoch(false, 0));
    show("training, front to back, prefetch 2", training.epoch(false, 2));
    show("read, rows in any order", read_speed(path, rows, 1, true));
    show("training, rows in any order", training.epoch(true, 0));
  }
  std::printf("most of it that was in memory: %.0f MB\n", training.most_resident);
  std::remove(path.c_str());
}
