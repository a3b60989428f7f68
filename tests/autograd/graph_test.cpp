#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>

using namespace ravine;
using doctest::Contains;

using Places = std::vector<std::size_t>;

static std::vector<std::string> ops(const std::vector<GraphNode>& nodes) {
  std::vector<std::string> result;
  for (const GraphNode& node : nodes) result.push_back(node.op);
  return result;
}
using Ops = std::vector<std::string>;

TEST_CASE("the nodes of a graph are leaves first, then results in their order, each once") {
  const Variable x = parameter(scalar(3.0)), y = parameter(scalar(-4.0));
  const Variable p = x * y, q = p + x, unused = exp(x), r = q * q;
  const auto nodes = nodes_of(r);
  CHECK(ops(nodes) == Ops{"parameter", "parameter", "mul", "add", "mul"});
  CHECK(nodes[0].variable.node() == x.node());
  CHECK(nodes[1].variable.node() == y.node());
  CHECK(nodes[2].inputs == Places{0, 1});
  CHECK(nodes[3].inputs == Places{2, 0});
  CHECK(nodes[4].inputs == Places{3, 3});
  CHECK(nodes[4].variable.item() == 81.0);
}

TEST_CASE("a leaf is a graph of one node") {
  CHECK(ops(nodes_of(parameter(scalar(1.0)))) == Ops{"parameter"});
  CHECK(ops(nodes_of(Variable(scalar(1.0)))) == Ops{"constant"});
  const Variable frozen = parameter(scalar(1.0));
  frozen.set_requires_grad(false);
  CHECK(ops(nodes_of(frozen)) == Ops{"constant"});
  const NoGrad guard;
  CHECK(ops(nodes_of(parameter(scalar(1.0)) * 2.0)) == Ops{"constant"});
}

TEST_CASE(
    "a value that was given up is undefined, with its shape; a KeepGraph keeps it, and inputs without a gradient") {
  const Variable w = parameter(ones({3})), c = tensor({1, 2, 3});
  const auto loss = [&] { return sum(relu((w + c) * 2.0 - tensor({1, 1, 1}))); };
  const auto nodes = nodes_of(loss());
  CHECK(ops(nodes) == Ops{"parameter", "add", "mul", "sub, relu", "sum"});
  CHECK_FALSE(nodes[1].variable.value().defined());
  CHECK(nodes[1].variable.shape() == Shape{3});

  const Variable before = w + c;
  std::vector<GraphNode> all;
  {
    const KeepGraph keep;
    const KeepGraph again;
    all = nodes_of(loss());
  }
  CHECK(ops(all) == Ops{"parameter", "constant", "constant", "add", "mul", "sub", "relu", "sum"});
  CHECK(all[1].variable.node() == c.node());
  CHECK(all[3].inputs == Places{0, 1});
  CHECK(all[5].inputs == Places{4, 2});
  CHECK(bitwise_equal(all[3].variable.value(), tensor({2, 3, 4})));
  CHECK(bitwise_equal(all[4].variable.value(), tensor({4, 6, 8})));
  CHECK(bitwise_equal(all[2].variable.value(), tensor({1, 1, 1})));
  // A later look at the same graph no longer sees constants, and other graphs are as before.
  CHECK(ops(nodes_of(all[7].variable)) == Ops{"parameter", "add", "mul", "sub", "relu", "sum"});
  CHECK(ops(nodes_of(loss())) == ops(nodes));
}

TEST_CASE("inputs of ops with one pullback for all keep their places") {
  const Variable x = tensor({{1, 2}}), w = parameter(ones({3, 2})), b = parameter(zeros({3}));
  const KeepGraph keep;
  const auto nodes = nodes_of(linear(x, w, b));
  CHECK(ops(nodes) == Ops{"constant", "parameter", "parameter", "linear"});
  CHECK(nodes[3].inputs == Places{0, 1, 2});
  CHECK(nodes[0].variable.node() == x.node());
}

TEST_CASE("what an op that failed was made of belongs to no other op") {
  const KeepGraph keep;
  const Variable x = parameter(tensor({1, 2})), zero(tensor({0, 1})), three(tensor({3, 3}));
  {
    const DetectAnomaly detect;
    CHECK_THROWS_AS(x / zero, AnomalyError);
  }
  const auto nodes = nodes_of(x * three);
  REQUIRE(ops(nodes) == Ops{"parameter", "constant", "mul"});
  CHECK(nodes[1].variable.node() == three.node());
}

TEST_CASE("under a KeepGraph values and gradients are the same, and the graph can be differentiated twice") {
  const Variable x = parameter(tensor({0.5, -2.0}, f64));
  const auto f = [](const Variable& v) { return sum(relu(v * 3.0) + exp(v + Variable(tensor({1, 1}, f64)))); };
  const double value = f(x).item();
  const Tensor gradient = grad(f(x), {x})[0].value(), H = hessian(f, x.value());
  const KeepGraph keep;
  CHECK(f(x).item() == value);
  CHECK(bitwise_equal(grad(f(x), {x})[0].value(), gradient));
  CHECK(bitwise_equal(hessian(f, x.value()), H));
}

TEST_CASE("nodes hold the graph, and a graph may be drawn before its backward pass") {
  const Variable x = parameter(scalar(2.0));
  std::vector<GraphNode> nodes;
  {
    const Variable y = exp(x * 3.0) * x;
    nodes = nodes_of(y);
    y.backward();
    CHECK(x.grad().item() == doctest::Approx(std::exp(6.0) * 7.0));
    CHECK_THROWS_WITH_AS(nodes_of(y),
                         "nodes_of: the graph of mul was freed by a backward pass; ask that one to retain it, or look "
                         "before",
                         std::logic_error);
  }
  CHECK(nodes.back().variable.item() == doctest::Approx(2.0 * std::exp(6.0)));
  const Variable y = exp(x);
  y.backward(true);
  CHECK(ops(nodes_of(y)) == Ops{"parameter", "exp"});
}

TEST_CASE("a graph of gradients has nodes as well") {
  const Variable x = parameter(scalar(2.0));
  const Variable g = grad(square(x), {x}, {.create_graph = true})[0];
  const auto nodes = nodes_of(g);
  CHECK(ops(nodes) == Ops{"parameter", "mul"});
  CHECK(nodes[0].variable.node() == x.node());
}

TEST_CASE("large graphs are walked without recursion, or refused") {
  Variable x = parameter(scalar(1.0));
  for (int i = 0; i < 300000; ++i) x = x + 0.0;
  CHECK(nodes_of(x, 300001).size() == 300001);
  CHECK_THROWS_WITH_AS(nodes_of(x, 300000), "nodes_of: the graph has more than 300000 nodes", std::length_error);
  CHECK_THROWS_AS(nodes_of(x), std::length_error);
}

TEST_CASE("a KeepGraph is a thread's own") {
  const KeepGraph keep;
  std::vector<std::string> elsewhere;
  std::thread([&] {
    const Variable x = parameter(scalar(1.0));
    elsewhere = ops(nodes_of(x * Variable(scalar(2.0))));
  }).join();
  CHECK(elsewhere == Ops{"parameter", "mul"});
}

TEST_CASE("what has no node is refused") {
  CHECK_THROWS_WITH_AS(nodes_of(Variable()), "nodes_of: the variable is undefined", std::invalid_argument);
}
