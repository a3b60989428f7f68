// What a loop of one's own has for its numbers and its end.
#include <doctest/doctest.h>

#include <signal.h>

#include <filesystem>

#include <ravine/core/factories.hpp>
#include <ravine/train/train.hpp>

#include "../data/temporary.hpp"

using namespace ravine;
using doctest::Contains;
using train::History;

TEST_CASE("a history of one's own is kept in a checkpoint with the rest") {
  History history({"epoch", "loss"});
  CHECK(history.table().rows() == 0);
  history.add({1, 0.5});
  history.add({2, 0.25});
  CHECK_THROWS_WITH_AS(history.add({3}), "History: 1 numbers for 2 names", std::invalid_argument);
  const TemporaryFile file("history.safetensors");
  train::save_checkpoint(file.path(), history);
  History again({"epoch", "loss"});
  again.add({7, 7});
  train::load_checkpoint(file.path(), again);
  CHECK(again.epochs() == 2);
  CHECK(again.row(1) == std::vector<double>{2, 0.25});
  again.add({3, 0.125});
  CHECK(again.column("loss").to_vector<double>() == std::vector<double>{0.5, 0.25, 0.125});

  History other({"epoch", "accuracy"});
  other.add({1, 1});
  CHECK_THROWS_WITH_AS(train::load_checkpoint(file.path(), other),
                       Contains("History: missing accuracy; unexpected loss"), std::invalid_argument);
  CHECK(other.epochs() == 1);
  CHECK_THROWS_WITH_AS(again.load_state_dict({{"epoch", zeros({2}, f64)}, {"loss", zeros({3}, f64)}}),
                       "History: loss is (3), expected (2)", std::invalid_argument);
  CHECK_THROWS_WITH_AS(again.load_state_dict({{"epoch", scalar(1.0, f64)}, {"loss", zeros({0}, f64)}}),
                       "History: epoch is (), expected (0)", std::invalid_argument);
  CHECK(again.epochs() == 3);
  History none(std::vector<std::string>{});
  none.load_state_dict(none.state_dict());
  CHECK(none.epochs() == 0);
}

TEST_CASE("a loop of one's own finishes its step when a signal comes") {
  struct sigaction before {};
  sigaction(SIGTERM, nullptr, &before);
  for (int i = 0; i < 2; ++i) {
    const train::StopSignals signals;
    int steps = 0;
    while (!signals.received())
      if (++steps == 3) raise(SIGTERM);
    CHECK(steps == 3);
  }
  struct sigaction after {};
  sigaction(SIGTERM, nullptr, &after);
  CHECK((after.sa_handler == before.sa_handler));
}
