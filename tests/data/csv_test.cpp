#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/data/csv.hpp>
#include <ravine/data/error.hpp>

#include "temporary.hpp"

using namespace ravine;
using data::CsvOptions;
using data::FileError;
using data::FormatError;
using data::Table;
using doctest::Contains;

using Strings = std::vector<std::string>;
using Doubles = std::vector<double>;

static Table parse(const std::string& content, const CsvOptions& options = {}) {
  const TemporaryFile file("table.csv", content);
  return data::read_csv(file.path(), options);
}

static Doubles numbers(const Table& table, const std::string& name) { return table.column(name).to_vector<double>(); }

TEST_CASE("columns are numbers if every field is one, else text") {
  const Table table = parse("a,b,c\n1,x,-2.5e1\n+3, y,\t4 \n");
  CHECK(table.rows() == 2);
  CHECK(table.columns() == 3);
  CHECK(table.column_names() == Strings{"a", "b", "c"});
  CHECK(table.numeric("a"));
  CHECK_FALSE(table.numeric("b"));
  CHECK(numbers(table, "a") == Doubles{1.0, 3.0});
  CHECK(table.text("b") == Strings{"x", " y"});  // spaces belong to text
  CHECK(numbers(table, "c") == Doubles{-25.0, 4.0});
}

TEST_CASE("what looks like a number but is none makes a column text") {
  for (const char* field : {"0x10", "1,5", "1 2", "--1", "+-1", "1e", "e5", ".", "12a", "1e999"}) {
    CAPTURE(field);
    CHECK_FALSE(parse(std::string("a;b\n1;") + field + "\n", {.separator = ';'}).numeric("b"));
  }
  CHECK(parse("a,b\n1,inf\n").numeric("b"));
}

TEST_CASE("missing values") {
  const Table table = parse("a,b\n1,x\n,NA\n NA ,\nnan,null\n");
  CHECK(table.numeric("a"));
  CHECK(table.text("a") == Strings{"1", "", "", ""});
  CHECK(table.text("b") == Strings{"x", "", "", ""});
  CHECK(table.drop_missing().rows() == 1);

  const Table other = parse("a,b\n1,x\n?,NA\n", {.missing = {"?"}});
  CHECK(other.text("a") == Strings{"1", ""});
  CHECK(other.text("b") == Strings{"x", "NA"});
}

TEST_CASE("quoted fields") {
  const Table table =
      parse("name,\"a \"\"b\"\"\",c\n\"x, y\",\"7\",\"two\nlines\"\n\"\"\"\",8,\"\"\nno \"quote\",9,z\n");
  CHECK(table.column_names() == Strings{"name", "a \"b\"", "c"});
  CHECK(table.text("name") == Strings{"x, y", "\"", "no \"quote\""});
  CHECK(numbers(table, "a \"b\"") == Doubles{7.0, 8.0, 9.0});
  CHECK(table.text("c") == Strings{"two\nlines", "", "z"});

  CHECK(parse("a,b\n'1,5',2\n", {.quote = '\''}).text("a") == Strings{"1,5"});
}

TEST_CASE("line ends, byte order mark, lines at the end") {
  for (const char* content : {"a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4", "a,b\n1,2\n3,4",
                              "\xef\xbb\xbf"
                              "a,b\n1,2\n3,4\n",
                              "a,b\n1,2\n3,4\n\n\r\n\n"}) {
    CAPTURE(content);
    const Table table = parse(content);
    CHECK(table.column_names() == Strings{"a", "b"});
    CHECK(numbers(table, "a") == Doubles{1.0, 3.0});
    CHECK(numbers(table, "b") == Doubles{2.0, 4.0});
  }
  CHECK(parse("\xef\xbb\xbf\"a\",b\n1,2\n").has("a"));
}

TEST_CASE("the last field of a file may be empty") {
  CHECK(parse("a,b\n1,2\n3,").text("b") == Strings{"2", ""});
  CHECK(parse("a,b\n1,2\n3,\n").text("b") == Strings{"2", ""});
}

TEST_CASE("an empty line inside a single column is a missing value") {
  CHECK(parse("a\n1\n\n3\n\n").text("a") == Strings{"1", "", "3"});
  CHECK(parse("a\n1\n\"\"\n").text("a") == Strings{"1", ""});
}

TEST_CASE("separators") {
  CHECK(parse("a;b\n1,5;2\n", {.separator = ';'}).text("a") == Strings{"1,5"});
  const Table table = parse("a\tb\n1\t\n\t 2\n", {.separator = '\t'});
  CHECK(table.text("a") == Strings{"1", ""});
  CHECK(table.text("b") == Strings{"", "2"});
}

TEST_CASE("without a header, and without a name, columns have numbers") {
  const Table table = parse("1,x\n2,y\n", {.header = false});
  CHECK(table.column_names() == Strings{"0", "1"});
  CHECK(table.rows() == 2);
  CHECK(parse(",a,\n0,1,2\n").column_names() == Strings{"0", "a", "2"});
}

TEST_CASE("a header alone is a table without rows") {
  const Table table = parse("a,b\n");
  CHECK(table.rows() == 0);
  CHECK(table.columns() == 2);
}

TEST_CASE("a gzip file is read as the text it holds") {
  const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0xd4, 0x49, 0xe2,
                                  0x32, 0xd4, 0x31, 0xe2, 0x02, 0x00, 0x7b, 0x07, 0x97, 0x0a, 0x08, 0x00, 0x00, 0x00};
  const std::string content(reinterpret_cast<const char*>(packed), sizeof packed);
  CHECK(numbers(parse(content), "b") == Doubles{2.0});
  CHECK_THROWS_WITH_AS(parse(content.substr(0, 20)), Contains("table.csv: the gzip stream is cut off"), FormatError);
  std::string damaged = content;
  damaged[22] ^= 1;  // the checksum
  CHECK_THROWS_WITH_AS(parse(damaged), Contains("table.csv: the gzip stream is damaged"), FormatError);
}

TEST_CASE("malformed files are refused with the line") {
  CHECK_THROWS_WITH_AS(parse("a,b\n1,2\n3\n"), Contains("table.csv, line 3: found 1 field, expected 2"), FormatError);
  CHECK_THROWS_WITH_AS(parse("a,b\n1,2,3\n"), Contains("line 2: found 3 fields, expected 2"), FormatError);
  CHECK_THROWS_WITH_AS(parse("a,b\n\n1,2\n"), Contains("line 2: found 1 field, expected 2"), FormatError);
  CHECK_THROWS_WITH_AS(parse("1,2\n1\n", {.header = false}), Contains("line 2: found 1 field, expected 2"),
                       FormatError);
  CHECK_THROWS_WITH_AS(parse("a,b\r\n\"1\r\n\n\r\",2\r\n3"), Contains("line 6: found 1 field, expected 2"),
                       FormatError);
  CHECK_THROWS_WITH_AS(parse("a,b\n1,\"2\n3,4\n"), Contains("line 2: found a quoted field that is never closed"),
                       FormatError);
  CHECK_THROWS_WITH_AS(parse("a,b\n\"1\"x,2\n"),
                       Contains("line 2: found 'x' after a closing quote, expected ',' or the end of the line"),
                       FormatError);
  CHECK_THROWS_WITH_AS(parse("a,b,a\n1,2,3\n"), Contains("line 1: found two columns named 'a'"), FormatError);
  for (const char* nothing : {"", "\n\r\n", "\xef\xbb\xbf"})
    CHECK_THROWS_WITH_AS(parse(nothing), Contains("table.csv: the file is empty"), FormatError);
}

TEST_CASE("files that cannot be read or written, options that contradict each other") {
  CHECK_THROWS_WITH_AS(data::read_csv("no-such-file.csv"), "cannot open no-such-file.csv: No such file or directory",
                       FileError);
  CHECK_THROWS_WITH_AS(data::read_csv("/"), "cannot read /: Is a directory", FileError);
  CHECK_THROWS_WITH_AS(data::write_csv("no-such-folder/x.csv", {"a"}, ones({2})),
                       "cannot write no-such-folder/x.csv: No such file or directory", FileError);
  CHECK_THROWS_WITH_AS(parse("a\n", {.separator = '"'}), Contains("separator and quote must differ"),
                       std::invalid_argument);
  CHECK_THROWS_AS(parse("a\n", {.separator = '\n'}), std::invalid_argument);
}

TEST_CASE("a written table reads back as it was") {
  const std::string content = "n,\"t,\"\"1\"\"\"\n0.1,\"a,b\"\n,\"say \"\"hi\"\"\nbye\"\n-1e-300,\n";
  const TemporaryFile file("copy.csv");
  data::write_csv(file.path(), parse(content));
  CHECK(file.read() == content);

  const std::string single = "a\n1\n\"\"\n";
  data::write_csv(file.path(), parse(single));
  CHECK(file.read() == single);
}

TEST_CASE("write_csv of tensors") {
  const TemporaryFile file("values.csv");
  data::write_csv(file.path(), {"x", "y"}, tensor({{0.1, 2.0}, {-3.5, 1e20}}));
  CHECK(file.read() == "x,y\n0.1,2\n-3.5,1e+20\n");
  data::write_csv(file.path(), "mpg", tensor({1.0 / 3.0, 2.0}, f64));
  CHECK(file.read() == "mpg\n0.3333333333333333\n2\n");
  data::write_csv(file.path(), {"a", "b"}, tensor({1, 2}, {1, 2}, i64));
  CHECK(file.read() == "a,b\n1,2\n");
  data::write_csv(file.path(), {"a", "b"}, tensor({0, 255}, {1, 2}, u8));
  CHECK(file.read() == "a,b\n0,255\n");
  CHECK_THROWS_WITH_AS(data::write_csv(file.path(), "a", ones({3, 2})), "write_csv: 1 column names for values (3, 2)",
                       ShapeError);
  CHECK_THROWS_AS(data::write_csv(file.path(), "a", scalar(1.0)), ShapeError);
}
