#include <ravine/optim/kernels/finite.hpp>

#include <ravine/core/kernels/simd.hpp>

namespace ravine::detail {
namespace {

// 0 times a number is 0, times NaN or infinity NaN.
bool finite(const float* const* x, const Index* n, int arrays) {
  using Vector = kernels::Vector<float>;
  Vector nothing[4] = {};
  constexpr Index lanes = kernels::lanes<float>;
  const auto look = [&](Vector v, Vector& at) { at = kernels::multiply_add<float>(v, Vector{}, at); };
  for (int k = 0; k < arrays; ++k) {
    const float* a = x[k];
    Index left = n[k];
    for (; left >= 4 * lanes; left -= 4 * lanes, a += 4 * lanes)
      for (int v = 0; v < 4; ++v) look(kernels::load(a + v * lanes), nothing[v]);
    for (; left >= lanes; left -= lanes, a += lanes) look(kernels::load(a), nothing[0]);
    if (left > 0) look(kernels::load(a, static_cast<int>(left)), nothing[1]);
  }
  const Vector all = (nothing[0] + nothing[1]) + (nothing[2] + nothing[3]);
  return kernels::fold<float>(all, [](auto a, auto b) { return a + b; }) == 0.0F;
}

}  // namespace

template <>
FiniteLoop finite_loop<Isa::RAVINE_KERNEL_ISA>() {
  return finite;
}

}  // namespace ravine::detail
