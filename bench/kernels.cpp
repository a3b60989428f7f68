// What the heavy ops reach on plain tensors: matrix products in GFLOP/s, loops over elements in bytes a second.
// OMP_NUM_THREADS=1 for one core's.
#include <benchmark/benchmark.h>

#include <array>

#include <ravine/ravine.hpp>

namespace rv = ravine;
using rv::Index;

namespace {

constexpr auto no = rv::Transpose::no, yes = rv::Transpose::yes;

void count_flops(benchmark::State& state, Index m, Index n, Index k) {
  state.counters["flop"] =
      benchmark::Counter(2.0 * static_cast<double>(m * n * k), benchmark::Counter::kIsIterationInvariantRate);
}

/// The three products of a layer (rows, in) to (rows, out), as training makes them.
void forward(benchmark::State& state) {
  const Index rows = state.range(0), in = state.range(1), out = state.range(2);
  const rv::Tensor x = rv::randn({rows, in}), w = rv::randn({out, in});
  for (auto _ : state) benchmark::DoNotOptimize(rv::matmul(x, w, no, yes));
  count_flops(state, rows, out, in);
}
void input_gradient(benchmark::State& state) {
  const Index rows = state.range(0), in = state.range(1), out = state.range(2);
  const rv::Tensor dy = rv::randn({rows, out}), w = rv::randn({out, in});
  for (auto _ : state) benchmark::DoNotOptimize(rv::matmul(dy, w, no, no));
  count_flops(state, rows, in, out);
}
void weight_gradient(benchmark::State& state) {
  const Index rows = state.range(0), in = state.range(1), out = state.range(2);
  const rv::Tensor dy = rv::randn({rows, out}), x = rv::randn({rows, in});
  for (auto _ : state) benchmark::DoNotOptimize(rv::matmul(dy, x, yes, no));
  count_flops(state, out, in, rows);
}

void layers(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "in", "out"});
  for (const auto& layer : {std::array<Index, 3>{32, 32, 32},
                            {64, 64, 64},
                            {64, 784, 128},
                            {128, 784, 512},
                            {128, 512, 512},
                            {512, 1024, 4096},
                            {512, 4096, 4096},
                            {512, 4096, 1024}})
    b->Args({layer[0], layer[1], layer[2]});
}
BENCHMARK(forward)->Apply(layers)->UseRealTime();
BENCHMARK(input_gradient)->Apply(layers)->UseRealTime();
BENCHMARK(weight_gradient)->Apply(layers)->UseRealTime();

/// An op from one tensor to another: it reads and writes each element once.
template <class F>
void map(benchmark::State& state, F f) {
  const rv::Tensor x = rv::randn({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(f(x));
  state.SetBytesProcessed(state.iterations() * state.range(0) * 8);
}
/// The same to one number.
template <class F>
void reduce(benchmark::State& state, F f) {
  const rv::Tensor x = rv::randn({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(f(x));
  state.SetBytesProcessed(state.iterations() * state.range(0) * 4);
}
void sizes(benchmark::internal::Benchmark* b) { b->Arg(1 << 10)->Arg(1 << 16)->Arg(1 << 22)->UseRealTime(); }

BENCHMARK_CAPTURE(map, relu, [](const rv::Tensor& x) { return rv::relu(x); })->Apply(sizes);
BENCHMARK_CAPTURE(map, add, [](const rv::Tensor& x) { return x + 1.0; })->Apply(sizes);
BENCHMARK_CAPTURE(map, exp, [](const rv::Tensor& x) { return rv::exp(x); })->Apply(sizes);
BENCHMARK_CAPTURE(map, tanh, [](const rv::Tensor& x) { return rv::tanh(x); })->Apply(sizes);
BENCHMARK_CAPTURE(map, sigmoid, [](const rv::Tensor& x) { return rv::sigmoid(x); })->Apply(sizes);
BENCHMARK_CAPTURE(reduce, sum, [](const rv::Tensor& x) { return rv::sum(x); })->Apply(sizes);
BENCHMARK_CAPTURE(reduce, norm, [](const rv::Tensor& x) { return rv::norm(x); })->Apply(sizes);

/// Forward and backward of what normalizes, activates or scores a batch (rows, columns).
template <class F>
void differentiated(benchmark::State& state, F f) {
  const rv::Variable x = rv::parameter(rv::randn({state.range(0), state.range(1)}));
  for (auto _ : state) {
    x.zero_grad();
    f(x).backward();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(1));
}
void batches(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "columns"})->Args({64, 64})->Args({128, 512})->Args({512, 4096})->UseRealTime();
}
BENCHMARK_CAPTURE(differentiated, batch_norm, [](const rv::Variable& x) {
  return rv::sum(rv::nn::batch_norm(x));
})->Apply(batches);
BENCHMARK_CAPTURE(differentiated, softmax, [](const rv::Variable& x) {
  return rv::sum(rv::softmax(x, 1));
})->Apply(batches);
BENCHMARK_CAPTURE(differentiated, cross_entropy, [](const rv::Variable& x) {
  return rv::nn::cross_entropy(x, rv::zeros({x.size(0)}, rv::i64));
})->Apply(batches);

}  // namespace

BENCHMARK_MAIN();
