// Cosine similarity as a loss: only the direction of the output counts: cosine_similarity [PICTURE]
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>

namespace rv = ravine;
namespace report = rv::report;

namespace {

const rv::Tensor target = rv::tensor({1.0, 1.0}, rv::f64);

// 1 - y.t / (|y||t|)
rv::Variable loss(const rv::Variable& y) { return 1.0 - rv::cosine_similarity(y, rv::Variable(target), 0); }

// The mean of squares, for comparison.
rv::Variable squares(const rv::Variable& y) { return rv::mean(rv::square(y - rv::Variable(target))); }

}  // namespace

int main(int argc, char** argv) try {
  std::puts("         y         loss   loss of 10 y   gradient . y");
  bool confirmed = true;
  for (const auto& [a, b] : {std::pair(2.0, 2.0), {2.0, 0.0}, {-1.0, 1.0}, {0.3, -0.8}, {-1.0, -1.0}}) {
    const rv::Variable y = rv::parameter(rv::tensor({a, b}, rv::f64));
    const double here = loss(y).item(), scaled = loss(10.0 * y).item();
    const double along = rv::dot(rv::grad(loss(y), {y})[0].value(), y.value());
    std::printf("(%4g, %4g) %12.6f %14.6f %14.1e\n", a, b, here, scaled, along);
    confirmed = confirmed && std::abs(here - scaled) < 1e-12 && std::abs(along) < 1e-12;
  }
  std::printf("The length of y does not count, and the gradient is at right angles to y: %s.\n",
              confirmed ? "confirmed" : "refuted");
  if (argc < 2) return confirmed ? 0 : 1;
  const auto panel = [&](const char* title, rv::Function f) {
    auto contour = report::contour(
        f, {.title = title, .x_label = "y₁", .y_label = "y₂", .x_limits = {-2, 2}, .y_limits = {-2, 2}});
    contour.minimum(target, "target t");
    return contour;
  };
  report::save_grid(
      argv[1],
      {panel("1 − y·t / (|y| |t|): the direction counts", loss), panel("Mean of squares: the place counts", squares)},
      2);
  return confirmed ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "cosine_similarity: %s\n", e.what());
  return 1;
}
