#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/nn/nn.hpp>
#include "../core/reference.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;

TEST_CASE("accuracy: of scores, of classes, of a model's Variables") {
  const Tensor target = tensor({0, 2, 1, 1}, i64);
  const Tensor scores = tensor({{3, 1, 2}, {0, 1, 1.5}, {2, 2, 0}, {-1, 4, 3}});
  CHECK(nn::accuracy(scores, target) == 0.75);  // of equals the first: row 2 is of class 0
  CHECK(nn::accuracy(scores.to(f64), target) == 0.75);
  CHECK(nn::accuracy(Variable(scores) * 2.0, target) == 0.75);
  CHECK(nn::accuracy(tensor({0, 2, 2, 2}, i64), target) == 0.5);
  CHECK(std::isnan(nn::accuracy(zeros({0, 3}), zeros({0}, i64))));
  CHECK(std::isnan(nn::accuracy(zeros({0}, i64), zeros({0}, i64))));
}

TEST_CASE("confusion_matrix: true classes in rows, predicted ones in columns") {
  const Tensor target = tensor({0, 0, 1, 2, 2, 2}, i64), found = tensor({0, 1, 1, 2, 2, 0}, i64);
  const Tensor counts = nn::confusion_matrix(found, target, 3);
  CHECK(counts.dtype() == i64);
  CHECK(bitwise_equal(counts, tensor({1, 1, 0, 0, 1, 0, 1, 0, 2}, {3, 3}, i64)));
  CHECK(bitwise_equal(nn::confusion_matrix(tensor({{1, 2}, {5, 3}}), tensor({1, 1}, i64), 2),
                      tensor({0, 0, 1, 1}, {2, 2}, i64)));
  CHECK(values(nn::confusion_matrix(zeros({0}, i64), zeros({0}, i64), 1)) == std::vector{0.0});
  CHECK(nn::confusion_matrix(zeros({0}, i64), zeros({0}, i64), 0).shape() == Shape{0, 0});
  CHECK_THROWS_WITH_AS(nn::confusion_matrix(found, target, 2),
                       Contains("confusion_matrix: prediction 3 is class 2, of 2"), std::out_of_range);
  CHECK_THROWS_WITH_AS(nn::confusion_matrix(zeros({6}, i64), target, 2), Contains("target 3 is class 2, of 2"),
                       std::out_of_range);
  CHECK_THROWS_WITH_AS(nn::confusion_matrix(found, target, -1), Contains("classes must be >= 0, got -1"),
                       std::invalid_argument);
}

TEST_CASE("classes of metrics are checked") {
  const Tensor target = tensor({0, 1}, i64);
  CHECK_THROWS_WITH_AS(nn::accuracy(zeros({2, 1}, i64), target),
                       Contains("accuracy: needs classes (N) and targets (N)"), ShapeError);
  CHECK_THROWS_WITH_AS(nn::accuracy(zeros({3}, i64), target), Contains("got (3) and (2)"), ShapeError);
  CHECK_THROWS_WITH_AS(nn::accuracy(zeros({2}), target), Contains("accuracy: needs scores (N, C)"), ShapeError);
  CHECK_THROWS_WITH_AS(nn::accuracy(zeros({2, 3}), zeros({2, 1})), Contains("Table::codes"), DTypeError);
  CHECK_THROWS_WITH_AS(nn::accuracy(zeros({2}, u8), target), Contains("classes are i64, got u8 and i64"), DTypeError);
  CHECK_THROWS_WITH_AS(nn::accuracy(zeros({2, 1}), target), Contains("target 1 is class 1, of 1"), std::out_of_range);
}

TEST_CASE("r2_score is scikit-learn's: also of columns, of constant targets and of few rows") {
  for (const DType dtype : {f32, f64}) {
    // 1 - 1.5 / 29.1875.
    CHECK(nn::r2_score(tensor({2.5, 0.0, 2.0, 8.0}, dtype), tensor({3.0, -0.5, 2.0, 7.0}, dtype)) ==
          Approx(0.948608137045).epsilon(1e-11));
    const Tensor t = tensor({{0.5, 1.0}, {-1.0, 1.0}, {7.0, -6.0}}, dtype);
    const Tensor y = tensor({{0.0, 2.0}, {-1.0, 2.0}, {8.0, -5.0}}, dtype);
    CHECK(nn::r2_score(y, t) == Approx(0.936800526662).epsilon(1e-11));
    CHECK(nn::r2_score(t, t) == 1.0);
    CHECK(nn::r2_score(full({3}, 2.0, dtype), tensor({1.0, 2.0, 3.0}, dtype)) == 0.0);
    CHECK(nn::r2_score(tensor({3.0, 2.0, 1.0}, dtype), tensor({1.0, 2.0, 3.0}, dtype)) == -3.0);
    const Tensor constant = full({3}, 0.1, dtype);
    CHECK(nn::r2_score(constant, constant) == 1.0);
    CHECK(nn::r2_score(constant + 1e-3, constant) == 0.0);
    CHECK(std::isnan(nn::r2_score(zeros({1}, dtype), zeros({1}, dtype))));
    CHECK(std::isnan(nn::r2_score(zeros({0}, dtype), zeros({0}, dtype))));
    CHECK(std::isnan(nn::r2_score(full({3}, nan_value, dtype), constant)));
    CHECK(std::isnan(nn::r2_score(constant, tensor({nan_value, 1.0, 2.0}, dtype))));
  }
  // A spread that is small beside the mean.
  CHECK(nn::r2_score(tensor({1e5, 1e5 + 1, 1e5 + 2}), tensor({1e5, 1e5 + 2, 1e5 + 1})) == Approx(0.0).epsilon(1e-12));
  CHECK_THROWS_WITH_AS(nn::r2_score(zeros({3, 1}), zeros({3})),
                       Contains("r2_score: prediction is (3, 1), target is (3)"), ShapeError);
  CHECK_THROWS_WITH_AS(nn::r2_score(zeros({2, 2, 2}), zeros({2, 2, 2})), Contains("r2_score: needs (N) or (N, K)"),
                       ShapeError);
  CHECK_THROWS_AS(nn::r2_score(zeros({3}, i64), zeros({3}, i64)), DTypeError);
}
