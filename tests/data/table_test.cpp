#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/data/csv.hpp>
#include <ravine/data/encoder.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/split.hpp>

#include "temporary.hpp"

using namespace ravine;
using data::FormatError;
using data::Table;
using doctest::Contains;

using Strings = std::vector<std::string>;
using Doubles = std::vector<double>;
using Indices = std::vector<Index>;

static Table parse(const std::string& content) {
  const TemporaryFile file("table.csv", content);
  return data::read_csv(file.path());
}

static Table pets() { return parse("kind,age,weight\ndog,3,10\ncat,,4\ndog,5,\n,1,2\nbird,3,0.5\n"); }

TEST_CASE("names are looked up, and an unknown one is refused with those there are") {
  const Table table = pets();
  CHECK(table.has("age"));
  CHECK_FALSE(table.has("Age"));
  const auto refusal = Contains("'kind', 'age', 'weight'");
  CHECK_THROWS_WITH_AS(table.column("Age"), Contains("no column 'Age' in "), std::out_of_range);
  CHECK_THROWS_WITH_AS(table.column("Age"), refusal, std::out_of_range);
  CHECK_THROWS_WITH_AS(table.numeric("Age"), refusal, std::out_of_range);
  CHECK_THROWS_WITH_AS(table.drop_column("Age"), refusal, std::out_of_range);
  CHECK_THROWS_WITH_AS(table.select({"age", "Age"}), refusal, std::out_of_range);
  CHECK_THROWS_WITH_AS(table.one_hot("Age"), refusal, std::out_of_range);
  CHECK_THROWS_WITH_AS(table.fill_missing("Age", 1.0), refusal, std::out_of_range);
  CHECK_THROWS_WITH_AS(table.to_dataset("Age"), refusal, std::out_of_range);
}

TEST_CASE("columns are dropped and selected; the table itself stays as it was") {
  const Table table = pets();
  CHECK(table.drop_column("age").column_names() == Strings{"kind", "weight"});
  CHECK(table.drop_column({"kind", "weight"}).column_names() == Strings{"age"});
  CHECK(table.select({"weight", "kind"}).column_names() == Strings{"weight", "kind"});
  const std::string name = "age";
  CHECK(table.select(name).column_names() == Strings{"age"});
  CHECK(table.column_names() == Strings{"kind", "age", "weight"});
  CHECK_THROWS_WITH_AS(table.select({"age", "age"}), "Table: two columns are named 'age'", std::invalid_argument);
}

TEST_CASE("a column is made of numbers, or of positions among categories") {
  const data::Column sizes("size", tensor({1, -1, 0, 1}, i64), {"small", "large and more"});
  const Table table("sizes", {sizes, {"n", tensor({1.5, 2.5, 3.5, 4.5}, f64)}}, arange(4, i64));
  CHECK(table.text("size") == Strings{"large and more", "", "small", "large and more"});
  CHECK(table.categories("size") == Strings{"large and more", "small"});
  CHECK(table.codes("size").to_vector<Index>() == Indices{0, -1, 1, 0});
  CHECK(table.at("size").missing() == 1);
  CHECK(table.numeric("n"));
  CHECK_THROWS_WITH_AS(data::Column("size", tensor({0, 2}, i64), {"a", "b"}),
                       "Column: code 2 of 'size', of 2 categories", std::out_of_range);
  CHECK_THROWS_WITH_AS(data::Column("size", tensor({0, -2}, i64), {"a", "b"}), Contains("code -2"), std::out_of_range);
  CHECK_THROWS_WITH_AS(data::Column("size", zeros({2, 1}, i64), {"a"}),
                       "Column: the codes of 'size' are (2, 1), expected (rows)", ShapeError);
  CHECK_THROWS_WITH_AS(data::Column("size", zeros({2})), "Column: 'size' is f32, expected f64, or i64 for text",
                       DTypeError);
  CHECK_THROWS_WITH_AS(Table("t", {sizes}, arange(3, i64)), "Table: column 'size' is (4), expected (3)", ShapeError);
}

TEST_CASE("several threads may ask for categories at once") {
  const Table table = parse("a\nx\ny\nx\n");
  std::vector<Strings> found(8);
  std::vector<std::jthread> threads;
  for (auto& categories : found) threads.emplace_back([&] { categories = Table(table).categories("a"); });
  threads.clear();
  for (const auto& categories : found) CHECK(categories == Strings{"x", "y"});
}

TEST_CASE("a numeric column is NaN where it is missing, and a copy") {
  const Table table = pets();
  Tensor age = table.column("age");
  CHECK(age.dtype() == f64);
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(bitwise_equal(age, tensor({3.0, nan, 5.0, 1.0, 3.0}, f64)));
  age.fill(0.0);
  CHECK(table.column("age").at({0}) == 3.0);
}

TEST_CASE("categories are sorted, and codes are positions among them") {
  const Table table = pets();
  CHECK(table.categories("kind") == Strings{"bird", "cat", "dog"});
  CHECK(table.codes("kind").to_vector<Index>() == Indices{2, 1, 2, -1, 0});
  CHECK(table.categories("weight") == Strings{"0.5", "2", "4", "10"});  // by size, not by the alphabet
  CHECK(table.codes("weight").to_vector<Index>() == Indices{3, 2, -1, 1, 0});
}

TEST_CASE("with_column adds a column of numbers or puts it in another's place") {
  const Table table = parse("a,b\n1,x\n2,y\n");
  Tensor doubled = table.column("a") * 2.0;
  const Table more = table.with_column("c", doubled);
  CHECK(more.column_names() == Strings{"a", "b", "c"});
  doubled.fill(0.0);
  CHECK(more.text("c") == Strings{"2", "4"});
  CHECK(table.with_column("b", tensor({7, 8}, i64)).text("b") == Strings{"7", "8"});
  CHECK(table.with_column("b", tensor({7, 8}, i64)).numeric("b"));
  CHECK_THROWS_WITH_AS(table.with_column("c", ones({3})), "with_column: 'c' is (3), expected (2)", ShapeError);
}

TEST_CASE("drop_missing keeps the complete rows") {
  const Table table = pets().drop_missing();
  CHECK(table.rows() == 2);
  CHECK(table.text("kind") == Strings{"dog", "bird"});
  CHECK(table.categories("kind") == Strings{"bird", "dog"});  // no row is left of the others
  CHECK(table.column("weight").to_vector<double>() == Doubles{10.0, 0.5});

  const Table without_text = parse("a,b\n1,\nx,1\n2,3\n").drop_missing();
  CHECK_FALSE(without_text.numeric("a"));
  CHECK(parse("a,b\n1,2\nx,\n").drop_missing().numeric("a"));  // the text is gone
}

TEST_CASE("fill_missing takes the mean, the most frequent text, or what it is given") {
  const Table table = pets().fill_missing();
  CHECK(table.column("age").to_vector<double>() == Doubles{3.0, 3.0, 5.0, 1.0, 3.0});  // mean of 3, 5, 1, 3
  CHECK(table.column("weight").at({2}) == 4.125);                                      // of 10, 4, 2, 0.5
  CHECK(table.text("kind") == Strings{"dog", "cat", "dog", "dog", "bird"});

  CHECK(pets().fill_missing("age", 7).column("age").at({1}) == 7.0);
  CHECK(pets().fill_missing("kind", "fish").categories("kind") == Strings{"bird", "cat", "dog", "fish"});
  CHECK(parse("a,b\ny,1\nx,1\n,1\n").fill_missing().text("a") == Strings{"y", "x", "x"});

  CHECK_THROWS_WITH_AS(pets().fill_missing("kind", 1.5), "fill_missing: column 'kind' holds text, got the number 1.5",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(pets().fill_missing("age", "old"),
                       "fill_missing: column 'age' holds numbers, got the text 'old'", std::invalid_argument);
  CHECK_THROWS_WITH_AS(parse("a,b\n1,\n2,\n").fill_missing(), "fill_missing: column 'b' has no value at all",
                       std::invalid_argument);
}

TEST_CASE("one_hot puts 0 and 1 in the column's place") {
  const Table table = pets().select({"age", "kind", "weight"}).one_hot("kind");
  CHECK(table.column_names() == Strings{"age", "kind=bird", "kind=cat", "kind=dog", "weight"});
  CHECK(table.text("kind=dog") == Strings{"1", "0", "1", "", "0"});
  CHECK(table.text("kind=bird") == Strings{"0", "0", "0", "", "1"});
  CHECK(parse("n,y\n10,1\n9,2\n10,3\n").one_hot("n").column_names() == Strings{"n=9", "n=10", "y"});
  CHECK_THROWS_WITH_AS(parse("a,a=x\nx,1\ny,2\n").one_hot("a"), "Table: two columns are named 'a=x'",
                       std::invalid_argument);
}

TEST_CASE("to_tensor and to_dataset") {
  const Table table = parse("a,b,c\n1,2,3\n4,5,6\n");
  CHECK(bitwise_equal(table.to_tensor(), tensor({{1, 2, 3}, {4, 5, 6}})));
  CHECK(bitwise_equal(table.to_tensor(f64), tensor({{1, 2, 3}, {4, 5, 6}}, f64)));
  CHECK_THROWS_WITH_AS(table.to_tensor(i64), Contains("to_tensor"), DTypeError);

  const auto one = table.to_dataset("b");
  CHECK(bitwise_equal(one.inputs(), tensor({{1, 3}, {4, 6}})));
  CHECK(bitwise_equal(one.targets(), tensor({{2}, {5}})));
  const auto two = table.to_dataset({"c", "a"});
  CHECK(bitwise_equal(two.inputs(), tensor({{2}, {5}})));
  CHECK(bitwise_equal(two.targets(), tensor({{3, 1}, {6, 4}})));
  CHECK_THROWS_WITH_AS(table.to_dataset({"a", "b", "c"}), Contains("no column is left for the inputs"),
                       std::invalid_argument);
}

TEST_CASE("a target of text is classes") {
  const Table table = parse("petal,species\n1,setosa\n5,virginica\n4,versicolor\n2,setosa\n");
  const auto rows = table.to_dataset("species");
  CHECK(bitwise_equal(rows.inputs(), tensor({{1}, {5}, {4}, {2}})));
  CHECK(bitwise_equal(rows.targets(), tensor({0, 2, 1, 0}, i64)));
  CHECK(table.categories("species") == Strings{"setosa", "versicolor", "virginica"});
  const auto [train, test] = data::split(rows, 0.5, {.stratify = rows.targets()});
  CHECK(train.targets().dtype() == i64);

  CHECK_THROWS_WITH_AS(parse("a,b\n1,x\n2,\n").to_dataset("b"),
                       Contains("table.csv, line 3, column 'b': the class is missing"), FormatError);
  CHECK_THROWS_WITH_AS(parse("a,b\n1,x\n2,y\n").to_dataset({"a", "b"}), Contains("no column is left"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(parse("a,b,c\n1,x,1\n2,y,1\n").to_dataset({"a", "b"}),
                       Contains("line 2, column 'b': found 'x', expected a number"), FormatError);
  // Numbers with a stray word are not taken for classes.
  const std::string stray = "a,b\n1,5\n2,n.a.\n3,7\n";
  CHECK_THROWS_WITH_AS(parse(stray).to_dataset("b"), Contains("line 3, column 'b': found 'n.a.', expected a number"),
                       FormatError);
  const TemporaryFile file("table.csv", stray);
  const auto as_text = data::read_csv(file.path(), {.types = {{"b", data::ColumnType::text}}}).to_dataset("b");
  CHECK(bitwise_equal(as_text.targets(), tensor({0, 2, 1}, i64)));
}

TEST_CASE("text and missing values are refused with file, line and column") {
  CHECK_THROWS_WITH_AS(parse("height,width\n1,2\ntall,4\n").to_dataset("width"),
                       Contains("table.csv, line 3, column 'height': found 'tall', expected a number"), FormatError);
  CHECK_THROWS_WITH_AS(parse("height,width\n1,2\ntall,4\n").column("height"), Contains("line 3, column 'height'"),
                       FormatError);
  CHECK_THROWS_WITH_AS(parse("a,b\n\"1\n2\",2\n3,\n").drop_column("a").to_tensor(),
                       Contains("table.csv, line 4, column 'b': the value is missing"), FormatError);
  // Lines stay with their rows.
  CHECK_THROWS_WITH_AS(parse("a,b\n1,\n2,\n3,x\n4,5\n").drop_missing().to_dataset("a"),
                       Contains("line 4, column 'b': found 'x'"), FormatError);
}

TEST_CASE("describe shows what each column holds") {
  const Table table = parse("kind,x\ndog,1\ncat,2\ndog,\n,3\n");
  CHECK(table.describe() ==
        "column    count  missing       mean        std        min        max\n"
        "kind          3        1  2 categories: cat (1), dog (2)\n"
        "x             3        1          2          1          1          3\n");
  CHECK(parse("long name,e\na,\nb,\nc,\nd,\ne,\nf,\ng,\n").describe() ==
        "column       count  missing       mean        std        min        max\n"
        "long name        7        0  7 categories: a (1), b (1), c (1), d (1), e (1), f (1), …\n"
        "e                0        7\n");
  CHECK(parse("größe,\"a\nb\"\n01,1\n").describe() ==
        "column    count  missing       mean        std        min        max\n"
        "größe         1        0  1 category: 01 (1)\n"
        "a\\x0ab        1        0          1          -          1          1\n"
        "größe: text, since integers have leading zeros: '01' in line 3\n");
}

TEST_CASE("long texts and control characters do not break the line that shows them") {
  const std::string dashes(5000, '-');
  const Table table = parse("a,b\n\"x\ny\x1b\",1\n" + std::string(39, '-') + "ä" + dashes + ",2\n");
  const std::string kept = "2 categories: " + std::string(39, '-') + "… (1), x\\x0ay\\x1b (1)\n";
  CHECK(table.describe().find(kept) != std::string::npos);
  CHECK_THROWS_WITH_AS(table.column("a"), Contains("line 2, column 'a': found 'x\\x0ay\\x1b', expected a number"),
                       FormatError);
  CHECK_THROWS_WITH_AS(parse(std::string("a\n\0\n", 4)).column("a"), Contains("found '\\x00', expected a number"),
                       FormatError);
  const auto encoder = data::TableEncoder::fit(table, {.target = "b"});
  CHECK(encoder.describe().find("0 or 1 for each of " + std::string(39, '-') + "…, x\\x0ay\\x1b\n") !=
        std::string::npos);
  CHECK_THROWS_WITH_AS(encoder.inputs(parse("a\n" + dashes + "\n")),
                       Contains(("found '" + dashes.substr(0, 40) + "…', expected one of the 2 known").c_str()),
                       FormatError);
}

TEST_CASE("describe of a single row, and of what is not finite, shows no number where there is none") {
  CHECK(parse("a,b\n1,x\n").describe() ==
        "column    count  missing       mean        std        min        max\n"
        "a             1        0          1          -          1          1\n"
        "b             1        0  1 category: x (1)\n");
  CHECK(parse("a\ninf\n-inf\n").describe().find("nan") == std::string::npos);
}

TEST_CASE("a column of numbers but for a word or two says so where it is used") {
  const Table table = parse("a,b\n1,2\n2,3\ntall,4\n3,5\n4,6\nn.t.,7\ntall,8\ntall,9\ntall,9\n");
  const std::string odd = "; all are numbers except 'n.t.' in line 7 and 'tall' in lines 4, 8, 9, …";
  CHECK(table.describe().find("\na: text" + odd + "\n") != std::string::npos);
  const auto refusal = Contains(("table.csv, line 4, column 'a': found 'tall', expected a number" + odd).c_str());
  CHECK_THROWS_WITH_AS(table.to_dataset("b"), refusal, FormatError);
  CHECK_THROWS_WITH_AS(table.column("a"), refusal, FormatError);

  const Table names = parse("a\nx\ny\nz\n1\n2\n3\n");  // words like others
  CHECK(names.describe().find("except") == std::string::npos);
  CHECK_THROWS_WITH_AS(names.column("a"), Contains("line 2, column 'a': found 'x', expected a number"), FormatError);
}

TEST_CASE("a table's columns have one name and one length each") {
  const Tensor lines = tensor({2, 3}, i64);
  CHECK_THROWS_WITH_AS(Table("x.csv", {{"a", zeros({3}, f64), {}}}, lines), "Table: column 'a' is (3), expected (2)",
                       ShapeError);
  CHECK(Table("x.csv", {{"a", zeros({2}, f64), {}}}, lines).rows() == 2);
}

TEST_CASE("the cars: missing values, a categorical column, a regression target") {
  Table cars = data::read_csv(RAVINE_SOURCE "/examples/data/auto-mpg.csv");
  CHECK(cars.rows() == 406);
  CHECK(cars.columns() == 9);
  CHECK(cars.describe().find("mpg               398        8     23.515      7.816          9       46.6\n") !=
        std::string::npos);
  CHECK(cars.categories("origin") == Strings{"Europe", "Japan", "USA"});

  cars = cars.drop_column("name").drop_missing().one_hot("origin");
  CHECK(cars.rows() == 392);
  const auto all = cars.to_dataset("mpg");
  CHECK(all.inputs().shape() == Shape({392, 9}));
  CHECK(all.targets().shape() == Shape({392, 1}));
  CHECK(all.targets().at({0, 0}) == 18.0);
  CHECK(all.inputs().at({0, 0}) == 8.0);
  CHECK(sum(cars.column("origin=USA")).item() + sum(cars.column("origin=Europe")).item() +
            sum(cars.column("origin=Japan")).item() ==
        392.0);
}
