// Problems by name: landscapes and their instances, quadratics, networks; and names that are none.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/compare/problem.hpp>
#include <ravine/core/core.hpp>
#include <ravine/data/data.hpp>

#include "../data/temporary.hpp"

using namespace ravine;
using namespace ravine::compare;
using doctest::Approx;
using doctest::Contains;

namespace {

const std::string cars = RAVINE_SOURCE "/examples/data/auto-mpg.csv";

std::vector<double> start(const Problem& problem, std::uint64_t seed) {
  return problem.make(seed).parameters[0].value().to(f64).to_vector<double>();
}

double at(const landscapes::Landscape& l, const std::vector<double>& x) { return l.f(tensor(x, f64)).item(); }

std::vector<double> gradient(const landscapes::Landscape& l, const std::vector<double>& x) {
  const Variable theta = parameter(tensor(x, f64));
  l.f(theta).backward();
  return theta.grad().to_vector<double>();
}

void refuses(const std::string& name, const Contains& message) {
  CAPTURE(name);
  CHECK_THROWS_WITH_AS(problem(name), message, std::invalid_argument);
}

}  // namespace

TEST_CASE("every landscape is a problem, whose starts lie around its own, one for each seed") {
  for (const auto& l : landscapes::all()) {
    CAPTURE(l.name);
    const Problem p = problem(l.name);
    CHECK(p.name == l.name);
    CHECK(*p.minimum == l.minimum);
    std::vector<double> mean(2);
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
      const auto x = start(p, seed);
      for (std::size_t i = 0; i < 2; ++i) {
        const double spread = 0.01 * (l.high[i] - l.low[i]);
        CHECK(std::abs(x[i] - l.start[i]) < 5.0 * spread);
        CHECK(x[i] != l.start[i]);
        mean[i] += (x[i] - l.start[i]) / spread / 50.0;
      }
    }
    CHECK(std::abs(mean[0]) < 0.6);  // four standard deviations
    CHECK(std::abs(mean[1]) < 0.6);
    CHECK(start(p, 7) == start(p, 7));
    CHECK(start(p, 7) != start(p, 8));
  }
  CHECK(start(problem("beale@0"), 3) == start(problem("beale"), 3));
  CHECK(problem("beale@0").name == "beale@0");
}

TEST_CASE("an instance of a landscape is turned, moved and scaled with all that is known of it") {
  for (const auto& plain : landscapes::all())
    for (const char* seed : {"@1", "@7"}) {
      CAPTURE(plain.name);
      const Problem p = problem(plain.name + seed);
      const auto& l = *p.landscape;
      const bool saddle = plain.minima.empty();
      const double factor = at(l, l.start) / at(plain, plain.start);
      CHECK(factor >= 0.1);
      CHECK(factor <= 10.0);
      CHECK(*p.minimum == l.minimum);
      if (!saddle) CHECK(l.minimum == Approx(factor * plain.minimum));
      REQUIRE(l.minima.size() == plain.minima.size());
      for (std::size_t i = 0; i < l.minima.size(); ++i) {
        CHECK(at(l, l.minima[i]) == Approx(l.minimum).epsilon(1e-9).scale(factor));
        for (std::size_t k = 0; k < 2; ++k) {
          CHECK(l.minima[i][k] != plain.minima[i][k]);
          CHECK(l.low[k] < l.minima[i][k]);
          CHECK(l.minima[i][k] < l.high[k]);
        }
      }
      // The slope is a turned one: no axis keeps its own.
      const auto g = gradient(l, l.start), h = gradient(plain, plain.start);
      CHECK(std::abs(g[0] / g[1] - h[0] / h[1]) > 1e-3);
      for (std::size_t k = 0; k < 2; ++k) CHECK(std::abs(start(p, 5)[k] - l.start[k]) < 0.2 * (l.high[k] - l.low[k]));
    }
  CHECK(start(problem("beale@1"), 3) != start(problem("beale@2"), 3));
}

TEST_CASE("a distance grows by one factor in all directions") {
  const auto plain = *problem("booth").landscape, l = *problem("booth@4").landscape;
  const auto length = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::hypot(a[0] - b[0], a[1] - b[1]);
  };
  const double factor = length(l.start, l.minima[0]) / length(plain.start, plain.minima[0]);
  CHECK(factor > 0.5);
  CHECK(factor < 2.0);
  const Tensor H = hessian(l.f, tensor(l.start, f64));
  const Tensor H0 = hessian(plain.f, tensor(plain.start, f64));  // eigenvalues 2 and 18
  const double value = at(l, l.start) / at(plain, plain.start), scale = value / (factor * factor);
  CHECK(H.at({0, 0}) + H.at({1, 1}) == Approx(scale * (H0.at({0, 0}) + H0.at({1, 1}))));
  CHECK(H.at({0, 0}) * H.at({1, 1}) - H.at({0, 1}) * H.at({1, 0}) == Approx(scale * scale * 36.0));
}

TEST_CASE("a quadratic has the curvatures it is asked for") {
  const Problem p = problem("quadratic:dim=3,condition=100");
  CHECK(*p.minimum == 0.0);
  const Tensor H = hessian(p.landscape->f, zeros({3}, f64));
  const std::vector<double> curvatures = {1.0, 10.0, 100.0};
  for (Index i = 0; i < 3; ++i)
    for (Index j = 0; j < 3; ++j) CHECK(H.at({i, j}) == Approx(i == j ? curvatures[static_cast<std::size_t>(i)] : 0.0));
  CHECK(problem("quadratic").landscape->dimension == 10);
  CHECK(problem("quadratic:dim=1").landscape->dimension == 1);
  const auto turned = *problem("quadratic:dim=3,condition=100@2").landscape;
  const Tensor T = hessian(turned.f, tensor(turned.minima[0], f64));
  CHECK(std::abs(T.at({0, 1})) > 1e-3 * std::abs(T.at({0, 0})));
  CHECK(at(turned, turned.minima[0]) == Approx(0.0));
}

TEST_CASE("a network is a problem whose data are the same for all seeds, and whose weights and batches are not") {
  for (const char* name : {"mlp:friedman1", "mlp:sine", "mlp:two_moons", "mlp:spirals", "mlp:cars"}) {
    CAPTURE(name);
    const Problem p = problem(name);
    CHECK(!p.minimum);
    const bool classes = std::string(name) == "mlp:two_moons" || std::string(name) == "mlp:spirals";
    CHECK(p.guess == Approx(classes ? std::log(2.0) : 1.0).epsilon(0.01));
    const Instance a = p.make(1), b = p.make(1), c = p.make(2);
    CHECK(a.value() == b.value());
    CHECK(a.value() != c.value());
    CHECK(a.test_loss() != a.value());
    a.next_batch();
    b.next_batch();
    CHECK(a.loss().item() == b.loss().item());
    const double first = a.loss().item();
    a.next_batch();
    CHECK(a.loss().item() != first);
  }
}

TEST_CASE("making a network leaves the caller's random numbers alone and does not depend on them") {
  const Problem p = problem("mlp:sine");
  manual_seed(5);
  const double loss = p.make(1).value();
  CHECK(default_generator().position() == 0);
  manual_seed(6);
  CHECK(p.make(1).value() == loss);
}

TEST_CASE("an epoch's batches are all rows but a rest, and a batch as large as the data is all of them") {
  const Instance full = problem("mlp:sine,batch=256").make(1);
  CHECK(!full.next_batch);
  CHECK(full.loss().item() == Approx(full.value()));
  CHECK(full.objective().item() == full.value());
  const Instance half = problem("mlp:sine,batch=128").make(1);
  half.next_batch();
  const double first = half.loss().item();
  half.next_batch();
  CHECK(0.5 * (first + half.loss().item()) == Approx(half.value()));  // two halves of the same rows
  half.next_batch();
  CHECK(half.loss().item() != first);
  CHECK(half.objective().item() == half.value());
}

TEST_CASE("a network's layers are as its options say") {
  const auto shapes = [](const std::string& name) {
    std::vector<Shape> all;
    for (const Variable& p : problem(name).make(1).parameters) all.push_back(p.shape());
    return all;
  };
  CHECK(shapes("mlp:friedman1") == std::vector<Shape>{{32, 10}, {32}, {1, 32}, {1}});
  CHECK(shapes("mlp:spirals,hidden=4-3") == std::vector<Shape>{{4, 2}, {4}, {3, 4}, {3}, {2, 3}, {2}});
  CHECK(shapes("mlp:cars,hidden=5,batch_norm=true") == std::vector<Shape>{{5, 9}, {5}, {5}, {5}, {1, 5}, {1}});
  double last = 0.0;
  for (const char* name : {"relu", "tanh", "gelu", "silu", "elu", "leaky_relu", "sigmoid", "softplus"}) {
    const double loss = problem(std::string("mlp:sine,activation=") + name).make(1).value();
    CHECK(loss != last);
    last = loss;
  }
}

TEST_CASE("looking at a network with batch normalization moves no running mean") {
  const Instance a = problem("mlp:sine,batch_norm=true").make(1), b = problem("mlp:sine,batch_norm=true").make(1);
  a.next_batch();
  b.next_batch();
  const double before = a.value();
  CHECK(a.value() == before);
  a.loss();
  CHECK(a.value() != before);
  CHECK(b.value() == before);
  const double all = b.objective().item();  // by the rows' own statistics
  CHECK(all != before);
  CHECK(b.objective().item() == all);
  CHECK(b.value() == before);
}

TEST_CASE("a table is a problem: numbers are regression, text is classes, rows without a target do not count") {
  const Problem mpg = problem("mlp:" + cars + ",target=mpg,hidden=4");
  CHECK(mpg.make(1).parameters.back().shape() == Shape{1});
  CHECK(mpg.guess == Approx(1.0).epsilon(0.01));
  const Problem origin = problem("mlp:" + cars + ",target=origin");
  CHECK(origin.make(1).parameters.back().shape() == Shape{3});
  CHECK(origin.guess < std::log(3.0));
  CHECK(std::isfinite(origin.make(1).test_loss()));
  CHECK_THROWS_WITH_AS(problem("mlp:nowhere.csv,target=y"), Contains("nowhere.csv"), data::FileError);
  refuses("mlp:" + cars + ",target=price", Contains("'price'"));
  TemporaryFile rare("rare.csv");
  std::string rows = "x,kind\n";
  for (int i = 0; i < 20; ++i) rows += std::to_string(i) + (i == 7 ? ",rare\n" : i % 2 ? ",a\n" : ",b\n");
  rare.write(rows + "3,\n");
  const Problem kinds = problem("mlp:" + rare.path() + ",target=kind,batch=4");
  CHECK(std::isfinite(kinds.make(1).test_loss()));
  TemporaryFile commas("one, two.csv");
  commas.write("x,\"price, usd\"\n1,2\n2,4\n3,7\n4,8\n");
  CHECK(problem("mlp:" + commas.path() + ",target=price, usd,hidden=3").make(1).parameters[0].numel() == 3);
  TemporaryFile numbers("numbers.csv");
  numbers.write("7,8\n1,2\n2,4\n3,7\n4,8\n");
  CHECK(problem("mlp:" + numbers.path() + ",target=8,hidden=3").make(1).parameters[0].numel() == 3);
}

TEST_CASE("what is no problem is refused by its name, with what there is") {
  refuses("beal", Contains("no problem 'beal', there are: beale, rosenbrock"));
  refuses("", Contains("no problem ''"));
  refuses("beale:dim=2", Contains("no option 'dim'"));
  refuses("beale@x", Contains("instance is a whole number, as in beale@7, got 'x'"));
  refuses("beale@-1", Contains("'-1'"));
  refuses("beale@", Contains("''"));
  refuses("quadratic:dim=0", Contains("dim must be from 1 to 1000"));
  refuses("quadratic:condition=0.5", Contains("condition must be >= 1"));
  refuses("quadratic:dims=2", Contains("no option 'dims', there are: dim, condition"));
  refuses("mlp:iris", Contains("no data 'iris' for mlp, there are: friedman1, sine, two_moons, spirals, cars"));
  refuses("mlp:sine,hiden=3", Contains("no option 'hiden', there are: target, hidden, activation"));
  refuses("mlp:sine,hidden=3-", Contains("hidden must be numbers of units"));
  refuses("mlp:sine,hidden=0", Contains("got '0'"));
  refuses("mlp:sine,activation=rule", Contains("activation must be one of relu"));
  refuses("mlp:sine,batch=0", Contains("batch must be >= 1"));
  refuses("mlp:sine,batch=4,batch=5", Contains("'batch' is given twice"));
  refuses("mlp:sine,batch=1,batch_norm=true", Contains("batch_norm needs batches of two rows or more"));
  refuses("mlp:sine,", Contains("no data 'sine,'"));
  refuses("mlp:sine@3", Contains("no data 'sine@3'"));
}
