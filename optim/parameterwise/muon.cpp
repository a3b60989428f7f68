#include <ravine/optim/parameterwise/muon.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <ravine/core/linalg.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/algebra.hpp>

namespace ravine::optim {
namespace {

/// X after so many iterations of Newton–Schulz; the shorter side is kept first, which changes the cost alone.
Tensor orthogonalized(Tensor X, Index steps) {
  const bool tall = X.size(0) > X.size(1);
  if (tall) X = transpose(X);
  for (Index k = 0; k < steps; ++k) {
    const Tensor A = matmul(X, X, Transpose::no, Transpose::yes);
    X = X * 3.4445 + matmul(A * -4.7750 + matmul(A, A) * 2.0315, X);
  }
  return tall ? transpose(X) : X;
}

}  // namespace

detail::Kept Muon::keeps(const MuonOptions& o, const Variable& p) {
  if (p.rank() >= 2) return {{"momentum", zeros_like(p.value())}};
  if (!o.vectors)
    throw std::invalid_argument(
        detail::text("Muon: a parameter of shape ", p.shape(), " is no matrix, and vectors is none"));
  return detail::adamw_keeps(*o.vectors, p);
}

void Muon::change(const MuonOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  if (p.rank() < 2) return detail::adamw_step(*o.vectors, now.factor, now.t, p, kept);
  Tensor& M = kept[0];
  detail::average(M, p.grad(), o.momentum);
  const Tensor B = detail::as_matrix(o.nesterov ? M * o.momentum + p.grad() * (1.0 - o.momentum) : M);
  const double length = std::max(detail::norm_of(B), o.eps);
  const Tensor X = orthogonalized(length == 0.0 ? B : B / length, o.ns_steps);
  const double n = static_cast<double>(X.size(0)), m = static_cast<double>(X.size(1));
  const double k = o.scale == MuonScale::spectral ? std::sqrt(std::max(1.0, n / m)) : 0.2 * std::sqrt(std::max(n, m));
  detail::descend(p, X.reshape(p.shape()), now.lr * k, now.lr * o.weight_decay);
}

}  // namespace ravine::optim
