#include <ravine/core/tensor.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>

#include <ravine/core/copy_rows.hpp>
#include <ravine/core/kernels/active.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
namespace {

constexpr Index max_bytes = Index{1} << 48;

[[noreturn]] void refuse_size(const Shape& shape) {
  for (const Index size : shape)
    if (size < 0) throw ShapeError(detail::text("tensor: negative size in ", shape));
  throw ShapeError(detail::text("tensor: too large: ", shape));
}

Index checked_numel(const Shape& shape) {
  if (shape.rank() == 2 && ((shape[0] | shape[1]) >> 22) == 0) [[likely]]
    return shape[0] * shape[1];
  Index n = 1;
  bool ok = true;
  for (const Index size : shape) ok &= size >= 0 && !__builtin_mul_overflow(n, size, &n) && n < max_bytes / 8;
  if (!ok) [[unlikely]]
    refuse_size(shape);
  return n;
}

[[noreturn]] void refuse_reshape(const Shape& from, const Shape& to) {
  std::string why = detail::text("it has ", from.numel(), " elements");
  if (std::count(to.begin(), to.end(), Index{-1}) > 1)
    why = "only one size can be worked out";
  else if (std::any_of(to.begin(), to.end(), [](Index size) { return size < -1; }))
    why = "a size must be >= 0, or -1 to be worked out";
  else if (from.numel() == 0 && std::count(to.begin(), to.end(), Index{0}) > 0)
    why = "any size would do for -1";
  throw ShapeError(detail::text("reshape: ", from, " cannot become ", to, ": ", why));
}

Index wrap_position(const char* op, Index i, Index size) {
  if (i < -size || i >= size)
    throw std::out_of_range(detail::text(op, ": position ", i, " is outside a dimension of size ", size));
  return i < 0 ? i + size : i;
}

template <class T>
void fill_elements(T* x, T value, Index n) {
  const auto kernel = kernels::active<kernels::Copy<T>>().fill;
  detail::parallel_for(n, detail::parallel_grain,
                       [&](Index begin, Index end) { kernel(value, x + begin, end - begin); });
}

}  // namespace

void detail::refuse_unsigned(std::uint64_t value) {
  throw DTypeError(text("Scalar: ", value, " does not fit std::int64_t; convert it to double"));
}

void detail::refuse_dtypes(const char* op, DType a, DType b) {
  throw DTypeError(text(op, ": dtypes differ: ", a, " and ", b, "; convert one with to()"));
}

void detail::refuse_access(DType asked, DType is) {
  throw DTypeError(text("data: asked for ", asked, " elements of a tensor of ", is));
}

Tensor::Tensor(const Shape& shape, DType dtype) : shape_(shape), dtype_(dtype) {
  const auto bytes = static_cast<std::size_t>(checked_numel(shape)) * size_of(dtype);
  const int c = detail::size_class(sizeof(detail::Storage) + bytes);
  storage_ = new (detail::take_block(c)) detail::Storage;
  storage_->size_class = static_cast<std::uint16_t>(c);
}

Tensor::Tensor(detail::Storage* storage, const std::byte* elements, const Shape& shape, DType dtype)
    : storage_(storage), shape_(shape), dtype_(dtype) {
  const auto address = [](const void* p) { return static_cast<Index>(reinterpret_cast<std::uintptr_t>(p)); };
  offset_ = (address(elements) - address(storage->bytes())) / static_cast<Index>(size_of(dtype));
}

Tensor Tensor::repeat(const Tensor& x, const Shape& shape) {
  Tensor y(shape, x.dtype());
  if (y.numel() == 0) return y;
  std::memcpy(y.one(), x.repeated() ? x.one() : x.bytes(), size_of(x.dtype()));
  y.set_repeated(y.numel() > 1);
  return y;
}

void Tensor::write_repeated() const {
  if (!repeated()) return;
  static std::mutex one_writes;
  const std::scoped_lock lock(one_writes);
  const Index n = storage_->repeated.load(std::memory_order_relaxed);
  if (n == 0) return;
  detail::visit(dtype_, [&](auto type) {
    using T = decltype(type);
    auto* x = reinterpret_cast<T*>(storage_->bytes());
    fill_elements(x, *x, n);
  });
  storage_->repeated.store(0, std::memory_order_release);
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  std::vector<T> values(static_cast<std::size_t>(numel()));
  detail::visit(dtype_, [&](auto type) {
    const auto* x = raw<decltype(type)>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = detail::convert<T>(x[i]);
  });
  return values;
}
template std::vector<float> Tensor::to_vector() const;
template std::vector<double> Tensor::to_vector() const;
template std::vector<int> Tensor::to_vector() const;
template std::vector<Index> Tensor::to_vector() const;
template std::vector<std::uint8_t> Tensor::to_vector() const;

Scalar Tensor::element(Index i) const {
  return detail::visit(dtype_, [&](auto type) { return Scalar(raw<decltype(type)>()[i]); });
}

Scalar Tensor::only() const {
  if (numel() != 1) throw ShapeError(detail::text("item: needs a tensor of one element, got ", shape_));
  return element(0);
}

Index Tensor::position(const char* op, std::initializer_list<Index> position) const {
  if (static_cast<int>(position.size()) != rank())
    throw ShapeError(detail::text(op, ": ", position.size(), " indices for a tensor of shape ", shape_));
  Index flat = 0;
  int d = 0;
  for (const Index i : position) {
    flat = flat * shape_[d] + wrap_position(op, i, shape_[d]);
    ++d;
  }
  return flat;
}

void Tensor::set(std::initializer_list<Index> indices, Scalar value) {
  const Index i = position("set", indices);
  detail::visit(dtype_, [&](auto type) { raw<decltype(type)>()[i] = value.to<decltype(type)>(); });
  mark_written(detail::advance_write_clock());
}

void Tensor::fill(Scalar value) {
  detail::visit(dtype_, [&](auto type) {
    using T = decltype(type);
    fill_elements(raw<T>(), value.to<T>(), numel());
  });
  mark_written(detail::advance_write_clock());
}

void Tensor::copy_from(const Tensor& source) {
  if (source.dtype_ != dtype_) throw DTypeError(detail::text("copy_from: ", source.dtype_, " into ", dtype_));
  if (source.shape_ != shape_) throw ShapeError(detail::text("copy_from: ", source.shape_, " into ", shape_));
  if (numel() > 0) std::memmove(bytes(), source.bytes(), static_cast<std::size_t>(numel()) * size_of(dtype_));
  mark_written(detail::advance_write_clock());
}

Tensor Tensor::view(Index offset, const Shape& shape) const {
  Tensor result(*this);
  result.offset_ += offset;
  result.shape_ = shape;
  return result;
}

Tensor Tensor::reshape(const Shape& shape) const {
  Shape wanted = shape;
  Index known = 1;
  int unknown = -1;
  bool fits = true;
  for (int d = 0; d < shape.rank(); ++d) {
    if (shape[d] == -1 && unknown < 0)
      unknown = d;
    else
      fits &= shape[d] >= 0 && !__builtin_mul_overflow(known, shape[d], &known);
  }
  if (unknown >= 0 && (fits &= known > 0)) known *= wanted[unknown] = numel() / known;
  if (!fits || known != numel()) refuse_reshape(shape_, shape);
  return view(0, wanted);
}

Tensor Tensor::slice(Index dim, Index begin, Index end) const {
  const int d = detail::wrap_dim("slice", dim, shape_);
  const Index size = shape_[d];
  const Index first = begin < 0 ? begin + size : begin, last = end < 0 ? end + size : end;
  if (first < 0 || last > size || first > last)
    throw std::out_of_range(
        detail::text("slice: [", begin, ", ", end, ") is not within dimension ", dim, " of ", shape_));
  Shape result = shape_;
  result[d] = last - first;
  Index outer = 1, inner = 1;
  for (int k = 0; k < d; ++k) outer *= shape_[k];
  for (int k = d + 1; k < rank(); ++k) inner *= shape_[k];
  if (outer == 1) return view(first * inner, result);
  if (repeated()) return repeat(*this, result);

  Tensor copy(result, dtype_);
  const Index run = (last - first) * inner;
  detail::visit(dtype_, [&](auto type) {
    using T = decltype(type);
    detail::copy_rows(raw<T>() + first * inner, size * inner, 1, outer, run, copy.raw<T>(), run);
  });
  return copy;
}

Tensor Tensor::operator[](Index i) const {
  if (rank() == 0) throw ShapeError("operator[]: a scalar has no dimension to index");
  const Index row = wrap_position("operator[]", i, shape_[0]);
  const Shape rest(std::span<const Index>(shape_.begin() + 1, static_cast<std::size_t>(rank() - 1)));
  return view(row * rest.numel(), rest);
}

Tensor Tensor::clone() const {
  if (!defined()) return {};
  if (repeated()) {
    const Tensor copy = repeat(*this, shape_);
    copy.bytes();  // writes them
    return copy;
  }
  Tensor copy(shape_, dtype_);
  detail::visit(dtype_, [&](auto type) {
    using T = decltype(type);
    detail::copy_rows(raw<T>(), 0, 1, 1, numel(), copy.raw<T>(), 0);
  });
  return copy;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_) return *this;
  Tensor result(shape_, dtype);
  detail::visit(dtype_, [&](auto from) {
    using From = decltype(from);
    detail::visit(dtype, [&](auto to) {
      using To = decltype(to);
      const auto kernel = std::get<kernels::Convert<From, To>>(kernels::active<kernels::Copy<From>>().to);
      const From* x = raw<From>();
      To* y = result.raw<To>();
      detail::parallel_for(numel(), detail::parallel_grain,
                           [&](Index begin, Index end) { kernel(x + begin, y + begin, end - begin); });
    });
  });
  return result;
}

bool bitwise_equal(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const auto bytes = static_cast<std::size_t>(a.numel()) * size_of(a.dtype());
  return bytes == 0 || std::memcmp(a.bytes(), b.bytes(), bytes) == 0;
}

}  // namespace ravine
