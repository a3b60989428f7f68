// The loss of a network seen from the paths of three optimizers: loss_surfaces [PICTURE]
// Along the two directions in which their points differ most, along two random ones, and along those of the largest
// curvature; with what a plane hides: how far the points are from it, and how much their losses differ from the ones
// drawn.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
namespace optim = rv::optim;
namespace report = rv::report;

namespace {

const std::pair<const char*, const char*> methods[] = {
    {"SGD", "sgd:lr=0.5"}, {"momentum", "sgd:lr=0.1,momentum=0.9"}, {"Adam", "adam:lr=0.02"}};

struct Problem {
  rv::data::TensorDataset data = rv::data::two_moons(200, 0.15);
  nn::Sequential net{nn::Linear(2, 16), nn::Tanh(), nn::Linear(16, 16), nn::Tanh(), nn::Linear(16, 2)};
  rv::Variable loss() { return nn::cross_entropy(net(data.inputs()), data.targets()); }
};

// All parameters after every second step, (steps / 2 + 1, P).
rv::Tensor train(Problem& problem, const char* optimizer, const rv::Tensor& start) {
  const std::vector<rv::Variable> parameters = problem.net.parameters();
  optim::vector_to_parameters(start, parameters);
  const auto o = optim::make(optimizer, parameters);
  std::vector<rv::Tensor> path = {start};
  while (o->steps() < 300) {
    o->step([&] { return problem.loss(); });
    if (o->steps() % 2 == 0) path.push_back(optim::parameters_to_vector(parameters));
  }
  return rv::stack(path, 0);
}

// A square with room for all points.
void surround(const std::vector<rv::Tensor>& paths, report::ContourOptions& options) {
  const rv::Tensor all = rv::concat(paths, 0), low = rv::min(all, {0}), high = rv::max(all, {0});
  const rv::Tensor middle = 0.5 * (low + high);
  const double half = 0.6 * rv::max(high - low).item();
  options.x_limits = {middle.at({0}) - half, middle.at({0}) + half};
  options.y_limits = {middle.at({1}) - half, middle.at({1}) + half};
}

// The plane's surface with the paths' shadows, and the gaps in numbers.
report::Contour draw(const char* title, const optim::LossSurface& surface, const std::vector<rv::Tensor>& paths,
                     report::ContourOptions options) {
  std::printf("\n%s\n%12s   distance: median, end   loss drawn - loss: largest, at the end\n", title, "");
  std::vector<rv::Tensor> shadows;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const optim::Projection p = surface.project(paths[i]);
    const rv::Tensor gap = p.projected_loss - p.loss;
    std::printf("%-12s %16.3f %7.3f %23.4f %14.4f\n", methods[i].first,
                rv::sort(p.distance).values.at({p.distance.numel() / 2}), p.distance.at({-1}),
                rv::max(rv::abs(gap)).item(), gap.at({-1}));
    shadows.push_back(p.coordinates);
  }
  options.title = title;
  if (std::isinf(options.x_limits.low)) surround(shadows, options);
  auto contour = report::contour(surface, options);
  for (std::size_t i = 0; i < paths.size(); ++i) contour.path(shadows[i], methods[i].first);
  return contour;
}

}  // namespace

int main(int argc, char** argv) try {
  rv::manual_seed(1);
  Problem problem;
  const std::vector<rv::Variable> parameters = problem.net.parameters();
  const rv::Tensor start = optim::parameters_to_vector(parameters);
  std::vector<rv::Tensor> paths;
  for (const auto& [name, optimizer] : methods) {
    paths.push_back(train(problem, optimizer, start));
    std::printf("%-12s ends with a loss of %.4f\n", name, problem.loss().item());
  }
  const rv::Tensor end = paths.back()[-1];  // where the network is now
  const auto surface = [&](const rv::Tensor& origin, const rv::Tensor& x, const rv::Tensor& y) {
    return optim::LossSurface(parameters, [&] { return problem.loss(); }, {origin, x, y});
  };

  const optim::PCA axes = optim::pca(rv::concat(paths, 0), 2);
  const optim::Eigenpairs sharp = optim::hessian_eigen(
      parameters, [&] { return problem.loss(); }, 2);
  const rv::Tensor sharpest = rv::transpose(sharp.vectors);
  char by_pca[128], by_hessian[128];
  std::snprintf(by_pca, sizeof by_pca, "Principal components of the paths: %.0f %% and %.0f %% of the variance",
                100.0 * axes.explained_variance_ratio.at({0}), 100.0 * axes.explained_variance_ratio.at({1}));
  std::snprintf(by_hessian, sizeof by_hessian, "Hessian’s eigenvectors at Adam’s end: λ = %.3g and %.3g",
                sharp.values.at({0}), sharp.values.at({1}));
  const rv::Tensor random = optim::filter_normalized_direction(parameters),
                   other = optim::filter_normalized_direction(parameters);
  const std::vector<report::Panel> panels = {
      draw(by_pca, surface(axes.mean, axes.components[0], axes.components[1]), paths,
           {.x_label = "first component",
            .y_label = "second component",
            .x_limits = {},
            .y_limits = {},
            .resolution = 60,
            .arrows = 0}),
      draw("Random directions around Adam’s end, filter-normalized", surface(end, random, other), paths,
           {.x_label = "first direction", .y_label = "second direction", .resolution = 60, .arrows = 0}),
      draw(by_hessian, surface(end, sharpest[0], sharpest[1]), paths,
           {.x_label = "first direction",
            .y_label = "second direction",
            .x_limits = {},
            .y_limits = {},
            .resolution = 60,
            .arrows = 0})};
  if (argc > 1) report::save_grid(argv[1], panels, 3);
} catch (const std::exception& e) {
  std::fprintf(stderr, "loss_surfaces: %s\n", e.what());
  return 1;
}
