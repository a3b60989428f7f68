#include <doctest/doctest.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <ravine/core/core.hpp>
#include <ravine/data/error.hpp>
#include <ravine/report/report.hpp>

#include "picture.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;
using report::Plot;

// The pieces of a curve, counted from 1, in panel a, b, ...; the first is the sample in the legend if it has a label.
static std::vector<Piece> pieces(const std::string& picture, int curve, char panel = 'a') {
  const std::string group = layer(picture, curve, panel);
  REQUIRE_FALSE(group.empty());
  return pieces_of(group);
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

TEST_CASE("a point of a line or a band that stands alone is a dot, with a bar") {
  const Tensor one = vector({1}), x = arange(7, f64), y = vector({2, NAN, 3, 4, NAN, NAN, 5});
  CHECK(marks_of(layer(svg(Plot().line(one, one)), 2)).size() == 1);
  CHECK(marks_of(layer(svg(Plot().line(x, y)), 2)).size() == 2);
  CHECK(layer(svg(Plot().line(x, x)), 2).empty());
  const std::string band = svg(Plot().band(x, y - 1.0, y, y + 2.0));
  const auto bars = pieces(band, 2);
  CHECK(std::count_if(bars.begin(), bars.end(), [](const Piece& bar) {
          const Box box = box_of(bar);
          return box.left == box.right && box.bottom > box.top + 20.0;
        }) == 2);
  CHECK(marks_of(layer(band, 4)).size() == 2);
  CHECK(layer(svg(Plot().band(x, x, x, x)), 3).empty());
}

TEST_CASE("numbers that are large or close together are told apart on the axes") {
  const Tensor t = linspace(0.0, 1000.0, 9, f64) + 1e9, y = linspace(12345.0, 12345.1, 9, f64);
  const std::string picture = svg(Plot().line(t, y));
  for (const char* label : {"1000000400", "1000001000", "12345.04", "12345.06"})
    CHECK(count(picture, std::string("<text>") + label + "</text>") == 1);
  CHECK(count(svg(Plot({.y_log = true, .x_limits = {.low = 0.0}}).line(t, y)), "<text>4e+08</text>") == 1);
  const std::string narrow = svg(Plot({.width = 300}).line(t, y));
  CHECK(count(narrow, "<text>1e+09</text>") + count(narrow, "<text>1000000500</text>") +
            count(narrow, "<text>1000001000</text>") <=
        3);
  CHECK(count(narrow, "<text>1000000200</text>") == 0);
}

TEST_CASE("labels of several lines have room for them in the legend") {
  const Tensor x = vector({1, 2});
  const auto height = [&](const std::string& label) {
    const std::string line = layer(svg(Plot({.x_label = "x"}).line(x, x, label)), 1);
    return box_of(pieces_of(line).back()).bottom;
  };
  CHECK(height("one\ntwo\nthree") < height("one") - 30.0);
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
  CHECK(count(svg(Plot({.title = "caf\xe9 \xc3\xa9"}).line(x, x)), "<text>caf\ufffd é</text>") == 1);  // no UTF-8
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

TEST_CASE("a band lies between its low and its high line, with the middle one in its colour") {
  const Tensor x = vector({0, 1, 2}), low = vector({0, 1, 0}), middle = vector({1, 2, 1}), high = vector({4, 3, 4});
  const std::string picture = svg(Plot().band(x, low, middle, high, "Adam").line(x, high));
  const std::string band = layer(picture, 1), line = layer(picture, 2);
  CHECK(count(band, "fill = 'rgb(  0, 114, 178)'") == 1);
  CHECK(count(band, "<text>") == 0);
  CHECK(count(line, "<text>Adam</text>") == 1);
  CHECK(count(line, "rgb(  0, 114, 178)") > 0);
  const Piece corners = polygons_of(band).at(0), edge = pieces(picture, 3)[0];
  REQUIRE(corners.size() == 6);  // the low line, and back along the high one
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(corners[5 - k].first == Approx(edge[k].first).epsilon(1e-3));
    CHECK(corners[5 - k].second == Approx(edge[k].second).epsilon(1e-3));
  }
  const Piece inside = pieces(picture, 2)[1];
  CHECK(inside[0].second - edge[0].second == Approx(3 * (inside[1].second - edge[1].second)).epsilon(1e-3));
  CHECK(count(layer(picture, 3), "stroke-dasharray") > 0);  // the next curve's style
}

TEST_CASE("a band of runs is their median and quartiles; a run that is NaN has failed, not gone") {
  const Tensor x = vector({1, 2});
  const auto of_runs = [&](const Tensor& runs) { return svg(Plot({.y_limits = {0, 20}}).band(x, runs, "runs")); };
  const auto of_lines = [&](const Tensor& low, const Tensor& middle, const Tensor& high) {
    return svg(Plot({.y_limits = {0, 20}}).band(x, low, middle, high, "runs"));
  };
  CHECK(of_runs(tensor({{3, 1}, {1, 1}, {10, 1}, {4, 2}, {2, 2}})) ==
        of_lines(vector({2, 1}), vector({3, 1}), vector({4, 2})));
  CHECK(of_runs(tensor({{4., 1.}, {3., 2.}, {2., 3.}, {1., NAN}}, f64)) ==
        of_lines(vector({1.75, 1.75}), vector({2.5, 2.5}), vector({3.25, INFINITY})));
  CHECK(of_runs(tensor({{7, 8}})) == of_lines(vector({7, 8}), vector({7, 8}), vector({7, 8})));
  CHECK(count(of_runs(tensor({{7., NAN}, {8., NAN}}, f64)), "<text>runs</text>") == 1);
}

TEST_CASE("a gap in a band interrupts it") {
  const Tensor x = arange(5, f64), low = vector({0, 0, NAN, 0, 0}), one = ones({5}, f64);
  const std::string picture = svg(Plot().band(x, low, one, one + 1.0));
  CHECK(polygons_of(layer(picture, 1)).size() == 2);
  CHECK(pieces(picture, 2).size() == 1);
}

TEST_CASE("bars stand on 0, beside those of the same name; one that cannot be drawn leaves its place") {
  const std::vector<std::string> names = {"100 %d", "b'", "c_{2}"};
  Plot plot({.title = "bars"});
  plot.bars(names, vector({5, 6, -2}), "Adam").bars(names, vector({3, NAN, INFINITY}), "SGD");
  const std::string picture = svg(plot);
  for (const char* name : {"100 %d", "b'", "c_{2}"})
    CHECK(count(picture, std::string("<text>") + name + "</text>") == 1);
  const auto adam = polygons_of(layer(picture, 1)), sgd = polygons_of(layer(picture, 2));
  REQUIRE(adam.size() == 4);  // the first is the sample in the legend
  REQUIRE(sgd.size() == 2);
  const Box first = box_of(adam[1]), second = box_of(adam[2]), third = box_of(adam[3]), beside = box_of(sgd[1]);
  CHECK(first.bottom == second.bottom);
  CHECK(first.bottom == Approx(third.top).epsilon(1e-3));  // it hangs down
  CHECK((second.bottom - second.top) / (first.bottom - first.top) == Approx(6.0 / 5.0).epsilon(1e-2));
  CHECK((third.bottom - third.top) / (first.bottom - first.top) == Approx(2.0 / 5.0).epsilon(1e-2));
  CHECK(beside.left == Approx(first.right).epsilon(1e-2));
  CHECK(second.left > beside.right);

  const auto log = polygons_of(layer(svg(Plot({.y_log = true}).bars(names, vector({1, 100, 0}))), 1));
  REQUIRE(log.size() == 2);  // the lowest can be seen as well
  CHECK(box_of(log[1]).bottom - box_of(log[1]).top ==
        Approx(3 * (box_of(log[0]).bottom - box_of(log[0]).top)).epsilon(2e-2));
  CHECK_THROWS_WITH_AS(Plot().bars({}, zeros({0})).save("a.svg"), Contains("no point that can be drawn"),
                       std::invalid_argument);
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

TEST_CASE("bad bands and bars are refused by name") {
  Plot plot;
  const Tensor x = tensor({1, 2, 3});
  CHECK_THROWS_WITH_AS(plot.band(x, x, tensor({1, 2}), x),
                       "Plot::band: needs vectors of one length, x is (3), middle is (2)", ShapeError);
  CHECK_THROWS_WITH_AS(plot.band(x, x, x, tensor({1, 2})),
                       "Plot::band: needs vectors of one length, x is (3), high is (2)", ShapeError);
  CHECK_THROWS_WITH_AS(plot.band(x, ones({5, 2})),
                       "Plot::band: needs a row of values at x for each run, x is (3), runs are (5, 2)", ShapeError);
  CHECK_THROWS_WITH_AS(plot.band(x, ones({0, 3})), Contains("runs are (0, 3)"), ShapeError);
  CHECK_THROWS_WITH_AS(plot.band(x, ones({2, 3}, i64)), "Plot::band: needs a floating tensor (f32 or f64), got i64",
                       DTypeError);
  CHECK_THROWS_WITH_AS(plot.bars({"a", "b"}, x), "Plot::bars: needs a height for each of 2 names, got heights of (3)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(plot.bars({"a"}, ones({1}, i64)), Contains("Plot::bars: needs a floating tensor"), DTypeError);
  plot.bars({"a", "b", "c"}, x);
  CHECK_THROWS_WITH_AS(plot.bars({"a", "b", "d"}, x), "Plot::bars: the names are not those of the bars before",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Plot({.x_log = true}).bars({"a"}, ones({1})),
                       "Plot::bars: needs an x axis that is not logarithmic", std::invalid_argument);
}

TEST_CASE("a picture without a point is refused, a curve without one is not") {
  const Tensor x = vector({1, 2}), none = vector({NAN, -INFINITY});
  CHECK_THROWS_WITH_AS(Plot({.title = "losses"}).save("a.svg"), "Plot::save: 'losses' has no point that can be drawn",
                       std::invalid_argument);
  for (const Plot& plot : {Plot().line(x, none), Plot().points(none, x), Plot({.x_log = true}).line(-x, x),
                           Plot({.y_log = true}).line(x, -x), Plot({.x_limits = {5, 6}}).points(x, x),
                           Plot({.y_limits = {.low = 5}}).band(x, x, x, x)})
    CHECK_THROWS_WITH_AS(plot.save("a.svg"), Contains("no point"), std::invalid_argument);
  CHECK(pieces(svg(Plot({.x_limits = {1.4, 1.6}, .y_limits = {1, 2}}).line(x, x)), 1).size() == 1);  // between them
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
  const Plot plot = Plot().points(vector({0, 1}), vector({1e308, 1e308}));  // infinite to it
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
