#include <ravine/optim/lanczos.hpp>

#include <algorithm>
#include <cmath>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/autograd/reevaluation.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/linalg.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/loss_surface.hpp>

namespace ravine::optim {
namespace {

using detail::text;
using Product = FunctionRef<Tensor(const Tensor&)>;

constexpr Index longest_basis = 64;  // then the iteration starts anew from the best vector

struct Pair {
  double value;
  Tensor vector;
};

/// w less its parts along orthonormal rows (k, n); twice, as rounding leaves something the first time.
Tensor without(const Tensor& rows, Tensor w) {
  for (int pass = 0; pass < 2 && rows.size(0) > 0; ++pass) w = w - matmul(matmul(rows, w), rows);
  return w;
}

/// The largest of a symmetric tridiagonal matrix, with its eigenvector.
Pair largest(const std::vector<double>& diagonal, const std::vector<double>& beside) {
  const auto n = static_cast<Index>(diagonal.size());
  Tensor T = zeros({n, n}, f64);
  for (Index i = 0; i < n; ++i) T.set({i, i}, diagonal[static_cast<std::size_t>(i)]);
  for (Index i = 0; i + 1 < n; ++i)
    for (const auto& at : {std::pair(i, i + 1), std::pair(i + 1, i)})
      T.set({at.first, at.second}, beside[static_cast<std::size_t>(i)]);
  const Eigenpairs all = symmetric_eigen(T);
  const Index i = argmax(abs(all.values), 0).item<Index>();
  return {all.values.at({i}), all.vectors.slice(1, i, i + 1).reshape({n})};
}

class Lanczos {
 public:
  Lanczos(Product product, Index n, const LanczosOptions& options) : product_(product), n_(n), options_(options) {}

  /// The next pair, in the space that is orthogonal to those found before.
  Pair next() {
    Pair best{0.0, normalized(without(found_, randn({n_}, f64, generator_)))};
    for (products_ = 0; !iterate(best);) {
    }
    best.vector = normalized(without(found_, best.vector));
    scale_ = std::max(scale_, std::abs(best.value));
    found_ = concat({found_, best.vector.reshape({1, n_})}, 0);
    return best;
  }

 private:
  static Tensor normalized(const Tensor& v) { return v / total_norm({v}); }

  Tensor multiply(const Tensor& v) {
    Tensor w = product_(v);
    if (w.shape() != v.shape())
      throw ShapeError(text("leading_eigen: the product with a vector ", v.shape(), " is ", w.shape()));
    w = w.to(f64);
    if (!all_finite(w)) throw std::runtime_error("leading_eigen: a product with the matrix has NaN or infinity");
    ++products_;
    return without(found_, w);
  }

  /// Improves the pair by a basis of the space that products make of its vector; true once it is found.
  bool iterate(Pair& best) {
    const Index space = n_ - found_.size(0), longest = std::min(longest_basis, space);
    Tensor basis({longest, n_}, f64), v = best.vector;
    std::vector<double> diagonal, beside;
    for (Index j = 0; j < longest; ++j) {
      basis[j].copy_from(v);
      const Tensor so_far = basis.slice(0, 0, j + 1), w = multiply(v);
      diagonal.push_back(dot(v, w));
      const Tensor rest = without(so_far, w);
      beside.push_back(total_norm({rest}));
      const Pair ritz = largest(diagonal, beside);
      best = {ritz.value, matmul(ritz.vector, so_far)};
      const double residual = beside.back() * std::abs(ritz.vector.at({j}));
      if (residual <= options_.tolerance * std::max(scale_, std::abs(best.value)) || j + 1 == space) return true;
      if (products_ >= options_.max_products)
        throw std::runtime_error(text("leading_eigen: after ", products_, " products |A v - λ v| is still ", residual,
                                      " for λ = ", best.value));
      v = rest / beside.back();
    }
    best.vector = normalized(best.vector);
    return false;
  }

  Product product_;
  Index n_;
  const LanczosOptions& options_;
  Generator generator_{0};  // of its own: the result does not depend on where the iteration starts
  Tensor found_ = zeros({0, n_}, f64);
  double scale_ = 0.0;  // the largest magnitude found
  Index products_ = 0;
};

/// Eigenvectors have no sign of their own.
Tensor with_sign(const Tensor& v) { return -min(v).item() > max(v).item() ? -v : v; }

}  // namespace

Eigenpairs leading_eigen(Product product, Index n, Index count, const LanczosOptions& options) {
  const auto refuse = [](const auto&... what) { throw std::invalid_argument(text("leading_eigen: ", what...)); };
  if (!(options.tolerance > 0.0)) refuse("tolerance must be > 0, got ", options.tolerance);
  if (options.max_products < 1) refuse("max_products must be >= 1, got ", options.max_products);
  if (count < 0 || count > n) refuse("count must be from 0 to the size of the matrix, ", n, ", got ", count);
  Lanczos lanczos(product, n, options);
  std::vector<Pair> pairs;
  while (static_cast<Index>(pairs.size()) < count) pairs.push_back(lanczos.next());
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return std::abs(a.value) > std::abs(b.value); });
  Eigenpairs result{Tensor({count}, f64), Tensor({count, n}, f64)};
  for (Index i = 0; i < count; ++i) {
    const Pair& pair = pairs[static_cast<std::size_t>(i)];
    result.values.set({i}, pair.value);
    result.vectors[i].copy_from(with_sign(pair.vector));
  }
  result.vectors = transpose(result.vectors);
  return result;
}

Eigenpairs hessian_eigen(const std::vector<Variable>& parameters, Optimizer::Closure loss, Index count,
                         const LanczosOptions& options) {
  const Index n = detail::check_parameters("hessian_eigen", parameters);
  const Reevaluation leaves_alone(default_generator());
  const Variable value = detail::checked_loss("hessian_eigen", loss());
  if (!value.requires_grad())
    throw std::logic_error("hessian_eigen: the loss depends on no parameter, or was computed without recording");
  const std::vector<Variable> gradients = grad(value, parameters, {.create_graph = true, .allow_unused = true});
  const auto product = [&](const Tensor& v) {
    Variable along;  // gᵀv, in double: parameters may differ in precision
    Index begin = 0;
    for (std::size_t i = 0; i < parameters.size(); begin += parameters[i].numel(), ++i) {
      if (!gradients[i].defined() || !gradients[i].requires_grad()) continue;  // the loss is linear in it
      const Tensor part = v.slice(0, begin, begin + parameters[i].numel()).reshape(parameters[i].shape());
      const Variable term = sum(gradients[i].to(f64) * Variable(part));
      along = along.defined() ? along + term : term;
    }
    Tensor Hv = zeros({n}, f64);
    if (!along.defined()) return Hv;
    const std::vector<Variable> parts = grad(along, parameters, {.retain_graph = true, .allow_unused = true});
    begin = 0;
    for (std::size_t i = 0; i < parts.size(); begin += parameters[i].numel(), ++i)
      if (parts[i].defined())
        Hv.slice(0, begin, begin + parts[i].numel()).copy_from(parts[i].value().reshape({-1}).to(f64));
    return Hv;
  };
  return leading_eigen(product, n, count, options);
}

}  // namespace ravine::optim
