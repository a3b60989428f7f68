// How fast a training step written by hand gets, to measure ravine against:  limit CASE THREADS SECONDS
// The nets, numbers and the line it prints are those of bench/training.cpp; nothing of ravine is used. Small matrix
// products are written out, large ones oneDNN's, or Eigen's without it. Buffers are allocated once; what can be, is
// fused.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numbers>
#include <type_traits>
#include <vector>

#ifdef LIMIT_WITH_ONEDNN
#include <dnnl.h>
#else
#include <Eigen/Core>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif
#ifdef __SSE__
#include <xmmintrin.h>
#endif

struct Case {
  const char* name;
  long batch;
  std::vector<long> sizes;
  bool batch_norm;
};

static const std::vector<Case> cases = {
    {"tiny", 32, {2, 32, 32, 1}, false},
    {"reg", 64, {8, 64, 64, 1}, true},
    {"mnist", 64, {784, 128, 10}, false},
    {"mnistbn", 128, {784, 512, 512, 10}, true},
    {"large", 512, {1024, 4096, 4096, 1024}, false},
};

// ---- memory and threads

static constexpr long line = 16;   // floats to a cache line
static constexpr long strip = 64;  // columns that a loop over rows takes at a time: their sums stay in registers

static long padded(long n) { return (n + line - 1) / line * line; }

/// Zeros that live until the program ends; large ones on large pages.
static float* zeros(long n) {
  const std::size_t page = n < 1 << 19 ? 64 : 2 << 20;
  const std::size_t bytes = (static_cast<std::size_t>(n) * sizeof(float) + page - 1) / page * page;
  void* memory = std::aligned_alloc(page, bytes);
  if (!memory) {
    std::fputs("limit: out of memory\n", stderr);
    std::exit(1);
  }
#ifdef __linux__
  if (page > 64) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return static_cast<float*>(std::memset(memory, 0, bytes));
}

static int threads = 1;

/// Calls part(begin, end) on pieces of [0, n), multiples of unit: one to a thread if the work is worth waking them up.
template <class Part>
static void split(long n, long unit, bool worth_it, Part part) {
  const long units = (n + unit - 1) / unit;
  if (threads == 1 || !worth_it || units == 1) return part(0L, n);
#pragma omp parallel num_threads(threads)
  {
    const long t = omp_get_thread_num(), all = omp_get_num_threads();
    const long begin = units * t / all * unit, end = std::min(n, units * (t + 1) / all * unit);
    if (begin < end) part(begin, end);
  }
}

static bool many(long elements) { return elements >= 32768; }

// ---- matrix products, row-major: C (m, n) = op(A) op(B)

#ifdef LIMIT_WITH_ONEDNN
static void product_part(bool ta, bool tb, long m, long n, long k, const float* a, long lda, const float* b, long ldb,
                         float* c, long ldc) {
  dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1.0F, a, lda, b, ldb, 0.0F, c, ldc);
}
#else
static void product_part(bool ta, bool tb, long m, long n, long k, const float* a, long lda, const float* b, long ldb,
                         float* c, long ldc) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Stride = Eigen::OuterStride<Eigen::Dynamic>;
  const Eigen::Map<const Matrix, 0, Stride> A(a, ta ? k : m, ta ? m : k, Stride(lda));
  const Eigen::Map<const Matrix, 0, Stride> B(b, tb ? n : k, tb ? k : n, Stride(ldb));
  Eigen::Map<Matrix, 0, Stride> C(c, m, n, Stride(ldc));
  if (ta) {
    C.noalias() = A.transpose() * B;
  } else if (tb) {
    C.noalias() = A * B.transpose();
  } else {
    C.noalias() = A * B;
  }
}
#endif

/// Small ones, for which a library's preparations take longer than the product: tiles of some rows and 2 vectors of C
/// stay in registers. Unless the rows of B are whole vectors, it is copied to such; the last tiles compute some rows
/// twice.
static constexpr long small_columns = 64, small_depth = 128;
#ifdef __AVX512F__
static constexpr long tile_rows = 8, lanes = 16;
#else
static constexpr long tile_rows = 4, lanes = 8;
#endif

static bool small(long n, long k) { return n <= small_columns && k <= small_depth; }

using Vector [[gnu::vector_size(lanes * sizeof(float)), gnu::aligned(4), gnu::may_alias]] = float;

/// The first n elements of v, or all if it has no more.
static void store(Vector v, float* to, long n) {
  if (n >= lanes) {
    *reinterpret_cast<Vector*>(to) = v;
  } else {
    for (long j = 0; j < n; ++j) to[j] = v[j];
  }
}

/// `rows` rows and `columns` columns of C, which fill at most `width` vectors.
template <int width>
static void small_tile(const float* const (&a)[tile_rows], long a_step, const float* b, long b_step, long k, float* c,
                       long rows, long columns, long n) {
  Vector sum[tile_rows][width] = {};
  for (long p = 0; p < k; ++p)
#pragma GCC unroll 8
    for (int r = 0; r < tile_rows; ++r)
#pragma GCC unroll 2
      for (int q = 0; q < width; ++q)
        sum[r][q] += a[r][p * a_step] * *reinterpret_cast<const Vector*>(b + p * b_step + q * lanes);
#pragma GCC unroll 8
  for (int r = 0; r < tile_rows; ++r)
#pragma GCC unroll 2
    for (int q = 0; q < width; ++q)
      if (r < rows) store(sum[r][q], c + r * n + q * lanes, columns - q * lanes);
}

/// C (m, 1) = op(A) b.
static void small_column(bool ta, long m, long k, const float* a, const float* b, float* c) {
  if (ta) {
    std::fill_n(c, m, 0.0F);
    for (long p = 0; p < k; ++p)
#pragma omp simd
      for (long i = 0; i < m; ++i) c[i] += a[p * m + i] * b[p];
  } else {
    for (long i = 0; i < m; ++i) {
      float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
      for (long p = 0; p < k; ++p) sum += a[i * k + p] * b[p];
      c[i] = sum;
    }
  }
}

static void small_product(bool ta, bool tb, long m, long n, long k, const float* a, const float* b, float* c) {
  alignas(64) static float packed[small_depth * small_columns];
  const long b_step = padded(n), row_step = ta ? 1 : k, a_step = ta ? m : 1;
  if (tb || n != b_step) {
    for (long p = 0; p < k; ++p)
      for (long j = 0; j < n; ++j) packed[p * b_step + j] = tb ? b[j * k + p] : b[p * n + j];
    b = packed;
  }
  for (long j = 0; j < n; j += 2 * lanes)
    for (long i = 0; i < m; i += tile_rows) {
      const float* rows[tile_rows];
      for (long r = 0; r < tile_rows; ++r) rows[r] = a + std::min(i + r, m - 1) * row_step;
      const auto tile = b_step - j > lanes ? small_tile<2> : small_tile<1>;
      tile(rows, a_step, b + j, b_step, k, c + i * n + j, std::min(tile_rows, m - i), std::min(n - j, 2 * lanes), n);
    }
}

/// Each thread computes a piece of the longer side of C. The library itself never starts threads: this is called with
/// omp_set_num_threads(1), and inside a parallel region.
static void product(bool ta, bool tb, long m, long n, long k, const float* a, const float* b, float* c) {
  if (n == 1) return small_column(ta, m, k, a, b, c);
  if (small(n, k)) return small_product(ta, tb, m, n, k, a, b, c);
  const long lda = ta ? m : k, ldb = tb ? k : n;
  const bool worth_it = m * n * k >= 1 << 20;
  if (m >= n) {
    split(m, line, worth_it, [=](long begin, long end) {
      product_part(ta, tb, end - begin, n, k, a + begin * (ta ? 1 : lda), lda, b, ldb, c + begin * n, n);
    });
  } else {
    split(n, line, worth_it, [=](long begin, long end) {
      product_part(ta, tb, m, end - begin, k, a, lda, b + begin * (tb ? ldb : 1), ldb, c + begin, n);
    });
  }
}

// ---- layers: h = relu(batch_norm(x W + b)), where the last one has neither

struct Layer {
  long in, out;
  bool relu, batch_norm;
  float *w, *b, *gamma, *beta;      // parameters; w is (in, out)
  float *dw, *db, *dgamma, *dbeta;  // their gradients
  float *h, *dh;                    // output (batch, out) and its gradient, which becomes that of x W + b
  float *normed, *inverse_std, *running_mean, *running_var;  // of BatchNorm: its value before gamma and beta
};

/// Calls f(width, first) for strips of columns [begin, end); their number is a constant but for the last few.
template <class F>
static void strips(long begin, long end, F f) {
  for (; end - begin >= strip; begin += strip) f(std::integral_constant<long, strip>(), begin);
  for (; end - begin >= line; begin += line) f(std::integral_constant<long, line>(), begin);
  if (begin < end) f(end - begin, begin);
}

static void bias_relu(const Layer& l, long batch) {
  split(batch, 1, many(batch * l.out), [=](long begin, long end) {
    for (long i = begin; i < end; ++i) {
      float* h = l.h + i * l.out;
      const float floor = l.relu ? 0.0F : -INFINITY;
#pragma omp simd
      for (long j = 0; j < l.out; ++j) h[j] = std::max(h[j] + l.b[j], floor);
    }
  });
}

/// Two passes for mean and variance; the third writes what follows from them.
static void batch_norm_relu(const Layer& l, long batch) {
  const float per_row = 1.0F / static_cast<float>(batch), unbiased = 1.0F / static_cast<float>(batch - 1);
  split(l.out, strip, many(batch * l.out), [=](long begin, long end) {
    strips(begin, end, [=](auto width, long first) {
      const long columns = width;
      float *z = l.normed + first, *h = l.h + first;
      const float *b = l.b + first, *gamma = l.gamma + first, *beta = l.beta + first;
      float mean[strip] = {}, square[strip] = {}, scale[strip];
      for (long i = 0; i < batch; ++i)
#pragma omp simd
        for (long j = 0; j < columns; ++j) mean[j] += z[i * l.out + j];
#pragma omp simd
      for (long j = 0; j < columns; ++j) mean[j] *= per_row;
      for (long i = 0; i < batch; ++i)
#pragma omp simd
        for (long j = 0; j < columns; ++j) {
          const float d = z[i * l.out + j] - mean[j];
          square[j] += d * d;
        }
#pragma omp simd
      for (long j = 0; j < columns; ++j) {
        scale[j] = 1.0F / std::sqrt(square[j] * per_row + 1e-5F);
        l.inverse_std[first + j] = scale[j];
        l.running_mean[first + j] = 0.9F * l.running_mean[first + j] + 0.1F * (mean[j] + b[j]);
        l.running_var[first + j] = 0.9F * l.running_var[first + j] + 0.1F * (square[j] * unbiased);
      }
      for (long i = 0; i < batch; ++i)  // the bias b cancels: z - mean(z) is the same without it
#pragma omp simd
        for (long j = 0; j < columns; ++j) {
          const float n = (z[i * l.out + j] - mean[j]) * scale[j];
          z[i * l.out + j] = n;
          h[i * l.out + j] = std::max(n * gamma[j] + beta[j], 0.0F);
        }
    });
  });
}

/// Turns dh into the gradient of x W + b, and sums it to db.
static void bias_relu_backward(const Layer& l, long batch) {
  split(l.out, strip, many(batch * l.out), [=](long begin, long end) {
    strips(begin, end, [=](auto width, long first) {
      const long columns = width;
      const float* h = l.h + first;
      float *dh = l.dh + first, *db = l.db + first, sum[strip] = {};
      for (long i = 0; i < batch; ++i)
#pragma omp simd
        for (long j = 0; j < columns; ++j) {
          const float d = !l.relu || h[i * l.out + j] > 0.0F ? dh[i * l.out + j] : 0.0F;
          dh[i * l.out + j] = d;
          sum[j] += d;
        }
#pragma omp simd
      for (long j = 0; j < columns; ++j) db[j] = sum[j];
    });
  });
}

static void batch_norm_relu_backward(const Layer& l, long batch) {
  const float per_row = 1.0F / static_cast<float>(batch);
  split(l.out, strip, many(batch * l.out), [=](long begin, long end) {
    strips(begin, end, [=](auto width, long first) {
      const long columns = width;
      const float *h = l.h + first, *z = l.normed + first;
      float *dh = l.dh + first, dgamma[strip] = {}, dbeta[strip] = {}, scale[strip], db[strip] = {};
      for (long i = 0; i < batch; ++i)
#pragma omp simd
        for (long j = 0; j < columns; ++j) {
          const float d = h[i * l.out + j] > 0.0F ? dh[i * l.out + j] : 0.0F;
          dh[i * l.out + j] = d;
          dbeta[j] += d;
          dgamma[j] += d * z[i * l.out + j];
        }
#pragma omp simd
      for (long j = 0; j < columns; ++j) {
        l.dgamma[first + j] = dgamma[j];
        l.dbeta[first + j] = dbeta[j];
        scale[j] = l.gamma[first + j] * l.inverse_std[first + j];
        dgamma[j] *= per_row;
        dbeta[j] *= per_row;
      }
      for (long i = 0; i < batch; ++i)
#pragma omp simd
        for (long j = 0; j < columns; ++j) {
          const float d = scale[j] * (dh[i * l.out + j] - dbeta[j] - z[i * l.out + j] * dgamma[j]);
          dh[i * l.out + j] = d;
          db[j] += d;
        }
#pragma omp simd
      for (long j = 0; j < columns; ++j) l.db[first + j] = db[j];
    });
  });
}

/// The mean squared error of h, and its gradient in dh.
static float mse(const Layer& l, long batch, const float* y) {
  const long n = batch * l.out;
  const float per_element = 2.0F / static_cast<float>(n);
  float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
  for (long i = 0; i < n; ++i) {
    const float d = l.h[i] - y[i];
    sum += d * d;
    l.dh[i] = per_element * d;
  }
  return sum / static_cast<float>(n);
}

// ---- the random numbers of bench/training.cpp: Philox4x32-10 of seed 1

static std::uint64_t position = 0;

static std::vector<std::uint32_t> random_words(long n) {
  std::vector<std::uint32_t> words;
  for (long block = 0; block < (n + 3) / 4; ++block, ++position) {
    std::uint32_t c[4] = {static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32), 0, 0};
    std::uint32_t k[2] = {1, 0};
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p = 0xD2511F53ULL * c[0], q = 0xCD9E8D57ULL * c[2];
      c[0] = static_cast<std::uint32_t>(q >> 32) ^ c[1] ^ k[0];
      c[1] = static_cast<std::uint32_t>(q);
      c[2] = static_cast<std::uint32_t>(p >> 32) ^ c[3] ^ k[1];
      c[3] = static_cast<std::uint32_t>(p);
      k[0] += 0x9E3779B9;
      k[1] += 0xBB67AE85;
    }
    words.insert(words.end(), c, c + 4);
  }
  return words;
}

/// Sets n values of the uniform distribution in [-bound, bound); set(i, value).
template <class Set>
static void uniform(long n, double bound, Set set) {
  const auto words = random_words(n);
  const float low = static_cast<float>(-bound), range = static_cast<float>(bound) - low;
  for (long i = 0; i < n; ++i) set(i, low + range * (static_cast<float>(words[i] >> 8) * 0x1p-24F));
}

static float* normal(long n) {
  const auto words = random_words(n);
  float* x = zeros(n + 1);
  for (long i = 0; i < n; i += 2) {
    const double radius = std::sqrt(-2.0 * std::log((words[i] / 2 + 0.5) * 0x1p-31));
    const double angle = 2.0 * std::numbers::pi * 0x1p-32 * words[i + 1];
    x[i] = static_cast<float>(radius * std::cos(angle));
    x[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return x;
}

// ---- the net

struct Net {
  long batch, size = 0;  // of all parameters
  std::vector<Layer> layers;
  float *p, *g, *m, *v;  // parameters, gradients and Adam's means, each in one piece
  float *x, *y;
  double beta1_t = 1.0, beta2_t = 1.0;

  explicit Net(const Case& c) : batch(c.batch) {
    for (std::size_t i = 0; i + 1 < c.sizes.size(); ++i) {
      const bool hidden = i + 2 < c.sizes.size();
      Layer l{};
      l.in = c.sizes[i], l.out = c.sizes[i + 1], l.relu = hidden, l.batch_norm = hidden && c.batch_norm;
      layers.push_back(l);
      size += padded(l.in * l.out) + (l.batch_norm ? 3 : 1) * padded(l.out);
    }
    p = zeros(size), g = zeros(size), m = zeros(size), v = zeros(size);
    long offset = 0;
    for (Layer& l : layers) {
      const auto take = [&](long n, float*& value, float*& gradient) {
        value = p + offset, gradient = g + offset;
        offset += padded(n);
      };
      take(l.in * l.out, l.w, l.dw);
      take(l.out, l.b, l.db);
      const double bound = 1.0 / std::sqrt(static_cast<double>(l.in));
      uniform(l.in * l.out, bound, [&](long i, float value) { l.w[i % l.in * l.out + i / l.in] = value; });
      uniform(l.out, bound, [&](long i, float value) { l.b[i] = value; });
      l.h = zeros(batch * l.out), l.dh = zeros(batch * l.out);
      if (!l.batch_norm) continue;
      take(l.out, l.gamma, l.dgamma);
      take(l.out, l.beta, l.dbeta);
      std::fill_n(l.gamma, l.out, 1.0F);
      l.normed = zeros(batch * l.out), l.inverse_std = zeros(l.out);
      l.running_mean = zeros(l.out), l.running_var = zeros(l.out);
      std::fill_n(l.running_var, l.out, 1.0F);
    }
    x = normal(batch * c.sizes.front()), y = normal(batch * c.sizes.back());
  }

  float step() {
    const float* input = x;
    for (const Layer& l : layers) {
      product(false, false, batch, l.out, l.in, input, l.w, l.batch_norm ? l.normed : l.h);
      l.batch_norm ? batch_norm_relu(l, batch) : bias_relu(l, batch);
      input = l.h;
    }
    const float loss = mse(layers.back(), batch, y);
    for (std::size_t i = layers.size(); i-- > 0;) {
      const Layer& l = layers[i];
      l.batch_norm ? batch_norm_relu_backward(l, batch) : bias_relu_backward(l, batch);
      product(true, false, l.in, l.out, batch, i > 0 ? layers[i - 1].h : x, l.dh, l.dw);
      if (i > 0) product(false, true, batch, l.in, l.out, l.dh, l.w, layers[i - 1].dh);
    }
    adam();
    return loss;
  }

  void adam() {
    constexpr double lr = 1e-3, beta1 = 0.9, beta2 = 0.999;
    beta1_t *= beta1, beta2_t *= beta2;
    const float rate = static_cast<float>(lr / (1.0 - beta1_t)), scale = static_cast<float>(1.0 / (1.0 - beta2_t));
    constexpr float b1 = beta1, c1 = 1.0 - beta1, b2 = beta2, c2 = 1.0 - beta2;
    split(size, line, many(size), [=, p = p, g = g, m = m, v = v](long begin, long end) {
#pragma omp simd
      for (long i = begin; i < end; ++i) {
        m[i] = b1 * m[i] + c1 * g[i];
        v[i] = b2 * v[i] + c2 * g[i] * g[i];
        p[i] -= rate * m[i] / (std::sqrt(v[i] * scale) + 1e-8F);
      }
    });
  }
};

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int main(int argc, char** argv) {
  const auto found = std::find_if(cases.begin(), cases.end(),
                                  [&](const Case& c) { return argc == 4 && std::strcmp(c.name, argv[1]) == 0; });
  if (found == cases.end()) {
    std::fputs("usage: limit tiny|reg|mnist|mnistbn|large THREADS SECONDS\n", stderr);
    return 2;
  }
  threads = std::max(1, std::atoi(argv[2]));
  const double seconds = std::atof(argv[3]);
  omp_set_num_threads(1);
#ifdef __SSE__
  _mm_setcsr(_mm_getcsr() | 0x8040);  // subnormal numbers are 0: they cost a hundred cycles each
#endif

  Net net(*found);
  int steps = 0;
  float loss = 0.0F;  // of the fifth step
  const auto step = [&] {
    const float l = net.step();
    if (++steps == 5) loss = l;
  };
  const double warm = now();
  do step();
  while (now() - warm < 0.2 || steps < 5);
  const double start = now();
  step();
  const int inner = std::max(1, static_cast<int>(20e-6 / (now() - start)));
  std::vector<double> times;
  for (const double begin = now(); now() - begin < seconds || times.size() < 3;) {
    const double tick = now();
    for (int i = 0; i < inner; ++i) step();
    times.push_back((now() - tick) / inner);
  }
  std::sort(times.begin(), times.end());
  std::printf("{\"case\": \"%s\", \"threads\": %d, \"median_us\": %.3f, \"p10_us\": %.3f, \"loss\": %.9g}\n",
              found->name, threads, times[times.size() / 2] * 1e6, times[times.size() / 10] * 1e6, loss);
}
