/// @file
/// Which instruction set the kernels use.
#pragma once

namespace ravine {

/// The builds of the kernels: baseline (any processor of the architecture), x86-64-v3 (AVX2, FMA), x86-64-v4 (AVX-512).
enum class Isa { baseline, v3, v4 };

/// "baseline", "v3" or "v4".
const char* name(Isa isa);

/// True if this processor, its system and this build of the library can run it.
bool supported(Isa isa);

/// The one in use, chosen when first asked: the best supported one, or what the environment variable RAVINE_ISA names.
/// Throws std::runtime_error if that is not a name or not supported.
Isa active_isa();

}  // namespace ravine
