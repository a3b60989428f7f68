// Losses on a plane through the parameters: directions, projections, and that a look leaves nothing behind.
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/landscapes.hpp>
#include <ravine/optim/loss_surface.hpp>

namespace rv = ravine;
using doctest::Approx;
using doctest::Contains;
using rv::optim::LossSurface;
using rv::optim::pca;
using rv::optim::PCA;
using rv::optim::Plane;
using Values = std::vector<double>;

namespace {

rv::Tensor f64(std::initializer_list<rv::Scalar> values) { return rv::tensor(values, rv::f64); }
Values numbers(const rv::Tensor& x) { return x.to_vector<double>(); }

void check_close(const rv::Tensor& x, const Values& expected) {
  REQUIRE(x.numel() == static_cast<rv::Index>(expected.size()));
  const Values values = numbers(x);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(values[i] == Approx(expected[i]).epsilon(1e-12));
}

/// 1/2 (a1^2 + 4 a2^2 + 9 b^2), for parameters a (1, 2) and b (1).
struct Quadratic {
  rv::Variable a, b;
  explicit Quadratic(rv::DType dtype = rv::f64)
      : a(rv::parameter(rv::tensor({{1, 2}}, dtype))), b(rv::parameter(rv::tensor({3}, dtype))) {}

  rv::Variable operator()() const {
    return 0.5 * (rv::sum(rv::square(a) * rv::Variable(rv::tensor({1, 4}, a.dtype()))) + 9.0 * rv::sum(rv::square(b)));
  }
  std::vector<rv::Variable> parameters() const { return {a, b}; }
};

const Plane axes{f64({0, 0, 0}), f64({1, 0, 0}), f64({0, 0, 2})};  // theta = (x, 0, 2y)

}  // namespace

TEST_CASE("parameters_to_vector: there and back, of both precisions") {
  const rv::Variable a = rv::parameter(rv::tensor({{1, 2}, {3, 0.1F}})), b = rv::parameter(f64({0.1}));
  const rv::Tensor vector = rv::optim::parameters_to_vector({a, b});
  CHECK(numbers(vector) == Values{1, 2, 3, static_cast<double>(0.1F), 0.1});
  rv::optim::vector_to_parameters(vector * 2.0, {a, b});
  CHECK(a.value().to_vector<float>() == std::vector<float>{2, 4, 6, 0.2F});
  CHECK(b.item() == 0.2);
  rv::optim::vector_to_parameters(rv::ones({5}), {a, b});
  CHECK(b.item() == 1.0);

  CHECK_THROWS_WITH_AS(rv::optim::vector_to_parameters(rv::ones({4}), {a, b}), Contains("must be (5), got (4)"),
                       rv::ShapeError);
  CHECK_THROWS_AS(rv::optim::vector_to_parameters(rv::arange(5, rv::i64), {a, b}), rv::DTypeError);
  const auto refused = [&](const char* words, const std::vector<rv::Variable>& parameters) {
    CHECK_THROWS_WITH_AS(rv::optim::parameters_to_vector(parameters), Contains(words), std::invalid_argument);
  };
  refused("no parameters", {});
  refused("parameter 1 is undefined", {a, {}});
  refused("parameter 1 comes twice", {a, a});
  refused("parameter 0 is i64, not floating", {rv::Variable(rv::arange(2, rv::i64))});
  refused("parameter 0 is the result of mul", {a * 2.0});
}

TEST_CASE("filter_normalized_direction: each filter as long as its weights, biases and zeros stay") {
  const rv::Variable w = rv::parameter(rv::tensor({{3, 4, 0}, {0, 0, 0}, {0, 0, 10}})),
                     bias = rv::parameter(rv::ones({3}));
  const rv::Variable kernels = rv::parameter(rv::ones({2, 2, 2}, rv::f64));
  rv::Generator generator(1);
  const rv::Tensor d = rv::optim::filter_normalized_direction({w, bias, kernels}, generator);
  REQUIRE(d.shape() == rv::Shape{9 + 3 + 8});
  const auto length = [](const rv::Tensor& x, rv::Index from, rv::Index to) {
    return rv::norm(x.slice(0, from, to)).item();
  };
  CHECK(length(d, 0, 3) == Approx(5.0));
  CHECK(length(d, 3, 6) == 0.0);
  CHECK(length(d, 6, 9) == Approx(10.0));
  CHECK(length(d, 9, 12) == 0.0);
  CHECK(length(d, 12, 16) == Approx(2.0));
  CHECK(length(d, 16, 20) == Approx(2.0));
  CHECK(d.at({6}) * d.at({7}) * d.at({8}) != 0.0);

  rv::Generator again(1);
  rv::optim::vector_to_parameters(10.0 * rv::optim::parameters_to_vector({w, bias, kernels}), {w, bias, kernels});
  check_close(rv::optim::filter_normalized_direction({w, bias, kernels}, again), numbers(d * 10.0));
  CHECK_THROWS_WITH_AS(rv::optim::filter_normalized_direction({bias}), Contains("none has two dimensions"),
                       std::invalid_argument);
}

TEST_CASE("pca: finds the plane in which points lie, and its shares, however many points there are") {
  // (±3, 0) and (0, ±1) in the plane of u and v around c: variances 18 and 2.
  const rv::Tensor u = f64({0.6, 0.8, 0, 0, 0}), v = f64({0, 0, 0, 0, -1}), c = f64({1, 2, 3, 4, 5});
  std::vector<rv::Tensor> points = {c + 3.0 * u, c - 3.0 * u, c + v, c - v};
  for (const int repeats : {1, 3}) {  // 4 points or 12 in 5 dimensions
    std::vector<rv::Tensor> all;
    for (int k = 0; k < repeats; ++k) all.insert(all.end(), points.begin(), points.end());
    const PCA found = pca(rv::stack(all, 0), 2);
    check_close(found.mean, numbers(c));
    check_close(found.explained_variance_ratio, {0.9, 0.1});
    check_close(found.components[0], numbers(u));
    check_close(found.components[1], numbers(-v));
  }
  CHECK(pca(rv::stack(points, 0).to(rv::f32), 1).components.shape() == rv::Shape{1, 5});
  CHECK(pca(rv::stack(points, 0), 0).components.shape() == rv::Shape{0, 5});

  const auto refused = [](const char* words, const rv::Tensor& x, rv::Index k) {
    CHECK_THROWS_WITH_AS(pca(x, k), Contains(words), std::invalid_argument);
  };
  refused("the points differ in 2 directions only, not in 3", rv::stack(points, 0), 3);
  refused("2 points of 5 numbers differ in 1 directions at most, not in 2", rv::stack({u, v}, 0), 2);
  refused("differ in 0 directions at most", rv::zeros({0, 5}), 1);
  refused("the points differ in 0 directions only", rv::stack({u, u, u}, 0), 1);
  refused("components must be >= 0, got -1", rv::stack(points, 0), -1);
  refused("NaN", rv::full({3, 2}, NAN), 1);
  CHECK_THROWS_WITH_AS(pca(u, 1), Contains("points in rows, got (5)"), rv::ShapeError);
  CHECK_THROWS_AS(pca(rv::zeros({3, 2}).to(rv::i64), 1), rv::DTypeError);
}

TEST_CASE("Plane: the nearest points, of directions that are not orthogonal") {
  const Plane plane{f64({0, 0, 5}), f64({1, 0, 0}), f64({1, 1, 0})};
  const rv::Tensor points = rv::tensor({{3, 2, 7}, {0, 0, 5}}, rv::f64);
  check_close(plane.project(points), {1, 2, 0, 0});
  check_close(plane.points(plane.project(points)), {3, 2, 5, 0, 0, 5});
  CHECK(plane.project(rv::zeros({0, 3})).shape() == rv::Shape{0, 2});
  CHECK_THROWS_WITH_AS(plane.project(f64({1, 2, 3})), Contains("points in rows of 3, got (3)"), rv::ShapeError);
  CHECK_THROWS_WITH_AS(plane.points(points), Contains("coordinates in rows of 2"), rv::ShapeError);
}

TEST_CASE("LossSurface: a quadratic by hand, with its slopes, in both precisions") {
  for (const rv::DType dtype : {rv::f32, rv::f64}) {
    const Quadratic q(dtype);
    const LossSurface surface(q.parameters(), q, axes);  // 1/2 (x^2 + 36 y^2)
    CHECK(surface(rv::tensor({0, 0}, dtype)).item() == 0.0);
    CHECK(surface(rv::tensor({2, 1}, dtype)).item() == 20.0);
    const rv::Variable theta = rv::parameter(rv::tensor({2, 1}, dtype));
    const rv::Variable loss = surface(theta);
    CHECK(loss.dtype() == dtype);
    (3.0 * loss).backward();
    CHECK(numbers(theta.grad()) == Values{6, 108});
    CHECK(!q.a.grad().defined());
    CHECK(numbers(q.a.value()) == Values{1, 2});
  }
  const Quadratic q;
  const LossSurface surface(q.parameters(), q, axes);
  CHECK_THROWS_WITH_AS(rv::hessian(surface, f64({1, 1})), Contains("first derivatives only"), std::logic_error);
  CHECK_THROWS_WITH_AS(surface(f64({1})), Contains("theta must be (2), got (1)"), rv::ShapeError);
}

TEST_CASE("LossSurface: distances, and the gap between the loss and that of the nearest point") {
  const Quadratic q;
  const LossSurface surface(q.parameters(), q, axes);
  const auto p = surface.project(rv::tensor({{2, 0, 2}, {1, 3, 4}}, rv::f64));
  check_close(p.coordinates, {2, 1, 1, 2});
  check_close(p.distance, {0, 3});
  check_close(p.loss, {20, 90.5});
  check_close(p.projected_loss, {20, 72.5});
  CHECK(surface.project(rv::zeros({0, 3})).loss.numel() == 0);
}

TEST_CASE("LossSurface: parameters come back to the bit, frozen ones too, also when the closure throws") {
  const Quadratic q(rv::f32);
  q.b.set_requires_grad(false);
  const rv::Tensor a = q.a.value(), b = q.b.value(), before = rv::optim::parameters_to_vector(q.parameters());
  const auto same = [&] {
    return rv::bitwise_equal(rv::optim::parameters_to_vector(q.parameters()), before) &&
           a.raw<float>() == q.a.value().raw<float>();
  };
  const LossSurface surface(q.parameters(), q, axes);
  CHECK(surface(f64({2, 1})).item() == 20.0);
  CHECK(same());
  const LossSurface throws(
      q.parameters(), [&]() -> rv::Variable { throw std::runtime_error("enough"); }, axes);
  CHECK_THROWS_WITH(throws(f64({2, 1})), "enough");
  CHECK(same());
  CHECK_THROWS_WITH_AS(LossSurface(
                           q.parameters(), [] { return rv::Variable(); }, axes)(f64({0, 0})),
                       Contains("returned no loss"), std::logic_error);
  CHECK(same());
}

TEST_CASE("LossSurface: a parameter of another shape is an error that leaves the others where they are") {
  const rv::Variable a = rv::parameter(f64({1, 2})), b = rv::parameter(f64({3}));
  bool changes = false;
  const LossSurface surface({a, b},
                            [&] {
                              if (changes) b.set_value(f64({5, 6}));
                              return rv::sum(a * a);
                            },
                            {f64({0, 0, 0}), f64({1, 0, 0}), f64({0, 1, 0})});
  b.set_value(f64({3, 4}));
  CHECK_THROWS(surface(f64({0.5, 0.5})));
  CHECK(numbers(a.value()) == Values{1, 2});
  b.set_value(f64({3}));
  changes = true;
  CHECK(surface(f64({3, 4})).item() == 25.0);
  CHECK(numbers(a.value()) == Values{1, 2});
}

TEST_CASE("LossSurface: every look sees the same random numbers and leaves them where they were") {
  const Quadratic q;
  rv::manual_seed(7);
  bool told = false;
  const LossSurface surface(
      q.parameters(),
      [&] {
        told = rv::reevaluating();  // running statistics stay
        return q() + rv::Variable(rv::randn({}, rv::f64));
      },
      axes);
  const double first = surface(f64({1, 1})).item();
  CHECK(surface(f64({1, 1})).item() == first);
  CHECK(surface(f64({3, 1})).item() - first == Approx(4.0));
  CHECK(rv::default_generator().position() == 0);
  CHECK(told);
  CHECK(!rv::reevaluating());
}

TEST_CASE("LossSurface: refusals") {
  const Quadratic q;
  const auto make = [&](const Plane& plane) { return LossSurface(q.parameters(), q, plane); };
  CHECK_THROWS_WITH_AS(make({f64({0, 0}), axes.x, axes.y}), Contains("origin must be (3), got (2)"), rv::ShapeError);
  CHECK_THROWS_WITH_AS(make({axes.origin, axes.x, rv::ones({3, 1})}), Contains("y must be (3), got (3, 1)"),
                       rv::ShapeError);
  CHECK_THROWS_AS(make({axes.origin, rv::arange(3, rv::i64), axes.y}), rv::DTypeError);
  for (const double factor : {1.0, -2.0, 0.0, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_WITH_AS(make({axes.origin, axes.x, axes.x * factor}), Contains("are parallel, 0 or not finite"),
                         std::invalid_argument);
  CHECK_THROWS_WITH_AS(LossSurface(q.parameters(), {}, axes), Contains("no closure"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(LossSurface({}, q, axes), Contains("no parameters"), std::invalid_argument);
}
