#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/data/error.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/report/report.hpp>

#include "picture.hpp"

using namespace ravine;
using doctest::Contains;

static std::string drawn(const report::Graph& graph) {
  const TemporaryFile file("graph.svg");
  graph.save(file.path());
  return file.read();
}

// The words in the box of this number; boxes are numbered as `nodes_of` does.
static std::string box(const std::string& picture, int number) {
  const std::size_t begin = picture.find("<title>n" + std::to_string(number) + "</title>");
  if (begin == std::string::npos) return "";
  std::string texts;
  for (const std::string& text :
       pictures::between(picture.substr(begin, picture.find("</g>", begin) - begin), "<text ", "</text>"))
    texts += text.substr(text.find('>') + 1) + " ";
  for (std::size_t at; (at = texts.find("\u00a0")) != std::string::npos;) texts.replace(at, 2, " ");
  std::istringstream words(texts);
  std::string result;
  for (std::string word; words >> word;) result += (result.empty() ? "" : " ") + word;
  return result;
}

TEST_CASE("each box has name, op, value and gradient, and each use is an arrow") {
  const Variable x = parameter(scalar(3)), y = parameter(scalar(-4)), c = scalar(0.5);
  const std::string picture = drawn(report::graph(
      [&] {
        const Variable p = x * y;
        return p * p + x - c;
      },
      {.title = "f = (x y)²", .names = {{"x", x}, {"y", y}, {"half", c}}}));
  CHECK(box(picture, 0) == "x value 3 gradient 97");
  CHECK(box(picture, 1) == "y value −4 gradient −72");
  CHECK(box(picture, 2) == "half value 0.5");
  CHECK(box(picture, 3) == "mul value −12 gradient −24");
  CHECK(box(picture, 4) == "mul value 144 gradient 1");
  CHECK(box(picture, 6) == "sub value 146.5 gradient 1");
  CHECK(count(picture, "<title>n3&#45;&gt;n4</title>") == 2);
  CHECK(count(picture, "<title>n0&#45;&gt;n3</title>") == 1);
  CHECK(count(picture, "<title>n0&#45;&gt;n5</title>") == 1);
  CHECK(count(picture, "class=\"edge\"") == 8);
  CHECK(count(picture, ">f = (x y)²</text>") == 1);
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("a loss that was computed is drawn with what it still has, and can go on") {
  const Variable x = parameter(tensor({1, 2, 3}));
  const Variable loss = sum(square(x * 2.0));
  const std::string picture = drawn(report::graph(loss));
  CHECK(box(picture, 0) == "parameter (3) value 1 2 3 gradient 8 16 24");
  CHECK(box(picture, 3) == "sum value 56 gradient 1");
  loss.backward();
  CHECK(bitwise_equal(x.grad(), tensor({8, 16, 24})));
  CHECK_THROWS_WITH_AS(report::graph(loss), Contains("was freed by a backward pass"), std::logic_error);
}

TEST_CASE("larger tensors are told by their range, results of more elements without gradients") {
  nn::Sequential model{nn::Linear(20, 3), nn::Tanh()};
  const Tensor input = linspace(-1, 2.5, 40).reshape({2, 20});
  const std::string picture = drawn(report::graph([&] { return model(input); }, {.names = model.named_parameters()}));
  CHECK(box(picture, 0) == "constant (2, 20) value −1 … 2.5");
  CHECK(box(picture, 1).starts_with("0.weight (3, 20) value −"));
  CHECK(box(picture, 1).find("gradient") == std::string::npos);
  CHECK(box(picture, 3).starts_with("linear (2, 3) value"));
  CHECK(box(picture, 4).starts_with("tanh (2, 3) value"));
}

TEST_CASE("leaves and values that are no numbers are drawn") {
  CHECK(box(drawn(report::graph(Variable(scalar(7)))), 0) == "constant value 7");
  CHECK(box(drawn(report::graph(parameter(scalar(7)), {.names = {}})), 0) == "parameter value 7 gradient 1");
  const Variable x = parameter(tensor({NAN, INFINITY, -INFINITY}));
  CHECK(box(drawn(report::graph(sum(x))), 0) == "parameter (3) value nan inf −inf gradient 1 1 1");
  Tensor many = zeros({30});
  many.set({7}, NAN);
  CHECK(box(drawn(report::graph(Variable(many))), 0) == "constant (30) value nan among them");
  CHECK(box(drawn(report::graph(Variable(zeros({0, 3})))), 0) == "constant (0, 3) value no elements");
  CHECK(box(drawn(report::graph(Variable(tensor({1, 2}, i64)))), 0) == "constant (2) value 1 2");
}

TEST_CASE("names are drawn letter by letter") {
  const Variable x = parameter(scalar(1)), y = exp(x);
  const std::string picture =
      drawn(report::graph(y, {.title = "a < b & \"c\" \\n \x01", .names = {{"<b>\\N</b>&amp;\n'", x}, {"out", y}}}));
  CHECK(count(picture, ">a &lt; b &amp; &quot;c&quot; \\\u200bn &#160;</text>") == 1);
  CHECK(count(picture, ">&lt;b&gt;\\\u200bN&lt;/b&gt;&amp;amp;</text>") == 1);
  CHECK(box(picture, 1).starts_with("out = exp value"));
  CHECK(count(drawn(report::graph(y, {.names = {{"caf\xe9", x}}})), ">caf\ufffd</text>") == 1);  // no UTF-8
}

TEST_CASE("graphs are saved in three formats, and refused by name") {
  const Variable x = parameter(scalar(1));
  const report::Graph graph = report::graph(x * 2.0);
  const TemporaryFile png("graph.png"), pdf("graph.pdf", "old");
  graph.save(png.path());
  CHECK(png.read().substr(0, 8) == "\x89PNG\r\n\x1a\n");
  graph.save(pdf.path());
  CHECK(pdf.read().starts_with("%PDF-"));
  CHECK_THROWS_WITH_AS(graph.save("g.dot"), "Graph::save: the path must end in .svg, .png or .pdf, got 'g.dot'",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(graph.save("/no/such/folder/g.svg"),
                       "Graph::save: cannot write /no/such/folder/g.svg: No such file or directory", data::FileError);
  CHECK_THROWS_WITH_AS(report::graph(Variable()), "graph: the variable is undefined", std::invalid_argument);
  CHECK_THROWS_WITH_AS(report::graph(x, {.max_nodes = 0}), "graph: max_nodes must be positive, got 0",
                       std::invalid_argument);
  Variable deep = x;
  for (int i = 0; i < 100000; ++i) deep = deep + 0.0;
  CHECK_THROWS_WITH_AS(report::graph(deep),
                       "graph: there are more than 200 nodes, which nobody could read; draw a part, or set max_nodes",
                       std::invalid_argument);
}

TEST_CASE("without dot the error says what to install, and nothing is written") {
  const TemporaryFile file("kept.svg", "old");
  const std::string path = std::getenv("PATH");
  setenv("PATH", "/no/such/folder", 1);
  CHECK_THROWS_WITH_AS(report::graph(parameter(scalar(1))).save(file.path()),
                       "Graph::save: cannot start dot of Graphviz, which must be installed and on the PATH: No such "
                       "file or directory",
                       std::runtime_error);
  setenv("PATH", path.c_str(), 1);
  CHECK(file.read() == "old");
}
