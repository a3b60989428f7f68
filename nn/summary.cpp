#include <ravine/nn/summary.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/nn/mode.hpp>

namespace ravine::nn {
namespace {

/// Calls f(path, module) for a module and everything below.
template <class F>
void each(const std::string& path, Module& module, const F& f) {
  f(path, module);
  for (const auto& [name, child] : module.children()) each(path.empty() ? name : path + '.' + name, *child, f);
}

/// While it lives, the model is in evaluation, nothing is recorded and calls are observed.
class Trial {
 public:
  Trial(Module& model, const detail::CallObserver& observer)
      : mode_(model, Mode::evaluation), outer_(detail::call_observer) {
    detail::call_observer = &observer;
  }
  ~Trial() { detail::call_observer = outer_; }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

 private:
  NoGrad no_grad_;
  Mode mode_;
  const detail::CallObserver* outer_;
};

std::map<const void*, Shape> result_shapes(Module& model, const Shape& input, std::optional<DType> dtype) {
  std::map<const void*, Shape> shapes;
  const auto note = [&](const Module& module, const Variable& y) { shapes.emplace(module.identity(), y.shape()); };
  const detail::CallObserver observer = note;
  const Trial trial(model, observer);
  const std::vector<Variable> parameters = model.parameters();
  model(zeros(input, dtype.value_or(parameters.empty() ? f32 : parameters[0].dtype())));
  return shapes;
}

using Line = std::array<std::string, 4>;

/// The lines in columns two spaces apart; the last one is of numbers.
std::string aligned(const std::vector<Line>& lines) {
  std::array<std::size_t, 4> width{};
  for (const Line& line : lines)
    for (std::size_t c = 0; c < line.size(); ++c) width[c] = std::max(width[c], line[c].size());
  std::string out;
  for (const Line& line : lines) {
    for (std::size_t c = 0; c + 1 < line.size(); ++c) out += line[c] + std::string(width[c] - line[c].size() + 2, ' ');
    out += std::string(width[3] - line[3].size(), ' ') + line[3] + '\n';
  }
  return out;
}

}  // namespace

std::string summary(Module& model, const Shape& input, std::optional<DType> dtype) {
  const auto shapes = result_shapes(model, input, dtype);
  std::map<std::string, Index> own;  // parameters by the path of their module
  Index total = 0;
  for (const auto& [path, parameter] : model.named_parameters()) {
    const auto dot = path.rfind('.');
    own[dot == std::string::npos ? "" : path.substr(0, dot)] += parameter.numel();
    total += parameter.numel();
  }
  std::vector<Line> lines{{"layer", "module", "result", "parameters"}};
  each("", model, [&](const std::string& path, Module& module) {
    const auto shape = shapes.find(module.identity());
    lines.push_back({path.empty() ? "(model)" : path, module.describe(),
                     shape == shapes.end() ? "not called" : to_string(shape->second), std::to_string(own[path])});
  });
  lines.push_back({"total", "", "", std::to_string(total)});
  return aligned(lines);
}

}  // namespace ravine::nn
