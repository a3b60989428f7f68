#include <ravine/optim/kernels/finite.hpp>

#include <ravine/core/kernels/simd.hpp>

namespace ravine::detail {
namespace {

// 0 times a number is 0, times NaN or infinity NaN.
bool finite(const float* const* x, const Index* n, int arrays) {
  using Vector = kernels::Vector<float>;
  constexpr Index lanes = kernels::lanes<float>, at_once = 8;  // as each addition waits for the one before
  Vector nothing[at_once] = {}, rest{};
  const auto look = [](Vector v, Vector& at) { at = kernels::multiply_add<float>(v, Vector{}, at); };
  for (int k = 0; k < arrays; ++k) {
    const float* a = x[k];
    Index left = n[k];
    for (; left >= at_once * lanes; left -= at_once * lanes, a += at_once * lanes)
#pragma GCC unroll 8  // or the array is in memory
      for (int v = 0; v < at_once; ++v) look(kernels::load(a + v * lanes), nothing[v]);
    for (; left >= lanes; left -= lanes, a += lanes) look(kernels::load(a), rest);
    if (left > 0) look(kernels::load(a, static_cast<int>(left)), rest);
  }
#pragma GCC unroll 8
  for (int v = 0; v < at_once; ++v) rest = rest + nothing[v];
  return kernels::fold<float>(rest, [](auto a, auto b) { return a + b; }) == 0.0F;
}

}  // namespace

template <>
FiniteLoop finite_loop<Isa::RAVINE_KERNEL_ISA>() {
  return finite;
}

}  // namespace ravine::detail
