/// @file
/// The cars of examples/data/auto-mpg.csv that lack nothing, so that no file has to be found;
/// for the library's sources, not its public headers.
#pragma once

#include <ravine/core/tensor.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// (cars, 10) f64: mpg, cylinders, displacement, horsepower, weight, acceleration, model year, and 1 where the origin
/// is Europe, Japan, USA.
Tensor cars();

}  // namespace ravine::detail
#pragma GCC visibility pop
