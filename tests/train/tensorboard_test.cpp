// Event files, read back byte by byte.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>

#include <unistd.h>

#include <ravine/core/core.hpp>
#include <ravine/data/data.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/optim.hpp>
#include <ravine/train/train.hpp>

#include "../data/temporary.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;
using train::TensorBoard;

namespace {

/// A folder that is removed in the end.
struct Folder {
  std::string path;
  Folder() {
    static int count = 0;
    path = (std::filesystem::temp_directory_path() /
            ("ravine-board-" + std::to_string(getpid()) + "-" + std::to_string(++count)))
               .string();
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

/// Bit by bit, as the standard defines it.
std::uint32_t crc32c(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool carry = ((crc ^ (static_cast<unsigned char>(c) >> bit)) & 1) != 0;
      crc = (crc >> 1) ^ (carry ? 0x82F63B78 : 0);
    }
  return ~crc;
}

template <class T>
T number(const std::string& bytes, std::size_t at) {
  T value{};
  REQUIRE(at + sizeof value <= bytes.size());
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The records of a file; a checksum that is wrong fails the test.
std::vector<std::string> records(const std::string& file) {
  std::vector<std::string> all;
  const auto check = [&](std::size_t at, std::size_t size) {
    const std::uint32_t crc = crc32c(file.substr(at, size));
    CHECK(number<std::uint32_t>(file, at + size) == std::rotr(crc, 15) + 0xA282EAD8);
  };
  for (std::size_t at = 0; at < file.size();) {
    const auto size = static_cast<std::size_t>(number<std::uint64_t>(file, at));
    check(at, 8);
    check(at + 12, size);
    all.push_back(file.substr(at + 12, size));
    at += 12 + size + 4;
  }
  return all;
}

/// The fields of a protobuf message: the bytes of each, in order.
std::multimap<int, std::string> fields(const std::string& message) {
  std::multimap<int, std::string> all;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = number<unsigned char>(message, at++);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.size()) {
    const std::uint64_t tag = varint();
    std::string bytes;
    if ((tag & 7) == 0) {
      const std::uint64_t value = varint();
      bytes.assign(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      const std::size_t size = (tag & 7) == 1 ? 8 : (tag & 7) == 5 ? 4 : static_cast<std::size_t>(varint());
      REQUIRE(at + size <= message.size());
      bytes = message.substr(at, size);
      at += size;
    }
    all.emplace(static_cast<int>(tag >> 3), bytes);
  }
  return all;
}

std::string only(const std::multimap<int, std::string>& all, int field) {
  REQUIRE(all.count(field) == 1);
  return all.find(field)->second;
}

struct Value {
  Index step;
  std::multimap<int, std::string> fields;
};

/// The values of a file by their tags.
std::multimap<std::string, Value> values(const std::string& path) {
  std::multimap<std::string, Value> all;
  for (const std::string& record : records(content(path))) {
    const auto event = fields(record);
    CHECK(number<double>(only(event, 1), 0) > 1.7e9);  // seconds since 1970
    if (event.count(5) == 0) continue;
    const auto summary = fields(only(event, 5));
    for (const auto& [field, bytes] : summary) {
      const auto value = fields(bytes);
      all.emplace(only(value, 1), Value{number<Index>(only(event, 2), 0), value});
    }
  }
  return all;
}

const Value& at(const std::multimap<std::string, Value>& all, const std::string& tag) {
  REQUIRE(all.count(tag) == 1);
  return all.find(tag)->second;
}

std::vector<double> packed(const std::string& bytes) {
  std::vector<double> all;
  for (std::size_t i = 0; i < bytes.size(); i += 8) all.push_back(number<double>(bytes, i));
  return all;
}

}  // namespace

TEST_CASE("the checksum of this test is CRC-32C") { CHECK(crc32c("123456789") == 0xE3069283); }

TEST_CASE("scalars, histograms and text stand in an event file") {
  const Folder folder;
  TensorBoard board(folder.path + "/deep/er");
  board.add_scalar("loss", 0.1, 7);
  board.add_scalar("loss", std::nan(""), 1LL << 40);
  board.add_text("note", "größe **x**", 3);
  Tensor x = concat({arange(31, f64) / 3.0, tensor({std::nan(""), -INFINITY}, f64)}, 0);
  board.add_histogram("weights", x, 9);
  board.add_histogram("nothing", full({3}, std::nan("")), 9);
  board.add_histogram("one", full({3}, 0.5), 9);

  const std::string name = std::filesystem::path(board.path()).filename().string();
  CHECK(name.starts_with("events.out.tfevents."));
  const auto first = fields(records(content(board.path())).at(0));
  CHECK(only(first, 3) == "brain.Event:2");

  const auto all = values(board.path());
  REQUIRE(all.count("loss") == 2);
  const auto loss = all.find("loss");
  CHECK(loss->second.step == 7);
  CHECK(number<float>(only(loss->second.fields, 2), 0) == 0.1F);
  CHECK(std::next(loss)->second.step == 1LL << 40);
  CHECK(std::isnan(number<float>(only(std::next(loss)->second.fields, 2), 0)));

  const Value& note = at(all, "note");
  CHECK(note.step == 3);
  CHECK(only(fields(only(fields(only(note.fields, 9)), 1)), 1) == "text");  // the plug-in that shows it
  const auto tensor = fields(only(note.fields, 8));
  CHECK(number<Index>(only(tensor, 1), 0) == 7);  // strings
  CHECK(number<Index>(only(fields(only(fields(only(tensor, 2)), 2)), 1), 0) == 1);
  CHECK(only(tensor, 8) == "größe **x**");

  const auto weights = fields(only(at(all, "weights").fields, 5));
  CHECK(number<double>(only(weights, 1), 0) == 0.0);
  CHECK(number<double>(only(weights, 2), 0) == 10.0);
  CHECK(number<double>(only(weights, 3), 0) == 31.0);
  CHECK(number<double>(only(weights, 4), 0) == Approx(155.0));
  CHECK(number<double>(only(weights, 5), 0) == Approx(9455.0 / 9.0));
  const auto limits = packed(only(weights, 6)), counts = packed(only(weights, 7));
  REQUIRE(limits.size() == 30);
  REQUIRE(counts.size() == 30);
  CHECK(limits.front() == Approx(1.0 / 3.0));
  CHECK(limits.back() == 10.0);
  double sum = 0.0;
  for (const double count : counts) sum += count;
  CHECK(sum == 31.0);
  CHECK(all.count("nothing") == 0);
  CHECK(packed(only(fields(only(at(all, "one").fields, 5)), 7))[0] == 3.0);
}

TEST_CASE("a training is on the board, and one that goes on voids what was behind its checkpoint") {
  const Folder folder;
  const TemporaryFile checkpoint("run.safetensors");
  std::filesystem::remove(checkpoint.path());
  const auto run = [&](TensorBoard& board, Index epochs) {
    manual_seed(1);
    nn::Sequential model{nn::Linear(2, 1)};
    optim::SGD sgd(model.parameters(), {.lr = 0.01});
    const Tensor x = randn({8, 2});
    data::DataLoader loader({x, sum(x, 1, true)}, {.batch_size = 4});
    return train::fit(model, sgd, nn::mse_loss, loader,
                      {.epochs = epochs,
                       .schedule = [](Index t) { return 1.0 / static_cast<double>(1 + t); },
                       .checkpoint = checkpoint.path(),
                       .callbacks = {&board}});
  };
  TensorBoard board(folder.path, {.steps = 2, .histograms = true});
  const train::History history = run(board, 2);
  const auto all = values(board.path());
  REQUIRE(all.count("loss") == 2);
  const auto last = std::next(all.find("loss"));
  CHECK(last->second.step == 4);
  CHECK(number<float>(only(last->second.fields, 2), 0) == static_cast<float>(history.row(1)[2]));
  CHECK(all.count("step") == 0);
  CHECK(all.count("step/loss") == 2);
  CHECK(number<float>(only(std::next(all.find("step/lr_factor"))->second.fields, 2), 0) == 0.25F);
  CHECK(all.count("0.weight") == 2);
  CHECK(all.count("0.bias.grad") == 2);
  const auto model = fields(only(at(all, "model").fields, 8));
  CHECK(only(model, 8) == "    Sequential(\n      (0): Linear(2, 1)\n    )");
  CHECK(only(fields(only(at(all, "optimizer").fields, 8)), 8).starts_with("    SGD(lr=0.01"));

  TensorBoard second(folder.path);
  run(second, 3);
  const auto starts = [](const TensorBoard& b, Index step) {
    const auto start = fields(records(content(b.path())).at(1));
    CHECK(number<Index>(only(start, 2), 0) == step);
    CHECK(number<Index>(only(fields(only(start, 7)), 1), 0) == 1);
  };
  starts(second, 5);
  starts(board, 1);  // it may follow a run that was killed before its first checkpoint
  CHECK(values(second.path()).count("loss") == 1);
  CHECK(values(second.path()).count("model") == 0);
}

TEST_CASE("a board says what it cannot write") {
  const TemporaryFile file("file");
  CHECK_THROWS_WITH_AS(TensorBoard(file.path()), Contains("TensorBoard: cannot make the folder /"), FileError);
  CHECK_THROWS_WITH_AS(TensorBoard("/proc/self/none"), Contains("TensorBoard: cannot make the folder"), FileError);
  CHECK_THROWS_WITH_AS(TensorBoard("x", {.steps = -1}), "TensorBoard: steps must be >= 0, got -1",
                       std::invalid_argument);
  const Folder folder;
  TensorBoard board(folder.path);
  CHECK_THROWS_WITH_AS(board.add_histogram("classes", arange(3, i64), 0), Contains("TensorBoard: add_histogram"),
                       DTypeError);
}
