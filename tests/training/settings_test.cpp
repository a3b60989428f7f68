// The caller's OpenMP settings and floating-point mode are after whole training steps as before, and after exceptions.
#include <doctest/doctest.h>
#include <omp.h>

#include <cfenv>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <ravine/ravine.hpp>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace rv = ravine;
namespace nn = rv::nn;
namespace optim = rv::optim;

namespace {

/// What the calling thread has.
struct Settings {
  int threads = omp_get_max_threads(), dynamic = omp_get_dynamic(), levels = omp_get_max_active_levels();
  omp_sched_t schedule;
  int chunk, rounding = std::fegetround();
  unsigned mode = 0;

  Settings() {
    omp_get_schedule(&schedule, &chunk);
#if defined(__SSE2__)
    mode = _mm_getcsr() & ~0x3fU;  // the lowest bits say what has happened, not what shall
#endif
  }
  bool operator==(const Settings&) const = default;

  void apply() const {
    omp_set_num_threads(threads);
    omp_set_dynamic(dynamic);
    omp_set_max_active_levels(levels);
    omp_set_schedule(schedule, chunk);
    std::fesetround(rounding);
#if defined(__SSE2__)
    _mm_setcsr(mode);
#endif
  }
};

/// A net whose products and parameters are large enough for threads, and its data.
struct Training {
  rv::data::TensorDataset rows{rv::randn({200, 120}), rv::randn({200, 10})};
  rv::data::DataLoader loader{rows, {.batch_size = 100, .shuffle = true}};
  nn::Sequential model{nn::Linear(120, 300), nn::BatchNorm1d(300), nn::ReLU(), nn::Dropout(0.1), nn::Linear(300, 10)};
  optim::Adam adam{model.parameters()};
  optim::SAM sam{std::make_unique<optim::SGD>(model.parameters())};

  rv::Variable loss() { return nn::mse_loss(model(rows.inputs()), rows.targets()); }
};

/// x, but its gradient cannot be had.
rv::Variable broken(const rv::Variable& x) {
  return rv::record("broken", x.value(), {{x, [](auto dy) -> decltype(dy) { throw std::runtime_error("broken"); }}});
}

}  // namespace

TEST_CASE("the caller's settings are as before after whole steps and after exceptions") {
  const Settings usual;
  Settings wanted = usual;
  wanted.threads = 3;
  wanted.dynamic = !usual.dynamic;
  wanted.levels = usual.levels + 1;
  wanted.schedule = omp_sched_guided;
  wanted.chunk = 5;
  std::vector<unsigned> flushes = {0};
#if defined(__SSE2__)
  flushes = {0x0000, 0x8000, 0x0040, 0x8040};
#endif
  Training t;
  const rv::Tensor a = rv::randn({200, 200});
  const auto check = [&](const std::string& what, rv::FunctionRef<void()> call) {
    for (const int rounding : {FE_TONEAREST, FE_UPWARD})
      for (const unsigned flush : flushes) {
        wanted.apply();
        std::fesetround(rounding);
#if defined(__SSE2__)
        _mm_setcsr((_mm_getcsr() & ~0x8040U) | flush);
#endif
        const Settings before;
        call();
        const Settings after;
        usual.apply();
        CAPTURE(what);
        CAPTURE(rounding);
        CAPTURE(flush);
        CHECK(after == before);
      }
  };
  check("an epoch", [&] {
    for (const auto& [x, y] : t.loader) {
      const rv::Variable loss = nn::mse_loss(t.model(x), y);
      t.adam.zero_grad();
      loss.backward();
      t.adam.step();
    }
  });
  check("steps with a closure", [&] {
    t.adam.step([&] { return t.loss(); });
    t.sam.step([&] { return t.loss(); });
  });
  check("a prediction", [&] {
    t.model.eval();
    const rv::NoGrad guard;
    t.model(t.rows.inputs());
  });
  check("a product", [&] { rv::matmul(a, a); });
  check("a derivative of a derivative", [&] {
    const rv::Variable w = rv::parameter(a), g = rv::grad(rv::sum(rv::exp(w)), {w}, {.create_graph = true})[0];
    rv::sum(g).backward();
  });
  check("an exception out of a forward pass", [&] { CHECK_THROWS(t.model(a)); });
  check("an exception out of backward", [&] { CHECK_THROWS(broken(t.loss()).backward()); });
  check("an exception out of a step's backward", [&] {
    CHECK_THROWS(t.adam.step([&] { return broken(t.loss()); }));
    CHECK_THROWS(t.sam.step([&] { return broken(t.loss()); }));
  });
  check("an exception out of a step's closure",
        [&] { CHECK_THROWS(t.adam.step([&]() -> rv::Variable { throw std::runtime_error("no loss"); })); });
}
