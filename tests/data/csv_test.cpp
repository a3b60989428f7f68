#include <doctest/doctest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
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
  CHECK(table.text("b") == Strings{"x", "y"});
  CHECK(numbers(table, "c") == Doubles{-25.0, 4.0});
}

TEST_CASE("what looks like a number but is none makes a column text") {
  for (const char* field : {"0x10", "1,5", "1 2", "--1", "+-1", "1e", "e5", ".", "12a", "1.5.", "1e5e5", "in"}) {
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
                       "write_csv: cannot write no-such-folder/x.csv: No such file or directory", FileError);
  CHECK_THROWS_WITH_AS(parse("a\n", {.separator = '"'}), "read_csv: quote and separator must differ, both are '\"'",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(parse("a\n", {.decimal = ','}), "read_csv: decimal and separator must differ, both are ','",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(parse("a\n", {.separator = data::csv_spaces, .comment = '\t'}),
                       Contains("comment and separator must differ"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(parse("a\n", {.quote = ' '}), "read_csv: quote must not be a space or tab",
                       std::invalid_argument);
  for (const char c : {'\n', '\r', '-', 'e', '0'})
    CHECK_THROWS_WITH_AS(parse("a\n", {.separator = c}),
                         "read_csv: separator must not be a line end, letter, digit or sign", std::invalid_argument);
}

TEST_CASE("spaces around names, numbers and categories do not count, but in quotes") {
  const Table table = parse(" a ,\t\"b \" , c\n 1 , x ,\" y \"\n2,x,  \"z\"\t\n");
  CHECK(table.column_names() == Strings{"a", "b ", "c"});
  CHECK(table.numeric("a"));
  CHECK(table.categories("b ") == Strings{"x"});
  CHECK(table.text("c") == Strings{" y ", "z"});
  CHECK(parse("a\tb\n 1\t x \n\t\n", {.separator = '\t'}).text("b") == Strings{"x", ""});
}

TEST_CASE("numbers are read to the nearest f64") {
  const char* fields[] = {"0.1",
                          "-0",
                          "1e22",
                          "1e23",
                          "9007199254740993.0",
                          "123456789012345678901234567890.5",
                          "1.7976931348623157e308",
                          "5e-324",
                          "2.2250738585072011e-308",
                          "0.30000000000000004",
                          ".5",
                          "5.",
                          "8.589973e9",
                          "000000000000000000000000.1",
                          "3.14159265358979323846264338327950288",
                          "1e-22",
                          "1234567890123456e-23",
                          "1e0000000000000000000005"};
  std::string content = "x\nword\n";
  for (const char* field : fields) content += std::string(field) + "\n";
  const Table table = parse(content, {.missing = {"word"}});
  for (std::size_t i = 0; i < std::size(fields); ++i) {
    CAPTURE(fields[i]);
    CHECK(numbers(table, "x")[i + 1] == std::strtod(fields[i], nullptr));
  }
  CHECK(std::signbit(numbers(table, "x")[2]));
}

TEST_CASE("numbers beyond the range of f64 are infinite or zero, and counted") {
  const Table table = parse("a,b\n1e400,1\n-1e400,2\n1e-400,3\n-0.0001e-330,4\n0e999,5\n");
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(numbers(table, "a") == Doubles{infinity, -infinity, 0.0, 0.0, 0.0});
  CHECK(table.describe().find("\na: 2 infinite and 2 zero, being beyond the range of f64\n") != std::string::npos);
  CHECK(table.describe().find("\nb:") == std::string::npos);
  CHECK(table.describe().find("-nan") == std::string::npos);
  CHECK(numbers(parse("a\n" + std::string(400, '9') + ".5\n" + "0." + std::string(400, '0') + "1\n"), "a") ==
        Doubles{infinity, 0.0});
}

TEST_CASE("identifiers stay text: integers beyond 2^53, or with leading zeros") {
  const Table table =
      parse("id,zip,n,zeros\n1234567890123456789,01730,007,0.5\n1234567890123456790,1730,1.5,00.5\n3,,-2,-01\n");
  CHECK(table.text("id") == Strings{"1234567890123456789", "1234567890123456790", "3"});
  CHECK(table.categories("zip") == Strings{"01730", "1730"});
  CHECK(numbers(table, "n") == Doubles{7.0, 1.5, -2.0});  // with a fraction among them they are measured
  CHECK(numbers(table, "zeros") == Doubles{0.5, 0.5, -1.0});
  const std::string said = table.describe();
  CHECK(said.find("\nid: text, since f64 does not hold integers beyond 2^53: '1234567890123456789' in line 2\n") !=
        std::string::npos);
  CHECK(said.find("\nzip: text, since integers have leading zeros: '01730' in line 2\n") != std::string::npos);
  CHECK(said.find("\nn:") == std::string::npos);

  CHECK_FALSE(parse("a\n9007199254740993\n").numeric("a"));
  CHECK_FALSE(parse("a\n-9007199254740993\n").numeric("a"));
  CHECK_FALSE(parse("a\n\"00\"\n").numeric("a"));
  CHECK(numbers(parse("a\n9007199254740992\n0\n-0\n"), "a") == Doubles{9007199254740992.0, 0.0, 0.0});
  CHECK(table.take(tensor({1}, i64)).text("zip") == Strings{"1730"});  // also where no zeros are left
  CHECK(table.take(tensor({1}, i64)).drop_missing().text("zip") == Strings{"1730"});
  CHECK(parse("a,b\n007,1\nx,\n").drop_missing().text("a") == Strings{"007"});
}

TEST_CASE("what a column holds can be said") {
  const std::string content = "zip,n,b\n01730,5,1\n1730,x,2\n";
  using enum data::ColumnType;
  const Table table = parse(content, {.types = {{"zip", number}, {"b", text}}});
  CHECK(numbers(table, "zip") == Doubles{1730.0, 1730.0});
  CHECK(table.categories("b") == Strings{"1", "2"});
  CHECK(table.describe().find("\nb: text, as asked for\n") != std::string::npos);
  CHECK(table.drop_missing().text("b") == Strings{"1", "2"});
  CHECK_THROWS_WITH_AS(parse(content, {.types = {{"n", number}}}),
                       Contains("table.csv, line 3, column 'n': found 'x', expected a number"), FormatError);
  CHECK_THROWS_WITH_AS(parse("n\n\"\t\n\"\n", {.types = {{"n", data::ColumnType::number}}}),
                       Contains("found '\\x09\\x0a', expected a number"), FormatError);
  CHECK_THROWS_WITH_AS(parse(content, {.types = {{"Zip", text}}}), Contains("no column 'Zip' in "), std::out_of_range);
}

TEST_CASE("decimal comma and thousands") {
  const Table table =
      parse("a;b\n10,20;1.234.567,5\n4,5;-1.000\n1e3;12\n", {.separator = ';', .decimal = ',', .thousands = '.'});
  CHECK(numbers(table, "a") == Doubles{10.2, 4.5, 1000.0});
  CHECK(numbers(table, "b") == Doubles{1234567.5, -1000.0, 12.0});
  CHECK_FALSE(parse("a;b\n1.5;1\n", {.separator = ';', .decimal = ','}).numeric("a"));
  CHECK(numbers(parse("a,b\n\"1,234\",1\n\"12,345.25\",2\n", {.thousands = ','}), "a") == Doubles{1234.0, 12345.25});
  CHECK(numbers(parse("a\n1 234\n", {.thousands = ' '}), "a") == Doubles{1234.0});
  CHECK(numbers(parse("a\n0,12345678901234567890\n-1,5e-3\n", {.separator = ';', .decimal = ','}), "a") ==
        Doubles{0.12345678901234567890, -0.0015});
  for (const char* field : {"1.5", "12.34.567", "1234.567", ".123", "1..234", "1.234.", "1.2345"}) {
    CAPTURE(field);
    CHECK_FALSE(
        parse(std::string("a\n1\n") + field, {.separator = ';', .decimal = ',', .thousands = '.'}).numeric("a"));
  }
  // A word among them is told from numbers that are written so.
  const Table odd = parse("a\n1,5\n2,5\n3,5\nk.A.\n", {.separator = ';', .decimal = ','});
  CHECK(odd.describe().find("\na: text; all are numbers except 'k.A.' in line 5\n") != std::string::npos);
}

TEST_CASE("comments, lines to skip, a footer") {
  const CsvOptions options{.comment = '#', .skip_lines = 2, .skip_footer = 1};
  const Table table = parse("Cars, \"of 1982\nand others\n# a,b\na,b\n1,2\n  # \"\n\n3,#4\nsum: 4 of 4\n\n", options);
  CHECK(table.column_names() == Strings{"a", "b"});
  CHECK(table.text("a") == Strings{"1", "3"});
  CHECK(table.text("b") == Strings{"2", "#4"});
  CHECK_THROWS_WITH_AS(parse("x\ny\n#\na,b\n1,2\n\n#\n3\nend\n", options),
                       Contains("line 8: found 1 field, expected 2"), FormatError);
  CHECK_THROWS_WITH_AS(parse("x\r\ny\r\n#\r\na,b\r\n1,2\r\n\r\n#\r\n3,\"\r\n\"x\r\nend\r\n", options),
                       Contains("line 9: found 'x' after a closing quote"), FormatError);
  CHECK_THROWS_WITH_AS(parse("a\n", {.skip_lines = 5}), Contains("the file is empty"), FormatError);
  CHECK_THROWS_WITH_AS(parse("a\n", {.skip_footer = 5}), Contains("the file is empty"), FormatError);
  CHECK_THROWS_WITH_AS(parse("a\n", {.skip_lines = -1}), "read_csv: skip_lines and skip_footer must be >= 0",
                       std::invalid_argument);
}

TEST_CASE("empty lines do not count, and errors behind them name the right line") {
  const Table table = parse("\n\na,b\n\n1,2\n \t \n3,4\n\n");
  CHECK(numbers(table, "a") == Doubles{1.0, 3.0});
  CHECK_THROWS_WITH_AS(parse("\n\na,b\n\n1,2\n\n3\n"), Contains("line 7: found 1 field, expected 2"), FormatError);
  CHECK_THROWS_WITH_AS(parse("\n\na,b\n\n1,2\n\nx,4\n").to_dataset("b"), Contains("line 7, column 'a': found 'x'"),
                       FormatError);
  CHECK_THROWS_WITH_AS(parse("\n\na,a\n"), Contains("line 3: found two columns named 'a'"), FormatError);
}

TEST_CASE("runs of spaces as a separator") {
  const Table table = parse("  mpg  name\n18.0   \"a b\"\n\t 15.0\tc  \n", {.separator = data::csv_spaces});
  CHECK(numbers(table, "mpg") == Doubles{18.0, 15.0});
  CHECK(table.text("name") == Strings{"a b", "c"});
  CHECK_THROWS_WITH_AS(parse("a b\n1 2\n3\n", {.separator = data::csv_spaces}), Contains("line 3: found 1 field"),
                       FormatError);
  CHECK_THROWS_WITH_AS(parse("a b\n1 \"2\"x\n", {.separator = data::csv_spaces}),
                       Contains("expected a space or the end of the line"), FormatError);
  CHECK_THROWS_WITH_AS(parse("a b\n1  2\n", {.separator = ' '}), Contains("line 2: found 3 fields"), FormatError);
}

TEST_CASE("a separator is guessed if asked") {
  const auto guessed = [](const std::string& content) {
    return parse(content, {.separator = data::csv_guess}).column_names();
  };
  CHECK(guessed("a;b\n1,5;2\n") == Strings{"a", "b"});
  CHECK(guessed("a\tb c\n1\t2\n") == Strings{"a", "b c"});
  CHECK(guessed("a|b\n1|2\n") == Strings{"a", "b"});
  CHECK(guessed("a,b\n\"1;2\",\"x;y;z\"\n") == Strings{"a", "b"});
  CHECK(guessed("a b\n1  2\n") == Strings{"a", "b"});
  CHECK(guessed("a\n1\n") == Strings{"a"});
  CHECK(parse("a\n1,5\n", {.separator = data::csv_guess, .decimal = ','}).column("a").item() == 1.5);
  const std::string said = parse("a;b\n1,5;2\n", {.separator = data::csv_guess, .decimal = ','}).describe();
  CHECK(said.find("\nfields are separated by ';', as guessed\n") != std::string::npos);
}

TEST_CASE("beside a semicolon that is guessed, decimal commas are guessed as well, unless there are points") {
  const auto guess = [](const std::string& content) { return parse(content, {.separator = data::csv_guess}); };
  const Table table = guess("a;b;c\n1;x;-2,5\n;y;1e3\n");
  CHECK(numbers(table, "c") == Doubles{-2.5, 1000});
  CHECK(table.describe().find("by ';', as guessed\nnumbers have decimal commas, as guessed\n") != std::string::npos);
  CHECK(guess("1,5;2\n3;4\n").rows() == 2);  // both are rows of numbers
  for (const char* content : {"a;b\n1,5;2.5\n", "a;b\n2.5;1,5\n", "a\tb\n1,500\t2\n", "a|b\n1,5|2\n"}) {
    const Table other = guess(content);
    CHECK(other.numeric("a") != other.numeric("b"));
    CHECK(other.describe().find("commas") == std::string::npos);
  }
  CHECK(!parse("a;b\n1,5;2\n", {.separator = ';'}).numeric("a"));  // nothing is guessed unasked
  CHECK(!parse("a;b\n1,5;2\n", {.separator = data::csv_guess, .thousands = ','}).numeric("a"));
}

TEST_CASE("a first line may name the separator, as spreadsheets do") {
  for (const char* content : {"sep=;\r\na;b\r\n1,5;2\r\n", "\xef\xbb\xbfsep=;\na;b\n1,5;2\n"})
    for (const char separator : {';', data::csv_guess}) {
      const Table table = parse(content, {.separator = separator, .decimal = ','});
      CHECK(table.column_names() == Strings{"a", "b"});
      CHECK(numbers(table, "a") == Doubles{1.5});
      CHECK((table.describe().find("\nfields are separated by ';', as 'sep=' says\n") != std::string::npos) ==
            (separator == data::csv_guess));
    }
  CHECK(parse("sep=,\na,b\n1,2\n").column_names() == Strings{"a", "b"});
  CHECK(parse("sep=\t\na\tb\n1\t2\n", {.separator = data::csv_guess}).column_names() == Strings{"a", "b"});
  CHECK_THROWS_WITH_AS(parse("sep=;\na;b\n"), Contains("table.csv, line 1: found 'sep=;', but the separator is ','"),
                       FormatError);
  CHECK_THROWS_WITH_AS(parse("sep=,\na,b\n1\n"), Contains("line 3: found 1 field, expected 2"), FormatError);
  CHECK_THROWS_WITH_AS(parse("sep=|"), Contains("'sep=|'"), FormatError);
  CHECK_THROWS_WITH_AS(parse("sep=,"), Contains("the file is empty"), FormatError);
  CHECK(parse("sep=x\n1\n").column_names() == Strings{"sep=x"});

  const TemporaryFile file("sep.csv");
  data::write_csv(file.path(), {"sep=;"}, tensor({1.0, 2.0}));
  CHECK(file.read() == "\"sep=;\"\n1\n2\n");
  CHECK(data::read_csv(file.path()).column_names() == Strings{"sep=;"});

  const std::string like_gzip = "\x1f\x8b\x08";
  data::write_csv(file.path(), {like_gzip}, tensor({1.0, 2.0}));
  CHECK(data::read_csv(file.path()).column_names() == Strings{like_gzip});
}

TEST_CASE("a first line of numbers is data") {
  const Table table = parse("5.1,?,0\n4.9,3,0\n");
  CHECK(table.column_names() == Strings{"0", "1", "2"});
  CHECK(table.rows() == 2);
  CHECK(table.describe().find("\nthe first line is data, since its fields are numbers\n") != std::string::npos);
  CHECK(parse("5.1,?,0\n4.9,3,0\n", {.header = true}).column_names() == Strings{"5.1", "?", "0"});
  CHECK(parse("a,b\n1,2\n", {.header = false}).rows() == 2);
  CHECK(parse("a,b\n1,2\n", {.header = false}).describe().find("first line") == std::string::npos);
  CHECK(parse("1,x\n2,y\n").column_names() == Strings{"1", "x"});
  CHECK(parse("NA,?\n2,3\n").column_names() == Strings{"NA", "?"});

  // As pandas writes a frame whose columns have numbers.
  const Table frame = parse(",0,1\n0,2.5,3.5\n1,4.5,5.5\n");
  CHECK(frame.column_names() == Strings{"Unnamed: 0", "0", "1"});
  CHECK(numbers(frame, "1") == Doubles{3.5, 5.5});
}

TEST_CASE("the words of pandas, and a question mark, stand for missing values") {
  for (const char* word :
       {"",     "#N/A", "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
        "<NA>", "N/A",  "NA",       "NULL", "NaN",     "None",     "n/a",  "nan",  "null",   "?"}) {
    CAPTURE(word);
    const Table table =
        parse(std::string("a,b\n1,x\n") + word + "," + word + "\n\"" + word + "\",\"" + word + "\"\n2,y\n");
    CHECK(table.text("a") == Strings{"1", "", "", "2"});
    CHECK(table.text("b") == Strings{"x", "", "", "y"});
  }
}

TEST_CASE("UTF-16 is refused by its name") {
  const std::string le(
      "\xff\xfe"
      "a\0,\0b\0\n\0",
      10),
      be("\xfe\xff"
         "\0a\0,\0b\0\n",
         10);
  for (const auto& content : {le, be, le.substr(2), be.substr(2)})
    CHECK_THROWS_WITH_AS(parse(content), Contains("table.csv: found UTF-16, expected UTF-8"), FormatError);
  CHECK(parse(std::string("a,b\nx\0y,1\n", 10)).rows() == 1);
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

// More than a megabyte: it is read in parts, whose quotes and lines hang on what came before.
static std::string long_content() {
  std::string content = "n,late,quoted,id\n";
  for (int row = 0; row < 30000; ++row) {
    const std::string number = std::to_string(row);
    content += number + ".25," + (row == 29000 ? "word" : number) + ", \"line " + std::to_string(row % 97) +
               "\n\"\"x\"\", " + std::string(static_cast<std::size_t>(row % 13), '\n') + "\"," +
               (row == 28000 ? "007" : number) + "\n";
    if (row % 1000 == 0) content += "\n";
  }
  return content;
}

TEST_CASE("all fields decide what a column holds, not the first ones") {
  std::string content = "a\n";
  for (int row = 0; row < 100000; ++row) content += "00" + std::to_string(row) + "\n";
  CHECK_FALSE(parse(content).numeric("a"));
  CHECK(parse(content + "0.5\n").numeric("a"));
}

// The line in which a text stands.
static std::string line_of(const std::string& content, const std::string& text) {
  const auto end = content.begin() + static_cast<std::ptrdiff_t>(content.find(text));
  return "line " + std::to_string(1 + std::count(content.begin(), end, '\n'));
}

TEST_CASE("long files are the same on any number of threads") {
  const int threads = omp_get_max_threads();
  const std::string content = long_content(), wrong = content + "1,2,3\n4\n";
  const TemporaryFile file("long.csv", content);
  for (const int count : {1, 2, 5}) {
    CAPTURE(count);
    omp_set_num_threads(count);
    const Table table = data::read_csv(file.path());
    REQUIRE(table.rows() == 30000);
    CHECK(table.at("n").values.at({29999}) == 29999.25);
    CHECK(table.text("late")[28999] == "28999");
    CHECK(table.text("late")[29000] == "word");
    CHECK(table.categories("quoted").size() == 97 * 13);
    CHECK(table.text("quoted")[29999] == "line 26\n\"x\", " + std::string(8, '\n'));
    CHECK(table.text("id")[28000] == "007");
    const std::string said = table.describe();
    CHECK(said.find("\nlate: text; all are numbers except 'word' in " + line_of(content, ",word,") + "\n") !=
          std::string::npos);
    CHECK(said.find("\nid: text, since integers have leading zeros: '007' in " + line_of(content, "28000.25,") +
                    "\n") != std::string::npos);

    // Of several errors the first one is told.
    file.write(wrong);
    CHECK_THROWS_WITH_AS(data::read_csv(file.path()),
                         Contains((line_of(wrong, "1,2,3\n4\n") + ": found 3 fields, expected 4").c_str()),
                         FormatError);
    file.write(content);
  }
  omp_set_num_threads(threads);
}

TEST_CASE("texts of every length are kept as they are") {
  std::string content = "a,b\n";
  Strings texts;
  for (std::size_t size = 1; size < 600; ++size) {
    texts.push_back(std::string(size - 1, static_cast<char>('a' + size % 26)) + "é");
    content += texts.back() + ",\"" + texts.back() + ",\"\"\"\n";
  }
  texts.push_back(std::string(3'000'000, 'x'));
  content += texts.back() + ",y";
  const Table table = parse(content);
  CHECK(table.text("a") == texts);
  for (std::size_t i = 0; i + 1 < texts.size(); ++i) CHECK(table.text("b")[i] == texts[i] + ",\"");
  CHECK(table.take(tensor({599, 5}, i64)).text("a") == Strings{texts[599], texts[5]});
  CHECK(table.take(tensor({7, 7}, i64)).fill_missing("a", "x").codes("a").to_vector<int>() == std::vector<int>{0, 0});
}

TEST_CASE("a quoted field may go over any number of parts that threads read") {
  std::string lines;
  for (int i = 0; i < 300000; ++i) lines += "\"\",\"\"\n";  // each would be a record, were it not in quotes
  const std::string content = "a,b\n1,2\n\"" + lines + "\",x\n3,4\n";
  const Table table = parse(content);
  REQUIRE(table.rows() == 3);
  CHECK(table.text("a")[1].size() == 300000 * 4);
  CHECK(table.text("b") == Strings{"2", "x", "4"});
  CHECK_THROWS_WITH_AS(parse(content + "5\n"), Contains("line 300005: found 1 field, expected 2"), FormatError);
}

// One of these texts.
static std::string pick(Generator& generator, const Strings& from) {
  return from[static_cast<std::size_t>(generator.next_below(static_cast<Index>(from.size())))];
}

// Text with much of what CSV files stumble over.
static std::string nasty_text(Generator& generator) {
  static const Strings pieces = {"a",    "NA",      "?",  "1",  "007",  ".5", "1,5", "9007199254740993",
                                 "\"",   "'",       ",",  ";",  "\t",   " ",  "#",   "|",
                                 "-",    "null",    "\n", "\r", "\r\n", "é",  "e5",  "\xff\xfe",
                                 "sep=", "\x1f\x8b"};
  std::string text;
  for (Index i = 0, count = 1 + generator.next_below(3); i < count; ++i) text += pick(generator, pieces);
  return text;
}

static double nasty_number(Generator& generator) {
  static const Doubles numbers = {0.0,
                                  -0.0,
                                  1.0,
                                  -7.0,
                                  0.1,
                                  1e300,
                                  5e-324,
                                  9007199254740994.0,
                                  1e17,
                                  -1e22,
                                  123456.789,
                                  std::numeric_limits<double>::infinity(),
                                  std::numeric_limits<double>::quiet_NaN()};
  if (generator.next_below(2) == 0) return numbers[static_cast<std::size_t>(generator.next_below(13))];
  return std::ldexp(generator.next_uniform() - 0.5, static_cast<int>(generator.next_below(200)) - 100);
}

static data::Column nasty_column(std::string name, Index rows, Generator& generator) {
  if (generator.next_below(2) == 0) {
    Tensor values({rows}, f64);
    for (Index row = 0; row < rows; ++row) values.set({row}, nasty_number(generator));
    return {std::move(name), values, {}};
  }
  Strings categories;
  while (categories.size() < 3) categories.push_back(nasty_text(generator));
  std::sort(categories.begin(), categories.end());
  categories.erase(std::unique(categories.begin(), categories.end()), categories.end());
  Tensor values({rows}, i64);
  for (Index row = 0; row < rows; ++row)
    values.set({row}, static_cast<double>(generator.next_below(static_cast<Index>(categories.size()) + 1) - 1));
  return {std::move(name), values, categories};
}

static Table nasty_table(Generator& generator) {
  const Index rows = generator.next_below(5), width = 1 + generator.next_below(3);
  std::vector<data::Column> columns;
  for (Index c = 0; c < width; ++c) columns.push_back(nasty_column(nasty_text(generator) + "xyz"[c], rows, generator));
  return Table("nasty", std::move(columns), arange(rows, i64))
      .take(arange(rows, i64));  // categories are those there are
}

static CsvOptions nasty_options(const Table& table, Generator& generator) {
  CsvOptions options;
  const auto one_of = [&](std::string_view from) {
    return from[static_cast<std::size_t>(generator.next_below(static_cast<Index>(from.size())))];
  };
  options.separator = one_of(std::string_view(",,;\t| \1"));
  options.quote = one_of("\"\"'");
  options.decimal = one_of("..,");
  options.thousands = one_of(std::string_view("\0\0.'", 4));
  options.comment = one_of(std::string_view("\0\0#|", 4));
  if (generator.next_below(3) == 0) options.header = generator.next_below(2) == 0;
  if (generator.next_below(3) == 0) options.missing = {"-", "-7"};
  for (const auto& name : table.column_names())
    if (generator.next_below(3) == 0)
      options.types[name] = table.numeric(name) ? data::ColumnType::number : data::ColumnType::text;
  if (options.header == false) options.types.clear();  // names are lost
  return options;
}

static void check_same(const Table& read, const Table& written) {
  REQUIRE(read.rows() == written.rows());
  REQUIRE(read.columns() == written.columns());
  for (Index c = 0; c < read.columns(); ++c) {
    const auto& a = read.at(read.column_names()[static_cast<std::size_t>(c)]);
    const auto& b = written.at(written.column_names()[static_cast<std::size_t>(c)]);
    CHECK(read.text(a.name) == written.text(b.name));  // in which no two numbers are the same
    if (b.missing() == read.rows()) continue;          // nothing shows what it would hold
    CHECK(a.numeric() == b.numeric());
  }
}

TEST_CASE("what write_csv writes, read_csv reads with the same options") {
  Generator generator(5);
  const TemporaryFile file("nasty.csv");
  int same = 0, refused = 0;
  for (int round = 0; round < 1000; ++round) {
    CAPTURE(round);
    const Table table = nasty_table(generator);
    const CsvOptions options = nasty_options(table, generator);
    try {
      data::write_csv(file.path(), table, options);
    } catch (const std::invalid_argument&) {
      ++refused;
      continue;
    }
    CAPTURE(file.read());
    const Table read = data::read_csv(file.path(), options);
    if (options.header.value_or(true)) CHECK(read.column_names() == table.column_names());
    check_same(read, table);
    ++same;
  }
  CHECK(same > 300);
  CHECK(refused > 100);
}

TEST_CASE("write_csv packs a file whose name ends in .gz") {
  const TemporaryFile file("packed.csv.gz");
  for (const Index rows : {3, 400000}) {  // the second makes more than one piece
    CAPTURE(rows);
    const Tensor values = arange(rows, f64);
    data::write_csv(file.path(), {"a"}, values);
    CHECK(file.read().starts_with("\x1f\x8b"));
    CHECK(data::read_csv(file.path()).column("a").to_vector<double>() == values.to_vector<double>());
  }
}

TEST_CASE("write_csv refuses what would be read as something else, before it writes") {
  const TemporaryFile file("kept.csv", "kept");
  using enum data::ColumnType;
  const auto refusal = [&](const Table& table, const CsvOptions& options) -> std::string {
    try {
      data::write_csv(file.path(), table, options);
    } catch (const std::invalid_argument& error) {
      CHECK(file.read() == "kept");
      return error.what();
    }
    return "";
  };
  const Table pets = parse("kind,age\ndog,7\n,2\n");
  CHECK(refusal(pets.fill_missing("kind", "None"), {}) ==
        "write_csv: column 'kind' holds the text 'None', which would be read as missing");
  CHECK(refusal(pets, {.missing = {}}) ==
        "write_csv: column 'kind' lacks a value, and the options have no word for that");
  CHECK(refusal(pets, {.missing = {"", "7"}}) == "write_csv: column 'age' holds 7, which would be read as missing");
  CHECK(refusal(pets, {.types = {{"age", text}}}) == "write_csv: column 'age' holds numbers, but its type is text");
  CHECK(refusal(pets, {.types = {{"kind", number}}}) ==
        "write_csv: column 'kind' holds the text 'dog', but its type is number");
  CHECK(refusal(pets, {.separator = data::csv_guess}) == "write_csv: name a separator; csv_guess is for reading");
  CHECK(refusal(pets, {.skip_lines = 1}) == "write_csv: skip_lines and skip_footer are for reading");
  const CsvOptions zip{.types = {{"zip", text}}};
  const Table codes = parse("zip,n\n1730,1\n", zip);
  CHECK(refusal(codes, {}) ==
        "write_csv: column 'zip' holds the text '1730', which would be read as a number; give its type");
  CHECK(refusal(parse("1,2\n"), {}) ==
        "write_csv: a line of the names '0', … would be read as data; give .header = true");
  CHECK(refusal(Table("", {}, arange(2, i64)), {}) == "write_csv: there is no column");
  CHECK(refusal(codes, zip) == "");
  CHECK(file.read() == "zip,n\n1730,1\n");
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
