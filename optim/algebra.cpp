#include <ravine/optim/algebra.hpp>

#include <algorithm>
#include <vector>

#include <ravine/core/kernels/dispatch.hpp>
#include <ravine/optim/pieces.hpp>

namespace ravine::detail {

void average(Tensor& mean, Tensor x, double beta) { mean = std::move(mean) * beta + std::move(x) * (1.0 - beta); }

namespace {

/// What is added up at once.
constexpr Index sum_piece = 4096;

template <class T>
Sums run(PassLoop<T> loop, const void* pass, Tensor& value, const Tensor& gradient, std::span<Tensor> kept) {
  T* arrays[max_slots];
  for (std::size_t k = 0; k < kept.size(); ++k) arrays[k] = kept[k].raw<T>();
  const Index n = value.numel(), pieces = (n + sum_piece - 1) / sum_piece;
  std::vector<Sums> sums(static_cast<std::size_t>(pieces));
  parallel_for(pieces, long_piece(pieces, parallel_grain / sum_piece), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      sums[static_cast<std::size_t>(i)] =
          loop(pass, value.raw<T>(), gradient.raw<T>(), arrays, i * sum_piece, std::min(n, (i + 1) * sum_piece));
  });
  Sums total{};
  for (const Sums& sum : sums)
    for (std::size_t k = 0; k < total.size(); ++k) total[k] += sum[k];
  return total;
}

const PassTable& active_passes() {
  static const PassTable table = with_active_isa([]<Isa isa>() { return pass_table<isa>(); });
  return table;
}

}  // namespace

Sums run_pass(std::size_t place, const void* pass, const Variable& p, std::span<Tensor> kept) {
  Tensor& value = p.node()->value;
  const PassLoops& loops = active_passes()[place];
  const Sums sums =
      value.dtype() == f32 ? run(loops.f32, pass, value, p.grad(), kept) : run(loops.f64, pass, value, p.grad(), kept);
  value.mark_written(advance_write_clock());
  return sums;
}

void descend(const Variable& p, Tensor step, double scale, double decay) {
  if (decay != 0.0) {
    step = std::move(step) * scale + p.value() * decay;
    scale = 1.0;
  }
  Tensor no_momentum;
  apply<optim::SGD>({{}, scale, 1}, p.value(), std::move(step), {&no_momentum, 1});
}

Tensor as_matrix(const Tensor& x) { return x.rank() == 2 ? x : x.reshape({x.size(0), -1}); }

Tensor zeros_if(bool kept, const Variable& p) { return kept ? zeros_like(p.value()) : Tensor(); }

Kept adamw_keeps(const optim::AdamWOptions& o, const Variable& p) {
  return {{"m", zeros_if(o.beta1 > 0.0, p)}, {"v", zeros_if(o.beta2 > 0.0, p)}};
}

void adamw_step(const optim::AdamWOptions& o, double factor, Index t, const Variable& p, std::span<Tensor> kept) {
  apply<optim::AdamW>({o, o.lr * factor, t}, p.value(), p.grad(), kept);
}

}  // namespace ravine::detail
