/// @file
/// Dense tensors: a handle to shared, row-major contiguous memory, aligned to 64 bytes where it is ours and as a file
/// has it where that is mapped.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include <ravine/core/dtype.hpp>
#include <ravine/core/error.hpp>
#include <ravine/core/memory.hpp>
#include <ravine/core/scalar.hpp>
#include <ravine/core/shape.hpp>

namespace ravine {
namespace detail {

class [[gnu::visibility("hidden")]] MappedFile;

/// The counted block behind tensors; the elements follow it, but for those of a mapped file.
struct alignas(64) Storage {
  RefCount references;
  std::uint16_t size_class = 0;
  std::uint64_t written = 0;  // number of the last write a user can see (see write_clock); 0: none since it was made
  std::atomic<Index> repeated = 0;  // so many elements are as the first, and not yet written; see Tensor::set_repeated

  std::byte* bytes() { return reinterpret_cast<std::byte*>(this + 1); }
};
static_assert(sizeof(Storage) == header_bytes);

/// Writes to existing tensors are numbered by one clock, so that a pullback can tell that a value it saved has been
/// overwritten since.
inline constinit std::atomic<std::uint64_t> write_count{0};
inline std::uint64_t write_clock() { return write_count.load(std::memory_order_relaxed); }
inline std::uint64_t advance_write_clock() { return write_count.fetch_add(1, std::memory_order_relaxed) + 1; }

[[noreturn]] void refuse_access(DType asked, DType is);

}  // namespace detail

/// A handle to a dense, row-major array of one DType. Copies share the elements; `clone` copies them.
///
/// A default-constructed tensor is empty: shape (0), no memory. Ops never write into an argument that anyone else
/// holds; elements change through `mutable_data`, `set`, `fill` and `copy_from` only, and every holder sees it.
class Tensor {
 public:
  Tensor() : shape_({0}) {}
  /// Uninitialised memory of this shape. Throws ShapeError for a negative size or 2^45 elements and more.
  Tensor(const Shape& shape, DType dtype);
  Tensor(const Tensor& other)
      : storage_(other.storage_), offset_(other.offset_), shape_(other.shape_), dtype_(other.dtype_) {
    if (storage_) storage_->references.increment();
  }
  Tensor(Tensor&& other) noexcept
      : storage_(std::exchange(other.storage_, nullptr)),
        offset_(other.offset_),
        shape_(other.shape_),
        dtype_(other.dtype_) {}
  Tensor& operator=(const Tensor& other) noexcept { return *this = Tensor(other); }
  Tensor& operator=(Tensor&& other) noexcept {
    detail::Storage* const before = std::exchange(storage_, std::exchange(other.storage_, nullptr));
    offset_ = other.offset_;
    shape_ = other.shape_;
    dtype_ = other.dtype_;
    release(before);
    return *this;
  }
  ~Tensor() { release(); }

  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  /// Size of a dimension; a negative one counts from the end. Throws ShapeError if it is not there.
  Index size(Index dim) const { return shape_[detail::wrap_dim("size", dim, shape_)]; }
  Index numel() const { return shape_.numel(); }
  DType dtype() const { return dtype_; }
  /// False for a default-constructed or moved-from tensor.
  bool defined() const { return storage_ != nullptr; }

  /// The elements, row-major. Throws DTypeError if T is not the element type.
  template <class T>
  const T* data() const {
    if (dtype_of<T>() != dtype_) detail::refuse_access(dtype_of<T>(), dtype_);
    return raw<T>();
  }
  /// The elements, to be written: every tensor that shares them sees it, and a graph that saved them refuses its
  /// backward pass. Ask again after further ops have been recorded. Throws DTypeError if T is not the element type.
  template <class T>
  T* mutable_data() {
    if (dtype_of<T>() != dtype_) detail::refuse_access(dtype_of<T>(), dtype_);
    mark_written(detail::advance_write_clock());
    return raw<T>();
  }
  /// The elements in a vector, converted to T.
  template <class T>
  std::vector<T> to_vector() const;

  /// The value of a tensor of one element, in double; `item<std::int64_t>()` reads an integer to its last digit.
  /// Throws ShapeError if there are more or fewer.
  template <class T = double>
  T item() const {
    return only().to<T>();
  }
  /// The element at a position, in double or in T; negative indices count from the end. Throws ShapeError,
  /// std::out_of_range.
  template <class T = double>
  T at(std::initializer_list<Index> position) const {
    return element(this->position("at", position)).to<T>();
  }
  /// Overwrites one element, with the value converted as by `to`. Throws as `at`.
  void set(std::initializer_list<Index> position, Scalar value);
  /// Overwrites every element, with the value converted as by `to`.
  void fill(Scalar value);
  /// Overwrites the elements with those of a tensor of the same shape and dtype. Throws ShapeError, DTypeError.
  void copy_from(const Tensor& source);

  /// The same elements under another shape of as many; one size may be -1 and is worked out. Shares memory.
  Tensor reshape(const Shape& shape) const;
  /// Positions [begin, end) of a dimension; negative ones count from the end. Shares memory where the result is one
  /// piece of it (dim 0, or sizes of 1 before dim), copies otherwise. Throws ShapeError, std::out_of_range.
  Tensor slice(Index dim, Index begin, Index end) const;
  /// Position i of the first dimension, which goes. Shares memory. Throws ShapeError, std::out_of_range.
  Tensor operator[](Index i) const;
  /// A copy that shares nothing.
  Tensor clone() const;
  /// The values in another type, converted as `Scalar::to` does. The same handle if it has it.
  Tensor to(DType dtype) const;

  // For the library's own kernels and readers.

  /// The elements without a check of the type and without counting as a write. A const handle does not let them be
  /// written.
  template <class T>
  T* raw() {
    return storage_ ? elements<T>() : nullptr;
  }
  template <class T>
  const T* raw() const {
    return storage_ ? elements<T>() : nullptr;
  }
  std::byte* bytes() { return storage_ ? element_bytes() : nullptr; }
  const std::byte* bytes() const { return storage_ ? element_bytes() : nullptr; }
  /// True if no other handle shares the memory: an op that was given this one may work in it.
  bool unique() const { return storage_ && storage_->references.get() == 1; }
  /// True if the elements lie in a mapped file.
  bool mapped() const { return storage_ && storage_->size_class == detail::mapped_class; }
  std::uint64_t written() const { return storage_ ? storage_->written : 0; }
  void mark_written(std::uint64_t time) {
    if (storage_) storage_->written = time;
  }
  /// x's only element, or that of a repeated x, in every place of another shape.
  static Tensor repeat(const Tensor& x, const Shape& shape);
  /// True if all elements are as `one` and not yet written. Whoever asks for them has them written, on any thread; ops
  /// on single elements do not.
  bool repeated() const {
    return offset_ >= may_be_repeated && storage_ && storage_->repeated.load(std::memory_order_acquire) != 0;
  }
  /// The bytes of an element that all are alike.
  const std::byte* one() const { return storage_->bytes(); }
  std::byte* one() { return storage_->bytes(); }
  /// True: only `one` is written, the other elements are as it. False: what stands there is about to be overwritten. Of
  /// a handle that nobody shares.
  void set_repeated(bool repeated) {
    offset_ = repeated ? may_be_repeated : first();
    storage_->repeated.store(repeated ? numel() : 0, std::memory_order_relaxed);
  }
  /// Lets go of the memory; shape and dtype stay.
  void release() { release(std::exchange(storage_, nullptr)); }

 private:
  friend class detail::MappedFile;
  // Elements that do not follow their storage: they lie anywhere, aligned as their type asks.
  Tensor(detail::Storage* storage, const std::byte* elements, const Shape& shape, DType dtype);
  static void release(detail::Storage* storage) {
    if (storage && storage->references.decrement()) detail::give_block(storage, storage->size_class);
  }
  template <class T>
  T* elements() const {
    assert(dtype_of<T>() == dtype_);
    return reinterpret_cast<T*>(element_bytes());
  }
  std::byte* element_bytes() const {
    if (offset_ >= may_be_repeated) [[unlikely]]
      write_repeated();
    return storage_->bytes() + first() * static_cast<Index>(size_of(dtype_));
  }
  void write_repeated() const;
  Index first() const { return offset_ >= may_be_repeated ? offset_ - may_be_repeated : offset_; }
  Tensor view(Index offset, const Shape& shape) const;
  Index position(const char* op, std::initializer_list<Index> position) const;
  Scalar element(Index i) const;
  Scalar only() const;

  detail::Storage* storage_ = nullptr;
  static constexpr Index may_be_repeated = Index{1} << 60;
  Index offset_ = 0;  // in elements, from behind the storage; so many more in handles to what was made repeated
  Shape shape_;
  DType dtype_ = f32;
};

namespace detail {

/// DTypeError, naming `op`, unless the elements are f32 or f64.
inline void check_floating(const char* op, const Tensor& x) {
  if (!is_floating(x.dtype())) refuse_dtype(op, x.dtype());
}
[[noreturn]] void refuse_dtypes(const char* op, DType a, DType b);
/// DTypeError, naming `op`, unless both have elements of one type.
inline void check_dtypes(const char* op, const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype()) [[unlikely]]
    refuse_dtypes(op, a.dtype(), b.dtype());
}

}  // namespace detail

/// True if shapes, types and every bit of the elements agree (so NaN equals itself and 0 is not -0).
bool bitwise_equal(const Tensor& a, const Tensor& b);

/// The values as nested brackets, the middle of long dimensions left out, then shape and type.
std::string to_string(const Tensor& tensor);
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);
std::ostream& operator<<(std::ostream& out, const Shape& shape);
std::ostream& operator<<(std::ostream& out, DType dtype);

}  // namespace ravine
