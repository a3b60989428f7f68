/// @file
/// A callable passed down the stack: two words, no allocation, no ownership.
#pragma once

#include <type_traits>
#include <utility>

namespace ravine {

template <class Signature>
class FunctionRef;

/// Refers to a callable, be it an object or a function, that outlives the call it is passed to (std::function would
/// copy it to the heap).
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> && std::is_invocable_r_v<R, F&, Args...>)
      FunctionRef(F&& f)
      : object_(const_cast<void*>(reinterpret_cast<const void*>(&f))), call_([](void* object, Args... args) -> R {
          return (*reinterpret_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}

  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

}  // namespace ravine
