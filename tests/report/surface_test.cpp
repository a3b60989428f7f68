#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/report/report.hpp>

#include "picture.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;
using report::Surface;
using report::SurfaceOptions;

static Variable slope(const Variable& theta) { return 10 + 3 * theta[0]; }

// A surface's layers: itself, its contours, then shadow, line and marks of each path, and its legend.
static const Tensor along = tensor({{-1.0, 0.0}, {0.0, 0.0}, {1.0, 0.0}});

TEST_CASE("from above a path lies on its shadow, from the side at its heights") {
  const std::string above = svg(report::surface(slope, {.elevation = 90, .azimuth = 0}).path(along, "p"));
  const Piece shadow = pieces_of(layer(above, 3)).at(0), path = pieces_of(layer(above, 4)).at(0);
  REQUIRE(path.size() == 3);
  CHECK(path == shadow);
  CHECK(path[1].first - path[0].first == Approx(path[2].first - path[1].first).epsilon(1e-3));
  CHECK(count(layer(above, 6), "<text>p</text>") == 1);

  const auto side = [](const SurfaceOptions& options, const Tensor& points) {
    const std::string picture = svg(report::surface(slope, options).path(points));
    const Piece shadow = pieces_of(layer(picture, 3)).at(0);
    for (const auto& point : shadow) CHECK(point.second == Approx(shadow[0].second));
    Piece line = pieces_of(layer(picture, 4)).at(0);
    for (std::size_t k = 0; k < line.size(); ++k) line[k].second = shadow[k].second - line[k].second;
    return line;
  };
  const Piece line = side({.elevation = 0, .azimuth = 0}, along);
  CHECK(line[0].second > 10.0);
  CHECK(line[2].second - line[1].second == Approx(line[1].second - line[0].second).epsilon(1e-2));
  // heights 7 and 13, of which 8.5 cuts nothing of the middle, 10
  const Piece log = side({.z_log = true, .elevation = 0, .azimuth = 0}, along);
  CHECK((log[2].second - log[1].second) / (log[1].second - log[0].second) ==
        Approx(std::log(13.0 / 10.0) / std::log(10.0 / 7.0)).epsilon(1e-2));
}

TEST_CASE("what is above the limits is cut off, and a path there interrupted") {
  const std::string picture = svg(report::surface(slope, {.z_limits = {.high = 11.0}}).path(along));
  CHECK(pieces_of(layer(picture, 3)).at(0).size() == 3);
  CHECK(pieces_of(layer(picture, 4)).at(0).size() == 2);
  CHECK(polygons_of(layer(picture, 1)).size() < polygons_of(layer(svg(report::surface(slope, {})), 1)).size());
}

TEST_CASE("surfaces of any make are drawn: with holes, flat, of values, with heights of 0 on a logarithmic axis") {
  const auto half = [](const Variable& theta) { return log(theta[0]) + theta[1]; };
  const std::string holes = svg(report::surface(half, {}).path(tensor({{-0.5, 0.0}, {0.5, 0.0}, {NAN, 0.0}})));
  CHECK(polygons_of(layer(holes, 1)).size() > 1000);
  CHECK(polygons_of(layer(holes, 1)).size() < 1400);
  CHECK(polygons_of(layer(svg(report::surface([](const Variable& t) { return 0 * sum(t); }, {})), 1)).size() == 2401);
  CHECK(polygons_of(layer(svg(report::surface(tensor({{1, 2, 3}, {2, 5, 1}}), {})), 1)).size() == 2);
  const auto touching = [](const Variable& t) { return relu(t[0]); };
  CHECK(polygons_of(layer(svg(report::surface(touching, {.z_log = true})), 1)).size() > 2000);
}

TEST_CASE("surfaces that are flat but for rounding, flat and high, or not flat though high") {
  const auto one = [](const Variable& t) { return square(sin(t[0])) + square(cos(t[0])); };
  CHECK(polygons_of(layer(svg(report::surface(one, {})), 1)).size() == 2401);
  const auto high = [](const Variable& t) { return 0.0 * sum(t) + 1e17; };
  CHECK(polygons_of(layer(svg(report::surface(high, {})), 1)).size() == 2401);
  const auto rises = [](const Variable& t) { return 1e10 + 1e-3 * t[0]; };
  const std::string side = svg(report::surface(rises, {.elevation = 0, .azimuth = 0}).path(along));
  const Piece path = pieces_of(layer(side, 4)).at(0);
  double top = HUGE_VAL, bottom = -HUGE_VAL;  // of what is drawn of the surface, in pixels from above
  for (const Piece& polygon : polygons_of(layer(side, 1)))
    for (const auto& corner : polygon) top = std::min(top, corner.second), bottom = std::max(bottom, corner.second);
  CHECK(top == Approx(path[2].second).epsilon(1e-2));
  CHECK(bottom == Approx(path[0].second).epsilon(1e-2));
}

TEST_CASE("one may look from any azimuth, once around is the same") {
  const std::string here = svg(report::surface(slope, {.azimuth = 330}));
  CHECK(svg(report::surface(slope, {.azimuth = -30})) == here);
  CHECK(svg(report::surface(slope, {.azimuth = 690})) == here);
  CHECK(svg(report::surface(slope, {.azimuth = 30})) != here);
}

TEST_CASE("starts and minima are marked on the surface and on the floor") {
  const std::string picture =
      svg(report::surface(slope, {}).start(tensor({{-1.0, 0.5}, {5.0, 0.0}})).minimum(tensor({-1.0, -1.0})));
  CHECK(marks_of(layer(picture, 3)).size() == 2);
  CHECK(count(layer(picture, 4), "<text>start</text>") == 1);
  CHECK(marks_of(layer(picture, 5)).size() == 2);
  CHECK(count(layer(picture, 6), "<text>minimum</text>") == 1);
}

TEST_CASE("surfaces refuse what they cannot draw, by name") {
  const auto refused = [](SurfaceOptions options, const char* words) {
    CHECK_THROWS_WITH_AS(report::surface(slope, options), words, std::invalid_argument);
  };
  refused({.x_limits = {2, 1}}, "surface: x_limits must be finite and ascending, got 2 to 1");
  refused({.z_limits = {2, 1}}, "surface: z_limits must be ascending, got 2 to 1");
  refused({.z_limits = {-1, 1}, .z_log = true}, "surface: z_limits must be ascending and positive, got -1 to 1");
  refused({.z_limits = {.high = 5}}, "surface: nothing of it is between z_limits, its heights are 7 to 13");
  refused({.z_limits = {.low = 50}}, "surface: nothing of it is between z_limits, its heights are 7 to 13");
  refused({.elevation = 91}, "surface: elevation must be in 0 to 90 and azimuth finite, got 91 and 30");
  refused({.azimuth = NAN}, "surface: elevation must be in 0 to 90 and azimuth finite, got 35 and nan");
  refused({.resolution = 5000}, "surface: resolution must be in 2 to 1000, got 5000");
  CHECK_THROWS_WITH_AS(report::surface([](const Variable& t) { return -square(t[0]); }, {.z_log = true}),
                       Contains("surface: nothing of it is positive, its heights are -1 to "), std::invalid_argument);
  CHECK_THROWS_WITH_AS(report::surface(slope, {}).path(zeros({2, 2, 2})),
                       "Surface::path: needs points (n, 2), or (2) for one of them, got (2, 2, 2)", ShapeError);
  CHECK_THROWS_WITH_AS(report::surface(slope, {}).minimum(zeros({1})), Contains("Surface::minimum: needs points"),
                       ShapeError);
}
