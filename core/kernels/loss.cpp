// The softmax of lines of scores, rows or columns; losses of classes, which are made of it.
#include <limits>

#include <ravine/core/kernels/functions.hpp>
#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/kernels/simd.hpp>

namespace ravine::kernels {
namespace {

/// f(position, scores, lanes in use) on registers of n scores; lanes that are not in use hold -inf.
template <class T, class F>
inline void each_register(const T* x, Index n, F f) {
  Index j = 0;
  for (; j + lanes<T> <= n; j += lanes<T>) f(j, load(x + j), lanes<T>);
  if (j == n) return;
  const int used = static_cast<int>(n - j);
  const Vector<T> nothing = broadcast(-std::numeric_limits<T>::infinity());
  f(j, load(x + j, used, nothing), used);
}

/// The same on registers of exp(x - top), where no score is above top.
template <class T, class F>
inline void each_exponential(const T* x, Index n, T top, F f) {
  each_register(x, n, [&](Index j, Vector<T> scores, int used) { f(j, decay<T>(scores - top), used); });
}

template <class T>
inline T sum_lanes(Vector<T> v) {
  return fold<T>(v, [](Vector<T> a, Vector<T> b) { return a + b; });
}

/// The largest of n scores. NaN may be passed over: the exponentials will show it.
template <class T>
T largest(const T* x, Index n) {
  constexpr Index four = 4 * lanes<T>;
  const auto larger = [](Vector<T> a, Vector<T> b) { return a > b ? a : b; };
  Vector<T> top = broadcast(x[0]);
  Index j = 0;
  if (n >= four) {
    Vector<T> tops[4] = {top, top, top, top};
    for (; j + four <= n; j += four)
      for (int v = 0; v < 4; ++v) tops[v] = larger(load(x + j + v * lanes<T>), tops[v]);
    top = larger(larger(tops[0], tops[1]), larger(tops[2], tops[3]));
  }
  each_register(x + j, n - j, [&](Index, Vector<T> scores, int) { top = larger(scores, top); });
  return fold<T>(top, larger);
}

/// The sum over [0, n) of f(begin, count) over chunks: each in T, and those sums in double.
template <class F>
double sum_chunks(Index n, F f) {
  constexpr Index chunk = 256;
  double total = 0.0;
  for (Index begin = 0; begin < n; begin += chunk)
    total += static_cast<double>(f(begin, n - begin < chunk ? n - begin : chunk));
  return total;
}

/// A row's largest score (of equals one), and the sum of exp(x - top) of the others. NaN if it is NaN or infinite.
template <class T>
struct Row {
  T top, others;

  Row(const T* x, Index n) : Row(x, n, [](Index, Vector<T>, int) {}) {}
  /// keep(position, exponentials, lanes in use) gets those of the scores, if the largest is finite.
  template <class F>
  Row(const T* x, Index n, F keep) : top(largest(x, n)), others(std::numeric_limits<T>::quiet_NaN()) {
    if (top - top != T(0)) return;
    // What is 1 is counted: beside it, the rest would be rounded.
    const Vector<T> one = broadcast(T(1));
    Vector<T> ones{};
    const double sum = sum_chunks(n, [&](Index begin, Index count) {
      Vector<T> part{};
      each_exponential(x + begin, count, top, [&](Index j, Vector<T> e, int used) {
        keep(begin + j, e, used);
        part += e == one ? Vector<T>{} : e;
        ones += e == one ? one : Vector<T>{};
      });
      return sum_lanes<T>(part);
    });
    others = static_cast<T>(sum + static_cast<double>(sum_lanes<T>(ones) - T(1)));
  }

  T log_sum() const { return log1p<T>(broadcast(others))[0]; }  // of exp(x - top) of all
};

/// Of a row whose largest score is infinite: all -inf have no weight at all, and +inf outweighs the rest. NaN stays.
template <class T>
T infinite_sum(const T* x, Index n, T top) {
  for (Index j = 0; j < n; ++j)
    if (x[j] != x[j]) return x[j];
  return top;
}

template <class T>
void logsumexp(const T* x, Index rows, Index n, T* y) {
  for (Index i = 0; i < rows; ++i, x += n) {
    const Row<T> row(x, n);
    y[i] = row.top - row.top != T(0) ? infinite_sum(x, n, row.top) : row.top + row.log_sum();
  }
}

template <class T>
void softmax(const T* x, Index rows, Index n, T* y) {
  for (Index i = 0; i < rows; ++i, x += n, y += n) {
    const auto keep = [y](Index j, Vector<T> e, int used) {
      used == lanes<T> ? store(y + j, e) : store(y + j, e, used);
    };
    const Row<T> row(x, n, keep);
    const T sum = T(1) + row.others;
    if (sum != sum) {
      for (Index j = 0; j < n; ++j) y[j] = sum;
      continue;
    }
    // e / sum, but for a rounding of the last digit: the quotient, and what it leaves.
    const Vector<T> sums = broadcast(sum), inverse = broadcast(T(1) / sum);
    for_strips<T>(n, [&](auto strip, Index j) {
      strip.each([&](int v) {
        const Vector<T> e = strip.load(y + j, v), q = e * inverse;
        strip.store(y + j, v, multiply_add<T>(multiply_add<T>(-q, sums, e), inverse, q));
      });
    });
  }
}

template <class T>
void log_softmax(const T* x, Index rows, Index n, T* y) {
  for (Index i = 0; i < rows; ++i, x += n, y += n) {
    const Row<T> row(x, n);
    const T log_sum = row.log_sum();
#pragma omp simd
    for (Index j = 0; j < n; ++j) y[j] = (x[j] - row.top) - log_sum;
  }
}

/// The sum over [0, n) of registers f(strip, first, v).
template <class T, class F>
inline Vector<T> sum_of(Index n, F f) {
  return broadcast(static_cast<T>(sum_chunks(n, [&](Index begin, Index count) {
    Vector<T> part[4] = {};
    for_strips<T>(count, [&](auto strip, Index j) { strip.each([&](int v) { part[v] += f(strip, begin + j, v); }); });
    return sum_lanes<T>((part[0] + part[1]) + (part[2] + part[3]));
  })));
}

/// The gradient of a score from dy and y, and from the line's sum of parts of them.
struct SoftmaxPullback {
  static auto part(auto dy, auto y) { return dy * y; }
  template <class T, class V>
  static V of(V dy, V y, V sum) {
    return y * (dy - sum);
  }
};
struct LogSoftmaxPullback {
  static auto part(auto dy, auto) { return dy; }
  template <class T, class V>
  static V of(V dy, V y, V sum) {
    return multiply_add<T>(-exp<T>(y), sum, dy);
  }
};

template <class By, class T>
void rows_pullback(const T* dy, const T* y, Index rows, Index n, T* dx) {
  for (Index i = 0; i < rows; ++i, dy += n, y += n, dx += n) {
    const Vector<T> sum =
        sum_of<T>(n, [=](auto strip, Index j, int v) { return By::part(strip.load(dy + j, v), strip.load(y + j, v)); });
    for_strips<T>(n, [&](auto strip, Index j) {
      strip.each(
          [&](int v) { strip.store(dx + j, v, By::template of<T>(strip.load(dy + j, v), strip.load(y + j, v), sum)); });
    });
  }
}

// ---- columns of scores, one in each lane

/// f(first, lanes in use) on registers of n columns.
template <class T, class F>
inline void each_column(Index n, F f) {
  for (Index j = 0; j < n; j += lanes<T>) f(j, n - j < lanes<T> ? static_cast<int>(n - j) : lanes<T>);
}

/// The sums over [0, n), in each lane, of what add(i, sums) adds: of chunks in T, and those in double.
template <class T, int count, class F>
inline void sum_down(Index n, Vector<T> (&sums)[count], F add) {
  constexpr Index chunk = 256;
  const auto add_up = [&](Index begin, Index end) {
    for (auto& s : sums) s = Vector<T>{};
    for (Index i = begin; i < end; ++i) add(i, sums);
  };
  if (n <= chunk) return add_up(0, n);
  double total[count][lanes<T>] = {};
  for (Index begin = 0; begin < n; begin += chunk) {
    add_up(begin, n - begin < chunk ? n : begin + chunk);
    for (int s = 0; s < count; ++s)
      for (int k = 0; k < lanes<T>; ++k) total[s][k] += static_cast<double>(sums[s][k]);
  }
  for (int s = 0; s < count; ++s)
    for (int k = 0; k < lanes<T>; ++k) sums[s][k] = static_cast<T>(total[s][k]);
}

/// What Row knows, of columns of n scores.
template <class T>
struct Columns {
  Vector<T> top, others;

  Columns(const T* x, Index n, Index stride, int used) : Columns(x, n, stride, used, [](Index, Vector<T>) {}) {}
  /// keep(position, exponentials) gets those of each row.
  template <class F>
  Columns(const T* x, Index n, Index stride, int used, F keep) : top(load(x, used)) {
    for (Index i = 1; i < n; ++i) top = larger<T>(load(x + i * stride, used), top);
    const Vector<T> one = broadcast(T(1)), zero{};
    Vector<T> sums[2];  // of what is not 1, and of ones
    sum_down<T>(n, sums, [&](Index i, Vector<T>(&to)[2]) {
      const Vector<T> e = decay<T>(load(x + i * stride, used) - top);
      keep(i * stride, e);
      to[0] += e == one ? zero : e;
      to[1] += e == one ? one : zero;
    });
    others = top - top == zero ? sums[0] + (sums[1] - one) : broadcast(std::numeric_limits<T>::quiet_NaN());
  }

  Vector<T> log_sum() const { return log1p<T>(others); }
};

template <class T>
void logsumexp_columns(const T* x, Index n, Index columns, Index stride, T* y) {
  each_column<T>(columns, [&](Index j, int used) {
    const Columns<T> c(x + j, n, stride, used);
    Vector<T> infinite = c.top;
    if (any(c.top - c.top != T(0))) [[unlikely]]
      for (Index i = 0; i < n; ++i) {
        const Vector<T> score = load(x + i * stride + j, used);
        infinite = score == score ? infinite : score;
      }
    store(y + j, c.top - c.top == T(0) ? c.top + c.log_sum() : infinite, used);
  });
}

template <class T>
void softmax_columns(const T* x, Index n, Index columns, Index stride, T* y) {
  each_column<T>(columns, [&](Index j, int used) {
    const Columns<T> c(x + j, n, stride, used, [&](Index at, Vector<T> e) { store(y + at + j, e, used); });
    const Vector<T> sum = c.others + T(1), inverse = T(1) / sum;
    for (T* to = y + j; to < y + n * stride; to += stride) {
      const Vector<T> e = load(to, used), q = e * inverse;
      store(to, multiply_add<T>(multiply_add<T>(-q, sum, e), inverse, q), used);
    }
  });
}

template <class T>
void log_softmax_columns(const T* x, Index n, Index columns, Index stride, T* y) {
  each_column<T>(columns, [&](Index j, int used) {
    const Columns<T> c(x + j, n, stride, used);
    const Vector<T> log_sum = c.log_sum();
    for (Index at = j; at < n * stride; at += stride) store(y + at, (load(x + at, used) - c.top) - log_sum, used);
  });
}

template <class By, class T>
void columns_pullback(const T* dy, const T* y, Index n, Index columns, Index stride, T* dx) {
  each_column<T>(columns, [&](Index j, int used) {
    Vector<T> sum[1];
    sum_down<T>(n, sum, [&](Index i, Vector<T>(&to)[1]) {
      const Index at = i * stride + j;
      to[0] += By::part(load(dy + at, used), load(y + at, used));
    });
    for (Index at = j; at < n * stride; at += stride)
      store(dx + at, By::template of<T>(load(dy + at, used), load(y + at, used), sum[0]), used);
  });
}

// ---- losses of rows

/// The sum over the classes of weight (top - x). What weighs nothing counts for nothing, however far it is below.
template <class T>
T below_top(const ClassRows<T>& in, const T* x, T top) {
  return static_cast<T>(sum_chunks(in.classes, [&](Index begin, Index count) {
    T part = 0;
    if (in.weight) {
#pragma omp simd reduction(+ : part)
      for (Index j = begin; j < begin + count; ++j) part += in.weight[j] == T(0) ? T(0) : in.weight[j] * (top - x[j]);
    } else {
#pragma omp simd reduction(+ : part)
      for (Index j = begin; j < begin + count; ++j) part += top - x[j];
    }
    return part;
  }));
}

template <class T>
T weight_of(const ClassRows<T>& in, Index target) {
  return in.weight ? in.weight[target] : T(1);
}

/// What Row knows, of each row of scores that counts. Short ones are made columns, whether they count or not.
template <class T>
void look_through(const ClassRows<T>& in, T* top, T* others) {
  constexpr Index most = 32;
  const Index n = in.classes;
  T room[most * lanes<T>];
  if (n <= most)
    return each_column<T>(in.rows, [&](Index i, int used) {
      for (int k = 0; k < used; ++k)
        for (Index j = 0; j < n; ++j) room[j * lanes<T> + k] = in.scores[(i + k) * n + j];
      const Columns<T> c(room, n, lanes<T>, used);
      store(top + i, c.top, used);
      store(others + i, c.others, used);
    });
  for (Index i = 0; i < in.rows; ++i) {
    top[i] = others[i] = 0;
    if (in.target[i] == in.ignored) continue;
    const Row<T> row(in.scores + i * n, n);
    top[i] = row.top;
    others[i] = row.others;
  }
}

template <class T>
void cross_entropies(const ClassRows<T>& in, T* top, T* others, T* losses) {
  look_through(in, top, others);
  // The logarithms of the sums, of many rows at once.
  for_strips<T>(in.rows, [&](auto strip, Index i) {
    strip.each([&](int v) { strip.store(losses + i, v, log1p<T>(strip.load(others + i, v))); });
  });
  for (Index i = 0; i < in.rows; ++i) {
    const Index t = in.target[i];
    const T log_sum = losses[i];
    losses[i] = 0;
    if (t == in.ignored) continue;
    const T* x = in.scores + i * in.classes;
    const T own = in.hard * weight_of(in, t);
    if (own != T(0)) losses[i] = own * ((top[i] - x[t]) + log_sum);
    if (in.share > T(0)) losses[i] += in.share * (below_top(in, x, top[i]) + in.total_weight * log_sum);
  }
}

// The gradient of a score is all p - q, where p is the score's probability, q what its class counts and `all` the sum
// of the q. For the target's own class, q may be nearly all: there it is (all - q) - all (1 - p), and 1 - p the
// others'.
template <class T>
void cross_entropy_pullback(const ClassRows<T>& in, const T* top, const T* others, const T* dy, T* dx) {
  const Index n = in.classes;
  for (Index i = 0; i < in.rows; ++i, dx += n) {
    const Index t = in.target[i];
    const T own = t == in.ignored ? T(0) : weight_of(in, t), share = in.share == T(0) ? T(0) : dy[i] * in.share;
    if (t == in.ignored || (own == T(0) && share == T(0))) {  // whatever its scores are
      for (Index j = 0; j < n; ++j) dx[j] = 0;
      continue;
    }
    const T* x = in.scores + i * n;
    const T factor = dy[i] * (in.hard * own + in.share * in.total_weight) / (T(1) + others[i]);
    T target = 0;
    each_exponential(x, n, top[i], [&](Index j, Vector<T> e, int used) {
      if (j <= t && t < j + used) target = e[t - j];
      Vector<T> d = e * factor;
      if (share != T(0)) d -= in.weight ? load(in.weight + j, used) * share : broadcast(share);
      store(dx + j, d, used);
    });
    const T rest = target == T(1) ? others[i] : T(1) + (others[i] - target);
    dx[t] = share * (in.total_weight - own) - factor * rest;
  }
}

template <class T>
constexpr Loss<T> table = {
    .logsumexp = {logsumexp<T>, logsumexp_columns<T>},
    .softmax = {softmax<T>, softmax_columns<T>},
    .log_softmax = {log_softmax<T>, log_softmax_columns<T>},
    .softmax_pullback = {rows_pullback<SoftmaxPullback, T>, columns_pullback<SoftmaxPullback, T>},
    .log_softmax_pullback = {rows_pullback<LogSoftmaxPullback, T>, columns_pullback<LogSoftmaxPullback, T>},
    .cross_entropies = cross_entropies<T>,
    .cross_entropy_pullback = cross_entropy_pullback<T>};

}  // namespace

template <class T>
template <Isa isa>
const Loss<T>& Loss<T>::compiled() {
  return table<T>;
}
template const Loss<float>& Loss<float>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Loss<double>& Loss<double>::compiled<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
