#include <ravine/core/isa.hpp>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include <ravine_isas.hpp>

#include <ravine/core/text.hpp>

namespace ravine {

const char* name(Isa isa) { return isa == Isa::v4 ? "v4" : isa == Isa::v3 ? "v3" : "baseline"; }

bool supported(Isa isa) {
  if (!detail::built(isa)) return false;
  if (isa == Isa::baseline) return true;
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") &&
         (isa == Isa::v3 || (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                             __builtin_cpu_supports("avx512vl")));
#else
  return false;
#endif
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
  if (!wanted || !*wanted)
    throw std::runtime_error("ravine was built for other processors (RAVINE_ISAS) than this one");
  throw std::runtime_error(detail::text("RAVINE_ISA: '", wanted, "' is none of baseline, v3, v4"));
}

}  // namespace

Isa active_isa() {
  static const Isa isa = choose();
  return isa;
}

}  // namespace ravine
