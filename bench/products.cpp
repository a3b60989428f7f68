// Times matrix products for bench/peers/products.py:  products SECONDS < requests
// Each line of the input is "NT m n k f32": which operand is stored transposed, C (m, n) = A (m, k) B (k, n), and the
// type. The answer is the shortest time of a product in microseconds, ravine's and oneDNN's in turns, or - where that
// is not found or has none; and that of as many multiplications and additions that stay in registers.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <ravine/bench/arguments.hpp>
#include <ravine/core/threads.hpp>
#include <ravine/ravine.hpp>
#include <string>
#ifdef PRODUCTS_WITH_ONEDNN
#include <dnnl.h>
#endif

namespace rv = ravine;
using rv::Index;

namespace {

struct Request {
  bool transpose_a, transpose_b;
  Index m, n, k;
  rv::Tensor a, b, c;
};

void ours(Request& r) {
  rv::matmul(r.a, r.b, r.transpose_a ? rv::Transpose::yes : rv::Transpose::no,
             r.transpose_b ? rv::Transpose::yes : rv::Transpose::no);
}

#ifdef PRODUCTS_WITH_ONEDNN
void onednn(Request& r) {
  dnnl_sgemm(r.transpose_a ? 'T' : 'N', r.transpose_b ? 'T' : 'N', r.m, r.n, r.k, 1.0F, r.a.data<float>(),
             r.transpose_a ? r.m : r.k, r.b.data<float>(), r.transpose_b ? r.k : r.n, 0.0F, r.c.mutable_data<float>(),
             r.n);
}
#endif

/// Chains of multiplications and additions in registers, as many as hide their latency.
template <int bytes, class T>
[[gnu::always_inline]] inline T chains(Index steps) {
  typedef T Vector __attribute__((vector_size(bytes)));
  Vector c[12], a = Vector{} + T(0.5), b = Vector{} + T(steps);
#pragma GCC unroll 12
  for (int q = 0; q < 12; ++q) c[q] = b + T(q);
  for (Index i = 0; i < steps; ++i)
#pragma GCC unroll 12
    for (int q = 0; q < 12; ++q) c[q] = c[q] * a + b;
  for (int q = 1; q < 12; ++q) c[0] += c[q];
  return c[0][0];
}
#ifdef __x86_64__
template <class T>
[[gnu::target("avx512f")]] T chains_v4(Index steps) {
  return chains<64, T>(steps);
}
template <class T>
[[gnu::target("avx2,fma")]] T chains_v3(Index steps) {
  return chains<32, T>(steps);
}
#endif

/// Seconds that so many of them take on all threads, at best.
template <class T>
double at_peak(double count) {
  auto run = chains<16, T>;
  Index lanes = 16 / sizeof(T);
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2")) run = chains_v3<T>, lanes = 32 / sizeof(T);
  if (__builtin_cpu_supports("avx512f")) run = chains_v4<T>, lanes = 64 / sizeof(T);
#endif
  const int threads = rv::detail::threads_available();
  const Index steps = 100'000;
  double best = 1e9;
  volatile T result = 0;
  for (int turn = 0; turn < 50; ++turn) {
    const auto begin = std::chrono::steady_clock::now();
    rv::detail::run_parallel(threads, threads, [&](Index) { result = run(steps); });
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return best * count / static_cast<double>(threads * steps * 12 * lanes);
}

/// Seconds of one of `count` calls.
template <class F>
double time_of(F f, Request& r, int count) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) f(r);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / count;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = bench::argument(argc, argv, 1, 0.1);
  rv::detail::hold_threads(true);  // as many as asked for, though a peer's keep the cores busy between turns
  std::string form, type;
  for (Request r; std::cin >> form >> r.m >> r.n >> r.k >> type;) {
    r.transpose_a = form[0] == 'T';
    r.transpose_b = form[1] == 'T';
    const rv::DType dtype = type == "f32" ? rv::f32 : rv::f64;
    r.a = rv::randn(r.transpose_a ? rv::Shape{r.k, r.m} : rv::Shape{r.m, r.k}, dtype);
    r.b = rv::randn(r.transpose_b ? rv::Shape{r.n, r.k} : rv::Shape{r.k, r.n}, dtype);
    r.c = rv::zeros({r.m, r.n}, dtype);
    const int count = static_cast<int>(std::clamp(2e-5 / time_of(ours, r, 1), 1.0, 1000.0));
    double best[2] = {1e9, 1e9}, spent = 0.0;
    const auto turn = [&](int who, auto f) {
      const double time = time_of(f, r, count);
      best[who] = std::min(best[who], time);
      spent += time * count;
    };
    do {
      turn(0, ours);
#ifdef PRODUCTS_WITH_ONEDNN
      if (dtype == rv::f32) turn(1, onednn);
#endif
    } while (spent < seconds);
    std::cout << best[0] * 1e6 << ' ';
    best[1] < 1e9 ? std::cout << best[1] * 1e6 : std::cout << '-';
    const double sums = static_cast<double>(r.m * r.n * r.k);
    std::cout << ' ' << (dtype == rv::f32 ? at_peak<float>(sums) : at_peak<double>(sums)) * 1e6 << std::endl;
  }
}
