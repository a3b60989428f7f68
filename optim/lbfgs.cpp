#include <ravine/optim/lbfgs.hpp>

#include <algorithm>
#include <cmath>

#include <ravine/autograd/reevaluation.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>

namespace ravine::optim {
namespace {

constexpr double c1 = 1e-4, c2 = 0.9;

double dot(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double total = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) total += sum((a[i] * b[i]).to(f64)).item();
  return total;
}

double largest(const std::vector<Tensor>& a) {
  double most = 0.0;
  for (const Tensor& x : a)
    if (x.numel() > 0) most = std::max(most, max(abs(x)).item());
  return most;
}

/// x ← x + factor y
void add_to(std::vector<Tensor>& x, double factor, const std::vector<Tensor>& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::move(x[i]) + y[i] * factor;
}

/// Where a cubic with these values and slopes at a and b is smallest, kept away from the ends.
template <class Point>
double minimum_of_cubic(const Point& a, const Point& b) {
  const double low = std::min(a.t, b.t), high = std::max(a.t, b.t);
  const double theta = a.slope + b.slope - 3.0 * (a.f - b.f) / (a.t - b.t);
  const double root = std::sqrt(theta * theta - a.slope * b.slope) * (b.t > a.t ? 1.0 : -1.0);
  const double t = b.t - (b.t - a.t) * (b.slope + root - theta) / (b.slope - a.slope + 2.0 * root);
  const double margin = 0.1 * (high - low);
  return t >= low + margin && t <= high - margin ? t : 0.5 * (low + high);  // NaN as well
}

}  // namespace

LBFGS::LBFGS(std::vector<Variable> params, LBFGSOptions options) : Grouped("LBFGS", std::move(params), options) {
  for (std::size_t i = 0; i < parameters().size(); ++i) {
    const Variable& p = parameters()[i];
    Shape shape{options.history};
    for (const Index size : p.shape()) shape.push_back(size);
    add_state(i, "s", zeros(shape, p.dtype()));
    add_state(i, "y", zeros(shape, p.dtype()));
  }
  add_state("pairs", scalar(0.0, i64));
}

LBFGS::Vector LBFGS::gradient() const {
  Vector g;
  for (const Variable& p : parameters()) g.push_back(p.grad().defined() ? p.grad().clone() : zeros_like(p.value()));
  return g;
}

void LBFGS::move(const Vector& start, const Vector& d, double t) const {
  for (std::size_t i = 0; i < start.size(); ++i) {
    Tensor value = parameters()[i].node()->value;
    value.copy_from(start[i] + d[i] * t);
  }
}

void LBFGS::keep(const Vector& s, const Vector& y) {
  // Without positive curvature along s, H would no longer be positive definite.
  if (!(dot(s, y) > 1e-10 * dot(y, y))) return;
  Tensor pairs = count();
  const Index k = static_cast<Index>(pairs.item()), row = k % groups()[0].options.history;
  for (std::size_t i = 0; i < s.size(); ++i) {
    pair(i, 0)[row].copy_from(s[i]);
    pair(i, 1)[row].copy_from(y[i]);
  }
  pairs.fill(static_cast<double>(k + 1));
}

LBFGS::Vector LBFGS::direction(const Vector& g) const {
  const Index history = groups()[0].options.history, pairs = static_cast<Index>(count().item());
  const auto row = [&](std::size_t slot, Index k) {
    Vector v;
    for (std::size_t i = 0; i < parameters().size(); ++i) v.push_back(pair(i, slot)[k % history]);
    return v;
  };
  // Two loops: from the newest pair to the oldest, and back.
  const Index oldest = std::max<Index>(0, pairs - history);
  std::vector<double> alphas;
  Vector d;
  for (const Tensor& x : g) d.push_back(-x);
  for (Index k = pairs; k-- > oldest;) {
    const Vector s = row(0, k), y = row(1, k);
    alphas.push_back(dot(s, d) / dot(s, y));
    add_to(d, -alphas.back(), y);
  }
  if (pairs > 0) {
    const Vector s = row(0, pairs - 1), y = row(1, pairs - 1);
    const double scale = dot(s, y) / dot(y, y);
    for (Tensor& x : d) x = std::move(x) * scale;
  }
  for (Index k = oldest; k < pairs; ++k) {
    const Vector s = row(0, k), y = row(1, k);
    add_to(d, alphas.back() - dot(y, d) / dot(s, y), s);
    alphas.pop_back();
  }
  return d;
}

LBFGS::Point LBFGS::look(Closure closure, const Vector& start, const Vector& d, double t) {
  move(start, d, t);
  const double f = evaluate(closure);
  check_unchanged();
  Point point{f, 0.0, t, gradient()};
  point.slope = dot(point.g, d);
  return point;
}

LBFGS::Point LBFGS::search(Closure closure, const Vector& start, const Vector& d, Point from, double t) {
  const double f = from.f, slope = from.slope;
  const auto falls_enough = [&](const Point& p) {
    return std::isfinite(p.f) && std::isfinite(p.slope) && p.f <= f + c1 * p.t * slope;
  };
  const auto flat_enough = [&](const Point& p) { return std::abs(p.slope) <= -c2 * slope; };

  // Ever longer steps, until one is good or a good one must lie between the last two.
  Point low = from, high = from;
  Index left = groups()[0].options.max_evaluations;
  for (; left > 0; t *= 2.0) {
    Point here = look(closure, start, d, t);
    --left;
    if (!falls_enough(here) || (low.t > 0.0 && here.f >= low.f)) {
      high = std::move(here);
      break;
    }
    if (flat_enough(here)) return here;
    if (here.slope >= 0.0) {
      high = std::exchange(low, std::move(here));
      break;
    }
    low = std::move(here);
  }
  // Narrow it down: low is the best point so far, and a good one lies between it and high.
  while (left-- > 0) {
    Point here = look(closure, start, d, minimum_of_cubic(low, high));
    if (!falls_enough(here) || here.f >= low.f) {
      high = std::move(here);
      continue;
    }
    if (flat_enough(here)) return here;
    if (here.slope * (high.t - low.t) >= 0.0) high = std::move(low);
    low = std::move(here);
  }
  return low;
}

double LBFGS::advance(Closure closure) {
  const LBFGSOptions& o = groups()[0].options;
  const Generator before = default_generator();
  const auto copy = [&](Vector& to) {
    to.resize(parameters().size());
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = parameters()[i].node()->value.clone();
  };
  const double first_loss = evaluate(closure);
  check_unchanged();
  copy(start_);
  try {
    const Reevaluation again(before);
    Point at{first_loss, 0.0, 0.0, gradient()};
    for (Index k = 0; k < o.max_iterations && largest(at.g) > o.gradient_tolerance; ++k) {
      const bool steepest = count().item() == 0.0;
      const Vector d = direction(at.g);
      at.slope = dot(at.g, d);
      at.t = 0.0;
      if (!(at.slope < 0.0)) break;  // NaN as well
      const double t = o.lr * lr_factor() * (steepest ? std::min(1.0, 1.0 / std::sqrt(dot(at.g, at.g))) : 1.0);
      copy(latest_);
      Point next = search(closure, latest_, d, at, t);
      move(latest_, d, next.t);
      if (next.t == 0.0) break;  // no better point in sight
      Vector s, y;
      for (std::size_t i = 0; i < d.size(); ++i) {
        s.push_back(d[i] * next.t);
        y.push_back(next.g[i] - at.g[i]);
      }
      keep(s, y);
      const bool still = largest(s) <= o.change_tolerance || std::abs(next.f - at.f) < o.change_tolerance;
      at = std::move(next);
      if (still) break;
    }
  } catch (...) {
    for (std::size_t i = 0; i < start_.size(); ++i) {
      Tensor value = parameters()[i].node()->value;
      if (value.shape() == start_[i].shape() && value.dtype() == start_[i].dtype()) value.copy_from(start_[i]);
    }
    throw;
  }
  return first_loss;
}

}  // namespace ravine::optim
