// How far functions of one number are from long double, in units of the last place:  ulps [POINTS]
// Over all floating-point numbers, special ones included. RAVINE_ISA chooses the instruction set.
#include <cstdio>
#include <cstdlib>

#include <ravine/bench/arguments.hpp>
#include "../tests/autograd/exact.hpp"

int main(int argc, char** argv) {
  const std::size_t points = bench::argument<std::size_t>(argc, argv, 1, 1'000'000);
  const std::vector<float> x32 = arguments<float>(points);
  const std::vector<double> x64 = arguments<double>(points);
  std::printf("| %zu points, %s | f32 | at | f64 | at |\n|---|---|---|---|---|\n", points, name(ravine::active_isa()));
  for (const Function& f : functions) {
    const Worst single = worst(f, x32), whole = worst(f, x64);
    std::printf("| %s | %.2f | %.9g | %.2f | %.17g |\n", f.name, single.ulps, single.at, whole.ulps, whole.at);
  }
}
