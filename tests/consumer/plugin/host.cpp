// Loads the plug-in, on several threads as well, unloads it and loads it again: it trains each time, with the same
// result.
#include <dlfcn.h>

#include <cstdio>
#include <thread>

int main() {
  double ratios[2][3];
  for (auto& of_one : ratios) {
    void* plugin = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
    if (!plugin) return std::fprintf(stderr, "%s\n", dlerror()), 1;
    const auto train = reinterpret_cast<double (*)()>(dlsym(plugin, "train"));
    if (!train) return std::fprintf(stderr, "%s\n", dlerror()), 1;
    std::thread first([&] { of_one[0] = train(); }), second([&] { of_one[1] = train(); });
    of_one[2] = train();
    first.join();
    second.join();
    dlclose(plugin);
  }
  std::printf("plug-in: loss falls to %.4f of what it was\n", ratios[0][0]);
  for (const auto& of_one : ratios)
    for (const double ratio : of_one)
      if (!(ratio < 0.1) || ratio != ratios[0][0]) return 1;
  return 0;
}
