// The test functions of golden/functions.json, as losses of a Variable.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <ravine/autograd/variable.hpp>

namespace golden {

using Json = nlohmann::json;
using Batch = std::vector<ravine::Index>;  // of examples; empty: all

/// A loss of parameters theta on a batch.
using Loss = std::function<ravine::Variable(const ravine::Variable& theta, const Batch& batch)>;

/// The numbers of nested arrays, in order.
std::vector<double> numbers(const Json& array);
ravine::Shape shape_of(const Json& sizes);
ravine::Tensor tensor_of(const Json& array, const ravine::Shape& shape, ravine::DType dtype);

/// The function that an entry of functions.json describes. Throws std::runtime_error for a name that is not known.
Loss loss_of(const Json& function, ravine::DType dtype);
/// The entry with this name.
const Json& find_function(const Json& functions, const std::string& name);

}  // namespace golden
