// safetensors files: written and read back, from another writer, and refused with the reason.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>

#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/safetensors.hpp>

#include "temporary.hpp"

using namespace ravine;
using namespace ravine::data;
using doctest::Contains;

namespace {

/// A file of this header and so many bytes 0, 1, 2, … behind it.
std::string file_of(const std::string& header, std::size_t bytes) {
  std::uint64_t length = header.size();
  std::string content(8, '\0');
  std::memcpy(content.data(), &length, 8);
  content += header;
  for (std::size_t i = 0; i < bytes; ++i) content += static_cast<char>(i);
  return content;
}

void refuse(const std::string& content, const char* words) {
  const TemporaryFile file("refused.safetensors", content);
  INFO(content);
  CHECK_THROWS_WITH_AS(load_safetensors(file.path()), Contains(words), FormatError);
  CHECK_THROWS_WITH_AS(load_safetensors(file.path()), Contains("refused.safetensors"), FormatError);
}

void refuse_header(const std::string& header, std::size_t bytes, const char* words) {
  refuse(file_of(header, bytes), words);
}

/// A file of one tensor, "w".
std::string file_of(const char* dtype, const char* shape, std::size_t bytes) {
  return file_of(std::string(R"({"w":{"dtype":")") + dtype + R"(","shape":)" + shape + R"(,"data_offsets":[0,)" +
                     std::to_string(bytes) + "]}}",
                 bytes);
}

/// What torch/make.py writes of each kind.
template <class T>
Tensor integers() {
  const auto most =
      sizeof(T) == 8 ? std::numeric_limits<Index>::max() : static_cast<Index>(std::numeric_limits<T>::max());
  return tensor({static_cast<Index>(std::numeric_limits<T>::min()), Index{1}, most}, i64);
}
Tensor floats(double most, double normal, double least, double third) {
  return tensor({-most, normal, least, -0.0, third, INFINITY, -INFINITY}, f64).to(f32);
}

}  // namespace

TEST_CASE("tensors of every type and shape come back bit by bit, with their texts") {
  Generator generator(1);
  const StateDict tensors = {{"0.weight", randn({3, 5}, f32, generator)},
                             {"bytes", tensor({1, 2, 255}, u8)},
                             {"empty", zeros({0, 4}, f64)},
                             {"größe \"x\"\n", randn({2}, f64, generator)},
                             {"part", randn({4, 3}, f32, generator).slice(0, 1, 3)},
                             {"step", scalar(7, i64)}};
  const TemporaryFile file("all.safetensors");
  save_safetensors(file.path(), tensors, {{"format", "pt"}, {"note", "ä\t"}});
  const StateDict read = load_safetensors(file.path());
  REQUIRE(read.size() == tensors.size());
  for (const auto& [name, x] : tensors) CHECK(bitwise_equal(read.at(name), x));
  CHECK(safetensors_metadata(file.path()) == Metadata{{"format", "pt"}, {"note", "ä\t"}});
}

TEST_CASE("no tensors, no texts") {
  const TemporaryFile file("none.safetensors");
  save_safetensors(file.path(), {});
  CHECK(load_safetensors(file.path()).empty());
  CHECK(safetensors_metadata(file.path()).empty());
}

TEST_CASE("elements start at multiples of eight in the file, larger types first") {
  const TemporaryFile file("order.safetensors");
  save_safetensors(file.path(), {{"a", tensor({1}, u8)}, {"b", tensor({2.0})}, {"c", tensor({3}, i64)}});
  const std::string content = file.read();
  std::uint64_t length = 0;
  std::memcpy(&length, content.data(), 8);
  REQUIRE(length % 8 == 0);
  REQUIRE(content.size() == 8 + length + 8 + 4 + 1);
  std::int64_t c = 0;
  std::memcpy(&c, content.data() + 8 + length, 8);
  CHECK(c == 3);
  CHECK(content.back() == 1);
}

TEST_CASE("a file of another writer: names in any order, spaces, no texts") {
  const TemporaryFile file(
      "other.safetensors",
      file_of(
          R"( {"w" : {"shape":[2],"data_offsets":[8,10],"dtype":"U8"}, "v":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}  )",
          10));
  const StateDict read = load_safetensors(file.path());
  CHECK(bitwise_equal(read.at("w"), tensor({8, 9}, u8)));
  CHECK(read.at("v").shape() == Shape{});
  CHECK(read.at("v").to_vector<Index>()[0] == 0x0706050403020100);
}

TEST_CASE("PyTorch's tensors of every type keep their values") {
  const StateDict read = load_safetensors(RAVINE_SOURCE "/tests/data/torch/types.safetensors");
  CHECK(read.size() == 14);
  CHECK(bitwise_equal(read.at("bool"), tensor({0, 1}, u8)));
  CHECK(bitwise_equal(read.at("uint8"), tensor({0, 1, 255}, u8)));
  CHECK(bitwise_equal(read.at("int8"), integers<std::int8_t>()));
  CHECK(bitwise_equal(read.at("int16"), integers<std::int16_t>()));
  CHECK(bitwise_equal(read.at("int32"), integers<std::int32_t>()));
  CHECK(bitwise_equal(read.at("int64"), integers<std::int64_t>()));
  CHECK(bitwise_equal(read.at("uint16"), integers<std::uint16_t>()));
  CHECK(bitwise_equal(read.at("uint32"), integers<std::uint32_t>()));
  CHECK(bitwise_equal(read.at("uint64"), integers<std::uint64_t>()));
  CHECK(bitwise_equal(read.at("float16"), floats(65504.0, 0x1p-14, 0x1p-24, 0x1.554p-2)));
  CHECK(bitwise_equal(read.at("bfloat16"), floats(0x1.fep127, 0x1p-126, 0x1p-133, 0x1.56p-2)));
  CHECK(bitwise_equal(read.at("float32"), floats(std::numeric_limits<float>::max(), 0x1p-126, 0x1p-149, 1.0f / 3)));
  CHECK(bitwise_equal(read.at("f64"), scalar(1.0 / 3, f64)));
  CHECK(bitwise_equal(read.at("empty"), zeros({0, 3})));
}

TEST_CASE("what must be converted is not mapped, and not what no tensor holds") {
  const auto refuse_mapping = [](const char* dtype, std::size_t bytes) {
    const TemporaryFile file("unmapped.safetensors", file_of(dtype, "[1]", bytes));
    CHECK_THROWS_WITH_AS(map_safetensors(file.path()),
                         Contains((std::string("unmapped.safetensors: w: ") + dtype +
                                   " cannot be mapped, as elements must be converted: load_safetensors does")
                                      .c_str()),
                         FormatError);
  };
  for (const char* dtype : {"F16", "BF16", "I16", "U16"}) refuse_mapping(dtype, 2);
  for (const char* dtype : {"I32", "U32"}) refuse_mapping(dtype, 4);
  refuse_mapping("I8", 1);
  refuse_mapping("U64", 8);
  const TemporaryFile bools("bools.safetensors", file_of("BOOL", "[2]", 2));
  CHECK(bitwise_equal(map_safetensors(bools.path()).at("w"), tensor({0, 1}, u8)));
  refuse(file_of("U64", "[31]", 248), "w: element 16 is 9765639646188044672, which i64 does not hold");
}

TEST_CASE("headers that lie are refused with the place") {
  refuse("", "expected the 8 bytes of a header's length, found 0");
  refuse("1234567", "found 7");
  refuse(std::string(8, '\xff'),
         "the header's length at byte 0 is 18446744073709551615, of 0 bytes behind it: it is cut short, or no "
         "safetensors file");
  refuse(file_of("{}", 0).substr(0, 9), "the header's length at byte 0 is 2, of 1 bytes");
  refuse_header("", 0, "not JSON");
  refuse_header("{]", 0, "not JSON");
  refuse_header("[]", 0, "not a JSON object");
  refuse_header(std::string("{}\0{", 4), 0, "a zero byte");
  refuse_header("{\"a\": \"\xff\"}", 0, "not JSON");
  refuse_header("{}", 3, "the tensors take 0 bytes, found 3");
  refuse_header(R"({"a":[[[[[]]]]]})", 0, "nested too deep");
  refuse_header("{\"a\":" + std::string(100000, '['), 0, "nested too deep");
  refuse_header(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
      "\"a\" twice");
  refuse_header(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1, "\"dtype\" twice");
  refuse_header(R"({"__metadata__":{"x":"1","x":"2"}})", 0, "\"x\" twice");
  refuse_header(R"({"__metadata__":{"x":1}})", 0, "__metadata__: x is not text");
  refuse_header(R"({"__metadata__":[]})", 0, "__metadata__ is not an object");
}

TEST_CASE("tensors that lie are refused by name") {
  const auto entry = [](const char* dtype, const char* shape, const char* offsets) {
    return std::string(R"({"w":{"dtype":)") + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  refuse_header(R"({"w":1})", 0, "w: no dtype");
  refuse_header(R"({"w":{"dtype":"F32"}})", 0, "w: no shape");
  refuse_header(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":1}})", 1, "w: expected dtype, shape and");
  refuse_header(entry(R"("C64")", "[1]", "[0,8]"), 8,
                R"(w: the dtype is C64, expected F64, F32, F16, BF16, I64 to I8, U64 to U8 or BOOL)");
  refuse_header(entry(R"("BF16")", "[2]", "[0,2]"), 2, "w: [2] of BF16 takes 4 bytes, found 2");
  refuse_header(entry("4", "[1]", "[0,4]"), 4, "w: the dtype is 4");
  refuse_header(entry(R"("F32")", "[-1]", "[0,4]"), 4, "w: shape is [-1]");
  refuse_header(entry(R"("F32")", "[1.0]", "[0,4]"), 4, "w: shape is [1.0]");
  refuse_header(entry(R"("F32")", "1", "[0,4]"), 4, "w: shape is 1");
  refuse_header(entry(R"("F32")", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "w: at most");
  refuse_header(entry(R"("F32")", "[4294967296,4294967296]", "[0,4]"), 4, "w: too large");
  refuse_header(entry(R"("F32")", "[18446744073709551615]", "[0,4]"), 4, "w: too large");
  refuse_header(entry(R"("F32")", "[100000000000000,0]", "[0,0]"), 0, "w: too large");
  for (const char* shape :
       {"[0,4398046511104,4398046511104]", "[4398046511104,4398046511104,0]", "[0,4194304,8388608]"})
    refuse_header(entry(R"("F32")", shape, "[0,0]"), 0, (std::string("w: too large: ") + shape).c_str());
  refuse_header(entry(R"("F32")", "[2]", "[0,4]"), 4, "w: [2] of F32 takes 8 bytes, found 4");
  refuse_header(entry(R"("F32")", "[1]", "[4,0]"), 4, "w: data_offsets [4,0] of 4 bytes");
  refuse_header(entry(R"("F32")", "[1]", "[0,8]"), 4, "w: data_offsets [0,8] of 4 bytes");
  refuse_header(entry(R"("F32")", "[1]", "[0]"), 4, "w: data_offsets [0]");
  refuse_header(entry(R"("F32")", "[1]", "[4,8]"), 8, "w: starts at byte 4, the one before ends at 0");
  refuse_header(entry(R"("F32")", "[1]", "[0,4]"), 8, "the tensors take 4 bytes, found 8");
  refuse_header(
      R"({"v":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"w":{"dtype":"U8","shape":[3],"data_offsets":[2,5]}})", 5,
      "w: starts at byte 2, the one before ends at 3");
}

TEST_CASE("a tensor of a type or rank that is none of ours is told of, not read") {
  const std::string half = R"({"f4":{"dtype":"F4","shape":[3],"data_offsets":[0,2]},"w":)";
  const TemporaryFile file(
      "other.safetensors",
      file_of(half + R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[2,10]},"__metadata__":{"by":"me"}})",
              10));
  const auto all = tensors_in_safetensors(file.path());
  CHECK(all.at("f4").type == "F4");
  CHECK(all.at("f4").shape == std::vector<Index>{3});
  CHECK(all.at("f4").bytes == 2);
  CHECK(all.at("w").shape == std::vector<Index>{1, 1, 1, 1, 1, 1, 1, 1, 2});
  CHECK(safetensors_metadata(file.path()).at("by") == "me");
  for (const auto& read : {map_safetensors, static_cast<StateDict (*)(const std::string&)>(load_safetensors)})
    CHECK_THROWS_WITH_AS(read(file.path()), Contains("f4: the dtype is F4, expected F64"), FormatError);

  // What is known of them is looked at nevertheless.
  const auto lies = [&](const std::string& rest, std::size_t bytes, const char* words) {
    file.write(file_of(half + rest + "}", bytes));
    CHECK_THROWS_WITH_AS(tensors_in_safetensors(file.path()), Contains(words), FormatError);
  };
  lies(R"({"dtype":"F8","shape":[9],"data_offsets":[1,10]})", 10, "w: starts at byte 1, the one before ends at 2");
  lies(R"({"dtype":"F8","shape":[9],"data_offsets":[2,11]})", 10, "w: data_offsets [2,11] of 10 bytes");
  lies(R"({"dtype":"F8","shape":[9],"data_offsets":[2,9]})", 10, "the tensors take 9 bytes, found 10");
  lies(R"({"dtype":"F8","shape":[9007199254740993,9007199254740993],"data_offsets":[2,10]})", 10, "w: too large");
  lies(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[2,10]})", 10,
       "w: [1,1,1,1,1,1,1,1,1] of F32 takes 4 bytes, found 8");
}

TEST_CASE("elements may start anywhere") {
  const TemporaryFile file(
      "anywhere.safetensors",
      file_of(
          R"({"v":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"w":{"dtype":"I64","shape":[1],"data_offsets":[3,11]}})",
          11));
  for (const StateDict& all : {load_safetensors(file.path()), map_safetensors(file.path())})
    CHECK(all.at("w").item<Index>() == 0x0a09080706050403);
  CHECK(tensors_in_safetensors(file.path()).at("w").bytes == 8);
}

TEST_CASE("what cannot be written is refused, and leaves what was there") {
  const TemporaryFile file("kept.safetensors");
  save_safetensors(file.path(), {{"a", ones({2})}});
  CHECK_THROWS_WITH_AS(save_safetensors(file.path(), {{"b", Tensor()}}), "save_safetensors: b is undefined",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(save_safetensors(file.path(), {{"0/h\xf6he", ones({1})}}),
                       "save_safetensors: the name 0/h\uFFFDhe is not UTF-8", std::invalid_argument);
  CHECK_THROWS_WITH_AS(save_safetensors(file.path(), {{"__metadata__", ones({1})}}),
                       "save_safetensors: no tensor can be named __metadata__", std::invalid_argument);
  CHECK(bitwise_equal(load_safetensors(file.path()).at("a"), ones({2})));
  CHECK_THROWS_WITH_AS(save_safetensors("/no/such/folder/x", {}),
                       "save_safetensors: cannot write /no/such/folder/x: No such file or directory", FileError);
  CHECK_THROWS_WITH_AS(load_safetensors("/no/such/file"), "cannot open /no/such/file: No such file or directory",
                       FileError);
  CHECK_THROWS_AS(load_safetensors(std::filesystem::temp_directory_path().string()), FileError);
}
