// What the losses share: squared differences, and the softmax of rows of scores.
#include <Eigen/Core>

#include <ravine/core/kernels/kernels.hpp>

namespace ravine::kernels {
namespace {

template <class T>
double squared_error(const T* a, const T* b, Index n) {
  constexpr Index chunk = 4096;
  double total = 0.0;
  for (Index begin = 0; begin < n; begin += chunk) {
    const Index end = begin + chunk < n ? begin + chunk : n;
    T part = 0;
#pragma omp simd reduction(+ : part)
    for (Index i = begin; i < end; ++i) {
      const T d = a[i] - b[i];
      part += d * d;
    }
    total += static_cast<double>(part);
  }
  return total;
}

template <class T>
void scaled_difference(const T* a, const T* b, T scale, T* dx, Index n) {
#pragma omp simd
  for (Index i = 0; i < n; ++i) dx[i] = scale * (a[i] - b[i]);
}

template <class T>
using Row = Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>;

// The largest score is taken out before the exponential, which then cannot overflow.
template <class T>
void log_normalizer(const T* logits, Index rows, Index classes, T* result) {
  for (Index i = 0; i < rows; ++i) {
    const Row<T> row(logits + i * classes, classes);
    const T top = row.template maxCoeff<Eigen::PropagateNaN>();
    // Infinite scores: all -inf has no weight at all, and +inf outweighs the rest.
    if (top - top != T(0))
      result[i] = top;
    else
      result[i] = top + std::log((row - top).exp().sum());
  }
}

template <class T>
void probabilities(const T* logits, const T* log_normalizer, Index rows, Index classes, T* p) {
  for (Index i = 0; i < rows; ++i)
    Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>>(p + i * classes, classes) =
        (Row<T>(logits + i * classes, classes) - log_normalizer[i]).exp();
}

template <class T>
constexpr Loss<T> table = {.squared_error = squared_error<T>,
                           .scaled_difference = scaled_difference<T>,
                           .log_normalizer = log_normalizer<T>,
                           .probabilities = probabilities<T>};

}  // namespace

template <Isa isa, class T>
const Loss<T>& loss_table() {
  return table<T>;
}
template const Loss<float>& loss_table<Isa::RAVINE_KERNEL_ISA>();
template const Loss<double>& loss_table<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
