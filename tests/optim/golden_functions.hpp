// The test functions of the golden files, as losses of a Variable.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <ravine/autograd/variable.hpp>

namespace golden {

using Json = nlohmann::json;
using Batch = std::vector<ravine::Index>;  // of examples; empty: all

/// A file names what the runner does not know.
struct Unknown : std::runtime_error {
  explicit Unknown(const std::string& what) : std::runtime_error("not known: " + what) {}
  Unknown(const std::string& kind, const std::string& name, const std::vector<std::string>& known);
};

/// A loss of parameters theta on a batch.
using Loss = std::function<ravine::Variable(const ravine::Variable& theta, const Batch& batch)>;

/// The numbers of nested arrays, in order.
std::vector<double> numbers(const Json& array);
ravine::Shape shape_of(const Json& sizes);
ravine::Tensor tensor_of(const Json& array, const ravine::Shape& shape, ravine::DType dtype);

/// The function that an entry of functions.json describes: by its parameters, which are A (a quadratic), P and Q (least
/// squares of a matrix) or X and Y (a network with a layer of tanh); without any, the landscape of its name.
Loss loss_of(const Json& function, ravine::DType dtype);

/// The entry with this name: one that the file brings under "functions", or else one of functions.json; for a landscape
/// of the library there need be none.
Json find_function(const Json& file, const Json& functions, const std::string& name);

}  // namespace golden
