/// @file
/// Derivatives against central differences: for the library's ops and the user's own.
#pragma once

#include <string>
#include <vector>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/function_ref.hpp>

namespace ravine {

struct GradcheckOptions {
  bool second_order = false;  ///< check the gradient of a recorded pass and its derivatives as well
  double eps = 1e-5;          ///< step of the differences, relative to inputs larger than 1; > 0
  double rtol = 1e-6;         ///< an error may be atol + rtol |numeric|
  double atol = 1e-8;
};

/// What gradcheck found. Converts to true if all derivatives agree.
struct GradcheckReport {
  bool ok = true;
  double worst = 0.0;   ///< the largest |analytic - numeric| / max(1, |numeric|)
  Index compared = 0;   ///< derivatives
  std::string message;  ///< where the worst one is: order, input, position, both values

  explicit operator bool() const { return ok; }
};

/// A function of several variables, recorded also within a NoGrad.
using FunctionOfMany = FunctionRef<Variable(const std::vector<Variable>&)>;

/// Compares the derivatives of f at the inputs with central differences. f's elements are summed with fixed random
/// weights, so that no error hides in a plain sum. f must give the same values each time. Inputs are f64, or
/// DTypeError.
GradcheckReport gradcheck(FunctionOfMany f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

}  // namespace ravine
