/// @file
/// A callable that is kept.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace ravine::detail {

[[noreturn]] void refuse_empty_callable();  // std::bad_function_call

}  // namespace ravine::detail

namespace ravine {

template <class Signature>
class Callable;

/// Any function or object that can be copied and called with these arguments, owned; a copy copies it. It is
/// std::function, whose header brings hash tables and all algorithms with it, a tenth of what a program takes to
/// compile. May be empty; calling it is then a std::bad_function_call.
template <class R, class... Args>
class Callable<R(Args...)> {
 public:
  Callable() = default;
  Callable(std::nullptr_t) {}
  /// A null pointer or an empty std::function makes an empty one, as what else is equal to nullptr.
  template <class F>
  requires(!std::is_same_v<F, Callable> && std::is_copy_constructible_v<F> && !std::is_member_pointer_v<F> &&
           std::is_invocable_r_v<R, F&, Args...>) Callable(F f) {
    if constexpr (requires { f == nullptr; })
      if (f == nullptr) return;
    kept_ = new Kept<F>(std::move(f));
  }
  Callable(const Callable& other) : kept_(other.kept_ ? other.kept_->copy() : nullptr) {}
  Callable(Callable&& other) noexcept : kept_(std::exchange(other.kept_, nullptr)) {}
  Callable& operator=(Callable other) noexcept {
    std::swap(kept_, other.kept_);
    return *this;
  }
  ~Callable() { delete kept_; }

  explicit operator bool() const { return kept_ != nullptr; }
  bool operator==(std::nullptr_t) const { return kept_ == nullptr; }
  R operator()(Args... args) const {
    if (!kept_) detail::refuse_empty_callable();
    return kept_->call(std::forward<Args>(args)...);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual Base* copy() const = 0;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct Kept final : Base {
    explicit Kept(F&& f) : f_(std::move(f)) {}
    explicit Kept(const F& f) : f_(f) {}
    Base* copy() const override { return new Kept(f_); }
    R call(Args... args) override {
      if constexpr (std::is_void_v<R>)
        f_(std::forward<Args>(args)...);
      else
        return f_(std::forward<Args>(args)...);
    }
    F f_;
  };

  Base* kept_ = nullptr;
};

}  // namespace ravine
