// Wrong use is refused at once, with a message that names the operation and what it got.
#include <ravine/ravine.hpp>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "check.hpp"

namespace rv = ravine;

template <class E, class F>
static void refuses(F use, std::vector<std::string> words) {
  try {
    use();
  } catch (const E& e) {
    std::string message = e.what();
    std::puts(message.c_str());
    for (const auto& word : words) {
      if (message.find(word) == std::string::npos) {
        std::fprintf(stderr, "message lacks '%s'\n", word.c_str());
        std::exit(1);
      }
    }
    return;
  }
  std::fprintf(stderr, "not refused\n");
  std::exit(1);
}

int main() {
  refuses<rv::ShapeError>(
      [] {
        return rv::matmul(rv::Variable(rv::ones({2, 3})), rv::Variable(rv::ones({4, 5})));
      },
      {"matmul", "(2, 3)", "(4, 5)"});
  refuses<rv::ShapeError>([] { return rv::nn::Linear(8, 4)(rv::ones({2, 7})); }, {"8", "(2, 7)"});
  refuses<rv::ShapeError>(
      [] {
        return rv::nn::mse_loss(rv::ones({4, 1}), rv::ones({4}));
      },
      {"mse_loss", "(4, 1)", "(4)"});
  refuses<rv::DTypeError>([] { return rv::ones({2}) + rv::ones({2}, rv::f64); }, {"f32", "f64"});
  refuses<rv::DTypeError>([] { return rv::ones({2}, rv::u8) / 255.0; }, {"u8"});  // say .to(f32) first
  refuses<std::invalid_argument>([] { return rv::optim::Adam({rv::parameter(rv::ones({1}))}, {.lr = -1.0}); },
                                 {"Adam", "lr", "-1"});
  refuses<std::invalid_argument>([] { return rv::optim::SGD(std::vector<rv::Variable>{}, {.lr = 0.1}); },
                                 {"SGD", "parameter"});
  refuses<std::invalid_argument>([] { return rv::optim::Adam({rv::Variable(rv::ones({1}))}); },
                                 {"Adam", "gradient"});  // a constant
  refuses<std::out_of_range>(
      [] {
        return rv::nn::cross_entropy(rv::ones({2, 3}), rv::tensor({0, 71}, {2}, rv::i64));
      },
      {"cross_entropy", "71", "3"});
  refuses<std::logic_error>([] { rv::parameter(rv::ones({2})).backward(); }, {"scalar", "(2)"});
  refuses<std::logic_error>(
      [] {  // the weights move between forward and backward: the gradient would be wrong in silence
        rv::Variable w = rv::parameter(rv::ones({2}));
        rv::optim::SGD sgd({w}, {.lr = 0.1});
        rv::Variable loss = rv::sum(w * w);
        sgd.step([&] { return rv::sum(w); });
        loss.backward();
      },
      {"mul", "changed"});
  refuses<rv::data::FileError>([] { return rv::data::read_csv("no-such-file.csv"); }, {"no-such-file.csv"});

  auto dir = std::filesystem::temp_directory_path() / "ravine-bad-input";
  std::filesystem::create_directories(dir);
  auto file = [&](const char* name, const std::string& content) {
    std::ofstream(dir / name, std::ios::binary) << content;
    return (dir / name).string();
  };
  std::string ragged = file("ragged.csv", "height,width\n1,2\n3\n");
  refuses<rv::data::FormatError>([&] { return rv::data::read_csv(ragged); }, {"ragged.csv", "line 3"});
  std::string text = file("text.csv", "height,width\n1,2\ntall,4\n");
  refuses<rv::data::FormatError>([&] { return rv::data::read_csv(text).to_dataset("width"); },
                                 {"'height'", "'tall'", "line 3"});
  std::string brief = file("brief.idx", std::string("\0\0\x08\x01\0\0\x03\xe8"
                                                    "ab",
                                                    10));
  refuses<rv::data::FormatError>([&] { return rv::data::read_idx(brief); }, {"brief.idx", "1000", "10"});
  std::filesystem::remove_all(dir);

  // A NaN is traced to the operation that made it, and to the module it was in.
  refuses<rv::AnomalyError>(
      [] {
        rv::DetectAnomaly detect;
        rv::Variable x = rv::parameter(rv::tensor({1.0, -1.0}));
        rv::sum(rv::sqrt(x)).backward();
      },
      {"sqrt", "nan"});
  std::puts("all refused");
}
