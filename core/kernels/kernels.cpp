#include <ravine/core/kernels/kernels.hpp>

#include <array>
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include <ravine/core/kernels/dispatch.hpp>
#include <ravine/core/text.hpp>

namespace ravine {

const char* name(Isa isa) { return isa == Isa::v4 ? "v4" : isa == Isa::v3 ? "v3" : "baseline"; }

bool supported(Isa isa) {
  if (isa == Isa::baseline) return true;
#if defined(RAVINE_HAS_v3)
  __builtin_cpu_init();
  if (isa == Isa::v3)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#endif
#if defined(RAVINE_HAS_v4)
  __builtin_cpu_init();
  if (isa == Isa::v4)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#endif
  return false;
}

namespace {

Isa choose() {
  const char* wanted = std::getenv("RAVINE_ISA");
  for (const Isa isa : {Isa::v4, Isa::v3, Isa::baseline}) {
    if (!wanted || !*wanted) {
      if (supported(isa)) return isa;
    } else if (std::string_view(wanted) == name(isa)) {
      if (supported(isa)) return isa;
      throw std::runtime_error(detail::text("RAVINE_ISA: this processor or build has no ", wanted));
    }
  }
  throw std::runtime_error(detail::text("RAVINE_ISA: '", wanted, "' is none of baseline, v3, v4"));
}

}  // namespace

Isa active_isa() {
  static const Isa isa = choose();
  return isa;
}

namespace kernels {
namespace {

template <class T>
constinit std::atomic<const Kernels<T>*> active{nullptr};

// Apart from kernels(), which then needs no stack.
template <class T>
[[gnu::noinline]] const Kernels<T>& choose_kernels() {
  static const Kernels<T> chosen = detail::with_active_isa([]<Isa isa>() {
    if constexpr (std::is_floating_point_v<T>)
      return Kernels<T>{order_table<isa, T>(),  copy_table<isa, T>(), random_table<isa, T>(),
                        reduce_table<isa, T>(), gemm_table<isa, T>(), normalize_table<isa, T>(),
                        loss_table<isa, T>()};
    else if constexpr (std::is_same_v<T, Index>)
      return Kernels<T>{order_table<isa, T>(), copy_table<isa, T>(), random_table<isa, T>()};
    else
      return Kernels<T>{order_table<isa, T>(), copy_table<isa, T>()};
  });
  active<T>.store(&chosen, std::memory_order_release);
  return chosen;
}

using Maps = std::array<const Map*, 4>;  // of each DType
constinit std::atomic<const Maps*> active_maps{nullptr};

[[gnu::noinline]] const Maps& choose_maps() {
  static const Maps chosen = detail::with_active_isa([]<Isa isa>() {
    const auto of = []<class T>(T) { return &map_table<isa, T>(); };
    return Maps{of(float{}), of(double{}), of(Index{}), of(std::uint8_t{})};
  });
  active_maps.store(&chosen, std::memory_order_release);
  return chosen;
}

}  // namespace

const Map& map(DType dtype) {
  const Maps* const chosen = active_maps.load(std::memory_order_acquire);
  return *(chosen ? *chosen : choose_maps())[static_cast<std::size_t>(dtype)];
}

template <class T>
const Kernels<T>& kernels() {
  const Kernels<T>* const chosen = active<T>.load(std::memory_order_acquire);
  return chosen ? *chosen : choose_kernels<T>();
}
template const Kernels<float>& kernels();
template const Kernels<double>& kernels();
template const Kernels<std::int64_t>& kernels();
template const Kernels<std::uint8_t>& kernels();

}  // namespace kernels
}  // namespace ravine
