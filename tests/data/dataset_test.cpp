#include <doctest/doctest.h>

#include <ravine/core/factories.hpp>
#include <ravine/data/dataset.hpp>

using namespace ravine;
using data::TensorDataset;

TEST_CASE("a dataset has a target for each input") {
  TensorDataset dataset(zeros({3, 2}), arange(3, i64));
  CHECK(dataset.size() == 3);
  dataset = {zeros({5, 2, 2}, u8), zeros({5})};
  CHECK(dataset.size() == 5);
  CHECK(dataset.inputs().dtype() == u8);
  CHECK_THROWS_WITH_AS(TensorDataset(zeros({3, 2}), zeros({4})),
                       "TensorDataset: inputs (3, 2) and targets (4) need the same number of rows", ShapeError);
  CHECK_THROWS_AS(TensorDataset(scalar(1.0), scalar(1.0)), ShapeError);
}

TEST_CASE("take copies the examples at some positions") {
  const TensorDataset dataset(tensor({{1, 2}, {3, 4}, {5, 6}}), tensor({1, 2, 3}, i64));
  const auto taken = dataset.take(tensor({2, 0, 2}, i64));
  CHECK(bitwise_equal(taken.inputs(), tensor({{5, 6}, {1, 2}, {5, 6}})));
  CHECK(bitwise_equal(taken.targets(), tensor({3, 1, 3}, i64)));
  CHECK_THROWS_AS(dataset.take(tensor({3}, i64)), std::out_of_range);
}
