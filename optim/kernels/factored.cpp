#include <ravine/optim/kernels/factored.hpp>

namespace ravine::detail {
namespace {

template <class T>
double squares(const T* g, Index count, double* columns) {
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (Index j = 0; j < count; ++j) {
    const double square = static_cast<double>(g[j]) * static_cast<double>(g[j]);
    columns[j] += square;
    sum += square;
  }
  return sum;
}

template <class T>
void step(T* x, const T* g, Index count, T row_root, const T* column_roots, T rate, T eps) {
#pragma omp simd
  for (Index j = 0; j < count; ++j) {
    const T change = rate * g[j] / (row_root * column_roots[j] + eps);
    x[j] -= g[j] == T(0) ? T(0) : change;
  }
}

template <class T>
constexpr FactoredLoops<T> loops = {squares<T>, step<T>};

}  // namespace

template <Isa isa, class T>
const FactoredLoops<T>& factored_loops() {
  return loops<T>;
}
template const FactoredLoops<float>& factored_loops<Isa::RAVINE_KERNEL_ISA>();
template const FactoredLoops<double>& factored_loops<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::detail
