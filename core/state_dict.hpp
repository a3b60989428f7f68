/// @file
/// Named tensors: what modules, optimizers, scalers and generators save and load.
#pragma once

#include <map>
#include <string>

#include <ravine/core/tensor.hpp>

namespace ravine {

/// Tensors by name, in the order of the names.
using StateDict = std::map<std::string, Tensor>;

namespace detail {

/// Checks, before anything is changed, that `given` has exactly the names, shapes and types of `expected`.
/// Throws std::invalid_argument that names `op` and everything missing, unexpected, misshapen or of another type.
void check_state_dict(const char* op, const StateDict& expected, const StateDict& given);

}  // namespace detail
}  // namespace ravine
