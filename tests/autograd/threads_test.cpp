// Graphs and threads: a graph may move, several may grow at once.
#include <doctest/doctest.h>

#include <cmath>
#include <thread>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/linalg.hpp>

#include "../core/reference.hpp"

using namespace ravine;
using Values = std::vector<double>;

namespace {

template <class F>
void on_a_thread(F f) {
  std::thread(f).join();
}

/// Makes this thread look as if it had recorded many ops.
void record_many() {
  const Variable p = parameter(scalar(1));
  for (int i = 0; i < 1000; ++i) p * 2;
}

}  // namespace

TEST_CASE("a graph recorded on one thread runs backward on another") {
  const Variable w = parameter(tensor({1, 2}, f64));
  Variable loss;
  on_a_thread([&] { loss = sum(square(w) * exp(w)); });
  loss.backward();
  on_a_thread([&] {
    loss = sum(w * 10);
    loss.backward();
    loss = Variable();
  });
  for (Index i = 0; i < 2; ++i) {
    const double x = w.value().at({i});
    CHECK(w.grad().at({i}) == doctest::Approx((x * x + 2 * x) * std::exp(x) + 10).epsilon(1e-14));
  }
}

TEST_CASE("a graph that is continued on another thread") {
  // What is recorded here comes after what the other thread recorded, however much that was.
  const Variable x = parameter(scalar(0.5, f64));
  for (const bool create_graph : {false, true}) {
    Variable h;
    on_a_thread([&] {
      record_many();
      h = exp(x);
    });
    const Variable y = sin(h) * h + h;
    const auto g = grad(y, {h, x}, {.create_graph = create_graph});
    const double v = std::exp(0.5), dh = std::cos(v) * v + std::sin(v) + 1;
    CHECK(g[0].item() == doctest::Approx(dh).epsilon(1e-14));
    CHECK(g[1].item() == doctest::Approx(dh * v).epsilon(1e-14));
  }
}

TEST_CASE("second derivatives of a graph from another thread") {
  const Variable x = parameter(scalar(0.5, f64));
  Variable y;
  on_a_thread([&] {
    record_many();
    y = exp(x) * sin(x) * x;
  });
  const Variable g = grad(y, {x}, {.create_graph = true})[0];
  const double found = grad(g * g + g, {x})[0].item();
  const Variable same = exp(x) * sin(x) * x;
  const Variable slope = grad(same, {x}, {.create_graph = true})[0];
  CHECK(found == grad(slope * slope + slope, {x})[0].item());
}

TEST_CASE("several threads train their own models at once, to the bits of one alone") {
  const Tensor x = random_tensor({16, 4}, f32, 1), target = random_tensor({16, 2}, f32, 2);
  const auto train = [&](std::uint64_t seed) {
    const Variable w1 = parameter(random_tensor({8, 4}, f32, seed)),
                   w2 = parameter(random_tensor({2, 8}, f32, seed + 1));
    for (int step = 0; step < 100; ++step) {
      w1.zero_grad();
      w2.zero_grad();
      mean(square(linear(tanh(linear(x, w1)), w2) - Variable(target))).backward();
      w1.set_value(w1.value() - w1.grad() * 0.1);
      w2.set_value(w2.value() - w2.grad() * 0.1);
    }
    return matmul(w2.value(), w1.value());
  };
  constexpr std::size_t count = 4;
  std::vector<Tensor> alone, together(count);
  for (std::size_t t = 0; t < count; ++t) alone.push_back(train(10 * t));
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < count; ++t) threads.emplace_back([&, t] { together[t] = train(10 * t); });
  for (std::thread& thread : threads) thread.join();
  for (std::size_t t = 0; t < count; ++t) CHECK(bitwise_equal(alone[t], together[t]));
}

TEST_CASE("several threads predict with one model at once") {
  const Variable w = parameter(random_tensor({5, 5}, f32));
  const Tensor x = random_tensor({7, 5}, f32), expected = relu(linear(Variable(x), w)).value();
  std::vector<int> right(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < right.size(); ++t)
    threads.emplace_back([&, t] {
      const NoGrad guard;
      for (int i = 0; i < 500; ++i) right[t] += bitwise_equal(relu(linear(Variable(x), w)).value(), expected) ? 1 : 0;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(right == std::vector<int>(4, 500));
  CHECK(w.node()->handles.get() == 1);
}

TEST_CASE("NoGrad is the thread's own") {
  const Variable w = parameter(scalar(1));
  const NoGrad guard;
  bool recorded = false;
  on_a_thread([&] { recorded = (w * 2).requires_grad(); });
  CHECK(recorded);
  CHECK_FALSE((w * 2).requires_grad());
}

TEST_CASE("gradients have the same bits on any number of threads") {
  const Tensor x = random_tensor({300, 130}, f32, 1), w = random_tensor({120, 130}, f32, 2),
               b = random_tensor({120}, f32, 3);
  const auto gradient_of = [&](int which) {
    return [&, which] {
      const Variable p[] = {parameter(x), parameter(w), parameter(b)};
      mean(square(tanh(linear(p[0], p[1], p[2])))).backward();
      return p[which].grad();
    };
  };
  for (const int which : {0, 1, 2}) CHECK(same_bits_on_any_threads(gradient_of(which)));
}
