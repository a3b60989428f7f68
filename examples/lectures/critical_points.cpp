// A minimum, a maximum and a saddle, told apart by the eigenvalues of the Hessian: critical_points [PICTURE]
// At each of them the gradient is 0; the curvature along the eigenvectors decides. Gradient descent stays on all three,
// and leaves the maximum and the saddle if it is pushed by 10^-6.
#include <ravine/ravine.hpp>

#include <cstdio>
#include <vector>

namespace rv = ravine;
namespace optim = rv::optim;
namespace report = rv::report;

namespace {

struct Case {
  const char* name;
  rv::Variable (*f)(const rv::Variable&);
};

const Case cases[] = {
    {"minimum", [](const rv::Variable& t) { return 0.6 * rv::square(t[0]) + 1.2 * rv::square(t[1]); }},
    {"maximum", [](const rv::Variable& t) { return -0.6 * rv::square(t[0]) - 1.2 * rv::square(t[1]); }},
    {"saddle", [](const rv::Variable& t) { return 1.2 * rv::square(t[0]) - 0.6 * rv::square(t[1]); }},
};

// Until it has gone a length of 1.3, or for 200 steps.
rv::Tensor descend(const Case& c, const rv::Tensor& start) {
  const rv::Variable theta = rv::parameter(start.clone());
  optim::SGD sgd({theta}, {.lr = 0.1});
  std::vector<rv::Tensor> path = {start};
  while (sgd.steps() < 200 && rv::norm(theta.value() - start).item() < 1.3) {
    sgd.step([&] { return c.f(theta); });
    path.push_back(theta.value().clone());
  }
  return rv::stack(path, 0);
}

}  // namespace

int main(int argc, char** argv) try {
  const char* const kinds[] = {"minimum", "maximum", "saddle", "degenerate", "not critical"};
  std::vector<report::Panel> panels;
  bool all = true;
  std::puts("             |gradient|   eigenvalues      classified as   steps to leave it, pushed by 1e-6");
  for (const Case& c : cases) {
    const optim::Taylor at = optim::taylor(c.f, rv::zeros({2}, rv::f64));
    const rv::Tensor values = optim::symmetric_eigen(at.hessian).values;
    const auto kind = optim::classify_critical_point(at);
    const rv::Tensor pushed = descend(c, rv::full({2}, 1e-6, rv::f64)), exact = descend(c, rv::zeros({2}, rv::f64));
    std::printf("%-10s %12g   %5g and %5g   %-13s   ", c.name, rv::norm(at.gradient).item(), values.at({0}),
                values.at({1}), kinds[static_cast<int>(kind)]);
    const bool leaves = pushed.size(0) < 201, stays = rv::norm(exact).item() == 0.0;
    leaves ? std::printf("%d\n", static_cast<int>(pushed.size(0)) - 1) : std::puts("it stays");
    all = all && kinds[static_cast<int>(kind)] == std::string(c.name) && leaves == (c.name != std::string("minimum")) &&
          stays;
    const rv::Tensor path = leaves ? pushed : descend(c, rv::tensor({-1.1, 0.6}, rv::f64));
    panels.push_back(report::surface(c.f, {.title = c.name,
                                           .z_label = "",
                                           .x_limits = {-1.4, 1.4},
                                           .y_limits = {-1.4, 1.4},
                                           .resolution = 40,
                                           .width = 560,
                                           .height = 460})
                         .path(path, "descent"));
  }
  std::printf("The eigenvalues tell the three apart: %s.\n", all ? "confirmed" : "refuted");
  if (argc > 1) report::save_grid(argv[1], panels, 3);
  return all ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "critical_points: %s\n", e.what());
  return 1;
}
