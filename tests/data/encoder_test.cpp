#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/data/csv.hpp>
#include <ravine/data/encoder.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/safetensors.hpp>
#include <ravine/data/scaler.hpp>
#include <ravine/data/split.hpp>

#include "../same_bits.hpp"
#include "temporary.hpp"

using namespace ravine;
using data::Categories;
using data::Filling;
using data::FormatError;
using data::Scaling;
using data::Table;
using data::TableEncoder;
using data::TableEncoderOptions;
using data::Unknown;
using doctest::Contains;

using Strings = std::vector<std::string>;

namespace {

Table parse(const std::string& content) {
  const TemporaryFile file("table.csv", content);
  return data::read_csv(file.path());
}

// Missing are an age, a kind and a price.
Table pets() {
  return parse("kind,age,weight,price\ndog,1,10,100\ncat,,4,50\ndog,3,10,\n,8,2,30\nbird,3,0.5,20\ndog,5,12,200\n");
}

// Every kind of column there is.
const std::vector<TableEncoderOptions> various_options = {
    {},
    {.target = "price", .drop = {"kind", "age"}},
    {.target = {"price", "weight"}, .scaling = Scaling::min_max, .indicator = true},
    {.target = "price", .scaling = Scaling::none, .target_scaling = Scaling::none, .filling = Filling::median},
    {.target = "kind", .categorical = "age", .filling = Filling::most_frequent, .unknown = Unknown::zeros},
    {.categorical = {"age", "weight"}, .indicator = true, .categories = Categories::codes, .unknown = Unknown::zeros},
};

}  // namespace

TEST_CASE("an encoder learns numbers, categories and the target from the rows that have one") {
  const auto encoder = TableEncoder::fit(pets(), {.target = "price", .drop = "weight", .scaling = Scaling::none});
  CHECK(encoder.feature_names() == Strings{"kind=bird", "kind=cat", "kind=dog", "age"});
  CHECK(encoder.target_names() == Strings{"price"});
  CHECK(encoder.class_names().empty());
  const auto rows = encoder.dataset(pets());  // without the third, whose age of 3 does not count for the mean
  CHECK(
      bitwise_equal(rows.inputs(), tensor({{0, 0, 1, 1}, {0, 1, 0, 4.25}, {0, 0, 1, 8}, {1, 0, 0, 3}, {0, 0, 1, 5}})));
  CHECK(rows.targets().shape() == Shape{5, 1});
  CHECK(std::abs(mean(rows.targets()).item()) < 1e-6);
  CHECK(var(rows.targets(), 0, false, 0.0).item() == doctest::Approx(1.0));
  const Tensor prices = tensor({{100}, {50}, {30}, {20}, {200}});
  CHECK(max(abs(encoder.targets_in_units(rows.targets()) - prices)).item() < 1e-4);
}

TEST_CASE("numbers are scaled as the scalers do, with what is filled in among them") {
  const Table filled = pets().fill_missing("age", 4.0).select({"age", "weight"});  // the mean of 1, 3, 8, 3 and 5
  const Tensor x = filled.to_tensor(f64);
  const Table numbers = pets().select({"age", "weight"});
  CHECK(bitwise_equal(TableEncoder::fit(numbers).inputs(numbers), data::StandardScaler::fit(x).transform(x).to(f32)));
  CHECK(bitwise_equal(TableEncoder::fit(numbers, {.scaling = Scaling::min_max}).inputs(numbers),
                      data::MinMaxScaler::fit(x).transform(x).to(f32)));
  CHECK(bitwise_equal(TableEncoder::fit(numbers, {.scaling = Scaling::none}).inputs(numbers), x.to(f32)));

  const Table constant = parse("a,b\n2,1\n2,2\n");
  CHECK(bitwise_equal(TableEncoder::fit(constant).inputs(constant), tensor({{0, -1}, {0, 1}})));
}

TEST_CASE("missing values are filled as asked") {
  const auto filled = [](const std::string& content, const TableEncoderOptions& options) {
    const Table table = parse(content);
    return TableEncoder::fit(table, options).inputs(table);
  };
  const auto none = Scaling::none;
  const std::string odd = "x,y\n5,1\n1,1\n,1\n1,1\n9,1\n5,1\n";
  CHECK(filled(odd, {.drop = "y", .scaling = none}).at({2, 0}) == doctest::Approx(4.2));
  CHECK(filled(odd, {.drop = "y", .scaling = none, .filling = Filling::median}).at({2, 0}) == 5.0);
  CHECK(filled(odd, {.drop = "y", .scaling = none, .filling = Filling::most_frequent}).at({2, 0}) == 1.0);
  const std::string even = "x,y\n7,1\n1,1\n,1\n2,1\n9,1\n";
  CHECK(filled(even, {.drop = "y", .scaling = none, .filling = Filling::median}).at({2, 0}) == 4.5);
  CHECK(filled(even, {.drop = "y", .scaling = none, .filling = Filling::most_frequent}).at({2, 0}) == 1.0);

  for (const Filling filling : {Filling::mean, Filling::median, Filling::most_frequent})  // text has no mean
    CHECK(bitwise_equal(filled("x\nb\na\n\"\"\nb\n", {.filling = filling}), tensor({{0, 1}, {1, 0}, {0, 1}, {0, 1}})));
  CHECK(filled("x\nb\na\n\"\"\n", {}).at({2, 0}) == 1.0);  // equally frequent: the first in sorted order
}

TEST_CASE("an indicator says where a value was missing, of columns that lacked one in fit") {
  const Table table = parse("n,full,word\n1,1,a\n,2,\n3,3,b\n");
  const auto encoder = TableEncoder::fit(table, {.scaling = Scaling::none, .indicator = true});
  CHECK(encoder.feature_names() == Strings{"n", "n missing", "full", "word=a", "word=b", "word missing"});
  CHECK(bitwise_equal(encoder.inputs(table), tensor({{1, 0, 1, 1, 0, 0}, {2, 1, 2, 1, 0, 1}, {3, 0, 3, 0, 1, 0}})));
  CHECK(bitwise_equal(encoder.inputs(parse("n,full,word\n1,,a\n")), tensor({{1, 0, 2, 1, 0, 0}})));

  const auto codes =
      TableEncoder::fit(table, {.drop = {"n", "full"}, .indicator = true, .categories = Categories::codes});
  CHECK(bitwise_equal(codes.inputs(table), tensor({{0, 0}, {0, 1}, {1, 0}})));
}

TEST_CASE("missing values can be refused, with file, line and column") {
  const TableEncoderOptions refuse{.filling = Filling::refuse};
  CHECK_THROWS_WITH_AS(TableEncoder::fit(pets(), refuse),
                       Contains("table.csv, line 5, column 'kind': the value is missing"), FormatError);
  CHECK_THROWS_WITH_AS(TableEncoder::fit(pets().drop_column("kind"), refuse), Contains("line 3, column 'age'"),
                       FormatError);
  const auto encoder = TableEncoder::fit(pets().drop_missing(), refuse);  // two dogs and a bird
  const Table holes = parse("kind,age,weight,price\ndog,1,1,1\ndog,1,,1\n"),
              gap = parse("kind,age,weight,price\n,1,1,1\n");
  CHECK_THROWS_WITH_AS(encoder.inputs(holes), Contains("line 3, column 'weight': the value is missing"), FormatError);
  CHECK_THROWS_WITH_AS(encoder.inputs(gap), Contains("line 2, column 'kind': the value is missing"), FormatError);
}

TEST_CASE("text, and numbers that name things, are classes as a target") {
  for (const char* target : {"kind", "age"}) {
    const auto encoder = TableEncoder::fit(pets(), {.target = target, .categorical = "age"});
    const auto rows = encoder.dataset(pets());
    CHECK(encoder.class_names() ==
          (target == std::string("kind") ? Strings{"bird", "cat", "dog"} : Strings{"1", "3", "5", "8"}));
    CHECK(rows.size() == 5);
    CHECK(rows.targets().dtype() == i64);
    CHECK(rows.targets().shape() == Shape{5});
    CHECK_THROWS_WITH_AS(encoder.targets_in_units(ones({2, 3})), Contains("is classes; argmax"), std::logic_error);
  }
  const auto encoder = TableEncoder::fit(pets(), {.target = "kind"});
  CHECK(encoder.dataset(pets()).targets().to_vector<Index>() == std::vector<Index>{2, 1, 2, 0, 2});
  CHECK_THROWS_WITH_AS(
      encoder.dataset(parse("kind,age,weight,price\ncat,1,1,1\nfish,2,3,4\n")),
      Contains("line 3, column 'kind': found 'fish', expected one of the 3 known classes, 'bird', 'cat', 'dog'"),
      FormatError);
}

TEST_CASE("several targets of numbers stand side by side") {
  const auto encoder = TableEncoder::fit(pets(), {.target = {"price", "age"}, .target_scaling = Scaling::none});
  const auto rows = encoder.dataset(pets());  // those that have both
  CHECK(bitwise_equal(rows.targets(), tensor({{100, 1}, {30, 8}, {20, 3}, {200, 5}})));
  CHECK(encoder.target_names() == Strings{"price", "age"});
  const auto scaled = TableEncoder::fit(pets(), {.target = {"price", "age"}, .target_scaling = Scaling::min_max});
  CHECK(bitwise_equal(scaled.targets_in_units(tensor({{0, 0}, {1, 1}})), tensor({{20, 1}, {200, 8}})));
  CHECK_THROWS_WITH_AS(scaled.targets_in_units(ones({2, 1})), Contains("needs (rows, 2), got (2, 1)"), ShapeError);
  CHECK_THROWS_WITH_AS(scaled.targets_in_units(ones({2})), Contains("needs (rows, 2), got (2)"), ShapeError);
  CHECK_THROWS_AS(scaled.targets_in_units(ones({2, 2}, i64)), DTypeError);
}

TEST_CASE("without a target there are inputs only") {
  const auto encoder = TableEncoder::fit(pets());
  const auto rows = encoder.dataset(pets());
  CHECK(rows.size() == 6);
  CHECK(rows.targets().shape() == Shape{6, 0});
  CHECK(encoder.feature_names().back() == "price");
  CHECK(encoder.target_names().empty());
  CHECK_THROWS_WITH_AS(encoder.targets_in_units(ones({1, 1})), Contains("there is no target"), std::logic_error);
}

TEST_CASE("another table may have its columns in another order, more of them, and no target") {
  const auto encoder = TableEncoder::fit(pets(), {.target = "price"});
  const Tensor expected = encoder.inputs(pets());
  CHECK(bitwise_equal(encoder.inputs(pets().select({"weight", "age", "kind"})), expected));
  const Table others = parse("colour,weight,age,kind\nred,12,,bird\n,4,5,dog\n");
  CHECK(encoder.inputs(others).shape() == Shape{2, 5});
  CHECK_THROWS_WITH_AS(encoder.inputs(pets().drop_column("weight")), Contains("no column 'weight' in "),
                       std::out_of_range);
  CHECK_THROWS_WITH_AS(encoder.dataset(others), Contains("no column 'price' in "), std::out_of_range);
  CHECK_THROWS_WITH_AS(encoder.inputs(parse("weight,age,kind\n1,2,dog\n1,old,dog\n")),
                       Contains("line 3, column 'age': found 'old', expected a number"), FormatError);
}

TEST_CASE("a category keeps its place, whatever the other table holds") {
  const auto encoder = TableEncoder::fit(parse("kind\ncat\ndog\nbird\n"));
  CHECK(bitwise_equal(encoder.inputs(parse("kind\ndog\ndog\n")), tensor({{0, 0, 1}, {0, 0, 1}})));

  // Numbers that name things are the same names where a word makes the column text, and where they are spelled
  // otherwise.
  const TableEncoderOptions numbers{.categorical = "n", .unknown = Unknown::zeros};
  const auto numeric = TableEncoder::fit(parse("n\n10\n9\n1.5\n"), numbers);
  CHECK(numeric.feature_names() == Strings{"n=1.5", "n=9", "n=10"});
  CHECK(bitwise_equal(numeric.inputs(parse("n\n9.0\nten\n1e1\n2\n")),
                      tensor({{0, 1, 0}, {0, 0, 0}, {0, 0, 1}, {0, 0, 0}})));
  // Text that happens to be numbers here is the same text.
  const auto text = TableEncoder::fit(parse("n\n10\nten\n"));
  CHECK(bitwise_equal(text.inputs(parse("n\n10\n10\n")), tensor({{1, 0}, {1, 0}})));
}

TEST_CASE("a category that is a number is known however another table writes it") {
  const auto text = TableEncoder::fit(parse("n,y\n1.50,1\nten,2\n"), {.target = "y"});
  CHECK(bitwise_equal(text.inputs(parse("n\n1.50\n1.5\n")), tensor({{1, 0}, {1, 0}})));
  const auto number = TableEncoder::fit(parse("n,y\n-0,1\n1,2\n"), {.target = "y", .categorical = "n"});
  CHECK(bitwise_equal(number.inputs(parse("n\n0\n1.0\n-0.0\n")), tensor({{1, 0}, {0, 1}, {1, 0}})));
  const auto two = TableEncoder::fit(parse("n,y\n1.50,1\n1.500,1\nten,2\n"), {.target = "y"});
  CHECK(bitwise_equal(two.inputs(parse("n\n1.50\n1.500\nten\n")), tensor({{1, 0, 0}, {0, 1, 0}, {0, 0, 1}})));
  CHECK_THROWS_WITH_AS(two.inputs(parse("n\n1.5\n")), Contains("found '1.5', expected one of the 3 known categories"),
                       data::FormatError);
}

TEST_CASE("words among many numbers are a mistake, or categories if it is said so") {
  std::string content = "n,y\n";
  for (int i = 0; i < 12; ++i) content += std::to_string(i) + ",1\n";
  const Table table = parse(content + "tall,2\n");
  for (const auto& options : {TableEncoderOptions{}, TableEncoderOptions{.target = "n"}})
    CHECK_THROWS_WITH_AS(
        TableEncoder::fit(table, options),
        Contains("line 14, column 'n': found 'tall', expected a number; all are numbers except 'tall' in "
                 "line 14 (TableEncoder: unless the column is `categorical`)"),
        FormatError);
  CHECK(TableEncoder::fit(table, {.target = "n", .categorical = "n"}).class_names().size() == 13);
  CHECK(TableEncoder::fit(parse("n\n1\n2\n3\ncrew\n")).feature_names().size() == 4);  // few numbers name things
  CHECK(TableEncoder::fit(parse(content + "a,1\nb,1\nc,1\n")).feature_names().size() == 16);
}

TEST_CASE("a column whose words are in other rows holds numbers") {
  const Table table = parse("n,y\n1,1\n3,\n5,2\nx,3\n"), train = table.take(arange(3, i64));
  CHECK_FALSE(train.numeric("n"));
  const auto encoder = TableEncoder::fit(train, {.drop = "y", .scaling = Scaling::none});
  CHECK(bitwise_equal(encoder.inputs(train), tensor({{1}, {3}, {5}})));
  CHECK_THROWS_WITH_AS(encoder.inputs(table), Contains("line 5, column 'n': found 'x', expected a number"),
                       FormatError);
  CHECK(TableEncoder::fit(train, {.target = "n"}).class_names().empty());
  const Table zips = parse("zip\n01730\n02139\nx\n").take(arange(2, i64));
  CHECK(TableEncoder::fit(zips).feature_names() == Strings{"zip=01730", "zip=02139"});
}

TEST_CASE("numbers that another table takes for identifiers are numbers") {
  const auto encoder = TableEncoder::fit(parse("n\n5\n7\n"), {.scaling = Scaling::none});
  CHECK(bitwise_equal(encoder.inputs(parse("n\n007\n\n9007199254740993\n")), tensor({{7}, {6}, {9007199254740993.0}})));
  CHECK_THROWS_WITH_AS(encoder.inputs(parse("n\n007\nx\n")), Contains("line 3, column 'n': found 'x'"), FormatError);
  // And text is the same text: with its zeros.
  const auto zips = TableEncoder::fit(parse("zip\n01730\n1730\n"));
  CHECK(bitwise_equal(zips.inputs(parse("zip\n1730\n")), tensor({{0, 1}})));
  CHECK(bitwise_equal(zips.inputs(parse("zip\n01730\n")), tensor({{1, 0}})));
}

TEST_CASE("a category that is not known is refused, with file, line and column, or zeros") {
  const Table known = parse("kind,n\ncat,1\ndog,2\n"), mars = parse("kind,n\ndog,1\nMars,2\n");
  CHECK_THROWS_WITH_AS(
      TableEncoder::fit(known).inputs(mars),
      Contains("table.csv, line 3, column 'kind': found 'Mars', expected one of the 2 known categories, "
               "'cat', 'dog'"),
      FormatError);
  const auto one_hot = TableEncoder::fit(known, {.drop = "n", .unknown = Unknown::zeros});
  CHECK(bitwise_equal(one_hot.inputs(mars), tensor({{0, 1}, {0, 0}})));
  const auto codes = TableEncoder::fit(known, {.drop = "n", .categories = Categories::codes});
  CHECK(bitwise_equal(codes.inputs(known), tensor({{0}, {1}})));
  CHECK_THROWS_WITH_AS(codes.inputs(mars), Contains("found 'Mars'"), FormatError);
  const auto zero = TableEncoder::fit(known, {.drop = "n", .categories = Categories::codes, .unknown = Unknown::zeros});
  CHECK(bitwise_equal(zero.inputs(mars), tensor({{2}, {0}})));
  CHECK(bitwise_equal(zero.inputs(known), tensor({{1}, {2}})));
  CHECK(zero.feature_names() == Strings{"kind"});
  CHECK_THROWS_WITH_AS(TableEncoder::fit(known, {.target = "kind", .unknown = Unknown::zeros}).dataset(mars),
                       Contains("found 'Mars', expected one of the 2 known classes"), FormatError);
  CHECK_THROWS_WITH_AS(TableEncoder::fit(parse("k\na\nb\nc\nd\ne\nf\ng\nh\n")).inputs(parse("k\nz\n")),
                       Contains("'e', 'f', …"), FormatError);
}

TEST_CASE("nothing is learned from other rows") {
  Generator generator(4);
  const std::string head = "kind,age,weight,price\n", train = "dog,1,10,100\ncat,,4,50\n,8,2,30\n";
  const auto learned = [&](const Table& table, const TableEncoderOptions& options) {
    return TableEncoder::fit(table.take(arange(3, i64)), options).state_dict();
  };
  for (const auto& options : various_options) {
    const StateDict alone = TableEncoder::fit(parse(head + train), options).state_dict();
    CHECK(same_bits(alone, learned(parse(head + train + "fish,1e6,-7,1e9\n,,,\n"), options)));
    CHECK(same_bits(alone, learned(parse(head + train + "cat,2,3,4\n"), options)));
  }
  auto [seen, unseen] = data::split(pets(), 4, generator);
  const auto encoder = TableEncoder::fit(seen, {.target = "price", .unknown = Unknown::zeros});
  const StateDict before = encoder.state_dict();
  const Tensor together = encoder.inputs(unseen);
  for (Index row = 0; row < unseen.rows(); ++row)  // nor does a row's code depend on the rows around it
    CHECK(bitwise_equal(encoder.inputs(unseen.take(tensor({row}, i64))), together.slice(0, row, row + 1)));
  CHECK(same_bits(encoder.state_dict(), before));
}

TEST_CASE("tables without rows become tensors without rows") {
  const auto encoder = TableEncoder::fit(pets(), {.target = "price"});
  const Table none = parse("kind,age,weight,price\n");
  CHECK(encoder.inputs(none).shape() == Shape{0, 5});
  CHECK(encoder.dataset(none).targets().shape() == Shape{0, 1});
  CHECK(encoder.targets_in_units(ones({0, 1})).shape() == Shape{0, 1});
  CHECK(TableEncoder::fit(pets(), {.target = "kind"}).dataset(none).targets().shape() == Shape{0});
}

TEST_CASE("what cannot be learned is refused by name") {
  const auto fit = [](const std::string& content, const TableEncoderOptions& options = {}) {
    return TableEncoder::fit(parse(content), options);
  };
  const auto known = Contains("no column 'prise' in "), none = Contains("column 'b' has no value at all");
  CHECK_THROWS_WITH_AS(TableEncoder::fit(pets(), {.target = "prise"}), known, std::out_of_range);
  CHECK_THROWS_WITH_AS(TableEncoder::fit(pets(), {.drop = "prise"}), known, std::out_of_range);
  CHECK_THROWS_WITH_AS(TableEncoder::fit(pets(), {.categorical = "prise"}), known, std::out_of_range);
  CHECK_THROWS_WITH_AS(TableEncoder::fit(pets(), {.target = {"age", "age"}}), Contains("'age'"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(TableEncoder::fit(pets(), {.target = "age", .drop = "age"}),
                       "TableEncoder: fit: the target 'age' is to be dropped", std::invalid_argument);
  CHECK_THROWS_WITH_AS(TableEncoder::fit(pets(), {.target = {"age", "kind"}}),
                       "TableEncoder: fit: the target 'kind' is classes, and must be the only one",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(fit("a,b\n1,\n2,\n"), none, std::invalid_argument);
  CHECK_THROWS_WITH_AS(fit("a,b\n1,\n2,\n", {.categorical = "b"}), none, std::invalid_argument);
  CHECK_THROWS_WITH_AS(fit("a,b\n1,\n,x\n", {.target = "a"}), none,
                       std::invalid_argument);  // none in the rows that count
  CHECK_THROWS_WITH_AS(fit("a,b\n1,\n2,\n", {.target = "b"}), "TableEncoder: fit: none of 2 rows has a target",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(fit("a,b\n"), Contains("none of 0 rows"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(fit("a\n1\n", {.target = "a"}), "TableEncoder: fit: no column is left for the inputs",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(fit("a\n1\n2\ninf\n"), Contains("line 4, column 'a': found inf, expected a finite number"),
                       FormatError);
  CHECK_THROWS_WITH_AS(fit("a\n1.7e308\n-1.7e308\n"), Contains("column 'a' spans more than f64"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(fit({"a\nx\0y\n", 6}), Contains("column 'a' holds a zero byte"), std::invalid_argument);
  std::string identifiers = "id\n";
  for (int i = 0; i < 2000; ++i) identifiers += "x" + std::to_string(i % 1001) + "\n";
  CHECK_THROWS_WITH_AS(fit(identifiers), Contains("column 'id' names 1001 different things in 2000 rows; drop it"),
                       std::invalid_argument);
  CHECK(fit(identifiers, {.categories = Categories::codes}).feature_names().size() == 1);
  CHECK(fit(identifiers + "x1\nx2\n").feature_names().size() == 1001);
  CHECK_THROWS_WITH_AS(TableEncoder().inputs(pets()), "TableEncoder: inputs before fit", std::logic_error);
  CHECK_THROWS_WITH_AS(TableEncoder().dataset(pets()), "TableEncoder: inputs before fit", std::logic_error);
}

TEST_CASE("numbers that f32 cannot hold are refused where they are") {
  const auto encoder = TableEncoder::fit(parse("a\n1\n2\n"), {.scaling = Scaling::none});
  CHECK_THROWS_WITH_AS(encoder.inputs(parse("a\n1\n-1e39\n")),
                       Contains("line 3, column 'a': found -1e+39, which is beyond f32"), FormatError);
  CHECK_THROWS_WITH_AS(encoder.inputs(parse("a\ninf\n")), Contains("found inf"), FormatError);
  const auto scaled = TableEncoder::fit(parse("a\n1e300\n2e300\n"));
  CHECK(bitwise_equal(scaled.inputs(parse("a\n1e300\n2e300\n")), tensor({{-1}, {1}})));
}

TEST_CASE("an encoder says what it does") {
  const auto encoder = TableEncoder::fit(pets(), {.target = "price", .indicator = true});
  CHECK(encoder.describe() ==
        "column  what it is    missing   becomes\n"
        "kind    3 categories  dog       0 or 1 for each of bird, cat, dog, and 1 where missing\n"
        "age     number        4.25      (x - 4.25) / 2.313, and 1 where missing\n"
        "weight  number        5.7       (x - 5.7) / 4.5122\n"
        "price   target        left out  (x - 80) / 66.03\n");
  const auto codes = TableEncoder::fit(parse("é,k\nü,-1\nb,-3\n"), {.target = "é",
                                                                    .categorical = "k",
                                                                    .filling = Filling::refuse,
                                                                    .categories = Categories::codes,
                                                                    .unknown = Unknown::zeros});
  CHECK(codes.describe() ==
        "column  what it is         missing   becomes\n"
        "k       2 categories       refused   1 to 2: -3, -1; any other is 0\n"
        "é       target, 2 classes  left out  0 to 1: b, ü\n");
  const auto plain = TableEncoder::fit(parse("a,b\n-1,0\n-3,4\n"), {.drop = "b"});
  CHECK(plain.describe().find("x + 2\n") != std::string::npos);
  CHECK(TableEncoder().describe() == "column  what it is  missing  becomes\n");
}

TEST_CASE("an encoder is saved and loaded whole, by one that knows nothing") {
  for (const auto& options : various_options) {
    const auto encoder = TableEncoder::fit(pets(), options);
    const TemporaryFile file("encoder.safetensors");
    data::save_safetensors(file.path(), encoder.state_dict());
    TableEncoder other;
    other.load_state_dict(data::load_safetensors(file.path()));
    CHECK(same_bits(other.state_dict(), encoder.state_dict()));
    CHECK(bitwise_equal(other.inputs(pets()), encoder.inputs(pets())));
    CHECK(bitwise_equal(other.dataset(pets()).targets(), encoder.dataset(pets()).targets()));
    CHECK(other.describe() == encoder.describe());
    CHECK(other.class_names() == encoder.class_names());
    CHECK(other.feature_names() == encoder.feature_names());
  }
  auto encoder = TableEncoder::fit(pets(), various_options[1]);
  encoder.load_state_dict(TableEncoder::fit(pets()).state_dict());  // another one's takes the place of what it knew
  CHECK(encoder.target_names().empty());
  encoder.load_state_dict(TableEncoder().state_dict());
  CHECK(encoder.feature_names().empty());
  CHECK_THROWS_AS(encoder.inputs(pets()), std::logic_error);
}

TEST_CASE("names and categories are any bytes but zero") {
  const std::string latin = "M\xfcnchen", quoted = "a \"b\", c";
  const Table table = parse(
      "Stra\xdf"
      "e,x\n" +
      latin + ",1\n\"a \"\"b\"\", c\",2\n");
  TableEncoder other;
  other.load_state_dict(TableEncoder::fit(table, {.target = "Stra\xdf"
                                                            "e"})
                            .state_dict());
  CHECK(other.class_names() == Strings{latin, quoted});
  CHECK(other.target_names() == Strings{"Stra\xdf"
                                        "e"});
}

TEST_CASE("a file that version 1 wrote is read as it was meant") {
  TableEncoder encoder;
  encoder.load_state_dict(data::load_safetensors(RAVINE_SOURCE "/tests/data/encoder_1.safetensors"));
  CHECK(
      encoder.describe() ==
      "column  what it is    missing   becomes\n"
      "kind    3 categories  dog       0 or 1 for each of bird, cat, dog; any other is 0 in all, and 1 where missing\n"
      "age     number        3.5       (x - 3.5) / 1.25, and 1 where missing\n"
      "size    2 categories  refused   0 to 1: 10, 20\n"
      "price   target        left out  (x - 80) / 64\n"
      "worth   target        left out  x\n");
  const Tensor inputs = encoder.inputs(parse("size,kind,age\n20.0,fish,6\n10,,\n"));
  CHECK(bitwise_equal(inputs, tensor({{0, 0, 0, 0, 2, 0, 1}, {0, 0, 1, 1, 0, 1, 0}})));
  CHECK(bitwise_equal(encoder.targets_in_units(tensor({{-1, 3}})), tensor({{16, 3}})));
}

TEST_CASE("states that are none are refused, with the reason, and change nothing") {
  auto encoder = TableEncoder::fit(pets(), {.target = "price"});
  const StateDict good = TableEncoder::fit(pets(), {.target = "kind", .indicator = true}).state_dict();
  const StateDict before = encoder.state_dict();
  const auto refuses = [&](const char* name, const Tensor& value, const char* why) {
    StateDict bad = good;
    bad.at(name) = value;
    CHECK_THROWS_WITH_AS(encoder.load_state_dict(bad), Contains(why), std::invalid_argument);
    CHECK(same_bits(encoder.state_dict(), before));
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  refuses("version", scalar(2, i64), "the state is of version 2, this ravine reads version 1");
  refuses("version", scalar(1.0), "version is f32, expected i64");
  refuses("names", tensor({97, 0, 98, 0}, u8), "offset is (4), expected (2)");
  refuses("names", tensor({97, 0, 98, 0, 99, 0, 100}, u8), "the last text in names has no zero byte behind it");
  refuses("names", tensor({97, 0, 98, 0, 97, 0, 100, 0}, u8), "two columns have one name");
  refuses("names", ones({8}), "names is f32, expected u8");
  refuses("kinds", tensor({97, 0}, u8), "1 kinds of 4 columns");
  refuses("kinds", tensor({97, 0, 98, 0, 97, 0, 100, 0}, u8), "column 'age' is of the kind 'a', which is none");
  refuses("target", tensor({0, 0, 0, 0}, u8), "the input 'kind' is of the other's kind");
  refuses("target", tensor({0, 0, 1, 1}, u8), "the target 'kind' is not the only one");
  refuses("target", tensor({1, 1, 1, 1}, u8), "there are no inputs");
  refuses("offset", tensor({nan, 0, 0, 0}, f64), "column 'age' has offset nan and scale");
  refuses("scale", tensor({1, 0, 1, 1}, f64), "column 'weight' has offset");
  refuses("fill", tensor({1, 1, 1, 3}, f64), "column 'kind' is filled with 3");
  refuses("fill", tensor({1, 1, 1, 0.5}, f64), "column 'kind' is filled with 0.5");
  const char* const of_inputs = "the target 'kind' has what only inputs have";
  refuses("fill", tensor({1, 1, 1, 2}, f64), of_inputs);
  for (const char* flag : {"indicator", "zeros"}) refuses(flag, tensor({0, 0, 0, 1}, u8), of_inputs);
  refuses("category_counts", tensor({0, 0, 0, 4}, i64), "column 'kind' has 4 categories, of 3 left");
  refuses("category_counts", tensor({0, 0, 0, -1}, i64), "column 'kind' has -1 categories");
  refuses("category_counts", tensor({0, 0, 0, 2}, i64), "1 categories belong to no column");
  refuses("category_counts", tensor({1, 0, 0, 2}, i64), "the categories of column 'age' are not those of its kind");
  refuses("categories", tensor({97, 0, 97, 0, 98, 0}, u8), "the categories of column 'kind' are not those of its kind");
  CHECK_THROWS_WITH_AS(encoder.load_state_dict({}), Contains("missing categories, category_counts"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(encoder.load_state_dict(data::StandardScaler::fit(ones({2, 2})).state_dict()),
                       Contains("unexpected mean"), std::invalid_argument);
  StateDict more = good;
  more["colour"] = ones({1});
  CHECK_THROWS_WITH_AS(encoder.load_state_dict(more), "TableEncoder: unexpected colour", std::invalid_argument);
  CHECK(same_bits(encoder.state_dict(), before));
}

TEST_CASE("any damage to a state is refused or harmless") {
  for (const auto& options : various_options) {
    const StateDict good = TableEncoder::fit(pets(), options).state_dict();
    for (const auto& [name, tensor] : good)
      for (Index i = 0; i < tensor.numel(); ++i)
        for (const double value : {0.0, 1.0, 2.0, 97.0, 255.0, -1.0, 1e18, std::nan("")}) {
          if (!is_floating(tensor.dtype()) && std::isnan(value)) continue;
          StateDict bad = good;
          Tensor changed = tensor.clone();
          changed.reshape({changed.numel()}).set({i}, value);
          bad.at(name) = changed;
          TableEncoder encoder;
          try {
            encoder.load_state_dict(bad);
            static_cast<void>(encoder.describe());
            const Tensor targets = encoder.dataset(pets()).targets();
            if (encoder.class_names().empty())
              CHECK(targets.size(1) == static_cast<Index>(encoder.target_names().size()));
            else
              CHECK(min(targets).item() >= 0.0);
          } catch (const std::exception&) {
          }
        }
  }
}
