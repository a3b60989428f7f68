#include <ravine/core/isa.hpp>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

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

}  // namespace ravine
