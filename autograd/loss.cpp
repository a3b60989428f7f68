#include <ravine/autograd/loss.hpp>

#include <ravine/autograd/activations.hpp>
#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/fused.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/loss.hpp>
#include <ravine/core/reduce.hpp>

namespace ravine::detail {

using kernels::Op;

namespace {

/// dx = dy (Q softmax(scores) - q) by rows, where Q is the sum of the row's class weights q; linear in dy.
template <class Target>
Variable cross_entropy_pullback(const Variable& dy, const Variable& scores, const Target& target, const Tensor& rows) {
  const Tensor q = class_weights(target(), scores.size(1), scores.dtype()), total = sum(q, 1, true);
  const auto to_dy = [scores, q, total](auto d) {
    return sum(std::move(d) * (softmax(like(d, scores), 1) * total - q), 1);
  };
  const auto to_scores = [dy, scores, total](auto d) {
    const auto p = softmax(like(d, scores), 1);
    return p * (d - sum(d * p, 1, true)) * (reshape(like(d, dy), total.shape()) * total);
  };
  return record("cross_entropy_pullback", detail::cross_entropy_pullback(dy.value(), scores.value(), target(), rows),
                {{dy, to_dy}, {scores, to_scores}});
}
Tensor cross_entropy_pullback(const Tensor& dy, const Tensor& scores, const auto& target, const Tensor& rows) {
  return detail::cross_entropy_pullback(dy, scores, target(), rows);
}

}  // namespace

Variable squared_error(const Variable& a, const Variable& b, double count) {
  const auto edge = [scale = 2.0 / count](const Variable& mine, const Variable& other) {
    return [mine, other, scale](auto dy) {
      if constexpr (std::is_same_v<decltype(dy), Tensor>)
        return map(Op::squared_error_pullback, {std::move(dy), mine.value(), other.value(), scale});
      else
        return (mine - other) * (std::move(dy) * scale);
    };
  };
  return record("mse_loss", scalar(squared_error(a.value(), b.value()) / count, a.dtype()),
                {{a, edge(a, b)}, {b, edge(b, a)}});
}

Variable binary_cross_entropies(const Variable& x, const Variable& t) {
  const auto to_x = [x, t](Variable dy) { return std::move(dy) * ((1.0 - t) * sigmoid(x) - t * sigmoid(-x)); };
  return record("binary_cross_entropy_with_logits", map(Op::binary_cross_entropy, {x.value(), t.value()}),
                {{x, fused(Op::binary_cross_entropy_pullback, to_x, x, t)},
                 {t, [x](auto dy) { return -(std::move(dy) * like(dy, x)); }}});
}

Variable huber_losses(const Variable& a, const Variable& b, double delta, double scale) {
  const auto edge = [=](const Variable& mine, const Variable& other) {
    const auto plain = [=](Variable dy) { return std::move(dy) * clamp(mine - other, -delta, delta) * scale; };
    return fused(Op::huber_pullback, plain, mine, other, delta, scale);
  };
  return record("huber_loss", map(Op::huber, {a.value(), b.value(), delta, scale}), {{a, edge(a, b)}, {b, edge(b, a)}});
}

Variable cross_entropies(const Variable& scores, const Variable& classes, const Variable& weight, double smoothing,
                         Index ignored) {
  const auto target = [=] { return ClassTargets{classes.value(), weight.value(), smoothing, ignored}; };
  Tensor rows({2, scores.size(0)}, scores.dtype());
  Tensor losses = cross_entropies(scores.value(), target(), rows);
  return record("cross_entropy", std::move(losses),
                {{scores, [=](auto dy) { return cross_entropy_pullback(dy, like(dy, scores), target, rows); }}});
}

}  // namespace ravine::detail
