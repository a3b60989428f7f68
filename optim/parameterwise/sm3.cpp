#include <ravine/optim/parameterwise/sm3.hpp>

#include <algorithm>
#include <string>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {
namespace {

/// The shape of p with a size of 1 in all dimensions but i.
Shape along(const Variable& p, int i) {
  Shape shape;
  for (int k = 0; k < p.rank(); ++k) shape.push_back(k == i ? p.size(k) : 1);
  return shape;
}

}  // namespace

detail::Kept SM3::keeps(const SM3Options& o, const Variable& p) {
  detail::Kept all = {{"momentum", detail::zeros_if(o.momentum > 0.0, p)}};
  for (int i = 0; i < std::max(1, p.rank()); ++i)
    all.emplace_back("d" + std::to_string(i), zeros({p.rank() == 0 ? 1 : p.size(i)}, p.dtype()));
  return all;
}

void SM3::change(const SM3Options& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const Tensor& g = p.grad();
  Tensor least = kept[1].reshape(along(p, 0));
  for (int i = 1; i < p.rank(); ++i) least = minimum(least, kept[1 + static_cast<std::size_t>(i)].reshape(along(p, i)));
  const Tensor nu = square(g) + least;
  for (int i = 0; i < std::max(1, p.rank()); ++i) {
    std::vector<Index> others;
    for (int k = 0; k < p.rank(); ++k)
      if (k != i) others.push_back(k);
    Tensor& mu = kept[1 + static_cast<std::size_t>(i)];
    mu.copy_from((p.rank() > 1 ? max(nu, others) : nu).reshape(mu.shape()));
  }
  Tensor U = detail::quotient(g, sqrt(nu + o.eps));
  if (kept[0].defined()) {
    detail::average(kept[0], std::move(U), o.momentum);
    U = kept[0];
  }
  detail::descend(p, std::move(U), now.lr);
}

}  // namespace ravine::optim
