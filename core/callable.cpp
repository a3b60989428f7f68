#include <ravine/core/callable.hpp>

#include <functional>

namespace ravine::detail {

void refuse_empty_callable() { throw std::bad_function_call(); }

}  // namespace ravine::detail
