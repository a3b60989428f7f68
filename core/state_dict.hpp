/// @file
/// Named tensors: what modules, optimizers, scalers and generators save and load.
#pragma once

#include <map>
#include <string>

#include <ravine/core/tensor.hpp>

namespace ravine {

/// Tensors by name, in the order of the names.
using StateDict = std::map<std::string, Tensor>;

/// Checks, before anything is changed, that `given` has exactly the names, shapes and types of `expected`: for a
/// load_state_dict of one's own. Throws std::invalid_argument that names `op` and everything missing, unexpected,
/// misshapen or of another type.
void check_state_dict(const char* op, const StateDict& expected, const StateDict& given);

/// Adds the entries of `part`, with `prefix` in front of their names.
void add_part(StateDict& all, const std::string& prefix, const StateDict& part);
/// The entries whose names start with `prefix`, by the rest of their names.
StateDict part(const StateDict& all, const std::string& prefix);

}  // namespace ravine
