#include <ravine/optim/parameterwise/shampoo.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include <ravine/core/linalg.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/optim/algebra.hpp>
#include <ravine/optim/taylor.hpp>

namespace ravine::optim {
namespace {

/// x as a matrix of dimension i by all others.
Tensor unfolded(const Tensor& x, int i) {
  if (x.rank() < 2) return x.reshape({-1, 1});
  return transpose(x, 0, i).reshape({x.size(i), -1});
}

/// S^-p, of eigenvalues that rounding has not put below the least there can be; all NaN if an element is not finite.
Tensor inverse_power(const Tensor& S, double p, double least) {
  if (!all_finite(S)) return full_like(S, std::numeric_limits<double>::quiet_NaN());
  const Eigenpairs pairs = symmetric_eigen(S.to(f64));
  return matmul(pairs.vectors * pow(maximum(pairs.values, least), -p), pairs.vectors, Transpose::no, Transpose::yes)
      .to(S.dtype());
}

}  // namespace

detail::Kept Shampoo::keeps(const ShampooOptions& o, const Variable& p) {
  detail::Kept all;
  for (int i = 0; i < std::max(1, p.rank()); ++i)
    all.emplace_back("s" + std::to_string(i), eye(p.rank() == 0 ? 1 : p.size(i), p.dtype()) * o.eps);
  return all;
}

void Shampoo::change(const ShampooOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const detail::DecayFactors decay(o.weight_decay, o.decay, now.lr);
  const Tensor G = p.grad() + p.value() * decay.coupled;
  Tensor U = G;
  for (int i = 0; i < std::max(1, p.rank()); ++i) {
    Tensor& S = kept[static_cast<std::size_t>(i)];
    const Tensor flat = unfolded(G, i);
    S = std::move(S) + matmul(flat, flat, Transpose::no, Transpose::yes);
    const Tensor power = inverse_power(S, 0.5 / std::max(1, p.rank()), o.eps);
    // Back from the matrix: dimensions 0 and i are swapped.
    Shape shape = U.shape();
    if (p.rank() >= 2) std::swap(shape[0], shape[i]);
    U = matmul(power, unfolded(U, i)).reshape(shape);
    if (p.rank() >= 2) U = transpose(U, 0, i);
  }
  detail::descend(p, std::move(U), now.lr, decay.decoupled);
}

}  // namespace ravine::optim
