// Gradient clipping: the norm is one over all parameters, and nothing else that holds a gradient sees it change.
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/clip.hpp>
#include <ravine/optim/sgd.hpp>

namespace rv = ravine;
using doctest::Approx;
using doctest::Contains;
using rv::optim::clip_grad_norm;
using rv::optim::clip_grad_value;
using Params = std::vector<rv::Variable>;
using Values = std::vector<double>;

namespace {

rv::Variable with_gradient(const Values& gradient, const rv::Shape& shape, rv::DType dtype = rv::f64) {
  const rv::Variable p = rv::parameter(rv::zeros(shape, dtype));
  p.set_grad(rv::tensor(gradient, shape, dtype));
  return p;
}
Values gradient(const rv::Variable& p) { return p.grad().to_vector<double>(); }

const double not_a_number = std::nan(""), inf = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("clip_grad_norm: one norm over all parameters") {
  // squares: 4 + 4 + 16 + 1 + 144 = 169
  const Params params = {with_gradient({2, -2}, {2}), with_gradient({4}, {}), rv::parameter(rv::ones({3}, rv::f64)),
                         with_gradient({-1, 12, 0, 0}, {2, 2}), with_gradient({}, {0})};
  CHECK(clip_grad_norm(params, 26.0) == 13.0);
  CHECK(gradient(params[0]) == Values{2, -2});  // below: untouched
  CHECK(clip_grad_norm(params, 13.0) == 13.0);
  CHECK(gradient(params[1]) == Values{4});
  CHECK(clip_grad_norm(params, inf) == 13.0);
  CHECK(clip_grad_norm(params, 3.25) == 13.0);  // the norm before
  CHECK(gradient(params[0]) == Values{0.5, -0.5});
  CHECK(gradient(params[1]) == Values{1});
  CHECK(!params[2].grad().defined());
  CHECK(gradient(params[3]) == Values{-0.25, 3, 0, 0});
  CHECK(params[3].grad().shape() == rv::Shape{2, 2});
  CHECK(clip_grad_norm(params, 1.0) == 3.25);
  CHECK(clip_grad_norm({rv::parameter(rv::ones({3}))}, 1.0) == 0.0);
  CHECK(clip_grad_norm({with_gradient({0, 0}, {2})}, 1.0) == 0.0);
}

TEST_CASE("clip_grad_norm: the limit is met, also for small norms and in f32") {
  const Params small = {with_gradient({3e-7, 4e-7}, {2})};
  clip_grad_norm(small, 1e-7);
  CHECK(clip_grad_norm(small, 1.0) == Approx(1e-7).epsilon(1e-14));  // 1e-6 beside the norm would make it 3e-8
  // squares of 1e30 do not fit f32
  const Params big = {with_gradient({3e30, -4e30}, {2}, rv::f32), with_gradient({12e30}, {1}, rv::f64)};
  CHECK(clip_grad_norm(big, 1.0) == Approx(13e30).epsilon(1e-7));
  CHECK(gradient(big[0])[1] == Approx(-4.0 / 13.0).epsilon(1e-6));
  CHECK(gradient(big[1])[0] == Approx(12.0 / 13.0).epsilon(1e-6));
  CHECK(big[0].grad().dtype() == rv::f32);
}

TEST_CASE("clip_grad_norm: f64 whose squares over- or underflow") {
  for (const double size : {1e200, 1e-200}) {
    const Params params = {with_gradient({3 * size, 0}, {2}), with_gradient({4 * size}, {1})};
    CHECK(clip_grad_norm(params, size) == Approx(5 * size).epsilon(1e-15));
    CHECK(gradient(params[0])[0] == Approx(0.6 * size).epsilon(1e-15));
    CHECK(gradient(params[1])[0] == Approx(0.8 * size).epsilon(1e-15));
  }
}

TEST_CASE("clip_grad_norm: a norm that is not finite is returned and not hidden") {
  const Params with_nan = {with_gradient({1, not_a_number}, {2}), with_gradient({2}, {1})};
  CHECK(std::isnan(clip_grad_norm(with_nan, 1.0)));
  CHECK(std::isnan(gradient(with_nan[0])[0]));
  CHECK(std::isnan(gradient(with_nan[1])[0]));
  const Params with_infinity = {with_gradient({1, -inf}, {2}), with_gradient({2}, {1})};
  CHECK(clip_grad_norm(with_infinity, 1.0) == inf);
  CHECK(gradient(with_infinity[0])[0] == 0.0);
  CHECK(std::isnan(gradient(with_infinity[0])[1]));
  CHECK(gradient(with_infinity[1])[0] == 0.0);
}

TEST_CASE("clip_grad_value: every element by itself") {
  const Params params = {with_gradient({-3, 0.25, 5, not_a_number}, {2, 2}), rv::parameter(rv::ones({3})),
                         with_gradient({inf, -inf, -0.5}, {3}, rv::f32)};
  clip_grad_value(params, 0.5);
  const Values first = gradient(params[0]);
  CHECK(Values(first.begin(), first.end() - 1) == Values{-0.5, 0.25, 0.5});
  CHECK(std::isnan(first[3]));
  CHECK(!params[1].grad().defined());
  CHECK(gradient(params[2]) == Values{0.5, -0.5, -0.5});
  CHECK(params[2].grad().dtype() == rv::f32);
}

TEST_CASE("clipping: whoever else holds a gradient keeps it, otherwise its memory is used") {
  for (const bool by_norm : {true, false}) {
    CAPTURE(by_norm);
    const auto clip = [&](const Params& params) {
      if (by_norm)
        clip_grad_norm(params, 2.5);
      else
        clip_grad_value(params, 2.5);
    };
    const rv::Tensor shared = rv::tensor({3, 4}, rv::f64);
    const rv::Variable a = rv::parameter(rv::zeros({2}, rv::f64)), b = rv::parameter(rv::zeros({2}, rv::f64));
    a.set_grad(shared);
    b.set_grad(shared);
    clip({a});
    CHECK(shared.to_vector<double>() == Values{3, 4});
    CHECK(gradient(b) == Values{3, 4});
    CHECK(gradient(a) == (by_norm ? Values{1.5, 2} : Values{2.5, 2.5}));
    const double* memory = a.grad().data<double>();
    a.set_grad(rv::Tensor());
    a.set_grad(rv::tensor({6, 8}, rv::f64));
    memory = a.grad().data<double>();
    clip({a});
    CHECK(a.grad().data<double>() == memory);
  }
}

TEST_CASE("clipping: as a callback it comes before the update") {
  const rv::Variable p = rv::parameter(rv::tensor({1.0, 1.0}, rv::f64));
  rv::optim::SGD sgd({p}, {.lr = 1.0});
  double norm = 0.0;
  sgd.on_gradients([&](const Params& params) { norm = clip_grad_norm(params, 0.5); });
  sgd.step([&] { return rv::sum(p * rv::tensor({3, -4}, rv::f64)); });
  CHECK(norm == 5.0);
  CHECK(p.value().at({0}) == Approx(1.0 - 0.3).epsilon(1e-15));
  CHECK(p.value().at({1}) == Approx(1.0 + 0.4).epsilon(1e-15));
}

TEST_CASE("clipping: limits that make no sense are refused") {
  const Params params = {with_gradient({3, 4}, {2})};
  for (const double limit : {0.0, -1.0, not_a_number}) {
    CHECK_THROWS_WITH_AS(clip_grad_norm(params, limit), Contains("clip_grad_norm: limit must be > 0, got"),
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(clip_grad_value(params, limit), Contains("clip_grad_value: limit must be > 0, got"),
                         std::invalid_argument);
  }
  CHECK(gradient(params[0]) == Values{3, 4});
}
