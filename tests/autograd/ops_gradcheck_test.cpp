// Every op's first and second derivatives against central differences, in one table: a new op is a row here.
#include <doctest/doctest.h>

#include <functional>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <set>
#include <string>
#include <vector>

using namespace ravine;

namespace {

using In = const std::vector<Variable>&;

struct Row {
  std::string op, what;
  std::function<Variable(In)> f;
  std::vector<Tensor> inputs;
};

Generator generator(11);

/// Any sign, away from the kinks at 0 and from each other.
Tensor any(const Shape& shape) {
  Tensor x = randn(shape, f64, generator);
  return x + sign(x) * 0.3;
}
Tensor positive(const Shape& shape) { return uniform(shape, 0.4, 2.0, f64, generator); }

using OneInput = Variable (*)(const Variable&);

std::vector<Row> rows() {
  std::vector<Row> table;
  const auto add = [&](std::string op, std::string what, std::function<Variable(In)> f, std::vector<Tensor> inputs) {
    table.push_back({std::move(op), std::move(what), std::move(f), std::move(inputs)});
  };

  // Operands that broadcast in every way, and the same one twice.
  const std::vector<std::pair<const char*, std::function<Variable(const Variable&, const Variable&)>>> binary = {
      {"add", [](const Variable& a, const Variable& b) { return a + b; }},
      {"sub", [](const Variable& a, const Variable& b) { return a - b; }},
      {"mul", [](const Variable& a, const Variable& b) { return a * b; }},
      {"div", [](const Variable& a, const Variable& b) { return a / b; }},
      {"maximum", [](const Variable& a, const Variable& b) { return maximum(a, b); }},
      {"minimum", [](const Variable& a, const Variable& b) { return minimum(a, b); }},
      {"pow", [](const Variable& a, const Variable& b) { return pow(a, b); }},
  };
  const std::vector<std::pair<Shape, Shape>> pairs = {{{2, 3}, {2, 3}}, {{2, 3}, {3}},    {{3}, {2, 3}},
                                                      {{2, 3}, {2, 1}}, {{2, 1}, {1, 3}}, {{2, 3}, {}},
                                                      {{}, {2, 3}},     {{}, {}},         {{2, 1, 3}, {4, 1}}};
  for (const auto& [name, f] : binary) {
    const auto op = f;
    for (const auto& [a, b] : pairs)
      add(name, to_string(a) + " with " + to_string(b), [op](In x) { return op(x[0], x[1]); },
          {positive(a), positive(b)});
    if (std::string(name) != "maximum" && std::string(name) != "minimum")
      add(name, "with itself", [op](In x) { return op(x[0], x[0]); }, {positive({2, 3})});
  }
  add("mul", "in a chain with itself", [](In x) { return x[0] * x[1] * x[0] + x[0]; }, {any({2, 2}), any({2, 2})});
  add("scalar", "on the right", [](In x) { return ((x[0] + 2.0) * 3.0 - 1.5) / 0.7; }, {any({2, 3})});
  add("scalar", "on the left", [](In x) { return 2.0 - 3.0 * (1.5 + 0.7 / x[0]); }, {positive({2, 3})});
  add("neg", "(2, 3)", [](In x) { return -x[0]; }, {any({2, 3})});
  add("square", "(2, 3)", [](In x) { return square(x[0]); }, {any({2, 3})});
  for (const double p : {0.0, 1.0, 2.0, 3.0, -1.5, 0.5})
    add("pow", "exponent " + std::to_string(p), [p](In x) { return pow(x[0], p); }, {positive({2, 3})});
  add("pow", "negative base", [](In x) { return pow(x[0], 3); }, {any({2, 3})});
  add("maximum", "with a scalar", [](In x) { return maximum(square(x[0]), 0.5); }, {any({3, 3})});
  add("minimum", "with a scalar", [](In x) { return minimum(square(x[0]), 0.5); }, {any({3, 3})});
  add("clamp", "(3, 4)", [](In x) { return clamp(square(x[0]), 0.2, 1.5); }, {any({3, 4})});
  add("where", "both sides broadcast",
      [](In x) {
        return where(gt(Tensor(tensor({1.0, -1.0, 2.0, -2.0, 0.5, -3.0}, {2, 3})), 0.0), square(x[0]), exp(x[1]));
      },
      {any({3}), any({2, 1})});

  // One number to one number. The inputs are cubed or squared first where the second derivative would vanish.
  const std::vector<std::pair<const char*, OneInput>> unary_any = {
      {"exp", exp},   {"expm1", expm1},     {"sin", sin},   {"cos", cos}, {"erf", erf},
      {"tanh", tanh}, {"sigmoid", sigmoid}, {"silu", silu}, {"abs", abs},
  };
  const std::vector<std::pair<const char*, OneInput>> unary_positive = {{"sqrt", sqrt}, {"log", log}, {"log1p", log1p}};
  for (const auto& [name, function] : unary_any)
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{2, 3}, Shape{2, 1, 3}}) {
      const OneInput f = function;
      add(name, to_string(shape), [f](In x) { return f(x[0]) * x[0]; }, {any(shape)});
    }
  for (const auto& [name, function] : unary_positive)
    for (const Shape& shape : {Shape{}, Shape{2, 3}}) {
      const OneInput f = function;
      add(name, to_string(shape), [f](In x) { return f(x[0]) * x[0]; }, {positive(shape)});
    }
  add("sign", "(2, 3)", [](In x) { return sign(x[0]) * square(x[0]); }, {any({2, 3})});
  add("relu", "(2, 3)", [](In x) { return relu(x[0]) * x[0]; }, {any({2, 3})});
  add("relu", "of a product", [](In x) { return relu(x[0] * x[1]); }, {any({2, 3}), any({2, 3})});
  add("leaky_relu", "slope 0.1", [](In x) { return leaky_relu(x[0], 0.1) * x[0]; }, {any({2, 3})});
  add("elu", "alpha 1.3", [](In x) { return elu(x[0], 1.3) * x[0]; }, {any({2, 3})});
  add("gelu", "exact", [](In x) { return gelu(x[0]); }, {any({2, 3})});
  add("gelu", "tanh", [](In x) { return gelu(x[0], "tanh"); }, {any({2, 3})});
  add("softplus", "beta 1", [](In x) { return softplus(x[0]); }, {any({2, 3})});
  add("softplus", "beta 2.5", [](In x) { return softplus(x[0], 2.5); }, {any({2, 3})});

  // Reductions over all, one and several dimensions.
  const std::vector<std::pair<const char*, std::function<Variable(const Variable&, const Dims&, bool)>>> reductions = {
      {"sum", [](const Variable& x, const Dims& d, bool keep) { return sum(square(x), d, keep); }},
      {"mean", [](const Variable& x, const Dims& d, bool keep) { return mean(square(x), d, keep); }},
      {"var", [](const Variable& x, const Dims& d, bool keep) { return var(x, d, keep); }},
      {"var", [](const Variable& x, const Dims& d, bool keep) { return var(x, d, keep, 0.0); }},
      {"max", [](const Variable& x, const Dims& d, bool keep) { return max(x * x * x, d, keep); }},
      {"min", [](const Variable& x, const Dims& d, bool keep) { return min(x * x * x, d, keep); }},
      {"norm", [](const Variable& x, const Dims& d, bool keep) { return norm(x, d, keep); }},
  };
  for (const auto& [name, function] : reductions) {
    const auto f = function;
    for (const bool keep : {false, true}) {
      const std::string kept = keep ? ", kept" : "";
      add(name, "all of (2, 3, 2)" + kept, [f, keep](In x) { return f(x[0], {}, keep); }, {any({2, 3, 2})});
      add(name, "dim 0" + kept, [f, keep](In x) { return f(x[0], 0, keep); }, {any({3, 4})});
      add(name, "dim -1" + kept, [f, keep](In x) { return f(x[0], -1, keep); }, {any({3, 4})});
      add(name, "dims 0, 2" + kept, [f, keep](In x) { return f(x[0], {0, 2}, keep); }, {any({2, 3, 2})});
      add(name, "dim 1 of three" + kept, [f, keep](In x) { return f(x[0], 1, keep); }, {any({2, 3, 2})});
    }
  }
  for (const Index dim : {0, 1, 2, -1}) {
    const std::string what = "dim " + std::to_string(dim) + " of (2, 3, 2)";
    add("logsumexp", what, [dim](In x) { return logsumexp(x[0], dim); }, {any({2, 3, 2})});
    add("logsumexp", what + ", kept", [dim](In x) { return logsumexp(x[0], dim, true); }, {any({2, 3, 2})});
    add("softmax", what, [dim](In x) { return softmax(x[0], dim); }, {any({2, 3, 2})});
    add("log_softmax", what, [dim](In x) { return log_softmax(x[0], dim); }, {any({2, 3, 2})});
  }
  add("cosine_similarity", "rows", [](In x) { return cosine_similarity(x[0], x[1]); }, {any({3, 4}), any({3, 4})});
  add("cosine_similarity", "columns", [](In x) { return cosine_similarity(x[0], x[1], 0); },
      {any({3, 4}), any({3, 4})});
  add("sum_to", "(2, 3) to (1, 3)", [](In x) { return sum_to(square(x[0]), {1, 3}); }, {any({2, 3})});

  // Products.
  for (const auto& [a, b] : std::vector<std::pair<Shape, Shape>>{
           {{2, 3}, {3, 4}}, {{1, 1}, {1, 1}}, {{3}, {3, 2}}, {{2, 3}, {3}}, {{3}, {3}}, {{5, 1}, {1, 4}}})
    add("matmul", to_string(a) + " by " + to_string(b), [](In x) { return matmul(x[0], x[1]); }, {any(a), any(b)});
  add("matmul", "with itself", [](In x) { return matmul(x[0], x[0]); }, {any({3, 3})});
  for (const Transpose ta : {Transpose::no, Transpose::yes})
    for (const Transpose tb : {Transpose::no, Transpose::yes})
      add("matmul",
          std::string("transposes ") + (ta == Transpose::yes ? "T" : "N") + (tb == Transpose::yes ? "T" : "N"),
          [ta, tb](In x) { return matmul(x[0], x[1], ta, tb); },
          {any(ta == Transpose::yes ? Shape{3, 2} : Shape{2, 3}),
           any(tb == Transpose::yes ? Shape{4, 3} : Shape{3, 4})});
  add("linear", "with a bias", [](In x) { return linear(x[0], x[1], x[2]); }, {any({4, 3}), any({2, 3}), any({2})});
  add("linear", "without", [](In x) { return linear(x[0], x[1]); }, {any({4, 3}), any({2, 3})});
  add("linear", "one example", [](In x) { return linear(x[0], x[1], x[2]); }, {any({3}), any({2, 3}), any({2})});
  add("linear", "(2, 2, 3)", [](In x) { return linear(x[0], x[1], x[2]); }, {any({2, 2, 3}), any({2, 3}), any({2})});
  add("linear", "constant input", [x = any({4, 3})](In p) { return square(linear(x, p[0], p[1])); },
      {any({2, 3}), any({2})});
  add("linear", "constant weights", [w = any({2, 3})](In x) { return square(linear(x[0], w)); }, {any({4, 3})});

  // Moving elements; squared, so that there is a second derivative.
  add("transpose", "(2, 3)", [](In x) { return square(transpose(x[0])) * 2.0; }, {any({2, 3})});
  add("transpose", "dims 0, 2", [](In x) { return square(transpose(x[0], 0, 2)); }, {any({2, 3, 4})});
  add("reshape", "(2, 3) as (3, 2)", [](In x) { return square(x[0].reshape({3, -1})); }, {any({2, 3})});
  for (const Index dim : {0, 1, -1})
    add("slice", "dim " + std::to_string(dim), [dim](In x) { return square(x[0].slice(dim, 1, 3)); }, {any({3, 4})});
  add("slice", "negative ends", [](In x) { return square(x[0].slice(-1, -3, -1)); }, {any({2, 4})});
  add("operator[]", "row", [](In x) { return square(x[0][1]) * x[0][-1]; }, {any({3, 4})});
  add("operator[]", "element", [](In x) { return x[0][1][2] * x[0][0][1]; }, {any({3, 4})});
  add("concat", "dim 0", [](In x) { return square(concat({x[0], x[1], x[0]}, 0)); }, {any({2, 3}), any({1, 3})});
  add("concat", "dim -1", [](In x) { return square(concat({x[0], x[1]}, -1)); }, {any({2, 3}), any({2, 2})});
  for (const Index dim : {0, 1, -1})
    add("stack", "dim " + std::to_string(dim),
        [dim](In x) {
          return square(stack({x[0], x[1]}, dim));
        },
        {any({2, 3}), any({2, 3})});
  add("index_select", "dim 0, with repeats",
      [](In x) {
        return square(index_select(x[0], 0, tensor({2, 0, 2}, {3}, i64)));
      },
      {any({3, 2})});
  add("index_select", "dim 1",
      [](In x) {
        return square(index_select(x[0], 1, tensor({1, 1}, {2}, i64)));
      },
      {any({3, 2})});
  add("gather", "dim 1, with repeats",
      [](In x) {
        return square(gather(x[0], 1, tensor({0, 2, 2, 1, 1, 0}, {2, 3}, i64)));
      },
      {any({2, 3})});
  add("gather", "dim 0", [](In x) { return square(gather(x[0], 0, tensor({1, 0, 2}, {1, 3}, i64))); }, {any({3, 3})});
  add("broadcast_to", "(3, 1) to (2, 3, 4)", [](In x) { return square(broadcast_to(x[0], {2, 3, 4})); }, {any({3, 1})});
  add("broadcast_to", "() to (2, 2)", [](In x) { return square(broadcast_to(x[0], {2, 2})); }, {any({})});
  return table;
}

}  // namespace

TEST_CASE("every op's first and second derivatives agree with differences") {
  std::set<std::string> ops;
  Index compared = 0;
  double worst = 0.0;
  std::string worst_row;
  const std::vector<Row> table = rows();
  for (const Row& row : table) {
    const auto report = gradcheck(row.f, row.inputs, {.second_order = true});
    CHECK_MESSAGE(report.ok, row.op, ", ", row.what, ": ", report.message);
    CHECK_MESSAGE(report.compared > 0, row.op, ", ", row.what);
    ops.insert(row.op);
    compared += report.compared;
    if (report.worst > worst) {
      worst = report.worst;
      worst_row = row.op + ", " + row.what;
    }
  }
  MESSAGE(ops.size(), " ops, ", table.size(), " cases, ", compared, " derivatives; worst relative error ", worst, " (",
          worst_row, ")");
}

TEST_CASE("gradcheck finds planted errors") {
  const auto check = [](auto pullback, bool second_order) {
    const auto op = [=](In x) { return record("planted", square(x[0].value()), {{x[0], pullback(x[0])}}); };
    return gradcheck(op, {randn({2, 3}, f64, generator)}, {.second_order = second_order});
  };
  CHECK(check([](const Variable& x) { return [x](auto dy) { return dy * like(dy, x) * 2.0; }; }, true).ok);
  const auto sign_error =
      check([](const Variable& x) { return [x](auto dy) { return dy * like(dy, x) * -2.0; }; }, false);
  CHECK_FALSE(sign_error.ok);
  CHECK(sign_error.message.find("first derivative, input 0") != std::string::npos);
  CHECK(sign_error.worst > 0.1);
  CHECK_FALSE(check([](const Variable& x) { return [x](auto dy) { return dy * like(dy, x) * 2.001; }; }, false).ok);
  // Right at first order, but the second derivative is lost in a constant.
  const auto lost = [](const Variable& x) { return [x](auto dy) { return dy * x.value() * 2.0; }; };
  CHECK(check(lost, false).ok);
  const auto second = check(lost, true);
  CHECK_FALSE(second.ok);
  CHECK(second.message.find("second derivative") != std::string::npos);
  // A gradient that mixes up the outputs: a plain sum would not see it.
  const auto mixed = [](In x) {
    return record("planted", x[0].value() * 1.0, {{x[0], [](auto dy) { return reshape(transpose(dy), {2, 3}); }}});
  };
  CHECK_FALSE(gradcheck(mixed, {randn({2, 3}, f64, generator)}).ok);
  CHECK_THROWS_WITH_AS(gradcheck(mixed, {randn({2, 3}, f32)}), doctest::Contains("f32"), DTypeError);
}
