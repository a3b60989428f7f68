// Every op, in several cases each: first and second derivatives against central differences.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/factories.hpp>

#include "../core/reference.hpp"
#include "../declared.hpp"

using namespace ravine;
using Variables = std::vector<Variable>;
using Op = std::function<Variable(const Variables&)>;

namespace {

struct Row {
  std::string name;
  Op f;
  std::vector<Tensor> at;
};

std::uint64_t seed = 0;

Tensor normal(const Shape& shape) { return random_tensor(shape, f64, ++seed); }
Tensor between(double low, double high, const Shape& shape) { return random_between(low, high, shape, f64, ++seed); }
/// Of both signs, away from 0.
Tensor apart(const Shape& shape) {
  Tensor x = between(-1.5, 1.5, shape);
  double* values = x.mutable_data<double>();
  for (Index i = 0; i < x.numel(); ++i) values[i] += values[i] < 0 ? -0.2 : 0.2;
  return x;
}
/// All different, in random order.
Tensor distinct(const Shape& shape) {
  Generator generator(++seed);
  Tensor x = permutation(shape.numel(), generator).to(f64).reshape(shape);
  double* values = x.mutable_data<double>();
  for (Index i = 0; i < x.numel(); ++i) values[i] = 0.3 * values[i] - 1.0;
  return x;
}
Tensor index(std::initializer_list<Scalar> positions, const Shape& shape) { return tensor(positions, shape, i64); }
Tensor mask(const Shape& shape) {
  Generator generator(++seed);
  return randint(0, 2, shape, generator).to(u8);
}

using Make = Tensor (*)(const Shape&);
using Unary = Variable (*)(const Variable&);

void unary(std::vector<Row>& table, const char* name, Unary f, Make make) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{2, 3}, Shape{3, 1, 5}})
    table.push_back({name, [f](const Variables& x) { return f(x[0]); }, {make(shape)}});
  table.push_back({name, [f](const Variables& x) { return f(x[0]) * f(x[0]) + x[0]; }, {make({4})}});
}

void binary(std::vector<Row>& table, const char* name, Variable (*f)(const Variable&, const Variable&), Make left,
            Make right, bool also_same = true) {
  const std::pair<Shape, Shape> shapes[] = {
      {{}, {}},  {{5}, {5}},   {{2, 3}, {2, 3}},    {{2, 3}, {3}}, {{2, 1}, {2, 3}},      {{2, 1}, {1, 3}},
      {{}, {4}}, {{3, 2}, {}}, {{2, 1, 3}, {4, 1}}, {{1}, {2, 2}}, {{2, 1, 2}, {2, 3, 2}}};
  for (const auto& [a, b] : shapes)
    table.push_back({name, [f](const Variables& x) { return f(x[0], x[1]); }, {left(a), right(b)}});
  if (also_same) table.push_back({name, [f](const Variables& x) { return f(x[0], x[0]); }, {left({2, 3})}});
}

Tensor positive(const Shape& shape) { return between(0.3, 2.5, shape); }
Tensor above_minus_one(const Shape& shape) { return between(-0.7, 2.0, shape); }

std::vector<Row> elementwise() {
  std::vector<Row> table;
  using V = const Variable&;
  binary(
      table, "add", [](V a, V b) { return a + b; }, normal, normal);
  binary(
      table, "sub", [](V a, V b) { return a - b; }, normal, normal);
  binary(
      table, "mul", [](V a, V b) { return a * b; }, normal, normal);
  binary(
      table, "div", [](V a, V b) { return a / b; }, normal, apart);
  binary(
      table, "pow, tensors", [](V a, V b) { return pow(a, b); }, positive, normal);
  // The exponents whose derivatives come to an end, beside one whose do not.
  table.push_back({"pow, tensors",
                   [p = tensor({0, 1, 2, 3, 0.5}, f64)](const Variables& x) { return pow(x[0], p); },
                   {positive({2, 1})}});
  table.push_back(
      {"pow, tensors", [](const Variables& x) { return pow(x[0], x[1]); }, {positive({3, 1}), tensor({0, 1, 2}, f64)}});
  binary(
      table, "maximum", [](V a, V b) { return maximum(a, b); }, distinct, normal, false);
  binary(
      table, "minimum", [](V a, V b) { return minimum(a, b); }, distinct, normal, false);
  unary(
      table, "neg", [](V x) { return -x; }, normal);
  unary(
      table, "add scalar", [](V x) { return 2.5 + x + 1; }, normal);
  unary(
      table, "sub scalar", [](V x) { return 2.5 - (x - 1); }, normal);
  unary(
      table, "mul scalar", [](V x) { return 2.5 * x * 3; }, normal);
  unary(
      table, "div scalar", [](V x) { return x / 4.0; }, normal);
  unary(
      table, "scalar div", [](V x) { return 2.0 / x; }, apart);
  unary(
      table, "square", [](V x) { return square(x); }, normal);
  for (Unary f : {Unary([](V x) { return pow(x, 3); }), Unary([](V x) { return pow(x, -2); }),
                  Unary([](V x) { return pow(x, 2); }), Unary([](V x) { return pow(x, 1); }),
                  Unary([](V x) { return pow(x, 0); })})
    unary(table, "pow", f, apart);
  unary(
      table, "pow", [](V x) { return pow(x, 1.7); }, positive);
  unary(
      table, "maximum", [](V x) { return maximum(x, 0.1); }, apart);
  unary(
      table, "minimum", [](V x) { return minimum(x, 0.1); }, apart);
  unary(
      table, "clamp", [](V x) { return clamp(x, -0.1, 1.05); }, apart);
  unary(
      table, "clamp", [](V x) { return clamp(x, -0.1, {}) * clamp(x, {}, 1.05); }, apart);
  for (const auto& [name, f] : {std::pair<const char*, Unary>{"floor", floor}, {"ceil", ceil}, {"round", round}})
    unary(table, name, f, [](const Shape& shape) { return distinct(shape) + 0.05; });
  unary(table, "abs", abs, apart);
  unary(table, "sign", sign, apart);
  unary(table, "sqrt", sqrt, positive);
  unary(table, "rsqrt", rsqrt, positive);
  unary(table, "reciprocal", reciprocal, apart);
  unary(table, "exp", exp, normal);
  unary(table, "log", log, positive);
  unary(table, "log2", log2, positive);
  unary(table, "log1p", log1p, above_minus_one);
  unary(table, "expm1", expm1, normal);
  unary(table, "sin", sin, normal);
  unary(table, "cos", cos, normal);
  unary(table, "tan", tan, [](const Shape& shape) { return between(-1.2, 1.2, shape); });
  unary(table, "atan", atan, normal);
  unary(table, "erf", erf, normal);
  for (const Shape& shape : {Shape{2, 3}, Shape{3}, Shape{2, 1}, Shape{}}) {
    const auto choose = [m = mask(shape)](const Variables& x) { return where(m, x[0], x[1]); };
    table.push_back({"where", choose, {normal({2, 3}), normal({2, 3})}});
    table.push_back({"where", choose, {normal({3}), normal({2, 1})}});
    table.push_back({"where", [choose](const Variables& x) { return choose({x[0], x[0] * x[0]}); }, {normal({2, 3})}});
  }
  return table;
}

std::vector<Row> activations() {
  std::vector<Row> table;
  using V = const Variable&;
  unary(table, "tanh", tanh, normal);
  unary(table, "sigmoid", sigmoid, normal);
  unary(
      table, "relu", [](V x) { return relu(x); }, apart);
  unary(
      table, "leaky_relu", [](V x) { return leaky_relu(x, 0.2); }, apart);
  unary(
      table, "elu", [](V x) { return elu(x, 1.3); }, apart);
  unary(
      table, "gelu", [](V x) { return gelu(x); }, normal);
  unary(
      table, "gelu, tanh", [](V x) { return gelu(x, "tanh"); }, normal);
  unary(
      table, "softplus", [](V x) { return softplus(x, 1.7); }, normal);
  unary(table, "silu", silu, normal);
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{2, 3}}) {
    table.push_back({"tanh_pullback",
                     [](const Variables& x) { return tanh_pullback(x[0], x[1]); },
                     {normal(shape), normal(shape)}});
    table.push_back({"sigmoid_pullback",
                     [](const Variables& x) { return sigmoid_pullback(x[0], x[1]); },
                     {normal(shape), normal(shape)}});
    table.push_back(
        {"relu_pullback", [](const Variables& x) { return relu_pullback(x[0], x[1]); }, {normal(shape), apart(shape)}});
  }
  return table;
}

std::vector<Row> reductions() {
  std::vector<Row> table;
  struct Over {
    Shape shape;
    Dims dims;
    bool keepdim;
  };
  const Over cases[] = {{{5}, {}, false},          {{2, 3}, {}, true},          {{2, 3}, {0}, false},
                        {{2, 3}, {-1}, true},      {{2, 3, 4}, {1}, false},     {{2, 3, 4}, {0, 2}, false},
                        {{2, 3, 4}, {0, 2}, true}, {{3, 1, 5}, {1, -1}, false}, {{2, 2, 2, 3}, {1, 3}, true}};
  const std::pair<const char*, Variable (*)(const Variable&, const Dims&, bool)> ops[] = {
      {"sum", [](const Variable& x, const Dims& d, bool keep) { return sum(x, d, keep); }},
      {"mean", [](const Variable& x, const Dims& d, bool keep) { return mean(x, d, keep); }},
      {"max", max},
      {"min", min},
      {"norm", norm},
      {"prod", prod},
      {"std", [](const Variable& x, const Dims& d, bool keep) { return ravine::std(x, d, keep); }},
      {"std", [](const Variable& x, const Dims& d, bool keep) { return ravine::std(x, d, keep, 0.0); }},
      {"var", [](const Variable& x, const Dims& d, bool keep) { return var(x, d, keep); }},
      {"var", [](const Variable& x, const Dims& d, bool keep) { return var(x, d, keep, 0.0); }}};
  for (const auto& op : ops) {
    for (const Over& c : cases)
      table.push_back({op.first,
                       [f = op.second, c](const Variables& x) { return f(x[0], c.dims, c.keepdim); },
                       {distinct(c.shape)}});
    table.push_back(
        {op.first, [f = op.second](const Variables& x) { return f(x[0], 0, true) * x[0]; }, {distinct({4, 3})}});
  }
  for (const auto& op : {ops[0], ops[1], ops[2], ops[3], ops[4], ops[5]})
    table.push_back({op.first, [f = op.second](const Variables& x) { return f(x[0], {}, false); }, {positive({})}});
  for (const auto& [shape, dim] :
       {std::pair<Shape, Index>{{5}, 0}, {{1}, 0}, {{2, 3}, 0}, {{2, 3}, 1}, {{2, 3, 4}, 1}, {{3, 1, 2}, -3}}) {
    const Index d = dim;
    table.push_back({"logsumexp", [d](const Variables& x) { return logsumexp(x[0], d); }, {normal(shape)}});
    table.push_back({"logsumexp", [d](const Variables& x) { return logsumexp(x[0], d, true); }, {normal(shape)}});
    table.push_back({"softmax", [d](const Variables& x) { return softmax(x[0], d); }, {normal(shape)}});
    table.push_back({"softmax", [d](const Variables& x) { return softmax(x[0], d) * x[0]; }, {normal(shape)}});
    table.push_back({"log_softmax", [d](const Variables& x) { return log_softmax(x[0], d); }, {normal(shape)}});
    table.push_back(
        {"log_softmax", [d](const Variables& x) { return log_softmax(x[0] * 2, d) * x[0]; }, {normal(shape)}});
    table.push_back({"cumsum", [d](const Variables& x) { return square(cumsum(x[0], d)); }, {normal(shape)}});
    table.push_back({"cumsum_pullback", [d](const Variables& x) { return cumsum_pullback(x[0], d); }, {normal(shape)}});
    const auto cosine = [d](const Variables& x) { return cosine_similarity(x[0], x[1], d); };
    table.push_back({"cosine_similarity", cosine, {apart(shape), apart(shape)}});
  }
  for (const Over& c : cases) {
    table.push_back(
        {"logsumexp", [c](const Variables& x) { return logsumexp(x[0], c.dims, c.keepdim); }, {normal(c.shape)}});
    table.push_back({"softmax", [c](const Variables& x) { return softmax(x[0], c.dims) * x[0]; }, {normal(c.shape)}});
    table.push_back({"log_softmax", [c](const Variables& x) { return log_softmax(x[0], c.dims); }, {normal(c.shape)}});
  }
  table.push_back(
      {"cosine_similarity", [](const Variables& x) { return cosine_similarity(x[0], x[0] * x[0]); }, {apart({2, 3})}});
  table.push_back({"cosine_similarity",
                   [](const Variables& x) { return cosine_similarity(x[0], x[1], -1); },
                   {apart({2, 3}), apart({1, 3})}});
  for (const auto& [a, b, dim] :
       {std::tuple<Shape, Shape, Index>{{2, 3}, {1, 1}, 1}, {{2, 1}, {3}, -1}, {{4}, {}, 0}, {{2, 1, 2}, {3, 1}, -2}})
    table.push_back({"cosine_similarity",
                     [d = dim](const Variables& x) { return cosine_similarity(x[0], x[1], d); },
                     {apart(a), apart(b)}});
  // Zeros among the factors: none, one, two of a product.
  const Tensor zeros_among = tensor({2, 3, -1, 0, 4, 5, 0, 7, 0, 1.5, 0, 0}, {4, 3}, f64);
  for (const Dims& dims : {Dims(), Dims(0), Dims(1), Dims{0, 1}})
    table.push_back({"prod", [dims](const Variables& x) { return prod(x[0], dims); }, {zeros_among}});
  table.push_back({"prod",
                   [](const Variables& x) {
                     return prod(x[0], {0, 2});
                   },
                   {zeros_among.reshape({2, 3, 2}) * 0.5}});
  for (const Shape& to : {Shape{}, Shape{3}, Shape{2, 1}, Shape{1, 1}, Shape{2, 3}, Shape{1, 2, 3}})
    if (to.rank() <= 2)
      table.push_back({"sum_to", [to](const Variables& x) { return sum_to(x[0], to); }, {normal({2, 3})}});
  return table;
}

std::vector<Row> products() {
  std::vector<Row> table;
  const std::pair<Shape, Shape> plain[] = {{{2, 3}, {3, 4}}, {{1, 1}, {1, 1}}, {{3}, {3, 2}},   {{2, 3}, {3}},
                                           {{4}, {4}},       {{5, 1}, {1, 3}}, {{1, 7}, {7, 1}}};
  for (const auto& [a, b] : plain)
    table.push_back({"matmul", [](const Variables& x) { return matmul(x[0], x[1]); }, {normal(a), normal(b)}});
  table.push_back({"matmul", [](const Variables& x) { return matmul(x[0], x[0]); }, {normal({3, 3})}});
  table.push_back({"matmul", [](const Variables& x) { return matmul(x[0], x[0]); }, {normal({3})}});
  const std::pair<Shape, Shape> batched[] = {{{2, 3, 4}, {2, 4, 2}}, {{2, 3, 4}, {4, 2}},    {{3, 4}, {2, 4, 2}},
                                             {{4}, {2, 4, 3}},       {{2, 3, 4}, {4}},       {{2, 1, 2, 3}, {2, 3, 1}},
                                             {{1, 2, 3}, {2, 3, 2}}, {{2, 2, 1, 2}, {2, 2}}, {{1, 1, 2}, {1, 2, 1}}};
  for (const auto& [a, b] : batched)
    table.push_back({"matmul", [](const Variables& x) { return matmul(x[0], x[1]); }, {normal(a), normal(b)}});
  for (const Transpose ta : {Transpose::no, Transpose::yes})
    for (const Transpose tb : {Transpose::no, Transpose::yes}) {
      const auto product = [=](const Variables& x) { return matmul(x[0], x[1], ta, tb); };
      table.push_back({"matmul", product, {normal({2, 3, 3}), normal({3, 3})}});
      table.push_back({"matmul", product, {normal({3, 3}), normal({2, 3, 3})}});
      table.push_back({"matmul", [=](const Variables& x) { return matmul(x[0], x[0], ta, tb); }, {normal({2, 2, 2})}});
      const Shape a = ta == Transpose::yes ? Shape{3, 2} : Shape{2, 3},
                  b = tb == Transpose::yes ? Shape{4, 3} : Shape{3, 4};
      table.push_back(
          {"matmul", [=](const Variables& x) { return matmul(x[0], x[1], ta, tb); }, {normal(a), normal(b)}});
      table.push_back({"matmul", [=](const Variables& x) { return matmul(x[0], x[0], ta, tb); }, {normal({3, 3})}});
    }
  for (const Shape& shape : {Shape{3}, Shape{1, 3}, Shape{4, 3}, Shape{2, 2, 3}}) {
    table.push_back({"linear", [](const Variables& x) { return linear(x[0], x[1]); }, {normal(shape), normal({2, 3})}});
    table.push_back({"linear",
                     [](const Variables& x) { return linear(x[0], x[1], x[2]); },
                     {normal(shape), normal({2, 3}), normal({2})}});
    table.push_back({"linear",
                     [constant = normal(shape)](const Variables& x) { return linear(constant, x[0], x[1]); },
                     {normal({1, 3}), normal({1})}});
  }
  table.push_back(
      {"linear", [](const Variables& x) { return linear(x[0], x[0], x[1]); }, {normal({3, 3}), normal({3})}});
  return table;
}

std::vector<Row> systems() {
  std::vector<Row> table;
  const auto far_from_singular = [](const Variable& x) { return x + eye(x.size(0), f64) * 4.0; };
  const auto solution = [=](const Variables& x) { return solve(far_from_singular(x[0]), x[1]); };
  for (const Shape& b : {Shape{3}, Shape{3, 1}, Shape{3, 2}})
    table.push_back({"solve", solution, {normal({3, 3}), normal(b)}});
  table.push_back({"solve", solution, {normal({1, 1}), normal({1})}});
  table.push_back(
      {"solve", [=](const Variables& x) { return solve(far_from_singular(x[0]), x[0]); }, {normal({3, 3})}});
  table.push_back({"solve", [](const Variables& x) { return solve(eye(2, f64) * 3.0, x[0]); }, {normal({2})}});
  // The matrix is symmetric whatever the input.
  const auto root = [=](const Variables& x) {
    return cholesky(far_from_singular(matmul(x[0], x[0], Transpose::no, Transpose::yes)));
  };
  for (const Index n : {1, 2, 4}) {
    table.push_back({"cholesky", root, {normal({n, n})}});
    table.push_back({"cholesky", [=](const Variables& x) { return square(root(x)); }, {normal({n, n})}});
  }
  return table;
}

std::vector<Row> movements() {
  std::vector<Row> table;
  const auto add = [&](const char* name, const Op& f, std::vector<Tensor> at) {
    table.push_back({name, f, at});
    table.push_back({name, [f](const Variables& x) { return square(f(x)); }, std::move(at)});
  };
  using X = const Variables&;
  add("transpose", [](X x) { return transpose(x[0]); }, {normal({2, 3})});
  add("transpose", [](X x) { return transpose(x[0], 0, 2); }, {normal({2, 3, 4})});
  add("transpose", [](X x) { return transpose(x[0], 1, -1); }, {normal({2, 3, 1})});
  add("permute", [](X x) { return permute(x[0], {2, 0, 1}); }, {normal({2, 3, 4})});
  add("permute", [](X x) { return permute(x[0], {-1, 1, 2, 0}); }, {normal({2, 1, 3, 2})});
  add("flip", [](X x) { return flip(x[0], 1); }, {normal({2, 3})});
  add("flip", [](X x) { return flip(x[0], {0, -1}) * x[0]; }, {normal({2, 3, 2})});
  add("squeeze", [](X x) { return squeeze(x[0]); }, {normal({1, 3, 1})});
  add("squeeze", [](X x) { return squeeze(x[0], {0, 1}); }, {normal({1, 3, 1})});
  add("unsqueeze", [](X x) { return unsqueeze(x[0], -1); }, {normal({2, 3})});
  add("split", [](X x) { return split(x[0], 2)[0] * split(x[0], 2)[1]; }, {normal({4, 2})});
  add("split", [](X x) { return split(x[0], {1, 3}, 1)[1]; }, {normal({2, 4})});
  add("chunk", [](X x) { return concat({chunk(x[0], 3)[2], chunk(x[0], 3)[0]}, 0); }, {normal({5})});
  add("sort", [](X x) { return sort(x[0]).values; }, {distinct({2, 3})});
  add("sort", [](X x) { return sort(x[0], 1, true).values * x[0]; }, {distinct({2, 3, 2})});
  add("topk", [](X x) { return topk(x[0], 2).values; }, {distinct({2, 4})});
  add("topk", [](X x) { return topk(x[0], 1, 0, false).values; }, {distinct({3, 2})});
  add("reshape", [](X x) { return reshape(x[0], {3, -1}); }, {normal({2, 3})});
  add("reshape", [](X x) { return reshape(x[0], {}); }, {normal({1, 1})});
  add("slice", [](X x) { return slice(x[0], 0, 1, 3); }, {normal({4})});
  add("slice", [](X x) { return slice(x[0], -1, -2, 3); }, {normal({2, 3})});
  add("slice", [](X x) { return slice(x[0], 1, 0, 2); }, {normal({2, 3, 2})});
  add("slice", [](X x) { return slice(x[0], 0, 0, 2) * slice(x[0], 0, 1, 3); }, {normal({3})});
  add("operator[]", [](X x) { return x[0][-1]; }, {normal({3, 2})});
  add("operator[]", [](X x) { return x[0][0] * x[0][2]; }, {normal({3})});
  add("broadcast_to", [](X x) { return broadcast_to(x[0], {2, 3}); }, {normal({3})});
  add("broadcast_to", [](X x) { return broadcast_to(x[0], {4, 2, 3}); }, {normal({2, 1})});
  add("broadcast_to", [](X x) { return broadcast_to(x[0], {3}); }, {normal({})});
  add("broadcast_to", [](X x) { return broadcast_to(x[0], {3}); }, {normal({3})});
  add("concat", [](X x) { return concat({x[0], x[1]}, 0); }, {normal({2}), normal({3})});
  add("concat", [](X x) { return concat({x[0], x[1], x[0]}, -1); }, {normal({2, 1}), normal({2, 2})});
  add("concat", [](X x) { return concat({x[0]}, 1); }, {normal({2, 2})});
  add("stack", [](X x) { return stack({x[0], x[1]}, 0); }, {normal({3}), normal({3})});
  add("stack", [](X x) { return stack({x[0], x[1], x[0]}, -1); }, {normal({2, 2}), normal({2, 2})});
  add("stack", [](X x) { return stack({x[0], x[1]}, 0); }, {normal({}), normal({})});
  add("index_select", [](X x) { return index_select(x[0], 0, index({2, 0, 2}, {3})); }, {normal({3, 2})});
  add("index_select", [](X x) { return index_select(x[0], 1, index({1}, {1})); }, {normal({2, 3, 2})});
  add("gather", [](X x) { return gather(x[0], 1, index({0, 2, 1, 1}, {2, 2})); }, {normal({2, 3})});
  add("gather", [](X x) { return gather(x[0], 0, index({2, 0, 2, 2}, {4})); }, {normal({3})});
  add("slice_pullback", [](X x) { return slice_pullback(x[0], {4, 2}, 0, 1); }, {normal({2, 2})});
  add("index_select_pullback",
      [](X x) {
        return index_select_pullback(x[0], {3, 2}, 0, index({1, 1}, {2}));
      },
      {normal({2, 2})});
  add("gather_pullback", [](X x) { return gather_pullback(x[0], {2, 3}, 1, index({0, 0}, {2, 1})); }, {normal({2, 1})});
  return table;
}

std::vector<Row> normalizations() {
  std::vector<Row> table;
  using X = const Variables&;
  const auto add = [&](const char* name, const Op& f, const Shape& shape, const Shape& weights) {
    table.push_back({name, f, {normal(shape), normal(weights), normal(weights)}});
  };
  const Tensor mean = normal({3}), variance = positive({3});
  for (const Shape& shape : {Shape{4, 3}, Shape{7, 3}}) {
    add("batch_norm", [](X x) { return batch_norm(x[0], x[1], x[2]); }, shape, {3});
    add("batch_norm_with", [=](X x) { return batch_norm_with(x[0], mean, variance, x[1], x[2]); }, shape, {3});
    add("layer_norm", [](X x) { return layer_norm(x[0], {3}, x[1], x[2]); }, shape, {3});
    add("rms_norm", [](X x) { return rms_norm(x[0], {3}, x[1]) * x[2]; }, shape, {3});
  }
  add("layer_norm", [](X x) { return layer_norm(x[0], {2, 3}, x[1], x[2]); }, {2, 2, 3}, {2, 3});
  add("rms_norm", [](X x) { return rms_norm(x[0], {2, 3}, x[1]) + x[2]; }, {2, 2, 3}, {2, 3});
  table.push_back({"batch_norm", [](X x) { return batch_norm(x[0]) * x[0]; }, {normal({4, 2})}});
  table.push_back({"layer_norm", [](X x) { return layer_norm(x[0], {3}) * x[0]; }, {normal({3})}});
  table.push_back({"rms_norm", [](X x) { return rms_norm(x[0], {3}) * x[0]; }, {normal({3})}});
  return table;
}

/// Functions that return Variables, each with its header, but for those that are no ops.
std::map<std::string, std::string> declared_ops() {
  auto ops = declared("autograd", R"(^(?! )[\w:<>, ]*\bVariable\b[\w:<>, ]* (operator[^\s(]+|\w+)\()");
  ops.erase("parameter");  // makes a leaf
  ops.erase("record");     // makes an op
  ops.erase("grad");       // runs pullbacks
  return ops;
}

/// The name of an op's rows in the table.
std::string row_name(const std::string& op) {
  const std::map<std::string, std::string> operators = {
      {"operator+", "add"}, {"operator-", "sub"}, {"operator*", "mul"}, {"operator/", "div"}};
  const auto found = operators.find(op);
  return found == operators.end() ? op : found->second;
}

}  // namespace

TEST_CASE("a gradient whose elements are alike, as a mean's is, gives every op the bits of one that is written out") {
  for (const auto& family :
       {elementwise(), activations(), reductions(), products(), systems(), movements(), normalizations()})
    for (const Row& row : family) {
      INFO(row.name);
      Variables x;
      for (const Tensor& at : row.at) x.push_back(parameter(at));
      const Variable y = row.f(x), same = row.f(x) * full(y.shape(), 1.0, f64);
      const auto alike = grad(mean(y), x, {.allow_unused = true}),
                 written = grad(mean(same), x, {.allow_unused = true});
      for (std::size_t k = 0; k < x.size(); ++k)
        if (alike[k].defined()) CHECK(bitwise_equal(alike[k].value(), written[k].value()));
    }
}

TEST_CASE("the derivatives of every op agree with central differences, first and second order") {
  std::set<std::string> names;
  std::size_t cases = 0;
  Index derivatives = 0;
  double worst = 0.0;
  std::string where;
  for (const auto& family :
       {elementwise(), activations(), reductions(), products(), systems(), movements(), normalizations()})
    for (const Row& row : family) {
      std::string shapes;
      for (const Tensor& x : row.at) shapes += " " + to_string(x.shape());
      INFO(row.name, " at", shapes);
      const GradcheckReport report = gradcheck(row.f, row.at, {.second_order = true});
      CHECK_MESSAGE(report.ok, report.message);
      names.insert(row.name.substr(0, row.name.find(',')));
      ++cases;
      derivatives += report.compared;
      if (report.worst > worst) where = row.name + " at" + shapes;
      worst = std::max(worst, report.worst);
    }
  MESSAGE("gradcheck: " << names.size() << " ops, " << cases << " cases, " << derivatives
                        << " derivatives; worst relative error " << worst << " (" << where << ")");
  CHECK(declared_ops().size() >= 55);
  for (const auto& op : declared_ops())
    CHECK_MESSAGE(names.contains(row_name(op.first)), op.first << " of " << op.second << " has no row");
  CHECK(worst < 1e-7);
}
