// Runs a program with one instruction set for the kernels: with_isa v4 program arguments...
// Exits with 77, which ctest shows as skipped, where the processor does not have it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include <unistd.h>
#include <ravine/core/isa.hpp>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "use: with_isa baseline|v3|v4 program arguments...\n");
    return 1;
  }
  for (const ravine::Isa isa : {ravine::Isa::baseline, ravine::Isa::v3, ravine::Isa::v4})
    if (std::strcmp(argv[1], ravine::name(isa)) == 0 && !ravine::supported(isa)) {
      std::printf("skipped: this processor has no %s\n", argv[1]);
      return 77;
    }
  setenv("RAVINE_ISA", argv[1], 1);  // a wrong name is refused by the program itself
  execv(argv[2], argv + 2);
  std::perror(argv[2]);
  return 1;
}
