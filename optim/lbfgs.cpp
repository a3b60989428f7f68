#include <ravine/optim/lbfgs.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <ravine/autograd/reevaluation.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>

namespace ravine::optim {
namespace {

constexpr double c1 = 1e-4, c2 = 0.9;

double dot(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double total = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) total += ravine::dot(a[i], b[i]);
  return total;
}

double largest(const std::vector<Tensor>& a) {
  double most = 0.0;
  for (const Tensor& x : a) {
    const double here = x.numel() > 0 ? max(abs(x)).item() : 0.0;
    if (!(here <= most)) most = here;  // NaN as well
  }
  return most;
}

/// x ← x + factor y
void add_to(std::vector<Tensor>& x, double factor, const std::vector<Tensor>& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::move(x[i]) + y[i] * factor;
}

/// How far off a loss of such parameters may be, as a part of it.
double rounding(const std::vector<Variable>& params) {
  double most = std::numeric_limits<double>::epsilon();
  for (const Variable& p : params)
    if (p.dtype() == f32) most = std::numeric_limits<float>::epsilon();
  return most;
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
  for (std::size_t i = 0; i < parameters().size(); ++i)
    for (const char* slot : {"s", "y"})
      add_state(i, slot, zeros({options.history, parameters()[i].numel()}, parameters()[i].dtype()));
  add_state("pairs", scalar(0, i64));
  add_state("start_gradient", scalar(0.0, f64));
}

void LBFGS::check_loaded(const Group& present, const LBFGSOptions& loaded) const {
  if (loaded.history != present.options.history)
    throw std::invalid_argument(detail::text("LBFGS: the loaded history of ", loaded.history,
                                             " does not go with the state, which is for ", present.options.history));
}

void LBFGS::load_state_dict(const StateDict& given) {
  StateDict state = given;
  if (state.contains("pairs") && !state.contains("start_gradient"))
    for (const char* key :
         {"start_gradient", "group.0.relative_gradient_tolerance", "group.0.relative_change_tolerance"})
      state.emplace(key, scalar(0.0, f64));
  Grouped::load_state_dict(state);
}

LBFGS::Vector LBFGS::gradient() const {
  Vector g;
  for (const Variable& p : parameters()) g.push_back(p.grad().defined() ? p.grad() : zeros_like(p.value()));
  return g;
}

std::vector<LBFGS::Pair> LBFGS::kept() const {
  const Index history = groups()[0].options.history, newest = count().item<Index>();
  std::vector<Pair> pairs;
  for (Index k = std::max<Index>(0, newest - history); k < newest; ++k) {
    Pair pair;
    for (std::size_t i = 0; i < parameters().size(); ++i) {
      pair.s.push_back(rows(i, 0)[k % history].reshape(parameters()[i].shape()));
      pair.y.push_back(rows(i, 1)[k % history].reshape(parameters()[i].shape()));
    }
    pair.product = dot(pair.s, pair.y);
    if (pair.product > 0.0) pairs.push_back(std::move(pair));
  }
  return pairs;
}

void LBFGS::keep(const Pair& pair) {
  Tensor& pairs = state(2 * parameters().size());
  const Index k = std::max<Index>(0, pairs.item<Index>()), row = k % groups()[0].options.history;
  for (std::size_t i = 0; i < pair.s.size(); ++i) {
    rows(i, 0)[row].copy_from(pair.s[i].reshape({-1}));
    rows(i, 1)[row].copy_from(pair.y[i].reshape({-1}));
  }
  pairs.fill(k + 1);
}

LBFGS::Vector LBFGS::direction(const std::vector<Pair>& pairs, const Vector& g) const {
  const auto history = static_cast<std::size_t>(groups()[0].options.history);
  const std::size_t oldest = pairs.size() > history ? pairs.size() - history : 0;
  // Two loops: from the newest pair to the oldest, and back.
  std::vector<double> alphas;
  Vector d;
  for (const Tensor& x : g) d.push_back(-x);
  for (std::size_t k = pairs.size(); k-- > oldest;) {
    alphas.push_back(dot(pairs[k].s, d) / pairs[k].product);
    add_to(d, -alphas.back(), pairs[k].y);
  }
  if (!pairs.empty()) {
    const double scale = pairs.back().product / dot(pairs.back().y, pairs.back().y);
    for (Tensor& x : d) x = std::move(x) * scale;
  }
  for (std::size_t k = oldest; k < pairs.size(); ++k) {
    add_to(d, alphas.back() - dot(pairs[k].y, d) / pairs[k].product, pairs[k].s);
    alphas.pop_back();
  }
  for (std::size_t i = 0; i < d.size(); ++i)  // earlier pairs may point along what has no gradient now
    if (!parameters()[i].grad().defined()) d[i] = zeros_like(d[i]);
  return d;
}

LBFGS::Point LBFGS::look(const Line& line, double t) {
  for (std::size_t i = 0; i < line.d.size(); ++i)
    if (parameters()[i].requires_grad()) parameters()[i].node()->value.copy_from(line.start[i] + line.d[i] * t);
  const Reevaluation again(line.before);
  const double f = evaluate(line.closure);
  Point point{f, 0.0, t, gradient()};
  point.slope = dot(point.g, line.d);
  return point;
}

LBFGS::Point LBFGS::search(const Line& line, Point from, double t) {
  const double f = from.f, slope = from.slope;
  const auto falls_enough = [&](const Point& p) {
    return std::isfinite(p.f) && std::isfinite(p.slope) && p.f <= f + c1 * p.t * slope;
  };
  const auto flat_enough = [&](const Point& p) { return std::abs(p.slope) <= -c2 * slope; };
  const double smallest_fall = rounding(parameters()) * std::abs(f);

  // Ever longer steps, until one is good or a good one must lie between the last two.
  Point low = from, high = from;
  Index left = groups()[0].options.max_evaluations;
  for (; left > 0; t *= 2.0) {
    Point here = look(line, t);
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
    if (low.t == 0.0 && -slope * high.t <= smallest_fall) break;  // no fall that could be seen
    Point here = look(line, minimum_of_cubic(low, high));
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

double LBFGS::first_length(const std::vector<Pair>& pairs, const Point& at) const {
  const LBFGSOptions& o = groups()[0].options;
  const double norm = total_norm(at.g), seen = std::max(o.relative_change_tolerance, rounding(parameters()));
  // A step as long as the gradient, but no longer than 1; as long as 1, where it would hardly change the loss.
  const bool as_gradient = norm < 1.0 && norm * norm > seen * std::abs(at.f);
  return o.lr * lr_factor() * (pairs.empty() && !as_gradient ? 1.0 / norm : 1.0);
}

const char* LBFGS::reason_at(double f, const Vector& g, double start) const {
  const LBFGSOptions& o = groups()[0].options;
  const double most = largest(g);
  if (!std::isfinite(f) || !std::isfinite(most)) return "not_finite";
  const double enough = std::max(o.gradient_tolerance, o.relative_gradient_tolerance * start);
  return most <= enough ? "gradient_tolerance" : nullptr;
}

bool LBFGS::hardly_moves(const Vector& s, double f, double next) const {
  const LBFGSOptions& o = groups()[0].options;
  return largest(s) <= o.change_tolerance ||
         std::abs(next - f) <= std::max(o.change_tolerance, o.relative_change_tolerance * std::abs(f));
}

double LBFGS::advance(Closure closure) {
  const Generator before = default_generator();
  const double first_loss = evaluate(closure);
  std::vector<Pair> pairs = kept();
  const std::size_t old = pairs.size();
  Vector theta;
  Point at{first_loss, 0.0, 0.0, gradient()};
  const double start = start_gradient().item() > 0.0 ? start_gradient().item() : largest(at.g);
  const char* stopped = nullptr;
  {
    const detail::Excursion excursion(parameters(), saved_);
    theta = saved_;
    for (Index k = 0; k < groups()[0].options.max_iterations && !stopped; ++k) {
      stopped = reason_at(at.f, at.g, start);
      if (stopped) break;
      const Vector d = direction(pairs, at.g);
      at.slope = dot(at.g, d);
      at.t = 0.0;
      const double t = first_length(pairs, at);
      if (t == 0.0) break;
      stopped = !std::isfinite(at.slope) ? "not_finite" : at.slope < 0.0 ? nullptr : "line_search";
      if (stopped) break;
      Point next = search({closure, before, theta, d}, at, t);
      if (next.t == 0.0) {  // nothing better in sight
        stopped = "line_search";
        break;
      }
      Pair pair;
      for (std::size_t i = 0; i < d.size(); ++i) {
        pair.s.push_back(d[i] * next.t);
        pair.y.push_back(next.g[i] - at.g[i]);
        if (theta[i].defined()) theta[i] = theta[i] + pair.s[i];  // else it is frozen
      }
      pair.product = dot(pair.s, pair.y);
      if (hardly_moves(pair.s, at.f, next.f)) stopped = "change_tolerance";
      // Without positive curvature along s, H would no longer be positive definite.
      if (pair.product > 1e-10 * total_norm(pair.s) * total_norm(pair.y)) pairs.push_back(std::move(pair));
      at = std::move(next);
    }
  }
  for (std::size_t i = 0; i < theta.size(); ++i)
    if (theta[i].defined()) parameters()[i].node()->value.copy_from(theta[i]);
  for (std::size_t k = old; k < pairs.size(); ++k) keep(pairs[k]);
  state(2 * parameters().size() + 1).fill(start);
  stopped_ = stopped;
  return first_loss;
}

}  // namespace ravine::optim
