// The progress bar, on a pseudo terminal and into a file.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <regex>

#include <ravine/core/core.hpp>
#include <ravine/data/data.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/optim.hpp>
#include <ravine/train/train.hpp>

using namespace ravine;
using doctest::Contains;
using train::Progress;

namespace {

/// A pseudo terminal: what a program writes, and what then stands on its screen.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : columns_(columns), master_(posix_openpt(O_RDWR | O_NOCTTY)) {
    REQUIRE(master_ >= 0);
    REQUIRE(grantpt(master_) == 0);
    REQUIRE(unlockpt(master_) == 0);
    out_ = std::fopen(ptsname(master_), "w");
    REQUIRE(out_ != nullptr);
    winsize size{};
    size.ws_col = columns;
    REQUIRE(ioctl(master_, TIOCSWINSZ, &size) == 0);
    fcntl(master_, F_SETFL, O_NONBLOCK);
  }
  ~Terminal() {
    std::fclose(out_);
    close(master_);
  }
  std::FILE* out() const { return out_; }

  /// All that was written since the last call.
  std::string written() {
    std::fflush(out_);
    std::string all;
    char buffer[4096];
    for (ssize_t n = 0; (n = read(master_, buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<std::size_t>(n));
    return all;
  }
  /// The lines that stand there then; none may be longer than the terminal is wide.
  std::vector<std::string> screen(const std::string& written) const {
    std::vector<std::string> lines(1);
    std::size_t at = 0;
    for (const char c : written) {
      if (c == '\r') at = 0;
      if (c == '\n') lines.emplace_back();
      const bool continued = (static_cast<unsigned char>(c) & 0xC0) == 0x80;  // of a character in UTF-8
      if (c == '\r' || c == '\n' || continued) continue;
      std::string& line = lines.back();
      CHECK(at < columns_);
      line.resize(std::max(line.size(), at + 1), ' ');
      line[at++] = c;
    }
    for (std::string& line : lines) line.erase(line.find_last_not_of(' ') + 1);
    return lines;
  }

 private:
  std::size_t columns_;
  int master_;
  std::FILE* out_ = nullptr;
};

struct Closed {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closed>;

std::string content(const File& file) {
  std::rewind(file.get());
  std::string all;
  for (int c = 0; (c = std::fgetc(file.get())) != EOF;) all += static_cast<char>(c);
  return all;
}

bool matches(const std::string& line, const char* pattern) { return std::regex_match(line, std::regex(pattern)); }

train::History run(train::FitOptions options) {
  manual_seed(1);
  nn::Linear model(2, 1);
  optim::SGD sgd(model.parameters(), {.lr = 0.01});
  const Tensor x = randn({8, 2});
  data::DataLoader loader({x, sum(x, 1, true)}, {.batch_size = 4}), validation({x, sum(x, 1, true)}, {.batch_size = 8});
  options.validation = &validation;
  return fit(model, sgd, nn::mse_loss, loader, options);
}

}  // namespace

TEST_CASE("where the output is no terminal, progress is whole lines") {
  const File file(std::tmpfile());
  Progress progress(file.get(), {.seconds = 0.0});
  run({.epochs = 2, .metrics = {{"mae", nn::l1_loss}}, .callbacks = {&progress}});
  const std::string all = content(file);
  CHECK(all.find('\r') == std::string::npos);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < all.size(); at = all.find('\n', at) + 1)
    lines.push_back(all.substr(at, all.find('\n', at) - at));
  REQUIRE(lines.size() == 5);
  CHECK(matches(lines[0], R"(epoch 1/2  25%  \S+ steps/s  0:0\d left  loss \S+)"));
  CHECK(matches(lines[1], R"(epoch 1/2  50%  \S+ steps/s  0:0\d left  loss \S+)"));
  CHECK(matches(lines[2], R"(epoch 2/2  75%  \S+ steps/s  0:0\d left  loss \S+  mae \S+  val_loss \S+  val_mae \S+)"));
  CHECK(matches(lines[4], R"(epoch 2/2  100%  \S+ steps/s  in 0:0\d  loss \S+  mae \S+  val_loss \S+  val_mae \S+)"));
}

TEST_CASE("lines are rare, and the last one always comes") {
  const File file(std::tmpfile());
  Progress progress(file.get());
  run({.steps = 50, .callbacks = {&progress}});
  CHECK(matches(content(file), R"(epoch 25  100%  \S+ steps/s  in 0:0\d  loss \S+  val_loss \S+\n)"));
  const File other(std::tmpfile());
  Progress rarer(other.get(), {.seconds = 0.05});  // lines: every five seconds
  for (Index i = 1; i <= 4; ++i) {
    usleep(60000);
    rarer.update(i, 5, 0.5);
  }
  CHECK(content(other).empty());
}

TEST_CASE("off by one flag") {
  const File file(std::tmpfile());
  {
    Progress progress(file.get(), {.on = false, .seconds = 0.0});
    run({.epochs = 2, .callbacks = {&progress}});
    progress.update(1, 2, 0.5);
  }
  CHECK(content(file).empty());
}

TEST_CASE("on a terminal the bar is drawn over itself, and stays in the end") {
  Terminal terminal(120);
  Progress progress(terminal.out(), {.seconds = 0.0});
  run({.epochs = 3, .callbacks = {&progress}});
  const std::string written = terminal.written();
  CHECK(std::count(written.begin(), written.end(), '\n') == 1);
  const auto lines = terminal.screen(written);
  REQUIRE(lines.size() == 2);
  CHECK(matches(lines[0], R"(epoch 3/3  \[={30}\]  100%  \S+ steps/s  in 0:0\d  loss \S+  val_loss \S+)"));
  CHECK(lines[1].empty());
  CHECK(written.find("\x1b") == std::string::npos);  // any terminal will do
  const auto second = written.substr(0, written.find('\r', written.find('\r', 1) + 1));
  CHECK(matches(terminal.screen(second)[0], R"(epoch 1/3  \[={10}>\ {19}\]  33%  .*)"));
}

TEST_CASE("the bar is cut to the terminal's width, and wiped where a line gets shorter") {
  for (const unsigned short columns : {1, 2, 10, 40, 60, 79}) {
    CAPTURE(columns);
    Terminal terminal(columns);
    {
      Progress progress(terminal.out(), {.seconds = 0.0});
      run({.epochs = 2, .metrics = {{"größe", nn::l1_loss}}, .callbacks = {&progress}});
    }
    const auto lines = terminal.screen(terminal.written());
    if (columns > 2) CHECK(lines.at(0).starts_with("epoch 2/2"));
    CHECK(lines.size() <= 2);
  }
  Terminal terminal(200);
  Progress progress(terminal.out(), {.seconds = 0.0});
  progress.update(3, 10, 1.0);
  progress.update(4, 10, 1.234e-100);
  progress.update(5, 10, 1.0);
  const auto lines = terminal.screen(terminal.written());
  CHECK(lines.size() == 1);
  CHECK(lines[0].ends_with("left  loss 1"));
}

TEST_CASE("what is counted has its name, and no loss need be known") {
  Terminal terminal(200);
  Progress progress(terminal.out(), {.seconds = 0.0, .step = "run"});
  progress.update(3, 10);
  const std::string shown = terminal.written();
  CHECK(shown.find("run 3/10") != std::string::npos);
  CHECK((shown.find("runs/s") != std::string::npos || shown.find("s/run") != std::string::npos));
  CHECK(shown.find("step") == std::string::npos);
  CHECK(shown.find("loss") == std::string::npos);
}

TEST_CASE("a loop of one's own shows its steps; a bar that is left ends its line") {
  Terminal terminal(80);
  {
    Progress progress(terminal.out(), {.seconds = 0.0});
    for (Index i = 1; i <= 5; ++i) progress.update(i, 10, 0.25);
    CHECK(terminal.screen(terminal.written()).size() == 1);
  }
  CHECK(terminal.screen(terminal.written()).size() == 2);
  const File file(std::tmpfile());
  Progress progress(file.get());
  for (Index i = 1; i <= 100000; ++i) progress.update(i, 100000, 0.25);
  CHECK(matches(content(file), R"(step 100000/100000  100%  \S+ steps/s  in 0:0\d  loss 0.25\n)"));
  const File twice(std::tmpfile());
  Progress loops(twice.get(), {.seconds = 0.0});
  for (const Index total : {3, 2})
    for (Index i = 1; i <= total; ++i) loops.update(i, total, 0.25);
  loops.update(5, 9, 0.25);
  loops.update(1, 9, 0.25);  // the loop before was left,
  loops.update(1, 9, 0.25);  // and this one
  const std::string lines = content(twice);
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 8);
  CHECK(lines.find("step 1/2  50%") != std::string::npos);
  CHECK(lines.find("step 1/9  11%") != std::string::npos);
  CHECK_THROWS_WITH_AS(Progress(nullptr), "Progress: the stream is null", std::invalid_argument);
  CHECK_THROWS_WITH_AS(Progress(file.get(), {.seconds = -1.0}), "Progress: seconds must be >= 0, got -1",
                       std::invalid_argument);
}
