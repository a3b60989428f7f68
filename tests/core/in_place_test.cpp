// An op works in the memory of an operand that nobody else holds, and never in any other.
#include <doctest/doctest.h>

#include <atomic>
#include <barrier>
#include <functional>
#include <thread>
#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/linalg.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>

#include "reference.hpp"

using namespace ravine;

namespace {

const void* memory(const Tensor& t) { return t.bytes(); }

struct Op {
  const char* name;
  std::function<Tensor(Tensor, Tensor)> f;
};

// All that take an operand by value; (3, 4) each.
const std::vector<Op> ops = {
    {"add", [](Tensor a, Tensor b) { return std::move(a) + std::move(b); }},
    {"sub", [](Tensor a, Tensor b) { return std::move(a) - std::move(b); }},
    {"mul", [](Tensor a, Tensor b) { return std::move(a) * std::move(b); }},
    {"div", [](Tensor a, Tensor b) { return std::move(a) / std::move(b); }},
    {"pow", [](Tensor a, Tensor b) { return pow(std::move(a), std::move(b)); }},
    {"maximum", [](Tensor a, Tensor b) { return maximum(std::move(a), std::move(b)); }},
    {"minimum", [](Tensor a, Tensor b) { return minimum(std::move(a), std::move(b)); }},
    {"add row", [](Tensor a, Tensor b) { return std::move(a) + b[0]; }},
    {"row add", [](Tensor a, Tensor b) { return a[0] + std::move(b); }},
    {"add scalar", [](Tensor a, Tensor) { return std::move(a) + 1; }},
    {"scalar sub", [](Tensor a, Tensor) { return 1 - std::move(a); }},
    {"scalar div", [](Tensor a, Tensor) { return 1 / std::move(a); }},
    {"pow 1", [](Tensor a, Tensor) { return pow(std::move(a), 1); }},
    {"pow 2", [](Tensor a, Tensor) { return pow(std::move(a), 2); }},
    {"clamp", [](Tensor a, Tensor) { return clamp(std::move(a), 0.9, 1.1); }},
    {"neg", [](Tensor a, Tensor) { return -std::move(a); }},
    {"exp", [](Tensor a, Tensor) { return exp(std::move(a)); }},
    {"relu", [](Tensor a, Tensor) { return relu(std::move(a)); }},
    {"softplus", [](Tensor a, Tensor) { return softplus(std::move(a), 2.0); }},
    {"relu_pullback", [](Tensor a, Tensor b) { return relu_pullback(std::move(a), b); }},
    {"tanh_pullback", [](Tensor a, Tensor b) { return tanh_pullback(std::move(a), b); }},
    {"sum_to", [](Tensor a, Tensor) { return sum_to(std::move(a), {4}); }},
    {"sum_to, same shape",
     [](Tensor a, Tensor) {
       return sum_to(std::move(a), {3, 4});
     }},
};

Tensor left() { return random_between(0.5, 2.0, {3, 4}, f32, 1); }
Tensor right() { return random_between(0.5, 2.0, {3, 4}, f32, 2); }

}  // namespace

TEST_CASE("an operand that anyone else holds keeps its values, and the result is the same") {
  for (const Op& op : ops) {
    INFO(std::string(op.name));
    const Tensor fresh = op.f(left(), right());  // both may be worked in
    Tensor a = left(), b = right();
    const Tensor holder = a;
    CHECK(bitwise_equal(op.f(a, b), fresh));
    CHECK(bitwise_equal(op.f(std::move(a), std::move(b)), fresh));
    CHECK(bitwise_equal(holder, left()));

    Tensor storage(Shape{2, 3, 4}, f32);  // a view is a holder as well
    storage[0].copy_from(left());
    storage[1].copy_from(right());
    CHECK(bitwise_equal(op.f(storage[0], storage[1]), fresh));
    CHECK(bitwise_equal(storage[0], left()));
    CHECK(bitwise_equal(storage[1], right()));
  }
}

TEST_CASE("an operand whose elements are alike and not yet written gives the same, and stays the same") {
  const auto alike = [] { return broadcast_to(scalar(1.25), {3, 4}); };
  const auto written = [] { return full({3, 4}, 1.25); };
  for (const Op& op : ops) {
    INFO(std::string(op.name));
    CHECK(bitwise_equal(op.f(alike(), right()), op.f(written(), right())));
    CHECK(bitwise_equal(op.f(left(), alike()), op.f(left(), written())));
    CHECK(bitwise_equal(op.f(alike(), alike()), op.f(written(), written())));
    const Tensor a = alike(), holder = a;
    CHECK(bitwise_equal(op.f(a, a), op.f(written(), written())));
    CHECK(bitwise_equal(op.f(alike() + alike(), right()), op.f(written() + written(), right())));
    CHECK(bitwise_equal(holder, written()));
  }
}

TEST_CASE("elements that are alike are written for whoever asks") {
  for (const DType dtype : {f32, f64, i64, u8}) {
    const auto alike = [&] { return broadcast_to(scalar(3, dtype), {4, 5}); };
    const Tensor written = full({4, 5}, 3, dtype), y = alike();
    CHECK(y.repeated());
    const Tensor of_alike = y + y;
    CHECK(of_alike.repeated());
    CHECK(bitwise_equal(of_alike, written + written));
    CHECK(bitwise_equal(alike()[2].reshape({5, 1}), written[2].reshape({5, 1})));
    CHECK(bitwise_equal(alike().slice(1, 1, 3), written.slice(1, 1, 3)));
    CHECK(bitwise_equal(alike().slice(0, 1, 3)[1] * 2, written.slice(0, 1, 3)[1] * 2));
    CHECK(bitwise_equal(alike().clone(), written));
    CHECK(bitwise_equal(transpose(alike()), transpose(written)));
    CHECK(alike().at({3, 4}) == 3);
    CHECK(y.repeated());  // nobody has asked
    Tensor one_other = alike(), same = one_other;
    one_other.set({1, 1}, 7);
    CHECK(same.at({1, 1}) == 7);
    CHECK(sum(same).item() == 19 * 3 + 7);
    CHECK(same.slice(1, 1, 2).at({1, 0}) == 7);
    Tensor columns = y.slice(1, 1, 3);  // a copy, as of any tensor
    columns.fill(8);
    CHECK(bitwise_equal(y, written));
  }
  // In pieces, in the memory of what is read.
  const Tensor wide = random_between(0.5, 2.0, {400, 300}, f32, 3);
  CHECK(bitwise_equal(broadcast_to(scalar(1.25f), {400, 300}) - wide, full({400, 300}, 1.25) - wide));
  // A narrow view of what was wide leaves nothing behind that looks written.
  Tensor view = broadcast_to(scalar(2.0f), {6, 4})[5] * 3;
  CHECK(values(view) == std::vector<double>(4, 6.0));
}

TEST_CASE("several threads may ask at once for elements that are alike") {
  for (int round = 0; round < 20; ++round) {
    const Tensor y = broadcast_to(scalar(1.5f), {3000, 300});
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    std::barrier ready(4);
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, y] {
        ready.arrive_and_wait();
        const float* x = y.data<float>();
        for (Index i = y.numel(); i-- > 0;) wrong += x[i] != 1.5f;
      });
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
  }
}

TEST_CASE("both operands may be one tensor") {
  const Tensor a = left(), copy = a.clone();
  CHECK(values(a + a) == values(a * 2));
  CHECK(values(a - a) == std::vector<double>(12, 0.0));
  CHECK(values(a / a) == std::vector<double>(12, 1.0));
  CHECK(bitwise_equal(a * a, square(a)));
  CHECK(bitwise_equal(a, copy));
  Tensor x = left();
  x = x + x;
  CHECK(bitwise_equal(x, copy * 2));
}

TEST_CASE("x = x * 2 beside another holder") {
  Tensor x = tensor({1, 2, 3});
  const Tensor other = x;
  x = x * 2;
  x = std::move(x) + other;
  CHECK(values(x) == std::vector<double>{3, 6, 9});
  CHECK(values(other) == std::vector<double>{1, 2, 3});
}

TEST_CASE("overlapping views of one storage") {
  Tensor x = tensor({1, 2, 3, 4, 5});
  CHECK(values(x.slice(0, 0, 4) + x.slice(0, 1, 5)) == std::vector<double>{3, 5, 7, 9});
  Tensor head = x.slice(0, 0, 4);
  head = std::move(head) * x.slice(0, 1, 5);
  CHECK(values(head) == std::vector<double>{2, 6, 12, 20});
  CHECK(values(x) == std::vector<double>{1, 2, 3, 4, 5});
}

TEST_CASE("a temporary's memory is used again, of either side") {
  Tensor a = left(), b = right();
  const void* at = memory(a);
  a = exp(std::move(a));
  CHECK(memory(a) == at);
  a = std::move(a) * b;
  CHECK(memory(a) == at);
  a = b - std::move(a);
  CHECK(memory(a) == at);
  a = 1 - std::move(a) * 2;
  CHECK(memory(a) == at);
  a = std::move(a) + b[0];  // the row does not widen it
  CHECK(memory(a) == at);
  Tensor row = b[0].clone();
  const Tensor wide = std::move(row) + b;
  CHECK(wide.shape() == Shape({3, 4}));
  CHECK(values(wide) == values(b + b[0]));
}

TEST_CASE("the last view of a storage may be worked in") {
  Tensor last;
  {
    const Tensor storage = tensor({9, 9, 1, 2, 3});
    last = storage.slice(0, 2, 5);
  }
  const void* at = memory(last);
  last = std::move(last) * 10;
  CHECK(memory(last) == at);
  CHECK(values(last) == std::vector<double>{10, 20, 30});
}

TEST_CASE("results never share memory with an operand that is kept") {
  // Where an op has nothing to do it must copy all the same: writing to one would change the other.
  Tensor x = scalar(2), m = ones({2, 2});
  for (Tensor y :
       {sum(x), mean(x), max(x), min(x), pow(x, 1), pow(m, 1), sum(x, {}, true), m + 0, transpose(m, 0, 0)}) {
    y.fill(7);
    CHECK(x.item() == 2);
    CHECK(values(m) == std::vector<double>{1, 1, 1, 1});
  }
}

TEST_CASE("an operand of a refused op is left as it was") {
  const Tensor a = left();
  CHECK_THROWS(a + ones({5}));
  CHECK_THROWS(a + ones({4}, f64));
  CHECK_THROWS(exp(a) / 0 * ones({3, 4}, u8));
  CHECK(bitwise_equal(a, left()));
}
