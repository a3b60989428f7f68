#include <doctest/doctest.h>

#include <ravine/core/factories.hpp>
#include <ravine/eigen.hpp>

using namespace ravine;

namespace {

template <class T>
concept mappable = requires(T x) {
  as_matrix<float>(static_cast<T>(x));
};

}  // namespace

TEST_CASE("as_matrix and as_vector read a tensor in place") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}, f64);
  const auto m = as_matrix<double>(x);
  CHECK(m.data() == x.data<double>());
  CHECK(m.rows() == 2);
  CHECK(m.cols() == 3);
  CHECK(m(0, 2) == 3);
  CHECK(m(1, 0) == 4);
  CHECK((m * m.transpose())(0, 1) == 32);

  const Tensor row = x[1];
  CHECK(as_vector<double>(row).data() == x.data<double>() + 3);
  CHECK(as_vector<double>(row).sum() == 15);
}

TEST_CASE("as_mutable_matrix and as_mutable_vector write into the tensor") {
  Tensor x = zeros({2, 2});
  const Tensor shared = x;
  as_mutable_matrix<float>(x) << 1, 2, 3, 4;
  CHECK(shared.to_vector<float>() == std::vector<float>{1, 2, 3, 4});
  Tensor row = x[0];
  const auto before = x.written();
  as_mutable_vector<float>(row) *= 10;
  CHECK(shared.to_vector<float>() == std::vector<float>{10, 20, 3, 4});
  CHECK(x.written() > before);
  const auto after = x.written();
  CHECK(as_matrix<float>(x).sum() == 37);
  CHECK(x.written() == after);
}

TEST_CASE("maps refuse another rank or type, and temporaries") {
  Tensor x = zeros({4});
  CHECK_THROWS_WITH_AS(as_matrix<float>(x), "as_matrix: needs rank 2, got shape (4)", ShapeError);
  CHECK_THROWS_WITH_AS(as_mutable_matrix<float>(x), doctest::Contains("as_mutable_matrix: needs rank 2"), ShapeError);
  const Tensor m = zeros({2, 2});
  CHECK_THROWS_WITH_AS(as_vector<float>(m), "as_vector: needs rank 1, got shape (2, 2)", ShapeError);
  CHECK_THROWS_WITH_AS(as_vector<double>(x), doctest::Contains("f64"), DTypeError);
  static_assert(mappable<Tensor&> && mappable<const Tensor&>);
  static_assert(!mappable<Tensor&&>);
}

TEST_CASE("from_eigen copies matrices, vectors, arrays and expressions") {
  Eigen::MatrixXd m(2, 3);
  m << 1, 2, 3, 4, 5, 6;
  const Tensor x = from_eigen(m);
  CHECK(x.shape() == Shape{2, 3});
  CHECK(x.dtype() == f64);
  CHECK(x.to_vector<double>() == std::vector<double>{1, 2, 3, 4, 5, 6});
  m(0, 0) = 100;
  CHECK(x.at({0, 0}) == 1);

  const Tensor t = from_eigen(m.transpose());
  CHECK(t.shape() == Shape{3, 2});
  CHECK(t.to_vector<double>() == std::vector<double>{100, 4, 2, 5, 3, 6});
  CHECK(from_eigen(m.row(1)).shape() == Shape{3});
  CHECK(from_eigen(m.col(2)).to_vector<double>() == std::vector<double>{3, 6});
  CHECK(from_eigen(m.array() + 1).at({1, 2}) == 7);

  const Tensor v = from_eigen(Eigen::Vector3f(1, 2, 3));
  CHECK(v.shape() == Shape{3});
  CHECK(v.dtype() == f32);
  CHECK(from_eigen(m.cast<Index>()).dtype() == i64);
  CHECK(from_eigen(Eigen::MatrixXf(0, 3)).shape() == Shape{0, 3});
}
