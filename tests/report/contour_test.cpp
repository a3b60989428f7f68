#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/report/report.hpp>

#include "picture.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;
using report::Contour;
using report::ContourOptions;
using report::Limits;

static Variable bowl(const Variable& theta) { return sum(square(theta)); }

static Tensor points(const std::vector<double>& xy) {
  return tensor(xy, f64).reshape({static_cast<Index>(xy.size()) / 2, 2});
}

// The scale of a picture, from a path that leads from its lower left corner to the upper right one.
struct Scale {
  explicit Scale(const Piece& corners, Limits x = {-1, 1}, Limits y = {-1, 1}) : box(box_of(corners)), x(x), y(y) {}
  double x_of(double pixel) const { return x.low + (pixel - box.left) / (box.right - box.left) * (x.high - x.low); }
  double y_of(double pixel) const { return y.low + (box.bottom - pixel) / (box.bottom - box.top) * (y.high - y.low); }
  Box box;
  Limits x, y;
};

// A contour's layers: the colours, the contours, the arrows, then a line and marks for each path, and its legend.
static const Tensor diagonal = points({-1, -1, 1, 1});

TEST_CASE("contours lie where the function has their level") {
  const std::string picture = svg(report::contour(bowl, {.levels = {0.25, 1.0}}).path(diagonal));
  const Scale scale(pieces_of(layer(picture, 4)).at(0));
  int inner = 0, outer = 0;
  for (const Piece& line : pieces_of(layer(picture, 2)))
    for (const auto& [px, py] : line) {
      const double r = std::hypot(scale.x_of(px), scale.y_of(py));
      const bool on_inner = std::abs(r - 0.5) < 0.005, on_outer = std::abs(r - 1.0) < 0.005;
      CHECK((on_inner || on_outer));
      inner += on_inner;
      outer += on_outer;
    }
  CHECK(inner > 50);
  CHECK(outer > inner);
}

TEST_CASE("arrows point along the gradient and are longer where it is") {
  const auto plane = [](const Variable& theta) { return 3 * theta[0] + 4 * theta[1]; };
  const auto arrows = pieces_of(layer(svg(report::contour(plane, {.arrows = 4})), 3));
  int shafts = 0;
  for (const Piece& line : arrows) {
    if (line.size() != 2) continue;  // a head
    if (++shafts == 1) continue;     // the sample in the legend
    CHECK((line[1].first - line[0].first) / (line[0].second - line[1].second) == Approx(0.75).epsilon(0.01));
    CHECK(line[1].first > line[0].first);
  }
  CHECK(shafts == 17);

  std::vector<double> lengths;
  for (const Piece& line : pieces_of(layer(svg(report::contour(bowl, {.arrows = 4})), 3)))
    if (line.size() == 2) lengths.push_back(std::hypot(line[1].first - line[0].first, line[1].second - line[0].second));
  REQUIRE(lengths.size() == 17);
  CHECK(lengths[1] > 1.2 * lengths[6]);  // in the corner and in the middle
  CHECK(layer(svg(report::contour(bowl, {.arrows = 0}).path(diagonal, "p")), 5).find("<text>p<") != std::string::npos);
}

TEST_CASE("both axes have one unit unless one is much longer") {
  const auto shape = [](Limits x, Limits y) {
    const Box box = box_of(
        pieces_of(
            layer(
                svg(report::contour(bowl, {.x_limits = x, .y_limits = y}).path(points({x.low, y.low, x.high, y.high}))),
                4))
            .at(0));
    return (box.right - box.left) / (box.bottom - box.top);
  };
  CHECK(shape({-1, 1}, {-1, 1}) == Approx(1.0).epsilon(0.01));
  CHECK(shape({-1, 1}, {-1, 3}) == Approx(0.5).epsilon(0.01));
  CHECK(shape({-30, 30}, {-1, 1}) < 3.0);
}

TEST_CASE("a path goes through its points, is cut off at the border and interrupted by NaN") {
  const std::string picture =
      svg(report::contour(bowl, {.x_limits = {-1, 3}})
              .path(points({-1, -1, 3, 1}))
              .path(points({0, 0, 1, 0.5, 5, 0.5, 5, -0.5, 1, -0.5, NAN, 0, 0, -0.5, 0, 0, 1e300, -1e300}), "Adam"));
  const Scale scale(pieces_of(layer(picture, 4)).at(0), {-1, 3});
  const auto pieces = pieces_of(layer(picture, 6));
  REQUIRE(pieces.size() == 3);
  const auto goes = [&](const Piece& piece, const std::vector<std::pair<double, double>>& expected) {
    REQUIRE(piece.size() == expected.size());
    for (std::size_t k = 0; k < piece.size(); ++k) {
      CHECK(scale.x_of(piece[k].first) == Approx(expected[k].first).epsilon(0.01));
      CHECK(scale.y_of(piece[k].second) == Approx(expected[k].second).epsilon(0.01));
    }
  };
  goes(pieces[0], {{0, 0}, {1, 0.5}, {3, 0.5}});
  goes(pieces[1], {{3, -0.5}, {1, -0.5}});
  goes(pieces[2], {{0, -0.5}, {0, 0}, {1, -1}});
  const auto end = marks_of(layer(picture, 7)).back();
  CHECK(scale.x_of(end.first) == Approx(1.0).epsilon(0.01));
  CHECK(scale.y_of(end.second) == Approx(-1.0).epsilon(0.01));
  CHECK(count(layer(picture, 8), "<text>Adam</text>") == 1);
}

TEST_CASE("paths without a point to be drawn keep their place in the legend") {
  const std::string picture = svg(report::contour(bowl, {.arrows = 0})
                                      .path(zeros({0, 2}), "empty")
                                      .path(std::vector<Tensor>{}, "no vectors")
                                      .path(points({2, 2, 3, 3}), "outside")
                                      .path(points({NAN, 0, INFINITY, 1}), "failed")
                                      .path(diagonal, "drawn"));
  int number = 3;
  for (const char* label : {"empty", "no vectors", "outside", "failed"})
    CHECK(count(layer(picture, number++), std::string("<text>") + label + "</text>") == 1);
  CHECK(pieces_of(layer(picture, number)).size() == 1);
}

TEST_CASE("vectors one by one are the same path, copied, in either type") {
  std::vector<Tensor> passed = {tensor({0.5, 0.25}), tensor({0.0, -1.0})};
  Contour plot = report::contour(bowl, {});
  plot.path(passed, "p");
  passed[0].fill(9.0);
  CHECK(svg(plot) == svg(report::contour(bowl, {}).path(points({0.5, 0.25, 0, -1}), "p")));
}

TEST_CASE("starts and minima are marked, those inside the domain") {
  const std::string picture = svg(report::contour(bowl, {.arrows = 0})
                                      .path(diagonal)
                                      .start(points({-0.5, 0.5, 7, 0}))
                                      .minimum(tensor({0.0, 0.0}), "θ*"));
  const Scale scale(pieces_of(layer(picture, 3)).at(0));
  const Piece start = marks_of(layer(picture, 5)), minimum = marks_of(layer(picture, 7));
  REQUIRE(start.size() == 1);
  CHECK(scale.x_of(start[0].first) == Approx(-0.5).epsilon(0.01));
  CHECK(scale.y_of(start[0].second) == Approx(0.5).epsilon(0.01));
  REQUIRE(minimum.size() == 1);
  CHECK(scale.x_of(minimum[0].first) == Approx(0.0).epsilon(0.01));
  CHECK(count(picture, "<text>start</text>") == 1);
  CHECK(count(picture, "<text>θ*</text>") == 1);
}

TEST_CASE("values on a grid make the picture of their function") {
  const auto f = [](const Variable& theta) { return square(theta[0]) + 3 * theta[1]; };
  std::vector<double> values;
  for (int i = 0; i < 100; ++i)
    for (int j = 0; j < 100; ++j) {
      const double x = -2 + 4 * j / 99.0, y = -1 + 2 * i / 99.0;
      values.push_back(x * x + 3 * y);
    }
  const ContourOptions options = {.x_limits = {-2, 2}, .arrows = 0};
  CHECK(svg(report::contour(tensor(values, f64).reshape({100, 100}), options)) == svg(report::contour(f, options)));
  // The arrows are by differences there.
  const Tensor plane = tensor({{0.0, 3.0, 6.0}, {4.0, 7.0, 10.0}});
  for (const Piece& line : pieces_of(layer(svg(report::contour(plane, {.y_limits = {0, 1}})), 3)))
    if (line.size() == 2 && line[0].second != line[1].second)
      CHECK((line[1].first - line[0].first) / (line[0].second - line[1].second) == Approx(0.75).epsilon(0.02));
}

TEST_CASE("levels are spaced by the logarithm, or evenly where the lowest value is no minimum") {
  const auto labels = [](const Contour& plot, std::initializer_list<const char*> expected) {
    const std::string picture = svg(plot);
    for (const char* label : expected) {
      INFO(std::string(label));
      CHECK(count(picture, std::string("<text>") + label + "</text>") == 1);
    }
  };
  labels(report::contour([](const Variable& t) { return exp(10 * t[0] + t[1]); }, {}), {"1e−04", "100", "10000"});
  labels(report::contour([](const Variable& t) { return 1000 + 100 * square(t[0]) + square(t[1]); }, {}),
         {"1000.1", "1050"});
  labels(report::contour([](const Variable& t) { return 50 * (square(t[0]) - square(t[1])); }, {}), {"−45", "15"});
  labels(report::contour(bowl, {.levels = {0.7, 123.0, 0.3}}), {"0.3", "0.7"});
}

TEST_CASE("where a function is not finite there is nothing") {
  const auto half = [](const Variable& theta) { return log(theta[0]) + square(theta[1]); };
  const std::string picture = svg(report::contour(half, {}).path(diagonal));
  const Scale scale(pieces_of(layer(picture, 4)).at(0));
  for (const int number : {2, 3})
    for (const Piece& line : pieces_of(layer(picture, number)))
      for (const auto& point : line)
        if (point.second <= scale.box.bottom) CHECK(scale.x_of(point.first) > -0.1);
  CHECK_NOTHROW(svg(report::contour([](const Variable& t) { return 1.0 / sum(square(t)); }, {.resolution = 101})));
  const auto steep = [](const Variable& t) { return exp(700 * t[0]); };  // gradients from 1e-300 to 1e300
  CHECK(pieces_of(layer(svg(report::contour(steep, {})), 3)).size() > 300);
}

TEST_CASE("functions of any make are drawn: constant, without a graph, in f32 only, of shape (1)") {
  const auto constant = [](const Variable& theta) { return 0.0 * sum(theta) + 3.0; };
  const auto number = [](const Variable&) { return Variable(scalar(3.0)); };
  const auto no_graph = [](const Variable& theta) { return Variable(scalar(theta.value().at({0}), f64)); };
  const Tensor shift = tensor({0.25, 0.5});
  const auto of_floats = [&](const Variable& theta) { return sum(square(theta - shift)); };
  const auto of_shape_1 = [](const Variable& theta) { return theta.slice(0, 0, 1); };
  for (const auto& plot : {report::contour(constant, {}), report::contour(number, {}), report::contour(no_graph, {})})
    CHECK(count(svg(plot), "<text>gradient</text>") == 0);
  CHECK(count(svg(report::contour(of_floats, {})), "<text>gradient</text>") == 1);
  CHECK_NOTHROW(svg(report::contour(of_shape_1, {})));
}

TEST_CASE("contours refuse what they cannot draw, by name") {
  const auto refused = [](ContourOptions options, const char* words) {
    CHECK_THROWS_WITH_AS(report::contour(bowl, options), words, std::invalid_argument);
  };
  refused({.x_limits = {1, 1}}, "contour: x_limits must be finite and ascending, got 1 to 1");
  refused({.y_limits = {}}, "contour: y_limits must be finite and ascending, got -inf to inf");
  refused({.y_limits = {NAN, 1}}, "contour: y_limits must be finite and ascending, got nan to 1");
  refused({.x_limits = {-1e308, 1e308}}, "contour: x_limits must be finite and ascending, got -1e+308 to 1e+308");
  refused({.resolution = 1}, "contour: resolution must be in 2 to 1000, got 1");
  refused({.arrows = -1}, "contour: arrows must be in 0 to 100, got -1");
  refused({.levels = {1, NAN}}, "contour: levels must be finite, got nan");
  refused({.height = 20}, "Contour: width and height must be 100 or more, got 560 and 20");
  CHECK_THROWS_WITH_AS(report::contour([](const Variable& t) { return log(-square(t[0]) - 1.0); }, {}),
                       "contour: nothing is finite for x in [-1, 1], y in [-1, 1]; the first value is nan",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(report::contour([](const Variable& t) { return square(t); }, {}),
                       "contour: f must give one element, got (2) for a vector of two parameters", ShapeError);
  CHECK_THROWS_WITH_AS(report::contour([](const Variable&) { return Variable(); }, {}),
                       "contour: f gave a Variable without a value", std::invalid_argument);
  CHECK_THROWS_WITH_AS(report::contour([](const Variable&) -> Variable { throw std::domain_error("mine"); }, {}),
                       "mine", std::domain_error);
  CHECK_THROWS_AS(report::contour([](const Variable& t) { return sum(t + zeros({2}, i64)); }, {}), DTypeError);

  CHECK_THROWS_WITH_AS(report::contour(zeros({2, 1}), {}),
                       "contour: needs two rows and two columns of values or more, got (2, 1)", ShapeError);
  CHECK_THROWS_WITH_AS(report::contour(zeros({2, 2}, i64), {}),
                       "contour: needs a floating tensor (f32 or f64), got i64", DTypeError);
  CHECK_THROWS_WITH_AS(report::contour(full({2, 2}, INFINITY), {}), Contains("the first value is inf"),
                       std::invalid_argument);

  Contour plot = report::contour(bowl, {});
  CHECK_THROWS_WITH_AS(plot.path(zeros({3, 3})),
                       "Contour::path: needs points (n, 2), or (2) for one of them, got (3, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(plot.minimum(zeros({3})), Contains("Contour::minimum: needs points"), ShapeError);
  CHECK_THROWS_WITH_AS(plot.start(zeros({2}, i64)), "Contour::start: needs a floating tensor (f32 or f64), got i64",
                       DTypeError);
  CHECK_THROWS_WITH_AS(plot.save("a.jpg"), "Contour::save: the path must end in .svg, .png or .pdf, got 'a.jpg'",
                       std::invalid_argument);
}

TEST_CASE("panels of all kinds share a picture") {
  const TemporaryFile file("mixed.svg");
  const Tensor x = tensor({1, 2, 3});
  report::save_grid(file.path(),
                    {report::contour(bowl, {.title = "a 'b' %"}).path(diagonal, "p'q\n"), report::surface(bowl, {}),
                     report::Plot({.title = "c", .y_log = true}).line(x, x)},
                    2);
  const std::string picture = file.read();
  CHECK(count(picture, "\n width=\"1280\" height=\"1120\"") == 1);
  CHECK(count(picture, "<text>a 'b' %</text>") == 1);
  CHECK(count(picture, "<text>p'q</text>") == 1);
  CHECK(layer(picture, 1, 'a').find("<image") != std::string::npos);
  CHECK(polygons_of(layer(picture, 1, 'b')).size() > 1000);
  CHECK(pieces_of(layer(picture, 1, 'c')).at(0).size() == 3);
}
