#include <ravine/dist/loss.hpp>

#include <stdexcept>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/grad.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/autograd/reevaluation.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
#include <ravine/dist/evaluation.hpp>

namespace ravine::detail {
namespace {

/// The loss's Hessian times a vector, of all variables one after the other in f64.
std::vector<Tensor> hessian_product(const Task& task, const Tensor& vector) {
  return sums(task, [&](const Variable& loss, const LeafHook*) {
    const std::vector<Variable> g = grad(loss, task.variables, {.create_graph = true, .allow_unused = true});
    Variable product = scalar(0.0, f64);
    Index at = 0;
    for (std::size_t k = 0; k < g.size(); ++k) {
      const Index begin = std::exchange(at, at + task.variables[k].numel());
      if (!g[k].defined()) continue;
      product = product + sum(g[k] * vector.slice(0, begin, at).reshape(g[k].shape()).to(g[k].dtype())).to(f64);
    }
    const std::vector<Variable> Hv = grad(product, task.variables, {.allow_unused = true});
    for (std::size_t k = 0; k < g.size(); ++k)
      if (Hv[k].defined()) task.variables[k].set_grad(Hv[k].value());
  });
}

/// While it lives, this thread may record as if it were not within a pullback.
class OutsideSweep {
 public:
  OutsideSweep() : saved_(thread_state) {
    thread_state.recording = true;
    thread_state.reading_since = ThreadState().reading_since;
    thread_state.pullback_of = nullptr;
  }
  ~OutsideSweep() {
    const auto recorded = std::exchange(thread_state, saved_).recorded;
    thread_state.recorded = recorded;
  }
  OutsideSweep(const OutsideSweep&) = delete;
  OutsideSweep& operator=(const OutsideSweep&) = delete;

 private:
  const ThreadState saved_;
};

/// Zeros, one for each element of all variables, whose derivatives are those of the gradients: the Hessian.
class Curvature {
 public:
  Curvature(const Task& task, const Generator& before) : task_(task), before_(before) {}

  /// Those of one variable; variables come in order. The last one is the end of it.
  static Variable of(const std::shared_ptr<Curvature>& all, std::size_t variable) {
    const std::vector<Variable>& variables = all->task_.variables;
    if (variable == all->first) all->zeros_ = record_zeros(all);
    Index begin = 0;
    for (std::size_t k = 0; k < variable; ++k) begin += variables[k].numel();
    const Variable& v = variables[variable];
    const Variable part = slice(all->zeros_, 0, begin, begin + v.numel()).reshape(v.shape()).to(v.dtype());
    if (variable == all->last) all->zeros_ = {};
    return part;
  }

  std::size_t first = 0, last = 0;  // variables that have a gradient

 private:
  static Variable record_zeros(const std::shared_ptr<Curvature>& all) {
    Index numel = 0;
    std::vector<Edge> edges;
    for (std::size_t k = 0; k < all->task_.variables.size(); ++k) {
      numel += all->task_.variables[k].numel();
      if (k < all->first || k > all->last) continue;
      edges.emplace_back(all->task_.variables[k], [all, k](const Variable& vector) {
        if (thread_state.recording)
          throw std::logic_error("DataParallel: a loss has first and second derivatives only");
        return all->product(vector.value(), k);
      });
    }
    return record("data_parallel", zeros({numel}, f64), edges);
  }

  /// Of one variable; all are computed with the first.
  Tensor product(const Tensor& vector, std::size_t variable) {
    if (variable == first) {
      const OutsideSweep outside;
      const Reevaluation again(before_);
      products_ = hessian_product(task_, vector);
    }
    const Variable& v = task_.variables[variable];
    return products_[variable].defined() ? std::move(products_[variable]) : ravine::zeros(v.shape(), v.dtype());
  }

  const Task& task_;
  const Generator before_;
  Variable zeros_;
  std::vector<Tensor> products_;
};

}  // namespace

Variable mean_loss(const Task& task) {
  const auto curvature = std::make_shared<Curvature>(task, default_generator());
  std::vector<Tensor> all =
      sums(task, [](const Variable& loss, const LeafHook* complete) { backward(loss, complete); });
  std::vector<Edge> edges;
  for (std::size_t k = 0; k < task.variables.size(); ++k) {
    if (!all[k].defined()) continue;
    if (edges.empty()) curvature->first = k;
    curvature->last = k;
    edges.emplace_back(task.variables[k], [g = std::move(all[k]), curvature, k](auto dy) {
      if constexpr (std::is_same_v<decltype(dy), Tensor>)
        return dy.item() == 1.0 ? g : g * dy.item();
      else
        return (Variable(g) + Curvature::of(curvature, k)) * dy.item();
    });
  }
  return record("data_parallel", all.back().reshape({}), edges);
}

}  // namespace ravine::detail
