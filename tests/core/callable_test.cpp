#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <ravine/core/callable.hpp>

using ravine::Callable;

namespace {

int twice(int x) { return 2 * x; }

/// Counts its calls; false by itself, which does not make it empty.
struct Counter {
  int calls = 0;
  explicit operator bool() const { return false; }
  int operator()(int) { return ++calls; }
};

}  // namespace

TEST_CASE("a callable is called, copied with what it owns, and moved") {
  Callable<int(int)> f = Counter();
  CHECK(f(0) == 1);
  Callable<int(int)> copy = f;
  CHECK(f(0) == 2);
  CHECK(f(0) == 3);
  CHECK(copy(0) == 2);
  Callable<int(int)> moved = std::move(copy);
  CHECK(moved(0) == 3);
  CHECK(copy == nullptr);
  moved = f;
  CHECK(moved(0) == 4);
  f = twice;
  CHECK(f(21) == 42);

  int seen = 0;
  const Callable<void(std::string)> ignores = [&](const std::string& text) {
    return seen += static_cast<int>(text.size());
  };
  ignores("four");
  CHECK(seen == 4);
}

TEST_CASE("an empty callable is one that was made of nothing, and says so when it is called") {
  int (*const none)(int) = nullptr;
  for (const Callable<int(int)>& empty :
       {Callable<int(int)>(), Callable<int(int)>(nullptr), Callable<int(int)>(none),
        Callable<int(int)>(std::function<int(int)>()), Callable<int(int)>(Callable<long(int)>())}) {
    CHECK_FALSE(empty);
    CHECK(empty == nullptr);
    CHECK_THROWS_AS(empty(1), std::bad_function_call);
  }
  CHECK(Callable<int(int)>(std::function<int(int)>(twice))(4) == 8);
}

TEST_CASE("what cannot be called so, or not be copied, is refused by the compiler") {
  const auto move_only = [p = std::make_unique<int>(1)](int) { return *p; };
  CHECK_FALSE(std::is_constructible_v<Callable<int(int)>, decltype(move_only)>);
  CHECK_FALSE(std::is_constructible_v<Callable<int(int)>, int (Counter::*)(int)>);
  CHECK_FALSE(std::is_constructible_v<Callable<int(Counter&)>, int Counter::*>);
  CHECK_FALSE(std::is_constructible_v<Callable<int(int)>, int (*)(std::string)>);
  CHECK(std::is_constructible_v<Callable<long(int)>, int (*)(int)>);
}
