// The bandwidth of a step of Adam, beside that of a loop written by hand: adam [PARAMETERS [ROUNDS]]
// A step reads θ, g, m and v and writes θ, m and v: 28 bytes a parameter. Both take turns; the ratio is the median over
// rounds of that in one round. Fails if they do not arrive at the same parameters.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <ravine/bench/arguments.hpp>
#include <ravine/ravine.hpp>

namespace rv = ravine;

void adam_by_hand(long n, float* theta, const float* g, float* m, float* v, long t);  // limit/adam.cpp

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

int main(int argc, char** argv) {
  const rv::Index n = bench::argument<rv::Index>(argc, argv, 1, 10'000'000);
  const int rounds = bench::argument(argc, argv, 2, 21);
  const rv::Variable theta = rv::parameter(rv::randn({n}));
  rv::optim::Adam adam({theta});
  rv::Tensor by_hand = theta.value().clone(), m = rv::zeros({n}), v = rv::zeros({n});  // the same kind of memory
  const rv::Tensor gradients[] = {rv::randn({n}), rv::randn({n})};                     // far from subnormal

  std::vector<double> ours, hands, ratios;
  for (int t = 1; t <= rounds + 1; ++t) {
    const rv::Tensor& g = gradients[t % 2];
    theta.set_grad(g);
    const double start = now();
    adam.step();
    const double between = now();
    adam_by_hand(n, by_hand.mutable_data<float>(), g.data<float>(), m.mutable_data<float>(), v.mutable_data<float>(),
                 t);
    const double end = now();
    if (t == 1) continue;  // a warm-up
    ours.push_back(between - start);
    hands.push_back(end - between);
    ratios.push_back(hands.back() / ours.back());
  }

  std::printf("%-8s %10s %8s\n", "", "ms a step", "GB/s");
  const auto row = [&](const char* name, double seconds) {
    std::printf("%-8s %10.3f %8.2f\n", name, 1e3 * seconds, 28e-9 * static_cast<double>(n) / seconds);
  };
  row("ravine", median(ours));
  row("by hand", median(hands));
  std::printf("ravine reaches %.2f of the bandwidth by hand\n", median(ratios));

  const float *a = theta.value().data<float>(), *b = by_hand.data<float>();
  for (rv::Index i = 0; i < n; ++i)
    if (!(std::abs(a[i] - b[i]) <= 1e-5F * (1.0F + std::abs(b[i])))) {  // a step is 1e-3, rounding 1e-7
      std::fprintf(stderr, "adam: parameter %lld is %.9g, by hand %.9g\n", static_cast<long long>(i), a[i], b[i]);
      return 1;
    }
}
