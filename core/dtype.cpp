#include <ravine/core/dtype.hpp>

#include <ravine/core/error.hpp>
#include <ravine/core/text.hpp>

namespace ravine {

const char* name(DType dtype) {
  switch (dtype) {
    case f32: return "f32";
    case f64: return "f64";
    case i64: return "i64";
    default: return "u8";
  }
}

void detail::refuse_dtype(const char* op, DType dtype) {
  throw DTypeError(text(op, ": needs a floating tensor (f32 or f64), got ", dtype));
}

}  // namespace ravine
