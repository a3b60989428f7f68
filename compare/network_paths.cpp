#include <ravine/compare/page_parts.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>
#include <stdexcept>

#include <ravine/compare/parallel.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/optim/lanczos.hpp>
#include <ravine/optim/loss_surface.hpp>

namespace ravine::detail {
namespace {

using compare::Instance;
using compare::Problem;
using compare::Run;
using report::Page;

constexpr double spacing = 1.15;  // of the steps at which a path is looked at, after the first few
constexpr std::size_t grid_lines = 41, few_grid_lines = 21;
constexpr Index many_parameters = 5000;  // take a smaller grid, as each point costs more
constexpr double far_away = 1e6;         // parameters beyond it are on no picture

/// Where a run went.
struct Track {
  std::string method, note;
  bool diverged = false;
  std::vector<double> steps = {};
  std::vector<Tensor> points = {};  // all parameters, (P) f64
  std::vector<double> loss = {};    // that counts, at them
};

/// A plane with what is said of it.
struct View {
  Page::Landscape picture;
  optim::Plane plane;
  double reach = 0.0;  // the picture goes so far at least
};

bool on_a_picture(const Tensor& point) {
  const auto values = point.to_vector<double>();
  return std::all_of(values.begin(), values.end(), [](double x) { return std::abs(x) < far_away; });  // no NaN
}

std::function<double()> value_of(const Instance& instance) {
  if (instance.value) return instance.value;
  return [loss = instance.loss] {
    const NoGrad no_grad;
    return loss().item();
  };
}

/// Runs it again from the same seed, which takes the same way, and looks at the parameters after some steps, when the
/// run itself looks at the loss.
Track track(const Problem& problem, const Run& run, Index budget) {
  Track track{run.method, run.options, run.status == compare::Status::diverged};
  Index step = 0, next = 0;
  Problem watched = problem;
  watched.make = [&](std::uint64_t seed) {
    Instance instance = problem.make(seed);
    instance.value = [&, parameters = instance.parameters, value = value_of(instance)] {
      const double loss = value();
      if (step >= next || step == run.steps) {
        next = std::max(step + 1, static_cast<Index>(spacing * static_cast<double>(step)));
        if (Tensor point = optim::parameters_to_vector(parameters); on_a_picture(point)) {
          track.steps.push_back(static_cast<double>(step));
          track.points.push_back(std::move(point));
          track.loss.push_back(loss);
        }
      }
      ++step;
      return loss;
    };
    return instance;
  };
  (void)run_once(watched, run.options, run.seed, {budget});
  return track;
}

std::vector<Track> tracks_of(const compare::Results& results, const Problem& problem, compare::Phase phase) {
  std::vector<const Run*> first;
  for (const compare::Method& method : results.methods())
    if (const auto runs = results.runs(problem.name, method.name, phase); !runs.empty()) first.push_back(&runs.front());
  std::vector<Track> tracks(first.size());
  run_tasks(first.size(), [&](std::size_t k) { tracks[k] = track(problem, *first[k], results.protocol().budget); });
  return tracks;
}

/// The one that ends lowest; null if all diverged.
const Track* best_of(const std::vector<Track>& tracks) {
  const Track* best = nullptr;
  for (const Track& track : tracks)
    if (!track.diverged && !track.points.empty() && (!best || track.loss.back() < best->loss.back())) best = &track;
  return best;
}

template <class... Parts>
std::string words(const char* format, Parts... parts) {
  char result[160];
  std::snprintf(result, sizeof result, format, parts...);
  return result;
}

// ---- planes ----

/// That in which the paths lie best. None if they differ in less than two directions, as those of a single straight
/// way.
std::optional<View> principal(const std::vector<Track>& tracks) {
  std::vector<Tensor> points;
  for (const Track& track : tracks)
    if (!track.diverged) points.insert(points.end(), track.points.begin(), track.points.end());
  if (points.size() < 3) return std::nullopt;
  try {
    const optim::PCA axes = optim::pca(stack(points, 0), 2);
    const double first = 100.0 * axes.explained_variance_ratio.at({0});
    const double second = 100.0 * axes.explained_variance_ratio.at({1});
    return View{
        {.title = words("Principal components of the paths: %.0f %% and %.0f %% of the variance", first, second),
         .x_label = words("first direction (%.0f %% of the paths)", first),
         .y_label = words("second direction (%.0f %%)", second),
         .note = "The plane through the start in which the paths lie best."},
        {points[0], axes.components[0], axes.components[1]}};
  } catch (const std::invalid_argument&) {
    return std::nullopt;
  }
}

/// None where nothing has the shape of a filter.
std::optional<View> random(const std::vector<Variable>& parameters, const Tensor& origin) {
  Generator generator(0);
  try {
    const Tensor x = optim::filter_normalized_direction(parameters, generator);
    const Tensor y = optim::filter_normalized_direction(parameters, generator);
    return View{{.title = "Random directions, in filters' lengths",
                 .x_label = "first direction (random, in filters' lengths)",
                 .y_label = "second direction (random)",
                 .note = "A filter is the weights of one unit. Paths hardly move along directions that they did not "
                         "choose."},
                {origin, x, y},
                1.0};
  } catch (const std::invalid_argument&) {
    return std::nullopt;
  }
}

/// None where the loss has no second derivatives.
std::optional<View> curved(const Instance& instance, const Tensor& origin) {
  try {
    const optim::Eigenpairs pairs =
        optim::hessian_eigen(instance.parameters, instance.objective, 2, {.tolerance = 1e-3, .max_products = 200});
    const double first = pairs.values.at({0}), second = pairs.values.at({1});
    return View{{.title = words("Hessian's eigenvectors: curvatures %.3g and %.3g", first, second),
                 .x_label = words("first eigenvector (curvature %.3g)", first),
                 .y_label = words("second eigenvector (curvature %.3g)", second),
                 .note = "The two directions of largest curvature."},
                {origin, pairs.vectors.slice(1, 0, 1).reshape({-1}), pairs.vectors.slice(1, 1, 2).reshape({-1})}};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

// ---- pictures ----

std::vector<double> column(const Tensor& coordinates, Index k) {
  std::vector<double> values;
  for (Index i = 0; i < coordinates.size(0); ++i) values.push_back(coordinates.at({i, k}));
  return values;
}

/// From the lowest to the highest of all points, with room around them.
std::vector<double> lines_around(const std::vector<double>& values, double reach, std::size_t count) {
  double low = -reach, high = reach;
  for (const double x : values) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  const double room = high > low ? 0.2 * (high - low) : 1.0;
  std::vector<double> lines;
  for (std::size_t i = 0; i < count; ++i)
    lines.push_back(low - room + (high - low + 2.0 * room) * static_cast<double>(i) / static_cast<double>(count - 1));
  return lines;
}

/// How many times the real losses those on the plane are.
std::string gap(const std::vector<double>& ratios) {
  if (ratios.empty()) return "";
  const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
  if (*low > 0.99 && *high < 1.01) return " Where the paths end, the loss on the plane is within 1 % of the real one.";
  return words(
      " A picture hides the rest: where the paths end, the loss on the plane is from %.2g to %.2g times the "
      "real one.",
      *low, *high);
}

/// The loss that is drawn: a function of the parameters alone.
std::function<Variable()> objective_of(const Instance& instance) {
  if (instance.objective) return instance.objective;
  if (!instance.value) return instance.loss;
  return [value = instance.value] { return Variable(full({}, value(), f64)); };
}

/// The loss on the lines of a picture, on several threads, each row with parameters of its own.
void measure(Page::Landscape& picture, const std::function<optim::LossSurface()>& make) {
  const std::size_t columns = picture.x.size();
  picture.f.resize(columns * picture.y.size());
  run_tasks(picture.y.size(), [&](std::size_t j) {
    const optim::LossSurface surface = make();
    const NoGrad no_grad;
    for (std::size_t i = 0; i < columns; ++i)
      picture.f[j * columns + i] = surface(tensor({picture.x[i], picture.y[j]}, f64)).item();
  });
}

/// The loss on a plane, with the paths as they are seen from there.
Page::Landscape draw(View view, const std::vector<Track>& tracks, const std::function<optim::LossSurface()>& make) {
  const optim::LossSurface surface = make();
  const NoGrad no_grad;
  Page::Landscape& picture = view.picture;
  std::vector<double> xs, ys, ratios;
  for (const Track& track : tracks) {
    if (track.points.empty()) continue;
    const Tensor seen = view.plane.project(stack(track.points, 0));
    Page::Path path{.method = track.method,
                    .x = column(seen, 0),
                    .y = column(seen, 1),
                    .loss = track.loss,
                    .steps = track.steps,
                    .note = track.note};
    if (picture.starts.empty()) picture.starts = {{path.x[0], path.y[0]}};
    if (!track.diverged) {
      xs.insert(xs.end(), path.x.begin(), path.x.end());
      ys.insert(ys.end(), path.y.begin(), path.y.end());
      const double ratio = surface(seen[-1]).item() / track.loss.back();
      if (std::isfinite(ratio)) ratios.push_back(ratio);
    }
    picture.paths.push_back(std::move(path));
  }
  picture.projected = true;
  picture.note += gap(ratios);
  const std::size_t lines = view.plane.origin.numel() > many_parameters ? few_grid_lines : grid_lines;
  picture.x = lines_around(xs, view.reach, lines);
  picture.y = lines_around(ys, view.reach, lines);
  measure(picture, make);
  return picture;
}

}  // namespace

std::vector<Page::Landscape> network_planes(const compare::Results& results, const Problem& problem,
                                            compare::Phase phase) {
  const std::vector<Track> tracks = tracks_of(results, problem, phase);
  const Track* const best = best_of(tracks);
  if (!best) return {};
  const auto start = [&] {
    Instance instance = problem.make(results.protocol().scoring_seeds()[0]);
    instance.objective = objective_of(instance);
    return instance;
  };
  std::vector<Page::Landscape> planes;
  const auto add = [&](const std::optional<View>& view) {
    if (!view) return;
    planes.push_back(draw(*view, tracks, [&] {
      const Instance instance = start();
      return optim::LossSurface(instance.parameters, instance.objective, view->plane);
    }));
  };
  add(principal(tracks));
  const Tensor end = best->points.back();
  if (end.numel() <= 2) return planes;  // there is no other plane
  const Instance instance = start();
  optim::vector_to_parameters(end, instance.parameters);
  const std::string where = " The middle is where " + best->method + " ended, lowest of all.";
  for (std::optional<View> view : {random(instance.parameters, end), curved(instance, end)}) {
    if (view) view->picture.note += where;
    add(view);
  }
  return planes;
}

}  // namespace ravine::detail
