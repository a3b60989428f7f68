#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include <ravine/core/core.hpp>
#include <ravine/data/error.hpp>
#include <ravine/report/report.hpp>

#include "../data/temporary.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;
using report::Plot;

using Piece = std::vector<std::pair<double, double>>;  // points that lines join, in pixels from the upper left corner

static std::string svg(const Plot& plot) {
  const TemporaryFile file("picture.svg");
  plot.save(file.path());
  return file.read();
}

static int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

// The pieces of a curve, counted from 1, in panel a, b, ...; the first is the sample in the legend if it has a label.
static std::vector<Piece> pieces(const std::string& picture, int curve, char panel = 'a') {
  const std::size_t group = picture.find("id=\"gnuplot_plot_" + std::to_string(curve) + panel + '"');
  REQUIRE(group != std::string::npos);
  const std::size_t begin = picture.find(" d='", picture.find("<path", group)) + 4;
  std::string path = picture.substr(begin, picture.find('\'', begin) - begin);
  std::replace(path.begin(), path.end(), ',', ' ');
  std::istringstream words(path);
  std::vector<Piece> result;
  char kind = 0;
  double x = 0.0, y = 0.0;
  while (words >> kind >> x >> y) {
    if (kind == 'M') result.emplace_back();
    result.back().emplace_back(x, y);
  }
  std::erase_if(result, [](const Piece& piece) { return piece.size() < 2; });
  return result;
}

static Tensor vector(std::initializer_list<Scalar> values) { return tensor(values, f64); }

// A folder with another program of the name gnuplot, which is all that the PATH holds while this lives.
class OtherGnuplot {
 public:
  explicit OtherGnuplot(const std::string& script) : path_(std::getenv("PATH")), folder_("bin") {
    std::filesystem::remove(folder_.path());
    std::filesystem::create_directory(folder_.path());
    if (!script.empty()) {
      const std::string program = folder_.path() + "/gnuplot";
      std::ofstream(program) << "#!/bin/sh\n" << script;
      std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    }
    setenv("PATH", folder_.path().c_str(), 1);
  }
  ~OtherGnuplot() {
    setenv("PATH", path_.c_str(), 1);
    std::filesystem::remove(folder_.path() + "/gnuplot");
  }

 private:
  std::string path_;
  TemporaryFile folder_;
};

TEST_CASE("a line passes through all its points, to scale") {
  const auto drawn = pieces(svg(Plot().line(vector({0, 1, 2, 4}), vector({0, 1, 4, 2}))), 1);
  REQUIRE(drawn.size() == 1);
  const Piece& line = drawn[0];
  REQUIRE(line.size() == 4);
  const double right = line[1].first - line[0].first, up = line[0].second - line[1].second;
  CHECK(right > 50.0);
  CHECK(up > 50.0);
  CHECK(line[2].first - line[0].first == Approx(2 * right).epsilon(1e-3));
  CHECK(line[3].first - line[0].first == Approx(4 * right).epsilon(1e-3));
  CHECK(line[0].second - line[2].second == Approx(4 * up).epsilon(1e-3));
  CHECK(line[0].second - line[3].second == Approx(2 * up).epsilon(1e-3));
}

TEST_CASE("points are marks, one for each; the types may differ, and the values are copied") {
  Tensor x = tensor({1, 2, 3});
  const Tensor y = tensor({5, 6, 7}, f64);
  Plot plot;
  plot.points(x, y).line(x, y);
  const std::string before = svg(plot);
  CHECK(count(before, "<use ") - count(svg(Plot().line(x, y)), "<use ") == 3);
  x.fill(0.0);
  CHECK(svg(plot) == before);
}

TEST_CASE("a point that is NaN or infinite leaves a gap") {
  const Tensor y = vector({NAN, 1, 2, NAN, INFINITY, 3, 1, 2, NAN});
  const auto drawn = pieces(svg(Plot().line(arange(9, f64), y)), 1);
  REQUIRE(drawn.size() == 2);
  CHECK(drawn[0].size() == 2);
  CHECK(drawn[1].size() == 3);
  CHECK(pieces(svg(Plot().line(y, arange(9, f64))), 1).size() == 2);
  const Plot marks = Plot().points(arange(9, f64), y);
  CHECK(count(svg(marks), "<use ") - count(svg(Plot().line(y, y)), "<use ") == 5);
}

TEST_CASE("on a logarithmic axis factors are distances, and what is not positive leaves a gap") {
  const Tensor t = vector({1, 2, 4, 5, 6}), y = vector({1e-6, 1e-3, 1, 0, 1e3});
  const auto drawn = pieces(svg(Plot({.y_log = true}).line(t, y)), 1);
  REQUIRE(drawn.size() >= 1);
  REQUIRE(drawn[0].size() == 3);
  CHECK(drawn[0][0].second - drawn[0][1].second == Approx(drawn[0][1].second - drawn[0][2].second).epsilon(1e-3));
  const auto mirrored = pieces(svg(Plot({.x_log = true}).line(y, t)), 1);
  REQUIRE(mirrored[0].size() == 3);
  CHECK(mirrored[0][1].first - mirrored[0][0].first ==
        Approx(mirrored[0][2].first - mirrored[0][1].first).epsilon(1e-3));
}

TEST_CASE("limits cut off what is outside") {
  const Tensor x = vector({0, 10}), y = vector({0, 10});
  const std::string picture = svg(Plot({.x_limits = {2.5, 5.0}, .y_limits = {-5.0, 15.0}}).line(x, y));
  const auto drawn = pieces(picture, 1);
  REQUIRE(drawn.size() == 1);
  const double height = drawn[0].front().second - drawn[0].back().second;  // 2.5 of 20
  CHECK(height > 20.0);
  CHECK(height < 420.0 / 8);
  CHECK(count(picture, "<text>5</text>") == 2);
  CHECK(count(picture, "<text>10</text>") == 1);
  CHECK(count(svg(Plot({.x_limits = {.low = -10.0}}).line(x, y)), "<text>−10</text>") == 1);
}

TEST_CASE("texts are drawn letter by letter and run nothing") {
  const TemporaryFile trap("trap");
  std::filesystem::remove(trap.path());
  const std::string touch = "touch " + trap.path();
  const Tensor x = vector({1, 2});
  const std::string picture = svg(Plot({.title = "θ_0^{2} {/Bold b} & <i> 'q' \"d\" % $HOME @x # \\",
                                        .x_label = "a'; system('" + touch + "'); set title '\n!" + touch,
                                        .y_label = "`" + touch + "`\x01\x7f\t."})
                                      .line(x, x, "b' , system(\"" + touch + "\") ; '\n`" + touch + "`")
                                      .points(x, x, "\\"));
  CHECK_FALSE(std::filesystem::exists(trap.path()));
  CHECK(count(picture, "<text>θ_0^{2} {/Bold b} &amp; &lt;i> 'q' \"d\" % $HOME @x # \\</text>") == 1);
  CHECK(count(picture, "<text>a'; system('" + touch + "'); set title '</text>") == 1);
  CHECK(count(picture, "<text>!" + touch + "</text>") == 1);
  CHECK(count(picture, ">`" + touch + "`   .</text>") == 1);
  CHECK(count(picture, "<text>b' , system(\"" + touch + "\") ; '</text>") == 1);
  CHECK(count(picture, "<text>\\</text>") == 1);
}

TEST_CASE("curves have colours of their own, and those with a label a place in the legend") {
  Plot plot;
  for (int k = 0; k < 8; ++k) plot.line(vector({0, 1}), vector({0, k}), k == 2 ? "third" : "");
  const std::string picture = svg(plot);
  std::set<std::string> colours;
  for (int k = 1; k <= 7; ++k) {
    const std::size_t path = picture.find("<path", picture.find("\"gnuplot_plot_" + std::to_string(k) + "a\""));
    colours.insert(picture.substr(path, picture.find(" d=", path) - path));
    CHECK(pieces(picture, k).size() == (k == 3 ? 2 : 1));
  }
  CHECK(colours.size() == 7);
  CHECK(count(picture, "<text>third</text>") == 1);
  const std::string eighth = picture.substr(picture.find("\"gnuplot_plot_8a\""));
  CHECK(eighth.substr(0, eighth.find(" d=")).find("stroke-dasharray") != std::string::npos);
}

TEST_CASE("the ending of the path is the format") {
  const Plot plot = Plot({.width = 300, .height = 200}).line(vector({0, 1}), vector({0, 1}));
  CHECK(count(svg(plot), "\n width=\"300\" height=\"200\"") == 1);
  const TemporaryFile png("picture.png"), pdf("picture.pdf");
  plot.save(png.path());
  const std::string bytes = png.read();
  REQUIRE(bytes.size() > 100);
  CHECK(bytes.substr(0, 8) == "\x89PNG\r\n\x1a\n");
  CHECK(bytes.substr(bytes.size() - 8, 4) == "IEND");
  CHECK(bytes.substr(16, 8) == std::string("\0\0\x01\x2c\0\0\0\xc8", 8));
  plot.save(pdf.path());
  CHECK(pdf.read().starts_with("%PDF-"));
  CHECK_THROWS_WITH_AS(plot.save("picture.jpg"),
                       "Plot::save: the path must end in .svg, .png or .pdf, got 'picture.jpg'", std::invalid_argument);
}

TEST_CASE("a grid has its panels row by row, each as large as the largest") {
  const Tensor x = vector({0, 1, 2});
  const std::vector<report::Panel> panels = {
      Plot({.title = "one", .y_log = true, .width = 300, .height = 150}).line(x, exp(x)),
      Plot({.title = "two", .width = 200, .height = 250}).line(x, x),
      Plot({.title = "three"}).line(x, x),
  };
  const TemporaryFile file("grid.svg");
  report::save_grid(file.path(), {panels[0], panels[1], panels[0]}, 2);
  CHECK(count(file.read(), "\n width=\"600\" height=\"500\"") == 1);
  report::save_grid(file.path(), panels, 5);
  const std::string picture = file.read();
  CHECK(count(picture, "\n width=\"1920\" height=\"420\"") == 1);
  const std::size_t one = picture.find("<text>one<"), two = picture.find("<text>two<"),
                    three = picture.find("<text>three<");
  CHECK(one < two);
  CHECK(two < three);
  CHECK(three < picture.size());
  // The second panel is linear though the first is not.
  const Piece line = pieces(picture, 1, 'b')[0];
  REQUIRE(line.size() == 3);
  CHECK(line[0].second - line[1].second == Approx(line[1].second - line[2].second).epsilon(1e-3));
  CHECK(line[0].first > 640.0);
  CHECK(line[2].first < 1280.0);
  CHECK_THROWS_WITH_AS(report::save_grid(file.path(), {}, 1),
                       "save_grid: needs a panel and a column, got 0 panels in 1 columns", std::invalid_argument);
  CHECK_THROWS_WITH_AS(report::save_grid(file.path(), panels, 0), Contains("got 3 panels in 0 columns"),
                       std::invalid_argument);
}

TEST_CASE("bad curves and options are refused by name") {
  Plot plot;
  const Tensor x = tensor({1, 2, 3}), classes = tensor({1, 2, 3}, i64);
  CHECK_THROWS_WITH_AS(plot.line(x, tensor({1, 2})), "Plot::line: needs vectors of one length, x is (3), y is (2)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(plot.points(zeros({3, 1}), zeros({3, 1})), Contains("Plot::points: needs vectors"), ShapeError);
  CHECK_THROWS_WITH_AS(plot.points(x, classes), "Plot::points: needs a floating tensor (f32 or f64), got i64",
                       DTypeError);
  CHECK_THROWS_WITH_AS(plot.line(classes, x), "Plot::line: needs a floating tensor (f32 or f64), got i64", DTypeError);
  CHECK_THROWS_WITH_AS(Plot({.y_limits = {3.0, 1.0}}), "Plot: y_limits must be ascending, got 3 to 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Plot({.x_limits = {NAN, 1.0}}), Contains("x_limits must be ascending, got nan to 1"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Plot({.x_limits = {0.0, NAN}}), Contains("got 0 to nan"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(Plot({.y_log = true, .y_limits = {0.0, 1.0}}),
                       Contains("y_limits must be ascending and positive, got 0 to 1"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(Plot({.x_log = true, .x_limits = {.high = -1.0}}), Contains("x_limits"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(Plot({.width = 99}), "Plot: width and height must be 100 or more, got 99 and 420",
                       std::invalid_argument);
}

TEST_CASE("a picture without a point is refused, a curve without one is not") {
  const Tensor x = vector({1, 2}), none = vector({NAN, -INFINITY});
  CHECK_THROWS_WITH_AS(Plot({.title = "losses"}).save("a.svg"), "Plot::save: 'losses' has no point that can be drawn",
                       std::invalid_argument);
  for (const Plot& plot : {Plot().line(x, none), Plot().points(none, x), Plot({.x_log = true}).line(-x, x),
                           Plot({.y_log = true}).line(x, -x)})
    CHECK_THROWS_WITH_AS(plot.save("a.svg"), Contains("no point"), std::invalid_argument);
  CHECK(count(svg(Plot().line(x, none, "diverged").points(x, x)), "<text>diverged</text>") == 1);
  CHECK(count(svg(Plot().line(zeros({0}), zeros({0})).points(vector({3}), vector({3}))), "<use ") > 0);
}

TEST_CASE("without gnuplot the error says what to install, and nothing is written") {
  const TemporaryFile file("kept.svg", "old");
  const OtherGnuplot none("");
  CHECK_THROWS_WITH_AS(Plot().line(vector({0, 1}), vector({0, 1})).save(file.path()),
                       "Plot::save: cannot start gnuplot, which must be installed and on the PATH: No such file or "
                       "directory",
                       std::runtime_error);
  CHECK(file.read() == "old");
}

TEST_CASE("what gnuplot complains about is in the error") {
  const Plot plot = Plot({.x_limits = {5.0, 6.0}}).points(vector({0, 1}), vector({0, 1}));
  CHECK_THROWS_WITH_AS(plot.save("a.svg"), Contains("Plot::save: gnuplot failed: "), std::runtime_error);
  CHECK_THROWS_WITH_AS(plot.save("a.svg"), Contains("all points y value undefined"), std::runtime_error);
}

TEST_CASE("a gnuplot that reads nothing, or says much, neither ends nor stops the program") {
  const TemporaryFile file("kept.svg", "old");
  const Plot plot = Plot().line(linspace(0.0, 1.0, 100000, f64), linspace(0.0, 1.0, 100000, f64));
  {
    const OtherGnuplot deaf("echo no licence >&2; exit 3\n");
    CHECK_THROWS_WITH_AS(plot.save(file.path()), "Plot::save: gnuplot failed: no licence", std::runtime_error);
  }
  {
    const OtherGnuplot content("exit 0\n");
    CHECK_THROWS_WITH_AS(plot.save(file.path()), Contains("gnuplot failed"), std::runtime_error);
  }
  {
    const OtherGnuplot killed("kill -9 $$\n");
    CHECK_THROWS_WITH_AS(plot.save(file.path()), Contains("gnuplot failed"), std::runtime_error);
  }
  CHECK(file.read() == "old");
  const OtherGnuplot loud(
      "i=0; while [ $i -lt 20000 ]; do echo 0123456789 >&2; echo 0123456789; i=$((i + 1)); done\n"
      "while read -r line; do :; done\n");
  plot.save(file.path());
  CHECK(file.read().size() == 20000 * 11);
}

TEST_CASE("a file that cannot be written is named; an old one stays and no other is left behind") {
  const Plot plot = Plot().line(vector({0, 1}), vector({0, 1}));
  CHECK_THROWS_WITH_AS(plot.save("/no/such/folder/a.svg"),
                       "Plot::save: cannot write /no/such/folder/a.svg: No such file or directory", data::FileError);

  const TemporaryFile folder("folder");
  std::filesystem::remove(folder.path());
  std::filesystem::create_directory(folder.path());
  const std::string path = folder.path() + "/a.svg";
  std::ofstream(path) << "old";
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 1000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  CHECK_THROWS_WITH_AS(plot.save(path), Contains(("cannot write " + path + ": File too large").c_str()),
                       data::FileError);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);

  std::string content;
  std::getline(std::ifstream(path), content);
  CHECK(content == "old");
  plot.save(path);
  const std::filesystem::directory_iterator files(folder.path());
  CHECK(std::distance(begin(files), end(files)) == 1);
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  CHECK_THROWS_WITH_AS(plot.save(path), Contains("Is a directory"), data::FileError);
  std::filesystem::remove(path);
  CHECK(std::filesystem::is_empty(folder.path()));
}
