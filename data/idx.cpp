#include <ravine/data/idx.hpp>

#include <cstring>

#include <ravine/core/text.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/input_file.hpp>

namespace ravine::data {
namespace {

struct Header {
  int type = 0;
  Shape shape;
  std::size_t bytes = 0;  // of the header itself
};

struct ElementType {
  std::size_t stored_bytes;
  DType dtype;
};

ElementType element_type(int type, const std::string& path) {
  switch (type) {
    case 0x08: return {1, u8};
    case 0x09: return {1, i64};
    case 0x0B: return {2, i64};
    case 0x0C: return {4, i64};
    case 0x0D: return {4, f32};
    case 0x0E: return {8, f64};
    default:
      throw FormatError(detail::text(path, ": found element type ", type, " at byte 2, expected 8, 9 or 11 to 14"));
  }
}

// An unsigned big-endian number.
template <class Bits>
Bits big_endian(const char* bytes) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(Bits); ++i) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<Bits>(bits);
}

std::string read_header_part(detail::InputFile& file, std::size_t count) {
  std::string part = file.read(count);
  if (part.size() < count)
    throw FormatError(
        detail::text(file.path(), ": the file ends in the IDX header: found ", part.size(), " of ", count, " bytes"));
  return part;
}

Header read_header(detail::InputFile& file) {
  const std::string start = read_header_part(file, 4);
  if (start[0] != 0 || start[1] != 0)
    throw FormatError(detail::text(file.path(), ": not an IDX file: it does not start with two zero bytes"));
  Header header;
  header.type = static_cast<unsigned char>(start[2]);
  element_type(header.type, file.path());
  const int rank = static_cast<unsigned char>(start[3]);
  if (rank < 1 || rank > max_rank)
    throw FormatError(detail::text(file.path(), ": found ", rank, " dimensions at byte 3, expected 1 to ", max_rank));
  header.bytes = 4 + 4 * static_cast<std::size_t>(rank);
  const std::string sizes = read_header_part(file, header.bytes - 4);
  Index elements = 1;
  for (int d = 0; d < rank; ++d) {
    header.shape.push_back(big_endian<std::uint32_t>(&sizes[4 * static_cast<std::size_t>(d)]));
    if (__builtin_mul_overflow(elements, header.shape[d], &elements) || elements > Index{1} << 40)
      throw FormatError(detail::text(file.path(), ": the header promises the impossible shape ", header.shape));
  }
  return header;
}

// Elements stored as Bits, which are those of a Stored, to elements of type T.
template <class Bits, class Stored, class T>
void decode(const std::string& bytes, Tensor& to) {
  T* elements = to.mutable_data<T>();
  for (Index i = 0; i < to.numel(); ++i) {
    const Bits bits = big_endian<Bits>(bytes.data() + static_cast<std::size_t>(i) * sizeof(Bits));
    Stored value;
    std::memcpy(&value, &bits, sizeof value);
    elements[i] = static_cast<T>(value);
  }
}

Tensor decode(const Header& header, DType dtype, const std::string& bytes) {
  Tensor tensor(header.shape, dtype);
  switch (header.type) {
    case 0x08: decode<std::uint8_t, std::uint8_t, std::uint8_t>(bytes, tensor); break;
    case 0x09: decode<std::uint8_t, std::int8_t, std::int64_t>(bytes, tensor); break;
    case 0x0B: decode<std::uint16_t, std::int16_t, std::int64_t>(bytes, tensor); break;
    case 0x0C: decode<std::uint32_t, std::int32_t, std::int64_t>(bytes, tensor); break;
    case 0x0D: decode<std::uint32_t, float, float>(bytes, tensor); break;
    default: decode<std::uint64_t, double, double>(bytes, tensor);
  }
  return tensor;
}

}  // namespace

Tensor read_idx(const std::string& path) {
  detail::InputFile file(path);
  const Header header = read_header(file);
  const ElementType type = element_type(header.type, path);
  const std::size_t promised = static_cast<std::size_t>(header.shape.numel()) * type.stored_bytes;
  const std::string bytes = file.read(promised + 1);
  if (bytes.size() < promised)
    throw FormatError(detail::text(path, ": found ", header.bytes + bytes.size(), " bytes, expected ",
                                   header.bytes + promised, ": a header of ", header.bytes, " and ", promised,
                                   " for the elements ", header.shape));
  if (bytes.size() > promised)
    throw FormatError(detail::text(path, ": found more bytes than the ", header.bytes + promised,
                                   " expected: a header of ", header.bytes, " and ", promised, " for the elements ",
                                   header.shape));
  return decode(header, type.dtype, bytes);
}

}  // namespace ravine::data
