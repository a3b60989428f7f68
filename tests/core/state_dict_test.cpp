#include <doctest/doctest.h>

#include <ravine/core/factories.hpp>
#include <ravine/core/state_dict.hpp>

using namespace ravine;

TEST_CASE("check_state_dict accepts the same names, shapes and types") {
  const StateDict expected{{"0.weight", ones({3, 2})}, {"steps", scalar(0, i64)}};
  const StateDict given{{"0.weight", zeros({3, 2})}, {"steps", scalar(8, i64)}};
  CHECK_NOTHROW(check_state_dict("load_state_dict", expected, given));
  CHECK_NOTHROW(check_state_dict("load_state_dict", {}, {}));
}

TEST_CASE("check_state_dict names every difference in one message") {
  const StateDict expected{{"0.weight", ones({3, 2})}, {"1.bias", ones({4})}, {"steps", scalar(0, i64)}};
  CHECK_THROWS_WITH_AS(
      check_state_dict("load_state_dict", expected, {{"1.bias", ones({3})}, {"foo", ones({1})}, {"steps", scalar(0)}}),
      "load_state_dict: missing 0.weight; unexpected foo; 1.bias is (3), expected (4); steps is f32, expected i64",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(check_state_dict("Adam", expected, {}), "Adam: missing 0.weight, 1.bias, steps",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(check_state_dict("Adam", {}, {{"a", ones({1})}, {"b", ones({1})}}), "Adam: unexpected a, b",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(check_state_dict("Adam", {{"m", ones({2})}}, {{"m", ones({2, 1}, f64)}}),
                       "Adam: m is (2, 1), expected (2); m is f64, expected f32 (.to(f32) converts)",
                       std::invalid_argument);
}

TEST_CASE("a state is made of parts, and taken apart again") {
  StateDict all{{"a", ones({1})}, {"net", ones({1})}};
  const StateDict net{{"0.weight", zeros({2})}, {"", zeros({3})}};
  add_part(all, "net.", net);
  CHECK(all.size() == 4);
  CHECK(all.at("net.0.weight").shape() == Shape{2});
  const StateDict back = part(all, "net.");
  CHECK(back.size() == 2);
  CHECK(back.at("").shape() == Shape{3});
  CHECK(back.at("0.weight").shape() == Shape{2});
  CHECK(part(all, "other.").empty());
  CHECK(part(all, "").size() == 4);
  add_part(all, "net.", {{"0.weight", zeros({5})}});  // in place of the one before
  CHECK(all.at("net.0.weight").shape() == Shape{5});
}
