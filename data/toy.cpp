#include <ravine/data/toy.hpp>

#include <cmath>
#include <numbers>
#include <stdexcept>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>

namespace ravine::data {
namespace {

using std::numbers::pi;

void check(const char* set, Index n, Index features_or_classes, double noise) {
  if (n < 1 || features_or_classes < 1 || !(noise >= 0.0))
    throw std::invalid_argument(detail::text(set, ": needs counts >= 1 and noise >= 0, got n = ", n, ", ",
                                             features_or_classes, " features or classes, noise = ", noise));
}

// The set of inputs x (n, features), f64, and the targets y (n), f64, with an error added.
TensorDataset regression(const Tensor& x, Tensor y, double noise, Generator& generator) {
  y = y + noise * randn(y.shape(), f64, generator);
  return {x.to(f32), y.reshape({-1, 1}).to(f32)};
}

struct Point {
  double x, y;
};

Point polar(double radius, double angle) { return {radius * std::cos(angle), radius * std::sin(angle)}; }

// n points of alternating classes, each place(class, u) for u uniform in [0, 1), with noise added.
template <class Place>
TensorDataset points(Index n, Index classes, double noise, Generator& generator, Place place) {
  const Tensor u = uniform({n}, 0.0, 1.0, f64, generator);
  Tensor inputs({n, 2}, f64), targets({n}, i64);
  double* input = inputs.mutable_data<double>();
  std::int64_t* target = targets.mutable_data<std::int64_t>();
  for (Index i = 0; i < n; ++i) {
    target[i] = i % classes;
    const Point point = place(target[i], u.data<double>()[i]);
    input[2 * i] = point.x;
    input[2 * i + 1] = point.y;
  }
  return {(inputs + noise * randn({n, 2}, f64, generator)).to(f32), targets};
}

}  // namespace

TensorDataset make_regression(Index n, Index features, double noise, Generator& generator) {
  check("make_regression", n, features, noise);
  const Tensor w = randn({features}, f64, generator), b = randn({1}, f64, generator);
  const Tensor x = randn({n, features}, f64, generator);
  return regression(x, sum(x * w, 1) + b, noise, generator);
}

TensorDataset friedman1(Index n, double noise, Generator& generator) {
  check("friedman1", n, 10, noise);
  const Tensor x = uniform({n, 10}, 0.0, 1.0, f64, generator);
  Tensor y({n}, f64);
  for (Index i = 0; i < n; ++i) {
    const double* row = x.data<double>() + 10 * i;
    y.mutable_data<double>()[i] =
        10.0 * std::sin(pi * row[0] * row[1]) + 20.0 * std::pow(row[2] - 0.5, 2) + 10.0 * row[3] + 5.0 * row[4];
  }
  return regression(x, y, noise, generator);
}

TensorDataset sine(Index n, double noise, Generator& generator) {
  check("sine", n, 1, noise);
  const Tensor x = uniform({n, 1}, -pi, pi, f64, generator);
  return regression(x, sin(x).reshape({n}), noise, generator);
}

TensorDataset two_moons(Index n, double noise, Generator& generator) {
  check("two_moons", n, 2, noise);
  return points(n, 2, noise, generator, [](Index c, double u) {
    const Point p = polar(1.0, pi * u);
    return c == 0 ? p : Point{1.0 - p.x, 0.5 - p.y};
  });
}

TensorDataset spirals(Index n, Index classes, double noise, Generator& generator) {
  check("spirals", n, classes, noise);
  const auto arms = static_cast<double>(classes);
  return points(n * classes, classes, noise, generator,
                [=](Index c, double u) { return polar(u, 2.0 * pi * (u + static_cast<double>(c) / arms)); });
}

TensorDataset circles(Index n, double noise, Generator& generator) {
  check("circles", n, 2, noise);
  return points(n, 2, noise, generator, [](Index c, double u) { return polar(c == 0 ? 1.0 : 0.5, 2.0 * pi * u); });
}

TensorDataset blobs(Index n, Index classes, double noise, Generator& generator) {
  check("blobs", n, classes, noise);
  const auto clouds = static_cast<double>(classes);
  return points(n, classes, noise, generator,
                [=](Index c, double) { return polar(5.0, 2.0 * pi * static_cast<double>(c) / clouds); });
}

}  // namespace ravine::data
