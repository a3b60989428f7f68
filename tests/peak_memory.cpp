// The most memory a training step holds is what the formula of docs/architecture.md says, within a tenth; glibc only.
#include <omp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <ravine/ravine.hpp>
#include <set>
#include <vector>

#include "counted_malloc.hpp"

namespace rv = ravine;
namespace nn = rv::nn;

struct Net {
  const char* name;
  rv::Index batch;
  std::vector<rv::Index> sizes;
  bool batch_norm;
};

static const std::vector<Net> nets = {
    {"tiny", 32, {2, 32, 32, 1}, false},
    {"reg", 64, {8, 64, 64, 1}, true},
    {"mnist", 64, {784, 128, 10}, false},
    {"mnistbn", 128, {784, 512, 512, 10}, true},
    {"large", 512, {1024, 4096, 4096, 1024}, false},
    {"large batch", 8192, {64, 96, 48, 8}, true},
};

/// Bytes of the workspaces for packed operands, on one thread: one of each size of blocks.
static rv::Index workspaces(const Net& net) {
  std::set<std::size_t> sizes;
  const rv::Index cache = sysconf(_SC_LEVEL2_CACHE_SIZE), half = cache > 0 ? cache / 2 : 1 << 18;
  enum class Transposed { none, a, b };
  const auto product = [&](rv::Index m, rv::Index n, rv::Index k, Transposed transposed) {
    const bool soon = rv::active_isa() != rv::Isa::v4 && m > 32 && m * n > 1 << 14;
    if (m * n * k < 1 << 20 || std::min(m, n) < 16 || (m <= 128 && transposed != Transposed::b && !soon)) return;
    const bool both = (m > 128 && n >= 512) || (soon && transposed == Transposed::a && n >= 256);
    const rv::Index depth = both ? 1024 : std::min<rv::Index>(1024, half / 4 / n), parts = (k + depth - 1) / depth;
    const rv::Index packed_a = both ? 4 * std::min<rv::Index>(k, 1024) * std::min<rv::Index>(m, 516) : 0;
    const rv::Index packed_b = both ? std::min(4 * k * n, half) : 4 * n * k / parts;
    const std::size_t bytes = static_cast<std::size_t>(packed_a + packed_b) + rv::detail::header_bytes;
    sizes.insert(rv::detail::class_bytes(rv::detail::size_class(bytes)));
  };
  for (std::size_t i = 0; i + 1 < net.sizes.size(); ++i) {
    const rv::Index in = net.sizes[i], out = net.sizes[i + 1];
    product(net.batch, out, in, Transposed::b);
    product(out, in, net.batch, Transposed::a);
    if (i > 0) product(net.batch, in, out, Transposed::none);
  }
  return static_cast<rv::Index>(std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}));
}

static rv::Index formula(const Net& net, const std::vector<rv::Variable>& parameters) {
  rv::Index p = 0, kept = 0, passing = 0;
  for (const rv::Variable& parameter : parameters) p += parameter.numel();
  for (std::size_t i = 1; i < net.sizes.size(); ++i)
    kept += net.sizes[i] * (net.batch_norm && i + 1 < net.sizes.size() ? 2 : 1);
  for (const rv::Index columns : std::set(net.sizes.begin() + 1, net.sizes.end())) passing += columns;
  const rv::Index batch = net.sizes.front() + net.sizes.back();
  return 4 * (p + p + 2 * p + net.batch * (batch + kept + passing)) + workspaces(net) +
         1500 * static_cast<rv::Index>(parameters.size());
}

/// True if they agree.
static bool compare(const Net& net) {
  omp_set_num_threads(1);
  rv::Tensor({1}, rv::f32);  // sets up what the library needs once
  const long before = bytes_held;
  most_bytes_held = before;
  nn::Sequential model = nn::mlp(net.sizes, {.batch_norm = net.batch_norm});
  rv::optim::Adam adam(model.parameters());
  const rv::Tensor x = rv::randn({net.batch, net.sizes.front()}), y = rv::randn({net.batch, net.sizes.back()});
  for (int step = 0; step < 2; ++step) {
    const rv::Variable loss = nn::mse_loss(model(x), y);
    adam.zero_grad();
    loss.backward();
    adam.step();
  }
  const double measured = static_cast<double>(most_bytes_held - before);
  const double ratio = measured / static_cast<double>(formula(net, adam.parameters()));
  std::printf("%-12s %9.3f MB, %.3f times the formula\n", net.name, measured / 1e6, ratio);
  return std::abs(ratio - 1.0) <= 0.1;
}

int main() {
  bool agree = true;
  for (const Net& net : nets) {
    const pid_t child = fork();  // where no other net has left blocks behind
    if (child == 0) return compare(net) ? 0 : 1;
    int status = 1;
    agree &= waitpid(child, &status, 0) == child && status == 0;
  }
  return agree ? 0 : 1;
}
