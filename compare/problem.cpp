#include <ravine/compare/problem.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/linalg.hpp>
#include <ravine/autograd/math.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/compare/network.hpp>
#include <ravine/compare/seeds.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/call.hpp>

namespace ravine::compare {
namespace {

using detail::Stream;
using landscapes::Landscape;

/// Starts are drawn around a landscape's own: normal, with so much of the domain's width as standard deviation.
constexpr double start_spread = 0.01;

/// x = A z + shift with A a rotation times a factor, and values times another.
struct Move {
  Tensor A;                   // (d, d) f64
  std::vector<double> shift;  // (d)
  double factor;              // of A
  double value;

  std::vector<double> operator()(const std::vector<double>& z) const {
    const auto turned = matmul(A, tensor(z, f64)).to_vector<double>();
    std::vector<double> x = shift;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += turned[i];
    return x;
  }
};

/// A turn of every pair of axes by a random angle.
Tensor random_rotation(Index d, Generator& generator) {
  Tensor R = eye(d, f64);
  double* r = R.mutable_data<double>();
  for (Index i = 0; i < d; ++i)
    for (Index j = i + 1; j < d; ++j) {
      const double angle = 2.0 * std::numbers::pi * generator.next_uniform();
      const double c = std::cos(angle), s = std::sin(angle);
      for (Index k = 0; k < d; ++k) {
        const double a = r[i * d + k], b = r[j * d + k];
        r[i * d + k] = c * a - s * b;
        r[j * d + k] = s * a + c * b;
      }
    }
  return R;
}

/// Turned by any angles, up to twice as large or half, a quarter of the domain away in each coordinate at most, with
/// values up to ten times as high or a tenth.
Move random_move(const Landscape& plain, std::uint64_t seed) {
  Generator generator = detail::stream(seed, Stream::instance);
  const auto symmetric = [&] { return 2.0 * generator.next_uniform() - 1.0; };
  Move move{random_rotation(plain.dimension, generator), {}, std::exp2(symmetric()), std::pow(10.0, symmetric())};
  move.A = move.A * move.factor;
  for (std::size_t i = 0; i < plain.low.size(); ++i)
    move.shift.push_back(0.25 * (plain.high[i] - plain.low[i]) * symmetric());
  return move;
}

/// The smallest box around the domain where it is now.
void move_domain(Landscape& l, const Move& move) {
  const auto A = move.A.to_vector<double>();
  const std::vector<double> low = l.low, high = l.high;
  l.low = l.high = move.shift;
  const std::size_t d = low.size();
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j) {
      const double a = A[i * d + j];
      l.low[i] += std::min(a * low[j], a * high[j]);
      l.high[i] += std::max(a * low[j], a * high[j]);
    }
}

/// The landscape with all that is known of it.
Landscape moved(const Landscape& plain, const Move& move) {
  Landscape l = plain;
  l.start = move(plain.start);
  for (auto& minimum : l.minima) minimum = move(minimum);
  l.minimum = move.value * plain.minimum;
  move_domain(l, move);
  const Tensor inverse = transpose(move.A) * (1.0 / (move.factor * move.factor)), shift = tensor(move.shift, f64);
  l.f = [f = plain.f, inverse, shift, value = move.value](const Variable& x) {
    const DType dtype = x.dtype();
    return value * f(matmul(inverse.to(dtype), x - shift.to(dtype)));
  };
  return l;
}

Problem on_landscape(const std::string& name, const Landscape& plain, std::uint64_t instance) {
  std::optional<Move> move;
  if (instance > 0) move = random_move(plain, instance);
  const Landscape l = move ? moved(plain, *move) : plain;
  const auto make = [plain, move, f = l.f](std::uint64_t seed) {
    Generator generator = detail::stream(seed, Stream::start);
    const auto noise = randn({plain.dimension}, f64, generator).to_vector<double>();
    std::vector<double> start = plain.start;
    for (std::size_t i = 0; i < start.size(); ++i) start[i] += start_spread * (plain.high[i] - plain.low[i]) * noise[i];
    const Variable theta = parameter(tensor(move ? (*move)(start) : start, f64));
    return Instance{{theta}, [theta, f] { return f(theta); }};
  };
  return {name, make, l.minimum, std::numeric_limits<double>::quiet_NaN(), l};
}

struct QuadraticOptions {
  Index dim = 10;
  double condition = 100.0;

  static void fields(auto&& field) {
    static constexpr optim::Range dims{1.0, 1000.0, true, true, "from 1 to 1000"};
    field("dim", &QuadraticOptions::dim, dims);
    field("condition", &QuadraticOptions::condition, optim::at_least_one);
  }
};

/// Half the sum of curvatures times squares.
Landscape quadratic(const detail::Call& call) {
  const auto [dim, condition] = detail::given_options(call, QuadraticOptions());
  std::vector<double> curvatures;
  for (Index i = 0; i < dim; ++i)
    curvatures.push_back(dim == 1 ? condition
                                  : std::pow(condition, static_cast<double>(i) / static_cast<double>(dim - 1)));
  const auto f = [halves = tensor(curvatures, f64) * 0.5](const Variable& theta) {
    return sum(halves.to(theta.dtype()) * square(theta));
  };
  const auto all = [n = static_cast<std::size_t>(dim)](double x) { return std::vector<double>(n, x); };
  return {"quadratic", dim, all(-2.0), all(2.0), all(1.0), {all(0.0)}, 0.0, f};
}

Landscape landscape(const detail::Call& call) {
  if (call.name == "quadratic" && !call.inner) return quadratic(call);
  for (Landscape& l : landscapes::all())
    if (l.name == call.name && !call.inner) {
      detail::check_names(call, {});
      return l;
    }
  throw std::invalid_argument(
      detail::text("problem: no problem '", call.name, "', there are: ", detail::join(problem_names())));
}

/// The seed behind '@'.
std::uint64_t instance_number(const std::string& name, const std::string& digits) {
  std::uint64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || stop != end || number >= std::uint64_t{1} << 63)
    throw std::invalid_argument(
        detail::text("problem: '", name, "': an instance is a whole number, as in beale@7, got '", digits, "'"));
  return number;
}

}  // namespace

Problem problem(const std::string& name) {
  if (name.starts_with("mlp:")) return detail::network(name);
  const std::size_t at = std::min(name.find('@'), name.size());
  const std::uint64_t instance = at < name.size() ? instance_number(name, name.substr(at + 1)) : 0;
  return on_landscape(name, landscape(detail::parse_call("problem", name.substr(0, at))), instance);
}

std::vector<std::string> problem_names() {
  std::vector<std::string> names;
  for (const Landscape& l : landscapes::all()) names.push_back(l.name);
  names.emplace_back("quadratic");
  for (const std::string& data : detail::network_data()) names.push_back("mlp:" + data);
  return names;
}

}  // namespace ravine::compare
