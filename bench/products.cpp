// Times matrix products for bench/peers/products.py:  products SECONDS < requests
// Each line of the input is "NT m n k f32": which operand is stored transposed, C (m, n) = A (m, k) B (k, n), and the
// type. The answer is the shortest time of a product in microseconds, ravine's and oneDNN's in turns, or - where that
// is not found or has none.
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
    best[1] < 1e9 ? std::cout << best[1] * 1e6 << std::endl : std::cout << '-' << std::endl;
  }
}
