// What recording and differentiating an op costs beyond its kernel, on tensors of one element.
#include <benchmark/benchmark.h>

#include <ravine/ravine.hpp>

namespace rv = ravine;

namespace {

const rv::Variable w = rv::parameter(rv::full({1, 1}, 0.5));
const rv::Variable b = rv::parameter(rv::full({1}, 0.5));
const rv::Tensor x = rv::full({1, 1}, 0.5);
constexpr int chain = 200;

/// A chain of ops, forward and backward; the time is an op's.
template <class F>
void differentiated(benchmark::State& state, F op) {
  for (auto _ : state) {
    rv::Variable h = rv::linear(x, w, b);
    for (int i = 0; i < chain; ++i) h = op(std::move(h));
    w.zero_grad();
    b.zero_grad();
    rv::sum(h).backward();
  }
  state.counters["ns_per_op"] =
      benchmark::Counter(chain * 1e-9, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

/// The same computation forward on plain tensors: mostly the kernels.
template <class F>
void plain(benchmark::State& state, F op) {
  for (auto _ : state) {
    rv::Tensor h = x.clone();
    for (int i = 0; i < chain; ++i) h = op(std::move(h));
    benchmark::DoNotOptimize(h);
  }
  state.counters["ns_per_op"] =
      benchmark::Counter(chain * 1e-9, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

/// Twelve ops of different kinds, as in a small model: two layers and a loss written out.
void twelve(benchmark::State& state) {
  const rv::Variable w2 = rv::parameter(rv::full({1, 1}, 0.25)), b2 = rv::parameter(rv::full({1}, 0.1));
  for (auto _ : state) {
    rv::Variable h = rv::relu(rv::linear(x, w, b));         // 2
    h = rv::tanh(rv::linear(h, w2, b2));                    // 4
    h = h * 2.0 - 1.0;                                      // 6
    h = rv::sigmoid(h) + h;                                 // 8
    rv::Variable loss = rv::mean(rv::square(h - x)) * 0.5;  // 12
    for (const rv::Variable& p : {w, b, w2, b2}) p.zero_grad();
    loss.backward();
  }
  state.counters["ns_per_op"] =
      benchmark::Counter(12e-9, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

/// The same arithmetic on plain tensors, the gradients by hand: what `twelve` takes longer is the graph's cost.
void twelve_by_hand(benchmark::State& state) {
  const rv::Tensor v = w.value(), c = b.value(), v2 = rv::full({1, 1}, 0.25), c2 = rv::full({1}, 0.1);
  constexpr auto no = rv::Transpose::no, yes = rv::Transpose::yes;
  for (auto _ : state) {
    const rv::Tensor r = rv::relu(rv::linear(x, v, c));
    const rv::Tensor t = rv::tanh(rv::linear(r, v2, c2));
    const rv::Tensor u = t * 2.0 - 1.0;
    const rv::Tensor s = rv::sigmoid(u);
    const rv::Tensor e = s + u - x;
    rv::Tensor loss = rv::mean(rv::square(e)) * 0.5;
    const rv::Tensor de = rv::full({1, 1}, 0.5) * e * 2.0;
    rv::Tensor du = rv::sigmoid_pullback(de, s) + de;
    const rv::Tensor dz2 = rv::tanh_pullback(std::move(du) * 2.0, t);
    const rv::Tensor dz = rv::relu_pullback(rv::matmul(dz2, v2, no, no), r);
    rv::Tensor dv2 = rv::matmul(dz2, r, yes, no), dc2 = rv::sum(dz2, 0);
    rv::Tensor dv = rv::matmul(dz, x, yes, no), dc = rv::sum(dz, 0);
    benchmark::DoNotOptimize(loss);
    benchmark::DoNotOptimize(dv2);
    benchmark::DoNotOptimize(dc2);
    benchmark::DoNotOptimize(dv);
    benchmark::DoNotOptimize(dc);
  }
  state.counters["ns_per_op"] =
      benchmark::Counter(12e-9, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

const auto relu = [](auto h) { return rv::relu(std::move(h)); };
const auto add = [](auto h) { return std::move(h) + 1.0; };
const auto mul = [](auto h) { return std::move(h) * 0.5; };

BENCHMARK(twelve);
BENCHMARK(twelve_by_hand);
BENCHMARK_CAPTURE(differentiated, relu, relu);
BENCHMARK_CAPTURE(plain, relu, relu);
BENCHMARK_CAPTURE(differentiated, add_scalar, add);
BENCHMARK_CAPTURE(plain, add_scalar, add);
BENCHMARK_CAPTURE(differentiated, mul_scalar, mul);
BENCHMARK_CAPTURE(plain, mul_scalar, mul);
BENCHMARK_CAPTURE(differentiated, mul_parameter, [](auto h) { return h * w; });
BENCHMARK_CAPTURE(differentiated, linear, [](auto h) { return rv::linear(h, w, b); });

}  // namespace

BENCHMARK_MAIN();
