// Adam as one loop over plain arrays, for bench/adam.cpp; nothing of ravine is used.
#include <cmath>

/// Update t = 1, 2, … of n parameters, with the usual options.
void adam_by_hand(long n, float* theta, const float* g, float* m, float* v, long t) {
  const float rate = static_cast<float>(1e-3 / (1.0 - std::pow(0.9, t)));
  const float scale = static_cast<float>(1.0 / (1.0 - std::pow(0.999, t)));
#pragma omp parallel for simd
  for (long i = 0; i < n; ++i) {
    m[i] = 0.9F * m[i] + 0.1F * g[i];
    v[i] = 0.999F * v[i] + 0.001F * g[i] * g[i];
    theta[i] -= rate * m[i] / (std::sqrt(scale * v[i]) + 1e-8F);
  }
}
