/// @file
/// Tasks that may throw, on several threads; for the library's sources, not its public headers.
#pragma once

#include <exception>
#include <vector>

#include <ravine/core/function_ref.hpp>
#include <ravine/core/threads.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Runs f(0), …, f(tasks - 1), in any order, each computing alone where there are several; throws what the first of
/// those that failed has thrown.
inline void run_tasks(std::size_t tasks, FunctionRef<void(std::size_t)> f) {
  std::vector<std::exception_ptr> errors(tasks);
  run_unequal(static_cast<Index>(tasks), [&](Index i) {
    const auto k = static_cast<std::size_t>(i);
    try {
      f(k);
    } catch (...) {
      errors[k] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace ravine::detail
#pragma GCC visibility pop
