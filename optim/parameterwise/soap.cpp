#include <ravine/optim/parameterwise/soap.hpp>

#include <cmath>
#include <limits>

#include <ravine/core/linalg.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/sort.hpp>
#include <ravine/optim/algebra.hpp>
#include <ravine/optim/kernels/eigen.hpp>
#include <ravine/optim/taylor.hpp>

namespace ravine::optim {
namespace {

/// Eigenvectors of S, that of the largest eigenvalue first.
Tensor eigenbasis(const Tensor& S) {
  if (!all_finite(S)) return full_like(S, std::numeric_limits<double>::quiet_NaN());
  return flip(symmetric_eigen(S.to(f64)).vectors, {1}).to(S.dtype());
}

/// a / b, and 0 where a is 0.
Tensor quotient(const Tensor& a, Tensor b) { return where(eq(a, 0.0), a, a / std::move(b)); }

/// The orthonormal factor of a square matrix.
Tensor orthonormal(const Tensor& A) {
  const Tensor given = A.to(f64);
  Tensor Q(A.shape(), f64);
  detail::active_eigen_loops().orthonormal(given.raw<double>(), A.size(0), Q.raw<double>());
  return Q.to(A.dtype());
}

/// Turns Q towards the eigenvectors of S, in the order of their eigenvalues, and v along its dimension with it.
void turn(Tensor& Q, const Tensor& S, Tensor& v, Index dim) {
  const Tensor P = matmul(S, Q);
  const Tensor order = argsort(sum(Q * P, {0}), 0, true);
  v = index_select(v, dim, order);
  Q = orthonormal(index_select(P, 1, order));
}

}  // namespace

detail::Kept SOAP::keeps(const SOAPOptions& /*o*/, const Variable& p) {
  detail::Kept all = {{"m", zeros_like(p.value())}, {"v", zeros_like(p.value())}};
  if (p.rank() < 2 || p.numel() == 0) return all;
  const Index n = p.size(0), m = p.numel() / n;
  for (const auto& [name, size] : {std::pair{"l", n}, std::pair{"r", m}, std::pair{"ql", n}, std::pair{"qr", m}})
    all.emplace_back(name, zeros({size, size}, p.dtype()));
  return all;
}

void SOAP::change(const SOAPOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const bool is_matrix = p.rank() >= 2;
  const Tensor G = is_matrix ? detail::as_matrix(p.grad()) : p.grad();
  const double beta = o.shampoo_beta.value_or(o.beta2);
  const Tensor GGt = is_matrix ? matmul(G, G, Transpose::no, Transpose::yes) : Tensor();
  const Tensor GtG = is_matrix ? matmul(G, G, Transpose::yes, Transpose::no) : Tensor();
  const bool no_basis = is_matrix && detail::norm_of(kept[4]) == 0.0;  // its first gradient may come late
  if (now.t == 1 || no_basis) {
    if (!is_matrix) return;
    kept[2] = GGt * (1.0 - beta);
    kept[3] = GtG * (1.0 - beta);
    kept[4] = eigenbasis(kept[2]);
    kept[5] = eigenbasis(kept[3]);
    return;
  }
  const auto into = [&](const Tensor& x) {
    return is_matrix ? matmul(matmul(kept[4], x, Transpose::yes), kept[5]) : x;
  };
  Tensor m = is_matrix ? detail::as_matrix(kept[0]) : kept[0], v = is_matrix ? detail::as_matrix(kept[1]) : kept[1];
  m = m * o.beta1 + G * (1.0 - o.beta1);
  v = v * o.beta2 + square(into(G)) * (1.0 - o.beta2);
  Tensor U = quotient(into(m), sqrt(v) + o.eps);
  if (is_matrix) U = matmul(matmul(kept[4], U), kept[5], Transpose::no, Transpose::yes);
  const double s = static_cast<double>(now.t - 1);
  const double c = o.bias_correction ? std::sqrt(1.0 - std::pow(o.beta2, s)) / (1.0 - std::pow(o.beta1, s)) : 1.0;
  detail::descend(p, U.reshape(p.shape()), now.lr * c);
  if (o.weight_decay != 0.0) detail::descend(p, p.value() * (now.lr * o.weight_decay));
  if (is_matrix) {
    detail::average(kept[2], GGt, beta);
    detail::average(kept[3], GtG, beta);
    if ((now.t - 1) % o.interval == 0) {
      turn(kept[4], kept[2], v, 0);
      turn(kept[5], kept[3], v, 1);
    }
  }
  kept[0].copy_from(m.reshape(p.shape()));
  kept[1].copy_from(v.reshape(p.shape()));
}

}  // namespace ravine::optim
