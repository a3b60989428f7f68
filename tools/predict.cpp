#include <charconv>
#include <cmath>
#include <iostream>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/csv.hpp>
#include <ravine/tools/commands.hpp>
#include <ravine/tools/model_file.hpp>

namespace ravine::tools {
namespace {

// The same encoder, for which a category that it does not know is none of them.
data::TableEncoder with_unknown(const data::TableEncoder& encoder) {
  StateDict state = encoder.state_dict();
  const Tensor inputs = eq(state.at("target"), 0), categories = gt(state.at("category_counts"), 0);
  state.at("zeros") = inputs * categories;
  data::TableEncoder result;
  result.load_state_dict(state);
  return result;
}

// The number as f32 prints it, 0.1 rather than 0.10000000149, where that is not too far away.
double shortest(double x, double tolerance) {
  const auto rounded = static_cast<float>(x);
  if (!(std::abs(rounded - x) <= tolerance)) return x;
  char digits[32];
  double number = 0.0;
  const auto end = std::to_chars(digits, digits + sizeof digits, rounded).ptr;
  std::from_chars(digits, end, number);
  return number;
}

// A column of the target: numbers, or the class with the highest score and, to four digits, its probability.
data::Table predictions(const data::TableEncoder& encoder, const Tensor& outputs) {
  const Index rows = outputs.size(0);
  const std::string target = encoder.target_names()[0];
  std::vector<data::Column> columns;
  if (encoder.class_names().empty()) {
    // Numbers far from 0 with a small spread, as times are, need more digits than f32 has.
    const Tensor unit = encoder.targets_in_units(tensor({{0.0}, {1.0}}, f64));
    const double tolerance = 1e-4 * (unit.at({1, 0}) - unit.at({0, 0}));
    auto values = encoder.targets_in_units(outputs.to(f64)).to_vector<double>();
    for (double& value : values) value = shortest(value, tolerance);
    columns = {{target, tensor(values, f64), {}}};
  } else {
    const Tensor probability = max(softmax(outputs, 1), 1).to(f64);
    const std::string second = target == "probability" ? "probability of it" : "probability";
    columns = {{target, argmax(outputs, 1), encoder.class_names()}, {second, round(probability * 1e4) / 1e4, {}}};
  }
  return {"predictions", columns, arange(rows, i64)};
}

void print(const data::Table& table) {
  std::vector<std::vector<std::string>> columns;
  for (const auto& name : table.column_names()) {
    columns.push_back(table.text(name));
    columns.back().insert(columns.back().begin(), name);
  }
  for (std::size_t row = 0; row < columns[0].size(); ++row)
    for (const auto& column : columns)
      std::cout << detail::csv_field(column[row]) << (&column == &columns.back() ? '\n' : ',');
}

}  // namespace

void predict(const PredictArguments& arguments) {
  refuse_overwriting("--out", arguments.out, {arguments.model, arguments.table});
  Model model = load_model(arguments.model);
  if (arguments.unknown_as_zeros) model.encoder = with_unknown(model.encoder);
  const data::Table table = data::read_csv(arguments.table, {.separator = data::csv_guess, .header = true});
  const Tensor outputs = outputs_of(model.net, model.encoder.inputs(table));
  const data::Table result = predictions(model.encoder, outputs);
  if (arguments.out.empty()) return print(result);
  const std::string target = result.column_names()[0];
  data::CsvOptions options{.header = true};
  if (!result.numeric(target)) options.types[target] = data::ColumnType::text;  // classes may be numbers
  data::write_csv(arguments.out, result, options);
  std::cout << result.rows() << " predictions of '" << target << "' are in " << arguments.out << ".\n";
}

}  // namespace ravine::tools
