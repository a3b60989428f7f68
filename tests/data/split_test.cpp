#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/data/split.hpp>

using namespace ravine;
using data::Table;
using data::TensorDataset;
using doctest::Contains;

using Indices = std::vector<Index>;
using Pair = std::pair<TensorDataset, TensorDataset>;

// Example i has the input (i, -i) and the target i.
static TensorDataset counting(Index n) {
  Tensor inputs({n, 2}, f32);
  for (Index i = 0; i < n; ++i) {
    inputs.set({i, 0}, static_cast<double>(i));
    inputs.set({i, 1}, -static_cast<double>(i));
  }
  return {inputs, arange(n, i64)};
}

static Indices targets(const TensorDataset& dataset) { return dataset.targets().to_vector<Index>(); }

TEST_CASE("split deals every example out once, inputs with their targets") {
  Generator generator(3);
  const auto [first, second] = data::split(counting(50), 0.8, generator);
  CHECK(first.size() == 40);
  CHECK(second.size() == 10);
  Indices all = targets(first);
  const Indices rest = targets(second);
  CHECK_FALSE(std::is_sorted(all.begin(), all.end()));
  for (Index i = 0; i < 40; ++i)
    CHECK(first.inputs().at({i, 1}) == -static_cast<double>(all[static_cast<std::size_t>(i)]));
  all.insert(all.end(), rest.begin(), rest.end());
  std::sort(all.begin(), all.end());
  CHECK(all == targets(counting(50)));
}

TEST_CASE("split depends on the generator alone") {
  Generator a(1), b(1), c(2);
  const auto dealt = targets(data::split(counting(50), 25, a).first);
  CHECK(dealt == targets(data::split(counting(50), 25, b).first));
  CHECK(dealt != targets(data::split(counting(50), 25, c).first));
  CHECK(dealt != targets(data::split(counting(50), 25, a).first));  // the stream has moved on

  manual_seed(7);
  const auto by_default = targets(data::split(counting(50), 0.5).first);
  manual_seed(7);
  CHECK(by_default == targets(data::split(counting(50), 0.5).first));
}

TEST_CASE("fractions are floored, integers of any type are counts") {
  CHECK(data::split(counting(392), 0.8).first.size() == 313);
  CHECK(data::split(counting(100), 0.29).first.size() == 29);  // 0.29 * 100 is less than 29 in binary
  CHECK(data::split(counting(10), 0.5f).first.size() == 5);
  CHECK(data::split(counting(10), 1).first.size() == 1);
  CHECK(data::split(counting(10), Index{3}).second.size() == 7);
  CHECK(data::split(counting(10), std::size_t{10}).second.size() == 0);
  static_assert(std::is_same_v<decltype(data::split(counting(1), 1)), Pair>);
}

TEST_CASE("split into several") {
  const auto parts = data::split(counting(392), {0.7, 0.15, 0.15});
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].size() == 274);
  CHECK(parts[1].size() == 59);
  CHECK(parts[2].size() == 59);
  Indices all;
  for (const auto& part : parts)
    for (const Index target : targets(part)) all.push_back(target);
  std::sort(all.begin(), all.end());
  CHECK(all == targets(counting(392)));
}

TEST_CASE("split refuses what makes no sense, and says what it got") {
  const auto ten = counting(10);
  CHECK_THROWS_WITH_AS(data::split(ten, 1.5), "split: a fraction must lie between 0 and 1, got 1.5",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::split(ten, 0.0), Contains("got 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::split(ten, 11), "split: asked for 11 examples of a set that has 10",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::split(ten, -1), Contains("-1"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::split(ten, {0.7, 0.7}), "split: fractions must add up to 1, got a sum of 1.4",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::split(ten, {0.5, 0.7, -0.2}), "split: fractions must be > 0, got -0.2",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::split(ten, std::vector<double>{}), Contains("got a sum of 0"), std::invalid_argument);
}

static Table letters() {
  return {"letters.csv",
          {{"n", arange(6, f64), {}}, {"word", tensor({0, 1, 0, 2, 1, 0}, i64), {"1", "2", "x"}}},
          arange(6, i64)};
}

TEST_CASE("tables split as datasets do") {
  Generator a(3), b(3);
  const auto [first, second] = data::split(letters(), 4, a);
  CHECK(first.rows() == 4);
  CHECK(second.rows() == 2);
  CHECK(first.column("n").to(i64).to_vector<Index>() == targets(data::split(counting(6), 4, b).first));
  CHECK(data::split(letters(), 0.5).first.rows() == 3);
  CHECK(data::split(letters(), {0.5, 0.25, 0.25})[1].rows() == 1);

  const Table without_x = letters().take(tensor({5, 1}, i64));
  CHECK(without_x.text("word") == std::vector<std::string>{"1", "2"});  // the word at each number stays with it
  CHECK(without_x.categories("word") == std::vector<std::string>{"1", "2"});
  CHECK_FALSE(without_x.numeric("word"));  // one part of a table has the columns of the other
}

// How many examples of each class.
static Indices counts(const TensorDataset& dataset, Index classes) {
  Indices result(static_cast<std::size_t>(classes));
  for (const Index target : targets(dataset)) ++result[static_cast<std::size_t>(target)];
  return result;
}

// 70 of class 0, 20 of class 1, 10 of class 2, in this order; the inputs are the positions.
static TensorDataset three_classes() {
  Indices classes(70, 0);
  classes.resize(90, 1);
  classes.resize(100, 2);
  return {arange(100), tensor(classes, i64)};
}

// Made when they are asked for; copies share the count of calls.
struct Squares {
  std::shared_ptr<int> calls = std::make_shared<int>(0);
  Index size() const { return 10; }
  data::Example get(Index i) const {
    ++*calls;
    return {scalar(static_cast<double>(i * i)), scalar(i, i64)};
  }
};

static Indices targets(const data::Dataset& dataset) {
  Indices all;
  for (Index i = 0; i < dataset.size(); ++i) all.push_back(dataset.get(i).target.item<Index>());
  return all;
}

TEST_CASE("a Dataset, and a class of one's own, split into subsets as a TensorDataset into copies") {
  const TensorDataset rows = counting(10);
  const Squares own;
  const auto check = [](const auto& set) {
    const Tensor strata = tensor({0, 0, 0, 0, 0, 1, 1, 1, 1, 1}, i64);
    Generator a(3), b(3);
    const auto two = data::split(set, 0.8, a);
    static_assert(std::is_same_v<decltype(two), const std::pair<data::Dataset, data::Dataset>>);
    const Pair copies = data::split(counting(10), 0.8, b);
    CHECK(targets(two.first) == targets(copies.first));
    CHECK(targets(two.second) == targets(copies.second));
    const auto by_class = data::split(set, 4, {.stratify = strata}, a);
    CHECK(targets(by_class.first) == targets(data::split(counting(10), 4, {.stratify = strata}, b).first));
    CHECK(targets(data::split(set, {0.5, 0.3, 0.2}, a)[1]) ==
          targets(data::split(counting(10), {0.5, 0.3, 0.2}, b)[1]));
    const auto folds = data::folds(set, 3, {}, a);
    const auto copied = data::folds(counting(10), 3, {}, b);
    for (const std::size_t fold : {0, 1, 2}) {
      CHECK(targets(folds[fold].first) == targets(copied[fold].first));
      CHECK(targets(folds[fold].second) == targets(copied[fold].second));
    }
  };
  check(data::Dataset(rows));
  check(own);
  *own.calls = 0;
  CHECK(data::folds(own, 5)[4].second.get(1).input.item() >= 0.0);
  CHECK(*own.calls == 1);

  const auto half = data::split(data::Dataset(rows), 0.5).first;
  const Index i = half.get(2).target.item<Index>();
  CHECK(half.get(2).input.data<float>() == rows.inputs().data<float>() + 2 * i);  // not copied
}

TEST_CASE("a stratified split gives every part its share of each class") {
  const auto dataset = three_classes();
  const data::SplitOptions by_class{.stratify = dataset.targets()};
  Generator generator(1);
  for (int round = 0; round < 20; ++round) {
    const auto [first, second] = data::split(dataset, 0.8, by_class, generator);
    CHECK(counts(first, 3) == Indices{56, 16, 8});
    CHECK(counts(second, 3) == Indices{14, 4, 2});
    const Indices classes = targets(first);
    CHECK_FALSE(std::is_sorted(classes.begin(), classes.end()));  // in random order all the same
    CHECK(bitwise_equal(dataset.take(first.inputs().to(i64)).targets(), first.targets()));

    const auto parts = data::split(dataset, {0.5, 0.3, 0.2}, by_class, generator);
    CHECK(counts(parts[0], 3) == Indices{35, 10, 5});
    CHECK(parts[1].size() == 30);
    CHECK(parts[2].size() == 20);
    for (const Index k : {0, 1, 2}) {
      const double share = Indices{70, 20, 10}[static_cast<std::size_t>(k)] * 0.3;
      CHECK(std::abs(static_cast<double>(counts(parts[1], 3)[static_cast<std::size_t>(k)]) - share) < 2.0);
    }
  }
}

TEST_CASE("classes of either integer type stratify alike") {
  const auto dataset = three_classes();
  const Tensor bytes = dataset.targets().to(u8);  // as read_idx has labels
  Generator a(1), b(1);
  const auto first = data::split(dataset, 0.8, {.stratify = bytes}, a).first;
  CHECK(counts(first, 3) == Indices{56, 16, 8});
  CHECK(bitwise_equal(first.inputs(), data::split(dataset, 0.8, {.stratify = dataset.targets()}, b).first.inputs()));
  CHECK(counts(data::folds(dataset, 10, {.stratify = bytes})[3].second, 3) == Indices{7, 2, 1});
}

TEST_CASE("a class of one example goes to either part") {
  const TensorDataset four(arange(4), arange(4, i64));
  Generator generator(1);
  Indices first_got(4);
  for (int round = 0; round < 400; ++round) {
    const auto first = data::split(four, 0.5, {.stratify = four.targets()}, generator).first;
    REQUIRE(first.size() == 2);
    for (const Index target : targets(first)) ++first_got[static_cast<std::size_t>(target)];
  }
  for (const Index times : first_got) CHECK(std::abs(times - 200) < 60);  // six standard deviations
}

TEST_CASE("tables are stratified by the codes of a column") {
  const Table table = letters();
  const auto [first, second] = data::split(table, 0.5, {.stratify = table.codes("word")});
  CHECK(first.rows() == 3);
  CHECK(second.rows() == 3);
  CHECK_THROWS_WITH_AS(data::split(table, 0.5, {.stratify = table.column("n")}),
                       "split: stratify must be of an integer type, got f64", DTypeError);
  CHECK_THROWS_WITH_AS(data::folds(table, 2, {.stratify = arange(5, i64)}),
                       "folds: expected (6) to stratify by, got (5)", ShapeError);
}

TEST_CASE("folds: every example is in one part, and in the others' of all other folds") {
  Generator a(3), b(3);
  const auto folds = data::folds(counting(10), 3, {}, a);
  REQUIRE(folds.size() == 3);
  Indices all;
  for (const auto& fold : folds) {
    Indices together = targets(fold.first);
    const Indices part = targets(fold.second);
    CHECK((part.size() == 3 || part.size() == 4));
    all.insert(all.end(), part.begin(), part.end());
    CHECK_FALSE(std::is_sorted(together.begin(), together.end()));
    together.insert(together.end(), part.begin(), part.end());
    std::sort(together.begin(), together.end());
    CHECK(together == targets(counting(10)));
  }
  std::sort(all.begin(), all.end());
  CHECK(all == targets(counting(10)));
  CHECK(targets(data::folds(counting(10), 3, {}, b)[1].second) == targets(folds[1].second));

  for (const auto& fold : data::folds(three_classes(), 10, {.stratify = three_classes().targets()}, a)) {
    CHECK(counts(fold.first, 3) == Indices{63, 18, 9});
    CHECK(counts(fold.second, 3) == Indices{7, 2, 1});
  }
  CHECK(data::folds(letters(), 6)[0].second.rows() == 1);
  CHECK_THROWS_WITH_AS(data::folds(counting(3), 4), "folds: asked for 4 folds of a set of 3 examples",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::folds(counting(3), 1), Contains("asked for 1 folds"), std::invalid_argument);
}
