// Tensors left in their files: what they show, what writing to them does, how long they live, and that ops and loaders
// work on them as on any other.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <ravine/ravine.hpp>

#include "temporary.hpp"

using namespace ravine;
using namespace ravine::data;
using doctest::Contains;

namespace {

/// True while a file of this path is in the process's address space.
bool is_mapped(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  const std::string all{std::istreambuf_iterator<char>(maps), {}};
  return all.find(path) != std::string::npos;
}

/// An .npy file of version 1 whose elements, 1, 2, …, start at this byte.
std::string npy(const char* type, const char* shape, std::size_t start, std::size_t bytes,
                const char* order = "False") {
  std::string words = std::string("{'descr': '") + type + "', 'fortran_order': " + order + ", 'shape': " + shape + "}";
  words.resize(start - 10, ' ');
  std::string content = std::string("\x93NUMPY\1", 7) + '\0' + static_cast<char>(words.size()) + '\0' + words;
  for (std::size_t i = 1; i <= bytes; ++i) content += static_cast<char>(i);
  return content;
}

void refuse(const std::string& content, const char* words) {
  const TemporaryFile file("refused.npy", content);
  CHECK_THROWS_WITH_AS(map_npy(file.path()), Contains(words), FormatError);
}

}  // namespace

TEST_CASE("a mapped array is the one in the file, of every type") {
  for (const DType dtype : {f32, f64, i64, u8})
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{7}, Shape{3, 0}, Shape{3, 5}, Shape{100, 100}}) {
      const Tensor x = (randn(shape, f64) * 50.0 + 100.0).to(dtype);
      const TemporaryFile file("array.npy"), tensors("tensors.safetensors");
      write_npy(file.path(), x);
      CHECK(bitwise_equal(map_npy(file.path()), x));
      save_safetensors(tensors.path(), {{"u", ones({3}, u8)}, {"x", x}, {"y", ones({1})}});
      const StateDict mapped = map_safetensors(tensors.path());
      CHECK(mapped.size() == 3);
      CHECK(bitwise_equal(mapped.at("x"), x));
      CHECK(bitwise_equal(mapped.at("u"), ones({3}, u8)));
    }
}

TEST_CASE("a mapped array takes no memory: of a file of 64 GiB, what is looked at") {
  const TemporaryFile file("large.npy", npy("<f4", "(1048576, 16384)", 128, 0));
  std::filesystem::resize_file(file.path(), 128 + (std::uintmax_t{1} << 36));  // a hole, of zeros
  const Tensor x = map_npy(file.path());
  CHECK(x.shape() == Shape{1048576, 16384});
  CHECK(x.at({-1, -1}) == 0.0);
  CHECK(sum(x.slice(0, 500'000, 500'100)).item() == 0.0);
  for (const bool shuffle : {false, true}) {
    DataLoader loader({x, map_npy(file.path())}, {.batch_size = 8, .shuffle = shuffle, .seed = 1});
    CHECK(bitwise_equal(loader.begin()->inputs, zeros({8, 16384})));
  }
}

TEST_CASE("writing to a mapped array changes neither the file nor another one") {
  const TemporaryFile file("written.npy");
  write_npy(file.path(), ones({5000}));
  const std::string before = file.read();
  Tensor x = map_npy(file.path());
  const Tensor other = map_npy(file.path());
  x.fill(2.0);
  x.mutable_data<float>()[7] = 3.0f;
  CHECK(sum(x).item() == 10001.0);
  CHECK(bitwise_equal(other, ones({5000})));
  CHECK(file.read() == before);
  CHECK(sum(exp(map_npy(file.path()) * 0.0)).item() == 5000.0);  // temporaries, in which ops may work
  CHECK(file.read() == before);
}

TEST_CASE("a file stays mapped as long as a tensor of it lives, on whatever thread that ends") {
  const TemporaryFile file("kept.safetensors");
  save_safetensors(file.path(), {{"a", ones({2000})}, {"b", arange(0.0, 2000.0)}});
  const std::size_t held = memory_held();
  StateDict all = map_safetensors(file.path());
  Tensor part = all.at("b").slice(0, 1000, 1003);
  all.clear();
  CHECK(is_mapped(file.path()));
  std::filesystem::remove(file.path());
  CHECK(bitwise_equal(part, tensor({1000.0, 1001.0, 1002.0})));
  std::thread([last = std::move(part)] { CHECK(last.at({0}) == 1000.0); }).join();
  CHECK_FALSE(is_mapped(file.path()));
  CHECK(memory_held() <= held + 4096);
}

TEST_CASE("a file that another replaces stays as it was") {
  const TemporaryFile file("replaced.npy");
  write_npy(file.path(), ones({3000}));
  const Tensor before = map_npy(file.path());
  write_npy(file.path(), zeros({3}));
  CHECK(bitwise_equal(before, ones({3000})));
  CHECK(map_npy(file.path()).shape() == Shape{3});
}

TEST_CASE("elements that do not lie as their type asks are copied") {
  for (const std::size_t start : {75, 76, 80}) {
    const TemporaryFile file("odd.npy", npy("<f4", "(3,)", start, 12));
    CHECK(bitwise_equal(map_npy(file.path()), read_npy(file.path())));
    CHECK(reinterpret_cast<std::uintptr_t>(map_npy(file.path()).data<float>()) % 4 == 0);
    const Tensor x = map_npy(file.path());
    CHECK(is_mapped(file.path()) == (start != 75));
  }
}

TEST_CASE("what must be converted is not mapped") {
  refuse(npy(">f4", "(2,)", 80, 8),
         "refused.npy: type >f4 cannot be mapped, as elements must be converted: read_npy does");
  refuse(npy("<i4", "(2,)", 80, 8), "type <i4 cannot be mapped");
  refuse(npy("<f2", "(2,)", 80, 4), "type <f2 cannot be mapped");
  refuse(npy("<u8", "(1,)", 80, 8), "type <u8 cannot be mapped");
  refuse(npy("<f4", "(2, 2)", 80, 16, "True"), "type <f4 in Fortran's order cannot be mapped");
  refuse(npy("<f4", "(2,)", 80, 7), "found 87 bytes, expected 88");
  CHECK_THROWS_WITH_AS(map_npy("/no/such/file"), "cannot open /no/such/file: No such file or directory", FileError);
  CHECK_THROWS_AS(map_safetensors("/no/such/file"), FileError);
  const TemporaryFile row("row.npy", npy("<f4", "(2,)", 80, 8, "True")), bytes("bytes.npy", npy(">u1", "(2,)", 80, 2)),
      bools("bools.npy", npy("|b1", "(1,)", 80, 1));
  CHECK(map_npy(row.path()).shape() == Shape{2});
  CHECK(bitwise_equal(map_npy(bytes.path()), tensor({1, 2}, u8)));
  CHECK(bitwise_equal(map_npy(bools.path()), tensor({1}, u8)));
}

TEST_CASE("a pipe is refused at once, whether or not anybody writes to it") {
  const TemporaryFile pipe("pipe");
  std::filesystem::remove(pipe.path());
  REQUIRE(mkfifo(pipe.path().c_str(), 0600) == 0);
  const std::string words = "cannot open " + pipe.path() + ": not a regular file";
  alarm(60);  // ends a program that waits
  CHECK_THROWS_WITH_AS(read_npy(pipe.path()), words.c_str(), FileError);
  CHECK_THROWS_WITH_AS(map_npy(pipe.path()), words.c_str(), FileError);
  CHECK_THROWS_WITH_AS(read_npz(pipe.path()), words.c_str(), FileError);
  CHECK_THROWS_WITH_AS(load_safetensors(pipe.path()), words.c_str(), FileError);
  alarm(0);
}

TEST_CASE("ops give the same bits on mapped tensors, which lie at any multiple of an element") {
  const TemporaryFile file("operands.safetensors");
  const StateDict read{{"0", randn({3})},      {"a", randn({37, 29})},      {"b", randn({29, 41})},
                       {"c", randn({37, 29})}, {"i", randint(0, 29, {37})}, {"u", randint(0, 2, {37, 29}).to(u8)}};
  save_safetensors(file.path(), read);
  const StateDict mapped = map_safetensors(file.path());
  CHECK(reinterpret_cast<std::uintptr_t>(mapped.at("a").data<float>()) % 64 != 0);
  const std::vector<std::function<Tensor(const StateDict&)>> ops{
      [](const StateDict& x) { return matmul(x.at("a"), x.at("b")); },
      [](const StateDict& x) { return matmul(transpose(x.at("b")), transpose(x.at("a"))); },
      [](const StateDict& x) { return x.at("a") * x.at("c") + 2.0; },
      [](const StateDict& x) { return exp(x.at("a")); },
      [](const StateDict& x) { return relu(x.at("a")); },
      [](const StateDict& x) { return softmax(x.at("a"), 1); },
      [](const StateDict& x) { return sum(x.at("a")); },
      [](const StateDict& x) { return sum(x.at("a"), 0); },
      [](const StateDict& x) { return max(x.at("a"), 1); },
      [](const StateDict& x) { return var(x.at("a"), 0); },
      [](const StateDict& x) { return argmax(x.at("a"), 1); },
      [](const StateDict& x) { return where(x.at("u"), x.at("a"), x.at("c")); },
      [](const StateDict& x) {
        return gather(x.at("a"), 1, x.at("i").reshape({37, 1}));
      },
      [](const StateDict& x) { return index_select(x.at("a"), 0, x.at("i")); },
      [](const StateDict& x) {
        return concat({x.at("a"), x.at("c")}, 1);
      },
      [](const StateDict& x) { return x.at("a").to(f64); },
      [](const StateDict& x) { return x.at("u").to(f32); },
      [](const StateDict& x) { return x.at("a").clone(); }};
  for (std::size_t i = 0; i < ops.size(); ++i) {
    INFO("op " << i);
    CHECK(bitwise_equal(ops[i](mapped), ops[i](read)));
  }
}

TEST_CASE("training on a mapped dataset, with mapped parameters, is training") {
  const TemporaryFile inputs("x.npy"), targets("y.npy"), start("start.safetensors");
  manual_seed(1);
  write_npy(inputs.path(), randn({200, 7}));
  write_npy(targets.path(), randn({200, 1}));
  save_safetensors(start.path(), nn::Sequential(nn::Linear(7, 16), nn::ReLU(), nn::Linear(16, 1)).state_dict());
  const auto trained = [&](auto read, auto load) {
    StateDict parameters = load(start.path());
    Variable w1 = parameter(parameters.at("0.weight")), b1 = parameter(parameters.at("0.bias"));
    Variable w2 = parameter(parameters.at("2.weight")), b2 = parameter(parameters.at("2.bias"));
    optim::Adam adam({w1, b1, w2, b2}, {.lr = 1e-2});
    DataLoader loader({read(inputs.path()), read(targets.path())}, {.batch_size = 32, .shuffle = true, .seed = 3});
    for (int epoch = 0; epoch < 3; ++epoch)
      for (const auto& [x, y] : loader) {
        auto loss = nn::mse_loss(linear(relu(linear(x, w1, b1)), w2, b2), y);
        adam.zero_grad();
        loss.backward();
        adam.step();
      }
    return w1.value();
  };
  const auto safetensors = [](const std::string& path) { return load_safetensors(path); };
  CHECK(bitwise_equal(trained(map_npy, map_safetensors), trained(read_npy, safetensors)));
  CHECK_FALSE(bitwise_equal(trained(map_npy, map_safetensors), load_safetensors(start.path()).at("0.weight")));
}
