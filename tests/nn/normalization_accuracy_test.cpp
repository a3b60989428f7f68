// Normalization far from 0, near the ends of a type's range and over many rows: beside long double on the same inputs.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include <ravine/nn/nn.hpp>
#include "gradients.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;

namespace {

using Real = long double;
using Op = std::function<Variable(const Variable& x, const Variable& weight, const Variable& bias)>;

struct Over {
  bool columns;  // or rows
  bool about_mean;
  double eps;
};

/// The largest errors of y, of the gradients of x, weight and bias, beside what each is made of.
struct Errors {
  double y = 0.0, dx = 0.0, dweight = 0.0, dbias = 0.0;
  double worst() const { return std::max({y, dx, dweight, dbias}); }
};

void widen(double& worst, Real found, Real exact, Real size) {
  const double e = static_cast<double>(std::abs(found - exact) / size);
  if (!(e <= worst)) worst = e;
}

struct Line {
  Real mean = 0, variance = 0;
};

/// Moments of x (rows, columns) along its columns or rows.
std::vector<Line> moments(const std::vector<double>& x, Index rows, Index columns, const Over& over) {
  std::vector<Line> lines(static_cast<std::size_t>(over.columns ? columns : rows));
  const Real count = static_cast<Real>(over.columns ? rows : columns);
  const auto each = [&](auto f) {
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < columns; ++j)
        f(lines[static_cast<std::size_t>(over.columns ? j : i)],
          static_cast<Real>(x[static_cast<std::size_t>(i * columns + j)]));
  };
  if (over.about_mean) each([&](Line& line, Real v) { line.mean += v / count; });
  if (over.about_mean) {  // once more: what the sum has rounded
    std::vector<Real> rest(lines.size());
    each([&](Line& line, Real v) { rest[static_cast<std::size_t>(&line - lines.data())] += (v - line.mean) / count; });
    for (std::size_t k = 0; k < rest.size(); ++k) lines[k].mean += rest[k];
  }
  each([&](Line& line, Real v) { line.variance += (v - line.mean) * (v - line.mean) / count; });
  return lines;
}

/// What op and its gradients are off by, each beside the sum of the sizes of its terms.
Errors errors(const Op& op, const Tensor& x, const Over& over, bool create_graph = false) {
  const Index rows = x.size(0), columns = x.size(1);
  const Tensor g = random_tensor(x.shape(), x.dtype(), 7), w = random_between(0.5, 2.0, {columns}, x.dtype(), 8);
  const Variable in = parameter(x.clone()), weight = parameter(w), bias = parameter(zeros({columns}, x.dtype()));
  const Variable y = op(in, weight, bias);
  const auto found = grad(sum(y * Variable(g)), {in, weight, bias}, {.create_graph = create_graph});
  const auto xs = values(x), gs = values(g), ws = values(w), ys = values(y.value()), dxs = values(found[0].value()),
             dws = values(found[1].value()), dbs = values(found[2].value());
  const std::vector<Line> lines = moments(xs, rows, columns, over);
  const std::size_t outer = lines.size(), inner = static_cast<std::size_t>(over.columns ? rows : columns);
  const auto at = [&](std::size_t l, std::size_t k) {
    return over.columns ? k * static_cast<std::size_t>(columns) + l : l * static_cast<std::size_t>(columns) + k;
  };
  const auto column = [&](std::size_t l, std::size_t k) { return over.columns ? l : k; };

  Errors worst;
  std::vector<Real> dw(ws.size()), db(ws.size()), sizes(ws.size());
  for (std::size_t l = 0; l < outer; ++l) {
    const Real inverse = 1 / std::sqrt(lines[l].variance + static_cast<Real>(over.eps));
    Real mean = 0, slope = 0, size = 0;
    std::vector<Real> z(inner), dz(inner);
    for (std::size_t k = 0; k < inner; ++k) {
      const std::size_t i = at(l, k), c = column(l, k);
      z[k] = (xs[i] - lines[l].mean) * inverse;
      dz[k] = static_cast<Real>(gs[i]) * ws[c];
      mean += over.about_mean ? dz[k] / inner : 0;
      slope += dz[k] * z[k] / inner;
      size = std::max(size, std::abs(dz[k]));
      dw[c] += gs[i] * z[k];
      db[c] += gs[i];
      sizes[c] += std::abs(gs[i]);
      widen(worst.y, ys[i], z[k] * ws[c], std::max<Real>(1, std::abs(z[k] * ws[c])));
    }
    for (std::size_t k = 0; k < inner; ++k)
      widen(worst.dx, dxs[at(l, k)], inverse * (dz[k] - mean - z[k] * slope),
            inverse * size * std::max<Real>(1, std::abs(z[k])));
  }
  for (std::size_t c = 0; c < ws.size(); ++c) {
    widen(worst.dweight, dws[c], dw[c], sizes[c]);
    widen(worst.dbias, dbs[c], db[c], sizes[c]);
  }
  return worst;
}

Op batch_norm_op(double eps) {
  return [eps](const Variable& x, const Variable& w, const Variable& b) { return batch_norm(x, w, b, eps); };
}
Op layer_norm_op(double eps) {
  return
      [eps](const Variable& x, const Variable& w, const Variable& b) { return layer_norm(x, {x.size(1)}, w, b, eps); };
}
Op rms_norm_op(double eps) {
  return
      [eps](const Variable& x, const Variable& w, const Variable& b) { return rms_norm(x, {x.size(1)}, w, eps) + b; };
}

/// All three on x, by plain and by recorded gradients.
double worst_of_all(const Tensor& x, double eps) {
  double worst = 0.0;
  for (const bool create_graph : {false, true}) {
    widen(worst, errors(batch_norm_op(eps), x, {true, true, eps}, create_graph).worst(), 0, 1);
    widen(worst, errors(layer_norm_op(eps), x, {false, true, eps}, create_graph).worst(), 0, 1);
    widen(worst, errors(rms_norm_op(eps), x, {false, false, eps}, create_graph).worst(), 0, 1);
  }
  return worst;
}

/// The largest relative error of the variances that batch_norm finds.
double variance_error(const Tensor& x) {
  BatchMoments found;
  batch_norm(x, {}, {}, 1e-5, &found);
  const std::vector<Line> exact = moments(values(x), x.size(0), x.size(1), {true, true, 0.0});
  const auto variance = values(found.variance);
  double worst = 0.0;
  for (std::size_t j = 0; j < exact.size(); ++j) widen(worst, variance[j], exact[j].variance, exact[j].variance);
  return worst;
}

}  // namespace

TEST_CASE("normalization has the digits of long double, however far from 0 the values are") {
  double worst = 0.0, variance = 0.0;
  for (const Index rows : {2, 3, 5, 64, 67, 1000})
    for (const double offset : {0.0, 1e3, -1e5}) {
      const Tensor x = random_tensor({rows, 67}, f32, static_cast<std::uint64_t>(rows)) + offset;
      CAPTURE(rows);
      CAPTURE(offset);
      worst = std::max(worst, worst_of_all(x, 1e-5));
      variance = std::max(variance, variance_error(x));
      CHECK(worst < 1e-6);
      CHECK(variance < 2e-6);
    }
  for (const double offset : {0.0, -1e5}) {  // rows that are cut into pieces
    const Tensor x = random_tensor({3, 70'000}, f32) + offset;
    CHECK(errors(layer_norm_op(1e-5), x, {false, true, 1e-5}).worst() < 1e-6);
    CHECK(errors(rms_norm_op(1e-5), x, {false, false, 1e-5}).worst() < 1e-6);
  }
  MESSAGE("f32, mean / std up to 1e5: worst relative error of values and gradients " << worst << ", of a variance "
                                                                                     << variance);
  CHECK(worst_of_all(random_tensor({300, 20}, f64), 1e-5) < 1e-14);
  CHECK(worst_of_all(random_tensor({300, 20}, f64) + 1e9, 1e-5) < 1e-9);  // long double's own mean has 19 digits
  CHECK(variance_error(random_tensor({300, 20}, f64) + 1e12) < 1e-10);
}

TEST_CASE("normalization of rows has the same bits on any number of threads") {
  for (const Shape& shape : {Shape{3000, 37}, Shape{130, 600}, Shape{2, 70'000}}) {
    const Tensor x = random_tensor(shape, f32), g = random_tensor(shape, f32, 7);
    const Variable weight = parameter(random_tensor({shape[1]}, f32, 8)), bias = parameter(zeros({shape[1]}));
    for (const int result : {0, 1, 2, 3})
      CHECK(same_bits_on_any_threads([&] {
        const Variable in = parameter(x.clone()), y = layer_norm(in, {shape[1]}, weight, bias);
        if (result == 3) return y.value();
        return grad(sum(y * Variable(g)), {in, weight, bias})[static_cast<std::size_t>(result)].value();
      }));
  }
}

TEST_CASE("batch_norm's sums do not lose digits over many rows") {
  for (const double offset : {0.0, 1e5}) {
    const Tensor x = random_tensor({100000, 4}, f32) + offset;
    CHECK(errors(batch_norm_op(1e-5), x, {true, true, 1e-5}).worst() < 1e-6);
    CHECK(variance_error(x) < 1e-6);
  }
  const Tensor ones_and_zeros = gt(random_tensor({50000, 4}, f32), 0.0).to(f32) * 0.7 + 1e4;
  CHECK(variance_error(ones_and_zeros) < 1e-6);
}

TEST_CASE("batch_norm's digits do not depend on which rows are unlike the others") {
  const Index rows = 4096;
  for (const Index first : {Index{0}, rows / 4, rows / 2, rows * 3 / 4, rows - 1}) {
    Tensor x = random_tensor({rows, 3}, f32) + 1e4;
    for (const double unlike : {0.0, -3e6}) {
      x.slice(0, first, first + 1).fill(unlike);
      CHECK(variance_error(x) < 1e-6);
      CHECK(errors(batch_norm_op(1e-5), x, {true, true, 1e-5}).worst() < 2e-6);
    }
  }
  Tensor x = random_tensor({rows, 3}, f32) + 1e5;  // the four rows that the mean is first guessed from
  for (const Index i : {Index{0}, rows / 4, rows / 2, rows * 3 / 4}) x.slice(0, i, i + 1).fill(0.0);
  CHECK(variance_error(x) < 1e-6);
  CHECK(errors(batch_norm_op(1e-5), x, {true, true, 1e-5}).worst() < 1e-6);
}

TEST_CASE("normalization of huge and tiny values") {
  const auto scaled = [](double scale, DType dtype) { return (random_tensor({40, 70}, f64) * scale).to(dtype); };
  for (const double scale : {1e19, 1e30, 1e33}) CHECK(worst_of_all(scaled(scale, f32), 1e-5) < 1e-6);
  for (const double scale : {1e-18, 1e-20, 1e-30}) {
    CHECK(worst_of_all(scaled(scale, f32), 0.0) < 1e-6);
    CHECK(worst_of_all(scaled(scale, f32), 1e-5) < 1e-6);
  }
  for (const double scale : {1e160, 1e200, 1e300}) CHECK(worst_of_all(scaled(scale, f64), 1e-5) < 1e-14);
  for (const double scale : {1e-160, 1e-200, 1e-300}) {
    CHECK(worst_of_all(scaled(scale, f64), 0.0) < 1e-14);
    CHECK(worst_of_all(scaled(scale, f64), 1e-5) < 1e-14);
  }
  const Tensor usual = scaled(1.0, f32), column = usual.slice(1, 0, 1) * 1e30;  // beside each other in a register
  CHECK(errors(batch_norm_op(1e-5), concat({usual, column, usual * 1e-3}, 1), {true, true, 1e-5}).worst() < 1e-6);
  CHECK(variance_error(scaled(1e-17, f32)) < 1e-6);
  CHECK(variance_error(scaled(1e18, f32)) < 1e-6);
  CHECK(variance_error(scaled(1e150, f64)) < 1e-12);
}

TEST_CASE("values too far apart to be normalized are refused") {
  const Tensor x = tensor({{3e38, 1.0}, {-3e38, 2.0}});
  CHECK_THROWS_WITH_AS(batch_norm(x), "batch_norm: the values lie too far apart to be normalized in f32",
                       std::out_of_range);
  CHECK_THROWS_WITH_AS(layer_norm(x, {2}), Contains("layer_norm: the values lie too far apart"), std::out_of_range);
  CHECK_THROWS_WITH_AS(rms_norm(x, {2}), Contains("rms_norm: the values lie too far apart"), std::out_of_range);
  CHECK_NOTHROW(batch_norm(full({4, 2}, 3e38)));
  CHECK_NOTHROW(batch_norm(x.to(f64)));
  CHECK_THROWS_AS(batch_norm(tensor({{1e308}, {-1e308}}, f64)), std::out_of_range);
}

TEST_CASE("a NaN or an infinity spoils its own line only") {
  Tensor x = random_tensor({6, 5}, f32);
  const Tensor clean = x.clone();
  x.set({2, 1}, nan_value);
  x.set({3, 4}, infinity);
  const auto columns = values(batch_norm(x).value()), clean_columns = values(batch_norm(clean).value());
  const auto rows = values(layer_norm(x, {5}).value()), clean_rows = values(layer_norm(clean, {5}).value());
  for (std::size_t i = 0; i < 30; ++i) {
    if (i % 5 == 1 || i % 5 == 4)
      CHECK(std::isnan(columns[i]));
    else
      CHECK(columns[i] == clean_columns[i]);
    if (i / 5 == 2 || i / 5 == 3)
      CHECK(std::isnan(rows[i]));
    else
      CHECK(rows[i] == clean_rows[i]);
  }
}

TEST_CASE_TEMPLATE("constant lines become exactly 0", T, float, double) {
  const DType dtype = dtype_of<T>();
  for (const double value : {2023.3, 0.1, -1e-3, 1e30})
    for (const Index rows : {2, 7, 41, 49, 1000, 16384}) {
      const Tensor x = full({rows, 1}, value, dtype);
      BatchMoments moments;
      CHECK(max(abs(batch_norm(x, {}, {}, 1e-5, &moments).value())).item() == 0.0);
      CHECK(moments.variance.item() == 0.0);
      CHECK(moments.mean.item() == static_cast<double>(static_cast<T>(value)));
      CHECK(max(abs(layer_norm(x.reshape({rows}), {rows}).value())).item() == 0.0);
      CHECK(errors(batch_norm_op(1e-5), x, {true, true, 1e-5}).worst() < (dtype == f32 ? 1e-6 : 1e-14));
      const Variable in = parameter(x);  // to a constant gradient, nothing passes
      sum(batch_norm(in)).backward();
      CHECK(max(abs(in.grad())).item() == 0.0);
    }
}

TEST_CASE("BatchNorm1d's running statistics have the digits of the batch") {
  const Tensor x = random_tensor({16384, 4}, f32) + 1e5;
  const std::vector<Line> exact = moments(values(x), 16384, 4, {true, true, 0.0});
  nn::BatchNorm1d layer(4, {.momentum = 1.0});
  layer(x);
  for (Index j = 0; j < 4; ++j) {
    const Line& line = exact[static_cast<std::size_t>(j)];
    CHECK(layer.running_mean.value().at({j}) == Approx(static_cast<double>(line.mean)).epsilon(1e-7));
    CHECK(layer.running_var.value().at({j}) ==
          Approx(static_cast<double>(line.variance * 16384 / 16383)).epsilon(1e-6));
  }
  nn::BatchNorm1d constant(1);
  CHECK(max(abs(constant(full({1000, 1}, 2023.3)).value())).item() == 0.0);
  CHECK(constant.running_mean.item() == Approx(202.33).epsilon(1e-6));
  CHECK(constant.running_var.item() == Approx(0.9).epsilon(1e-6));
}

TEST_CASE("a running variance that its type cannot hold is an error, and nothing moves") {
  const Tensor x = random_tensor({32, 3}, f32) * tensor({1.0, 1e30, 1.0}) + 2.0;
  nn::BatchNorm1d layer(3);
  CHECK_THROWS_WITH_AS(layer(x), "BatchNorm1d: running_var would be more than f32 can hold", std::out_of_range);
  CHECK(bitwise_equal(layer.running_mean.value(), zeros({3})));
  CHECK(bitwise_equal(layer.running_var.value(), ones({3})));
  // The variance itself, 2e38, can be held; the unbiased one, twice that, cannot.
  const Tensor pair = tensor({{1.4e19}, {-1.4e19}});
  CHECK_THROWS_AS(nn::BatchNorm1d(1, {.momentum = 1.0})(pair), std::out_of_range);
  CHECK_NOTHROW(nn::BatchNorm1d(1, {.momentum = 0.1})(pair));

  nn::BatchNorm1d still(3, {.momentum = 0.0});
  CHECK(worst_error(still(x).value(), values(batch_norm(x).value())) == 0.0);
  CHECK(bitwise_equal(still.running_var.value(), ones({3})));
  nn::BatchNorm1d wide(3);
  wide.to(f64);
  CHECK_NOTHROW(wide(x.to(f64)));
  CHECK(wide.running_var.value().at({1}) > 1e58);
}

TEST_CASE("normalization of a part of a tensor is that of its copy") {
  const Tensor all = random_tensor({50, 7}, f32), x = all.slice(0, 3, 40);
  CHECK(bitwise_equal(batch_norm(x).value(), batch_norm(x.clone()).value()));
  CHECK(bitwise_equal(layer_norm(x, {7}).value(), layer_norm(x.clone(), {7}).value()));
  CHECK(bitwise_equal(rms_norm(x, {7}).value(), rms_norm(x.clone(), {7}).value()));
}

TEST_CASE("layer_norm and rms_norm: rows are independent of each other and of the number of threads") {
  const Tensor x = random_tensor({900, 150}, f32), g = random_tensor({900, 150}, f32, 4);
  const Tensor weight = random_tensor({150}, f32, 2), bias = random_tensor({150}, f32, 3);
  for (const Op& op : {layer_norm_op(1e-5), rms_norm_op(1e-5)}) {
    const auto forward = [&] { return op(x, weight, bias).value(); };
    const auto gradient = [&] {
      const Variable in = parameter(x), w = parameter(weight), b = parameter(bias);
      sum(op(in, w, b) * Variable(g)).backward();
      return concat({in.grad(), w.grad().reshape({1, 150}), b.grad().reshape({1, 150})}, 0);
    };
    CHECK(same_bits_on_any_threads(forward));
    CHECK(same_bits_on_any_threads(gradient));
    CHECK(bitwise_equal(forward().slice(0, 17, 18), op(x.slice(0, 17, 18), weight, bias).value()));
  }
}
