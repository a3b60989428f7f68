#include <ravine/compare/page_parts.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <stdexcept>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/loss_surface.hpp>

namespace ravine::detail {
namespace {

using compare::Instance;
using compare::Problem;
using compare::Run;
using report::Page;

constexpr double spacing = 1.15;  // of the steps at which a path is looked at, after the first few
constexpr std::size_t grid_lines = 41;
constexpr double far_away = 1e6;  // parameters beyond it are on no picture

/// Where a run went.
struct Track {
  std::string method;
  std::vector<double> steps;
  std::vector<Tensor> points;  // all parameters, (P) f64
  std::string note;
};

bool on_a_picture(const Tensor& point) {
  const auto values = point.to_vector<double>();
  return std::all_of(values.begin(), values.end(), [](double x) { return std::abs(x) < far_away; });  // no NaN
}

/// Runs it again from the same seed, which takes the same way, and looks at the parameters after some steps.
Track track(const Problem& problem, const Run& run, Index budget) {
  Track track{run.method, {}, {}, run.options};
  std::vector<Variable> parameters;
  Problem watched = problem;
  watched.make = [&](std::uint64_t seed) {
    Instance instance = problem.make(seed);
    parameters = instance.parameters;
    return instance;
  };
  Index step = 0, next = 0;
  const auto look = [&] {
    Tensor point = optim::parameters_to_vector(parameters);
    if (!on_a_picture(point)) return true;
    track.steps.push_back(static_cast<double>(step));
    track.points.push_back(std::move(point));
    return false;
  };
  compare::RunSettings settings{budget};
  settings.stop = [&] {
    ++step;
    if (step < next && step < run.steps) return false;
    next = std::max(step + 1, static_cast<Index>(spacing * static_cast<double>(step)));
    return look();
  };
  parameters = problem.make(run.seed).parameters;
  look();
  (void)run_once(watched, run.options, run.seed, settings);
  return track;
}

/// None if the points differ in less than two directions, as those of a single straight way.
std::optional<optim::PCA> plane_of(const std::vector<Tensor>& points) {
  if (points.size() < 3) return std::nullopt;
  try {
    return optim::pca(stack(points, 0), 2);
  } catch (const std::invalid_argument&) {
    return std::nullopt;
  }
}

std::vector<double> column(const Tensor& coordinates, Index k) {
  std::vector<double> values;
  for (Index i = 0; i < coordinates.size(0); ++i) values.push_back(coordinates.at({i, k}));
  return values;
}

/// From the lowest to the highest of all tracks, with room around them.
std::vector<double> lines_around(const std::vector<Page::Path>& paths, std::vector<double> Page::Path::*axis) {
  double low = 0.0, high = 0.0;
  for (const Page::Path& path : paths)
    for (const double x : path.*axis) {
      low = std::min(low, x);
      high = std::max(high, x);
    }
  const double room = high > low ? 0.2 * (high - low) : 1.0;
  std::vector<double> lines;
  for (std::size_t i = 0; i < grid_lines; ++i)
    lines.push_back(low - room + (high - low + 2.0 * room) * static_cast<double>(i) / (grid_lines - 1.0));
  return lines;
}

std::string percent(double share) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.0f %%", 100.0 * share);
  return digits;
}

/// "from 1.2 to 8.4": how many times the real losses those on the plane are.
std::string range(const std::vector<double>& ratios) {
  const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
  char words[64];
  std::snprintf(words, sizeof words, "from %.2g to %.2g", *low, *high);
  return words;
}

}  // namespace

std::vector<Page::Landscape> network_planes(const compare::Results& results, const Problem& problem,
                                            compare::Phase phase) {
  std::vector<Track> tracks;
  std::vector<Tensor> points;
  for (const compare::Method& method : results.methods()) {
    const auto runs = results.runs(problem.name, method.name, phase);
    if (runs.empty()) continue;
    tracks.push_back(track(problem, runs.front(), results.protocol().budget));
    if (runs.front().status != compare::Status::diverged)
      for (const Tensor& point : tracks.back().points) points.push_back(point);
  }
  const std::optional<optim::PCA> found = plane_of(points);
  if (!found) return {};
  const optim::PCA& axes = *found;
  const Instance instance = problem.make(results.protocol().scoring_seeds()[0]);
  const auto loss = [&] { return instance.value ? Variable(full({}, instance.value(), f64)) : instance.loss(); };
  const optim::LossSurface surface(instance.parameters, loss, {points[0], axes.components[0], axes.components[1]});

  const double first = axes.explained_variance_ratio.at({0}), second = axes.explained_variance_ratio.at({1});
  Page::Landscape plane{.title = "The loss where the methods went",
                        .x_label = "first direction (" + percent(first) + " of the paths)",
                        .y_label = "second direction (" + percent(second) + ")",
                        .starts = {{0.0, 0.0}},
                        .projected = true};
  std::vector<double> gaps;  // at the ends of the paths
  for (const Track& track : tracks) {
    const optim::Projection seen = surface.project(stack(track.points, 0));
    Page::Path path{.method = track.method,
                    .x = column(seen.coordinates, 0),
                    .y = column(seen.coordinates, 1),
                    .loss = seen.loss.to_vector<double>(),
                    .steps = track.steps,
                    .note = track.note};
    gaps.push_back(seen.projected_loss.at({-1}) / path.loss.back());
    plane.paths.push_back(std::move(path));
  }
  plane.x = lines_around(plane.paths, &Page::Path::x);
  plane.y = lines_around(plane.paths, &Page::Path::y);
  for (const double y : plane.y)
    for (const double x : plane.x) plane.f.push_back(surface(tensor({x, y}, f64)).item());
  plane.note = "The plane through the start in which the paths lie best, by their principal components: it holds " +
               percent(first + second) +
               " of what they vary. A picture hides the rest: where the paths end, the loss on the plane is " +
               range(gaps) + " times the real one.";
  return {plane};
}

}  // namespace ravine::detail
