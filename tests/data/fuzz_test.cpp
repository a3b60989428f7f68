// Damaged files, from fixed seeds: a reader returns or throws one of its own errors. Sanitizers watch it do so.
#include <doctest/doctest.h>

#include <exception>
#include <string>
#include <string_view>

#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
#include <ravine/data/csv.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/idx.hpp>
#include <ravine/data/npy.hpp>
#include <ravine/data/safetensors.hpp>

#include "temporary.hpp"

using namespace ravine;

// Overwrites, inserts, removes, repeats or cuts, a few times.
static std::string mutate(std::string content, std::string_view alphabet, Generator& generator) {
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(generator.next_below(static_cast<Index>(n)));
  };
  for (std::size_t change = 0, changes = 1 + below(4); change < changes && !content.empty(); ++change) {
    const std::size_t at = below(content.size());
    const char c = below(2) == 0 ? alphabet[below(alphabet.size())] : static_cast<char>(below(256));
    switch (below(5)) {
      case 0: content[at] = c; break;
      case 1: content.insert(at, 1, c); break;
      case 2: content.erase(at, 1 + below(4)); break;
      case 3: content.insert(at, content.substr(at, 1 + below(20))); break;
      default: content.resize(at);
    }
  }
  return content;
}

struct Outcome {
  int read = 0, refused = 0;
};

// Calls `use(path)` on damaged copies of a file; anything but the readers' own errors is a failure.
template <class Use>
static Outcome fuzz(const std::string& content, std::string_view alphabet, int rounds, Use use) {
  Generator generator(42);
  const TemporaryFile file("fuzz");
  Outcome outcome;
  for (int round = 0; round < rounds; ++round) {
    file.write(mutate(content, alphabet, generator));
    try {
      use(file.path());
      ++outcome.read;
    } catch (const data::FormatError&) {
      ++outcome.refused;
    } catch (const data::FileError&) {
      ++outcome.refused;
    } catch (const std::exception& error) {
      FAIL_CHECK("round " << round << ": " << error.what());
    }
  }
  return outcome;
}

TEST_CASE("damaged CSV files are read or refused") {
  const std::string content =
      "\xef\xbb\xbf"
      "a,\"b \"\"quoted\"\"\",c,d\r\n1,\"x, y\",2.5e-3,\r\n-4,\"two\r\nlines\",NA,7\n+5,z,1e400,8\n";
  const auto outcome = fuzz(content, ",\"\r\n;\t 0eE+-.", 3000, [](const std::string& path) {
    const auto table = data::read_csv(path);
    for (const auto& name : table.column_names()) CHECK(static_cast<Index>(table.text(name).size()) == table.rows());
    CHECK(table.drop_missing().rows() <= table.rows());
    CHECK_FALSE(table.describe().empty());
  });
  CHECK(outcome.read > 500);
  CHECK(outcome.refused > 500);
}

TEST_CASE("damaged IDX files are read or refused") {
  const std::string content("\0\0\x0c\2\0\0\0\2\0\0\0\3abcdefghijklmnopqrstuvwx", 36);
  const auto outcome = fuzz(content, std::string_view("\0\1\2\10\11\13\14\15\16\377", 10), 3000,
                            [](const std::string& path) { data::read_idx(path); });
  CHECK(outcome.read > 50);
  CHECK(outcome.refused > 500);
}

TEST_CASE("damaged gzip files are read or refused") {
  const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60, 0xe0,
                                  0x60, 0x64, 0x60, 0x60, 0xd0, 0x60, 0x60, 0x64, 0x61, 0x62, 0x62, 0x61, 0x24,
                                  0x48, 0x01, 0x00, 0x79, 0xfa, 0x61, 0xf8, 0x30, 0x00, 0x00, 0x00};
  const std::string content(reinterpret_cast<const char*>(packed), sizeof packed);
  const auto outcome =
      fuzz(content, std::string_view("\0\1\377", 3), 3000, [](const std::string& path) { data::read_idx(path); });
  CHECK(outcome.read > 50);
  CHECK(outcome.refused > 500);
}

TEST_CASE("damaged safetensors files are read or refused") {
  const TemporaryFile whole("whole");
  data::save_safetensors(whole.path(), {{"a", ones({2, 3})}, {"b", ones({4}, u8)}}, {{"format", "pt"}});
  const auto outcome =
      fuzz(whole.read(), "{}[]\",:0123456789-", 3000, [](const std::string& path) { data::load_safetensors(path); });
  CHECK(outcome.read > 10);
  CHECK(outcome.refused > 500);
}

TEST_CASE("damaged .npy files are read or refused") {
  const TemporaryFile whole("whole");
  data::write_npy(whole.path(), ones({2, 3}));
  const auto outcome =
      fuzz(whole.read(), "{}()[],':<>=|0123456789-fiubL ", 3000, [](const std::string& path) { data::read_npy(path); });
  CHECK(outcome.read > 10);
  CHECK(outcome.refused > 500);
}

TEST_CASE("damaged .npz files are read or refused") {
  const TemporaryFile whole("whole");
  data::write_npz(whole.path(), {{"a", ones({2})}, {"b", ones({1}, u8)}});
  const auto outcome = fuzz(whole.read(), std::string_view("\0\1\10\377PK", 6), 3000,
                            [](const std::string& path) { data::read_npz(path); });
  CHECK(outcome.read > 10);
  CHECK(outcome.refused > 500);
}
