// FactoredAdam by hand; trajectories are in golden_test.cpp.
#include <cmath>
#include <vector>

#include <doctest/doctest.h>
#include <omp.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

namespace rv = ravine;
namespace optim = rv::optim;
using doctest::Approx;
using Values = std::vector<double>;

namespace {

rv::Tensor gradient(const rv::Shape& shape, int t, rv::DType dtype) {
  rv::Generator generator(static_cast<std::uint64_t>(t));
  return rv::randn(shape, dtype, generator);
}

}  // namespace

TEST_CASE("FactoredAdam: the second moments are the outer product of the sums over their total") {
  const rv::Variable p = rv::parameter(rv::zeros({3, 4}, rv::f64));
  optim::FactoredAdam optimizer({p}, {.lr = 0.1, .beta2 = 0.75, .eps = 0.01});
  double R[3] = {}, C[4] = {}, X[3][4] = {};
  for (int t = 1; t <= 5; ++t) {
    const rv::Tensor G = gradient({3, 4}, t, rv::f64);
    p.set_grad(G);
    optimizer.step();
    double total = 0.0;
    for (double& r : R) r *= 0.75;
    for (double& c : C) c *= 0.75;
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 4; ++j) {
        const double square = G.at({i, j}) * G.at({i, j});
        R[i] += 0.25 * square;
        C[j] += 0.25 * square;
      }
    for (const double r : R) total += r;
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 4; ++j) {
        const double V = R[i] * C[j] / total / (1.0 - std::pow(0.75, t));
        X[i][j] -= 0.1 * G.at({i, j}) / (std::sqrt(V) + 0.01);
        CHECK(p.value().at({i, j}) == Approx(X[i][j]).epsilon(1e-13));
      }
  }
  const rv::StateDict state = optimizer.state_dict();
  CHECK(state.at("0.rows").shape() == rv::Shape{3});
  CHECK(state.at("0.columns").shape() == rv::Shape{4});
  CHECK(!state.contains("0.v"));
}

TEST_CASE("FactoredAdam: one row, one column or fewer dimensions: Adam with beta1 = 0") {
  for (const rv::DType dtype : {rv::f32, rv::f64})
    for (const rv::Shape& shape : {rv::Shape{1, 5}, rv::Shape{5, 1}, rv::Shape{5}, rv::Shape{}}) {
      const rv::Variable p = rv::parameter(rv::ones(shape, dtype)), q = rv::parameter(rv::ones(shape, dtype));
      optim::FactoredAdam factored({p}, {.lr = 0.1, .beta2 = 0.9});
      optim::Adam adam({q}, {.lr = 0.1, .beta1 = 0.0, .beta2 = 0.9});
      for (int t = 0; t < 20; ++t) {
        p.set_grad(gradient(shape, t, dtype));
        q.set_grad(gradient(shape, t, dtype));
        factored.step();
        adam.step();
      }
      const Values a = p.value().to_vector<double>(), b = q.value().to_vector<double>();
      for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(dtype == rv::f32 ? 1e-5 : 1e-12));
    }
}

TEST_CASE("FactoredAdam: more dimensions are the matrix of the first by all others") {
  const rv::Variable p = rv::parameter(rv::zeros({3, 2, 2}, rv::f64)), q = rv::parameter(rv::zeros({3, 4}, rv::f64));
  optim::FactoredAdam cube({p}), matrix({q});
  for (int t = 0; t < 3; ++t) {
    p.set_grad(gradient({3, 4}, t, rv::f64).reshape({3, 2, 2}));
    q.set_grad(gradient({3, 4}, t, rv::f64));
    cube.step();
    matrix.step();
  }
  CHECK(rv::bitwise_equal(p.value().reshape({3, 4}), q.value()));
}

TEST_CASE("FactoredAdam: a gradient of 0 moves nothing, be it all of it, a row or a column") {
  const rv::Variable p = rv::parameter(rv::ones({2, 2}, rv::f64));
  optim::FactoredAdam optimizer({p}, {.lr = 0.5, .eps = 0.0});
  p.set_grad(rv::zeros({2, 2}, rv::f64));
  optimizer.step();
  CHECK(p.value().to_vector<double>() == Values{1, 1, 1, 1});
  p.set_grad(rv::tensor({2.0, 0.0, 0.0, 0.0}, {2, 2}, rv::f64));
  optimizer.step();
  CHECK(p.value().at({0, 0}) < 1.0);
  CHECK(p.value().at({0, 1}) == 1.0);
  CHECK(p.value().at({1, 0}) == 1.0);
  CHECK(p.value().at({1, 1}) == 1.0);
}

TEST_CASE("FactoredAdam: large matrices, shared out to threads") {
  const rv::Variable p = rv::parameter(rv::zeros({300, 400})), other = rv::parameter(rv::zeros({300, 400}));
  const rv::Tensor G = gradient({300, 400}, 1, rv::f32);
  optim::FactoredAdam optimizer({p}, {.lr = 0.5, .beta2 = 0.0, .eps = 0.0});
  p.set_grad(G);
  optimizer.step();
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  optim::FactoredAdam alone({other}, {.lr = 0.5, .beta2 = 0.0, .eps = 0.0});
  other.set_grad(G);
  alone.step();
  omp_set_num_threads(threads);
  CHECK(rv::bitwise_equal(p.value(), other.value()));
  const Values g = G.to_vector<double>(), x = p.value().to_vector<double>();
  Values rows(300), columns(400);
  double total = 0.0;
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t j = 0; j < 400; ++j) {
      const double square = g[i * 400 + j] * g[i * 400 + j];
      rows[i] += square;
      columns[j] += square;
      total += square;
    }
  double worst = 0.0;
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t j = 0; j < 400; ++j) {
      const double expected = -0.5 * g[i * 400 + j] / std::sqrt(rows[i] * columns[j] / total);
      worst = std::max(worst, std::abs(x[i * 400 + j] - expected) / (1.0 + std::abs(expected)));
    }
  CHECK(worst < 1e-6);
}
