#include <ravine/data/npy.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include <ravine/core/file.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/binary_file.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/npy_format.hpp>

namespace ravine::detail {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
// Only structures have longer headers than version 1 can hold.
constexpr std::uint64_t most_header_bytes = 65535;
constexpr const char* types = "b1, i1 to i8, u1 to u8, f2, f4 or f8";

/// What an array's header says.
struct Header {
  std::string type;  // as NumPy writes it: "<f4"
  StoredType stored;
  bool fortran;  // the first index runs fastest
  Shape shape;
  std::uint64_t first;  // byte of the first element
};

/// The dictionary in a header, in Python's notation.
class HeaderText {
 public:
  HeaderText(const std::string& file, std::string_view text, std::size_t first)
      : file_(file), text_(text), first_(first) {}

  Header parse() {
    Header header{};
    std::set<std::string> keys;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      if (!keys.insert(key).second) refuse("the header has ", key, " twice");
      expect(':');
      parse_value(key, header);
      if (accept(',')) continue;
      expect('}');
      break;
    }
    if (skip_spaces() < text_.size()) refuse_here("the end of the header");
    for (const char* key : {"descr", "fortran_order", "shape"})
      if (!keys.contains(key)) refuse("the header has no ", key);
    return header;
  }

 private:
  template <class... What>
  [[noreturn]] void refuse(const What&... what) const {
    throw data::FormatError(text(file_, ": ", what...));
  }
  [[noreturn]] void refuse_here(std::string_view expected) const {
    const std::string found = at_ < text_.size() ? text("'", text_[at_], "'") : "the end of the header";
    refuse("found ", found, " at byte ", first_ + at_, ", expected ", expected);
  }

  std::size_t skip_spaces() { return at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool accept(char c) {
    const bool found = skip_spaces() < text_.size() && text_[at_] == c;
    at_ += found;
    return found;
  }
  void expect(char c) {
    if (!accept(c)) refuse_here(text("'", c, "'"));
  }
  bool accept_word(std::string_view word) {
    const bool found = text_.substr(skip_spaces()).starts_with(word);
    if (found) at_ += word.size();
    return found;
  }

  std::string quoted() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const std::size_t begin = at_;
    at_ = std::min(text_.find(quote, at_), text_.size());
    if (at_ == text_.size()) refuse_here("a closing quote");
    return std::string(text_.substr(begin, at_++ - begin));
  }

  void parse_value(const std::string& key, Header& header) {
    if (key == "descr")
      parse_type(header);
    else if (key == "fortran_order")
      header.fortran = parse_bool();
    else if (key == "shape")
      header.shape = parse_shape();
    else
      refuse("found ", key, " in the header, expected descr, fortran_order and shape");
  }

  bool parse_bool() {
    const bool yes = accept_word("True");
    if (!yes && !accept_word("False")) refuse_here("True or False");
    return yes;
  }

  /// An order of bytes, a kind, a size: "<f4".
  void parse_type(Header& header) {
    if (skip_spaces() < text_.size() && (text_[at_] == '[' || text_[at_] == '('))
      refuse("the elements are structures, expected ", types);
    const std::string type = quoted();
    const bool ordered = type.size() == 3 && std::string_view("<>|=").find(type[0]) != std::string_view::npos;
    const std::string kind = ordered ? type.substr(1) : "";
    const std::vector<std::string> known = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"};
    if (std::find(known.begin(), known.end(), kind) == known.end())
      refuse("the elements are of type '", type, "', expected ", types);
    header.type = type;
    header.stored = {kind[0], static_cast<std::size_t>(kind[1] - '0'), type[0] == '>'};
  }

  Shape parse_shape() {
    std::vector<Index> sizes;
    expect('(');
    while (!accept(')')) {
      sizes.push_back(parse_size());
      if (accept(',')) continue;
      expect(')');
      break;
    }
    if (sizes.size() > max_rank) refuse("the array has ", sizes.size(), " dimensions, expected at most ", max_rank);
    return Shape(std::span<const Index>(sizes));
  }

  Index parse_size() {
    const char* const end = text_.data() + text_.size();
    const char* const begin = text_.data() + skip_spaces();
    Index size = 0;
    const auto result = std::from_chars(begin, end, size);
    const std::string_view digits(begin, result.ptr);
    if (digits.empty()) refuse_here("a size");
    if (result.ec != std::errc{} || size < 0)
      refuse("the size ", digits, " at byte ", first_ + at_, " is ", digits[0] == '-' ? "negative" : "too large");
    at_ += digits.size();
    accept('L');  // as Python 2 wrote
    return size;
  }

  const std::string& file_;
  std::string_view text_;
  std::size_t first_, at_ = 0;  // the text's place in the file, ours in the text
};

std::string take(ByteSource& source, std::uint64_t& at, std::uint64_t count, const char* what) {
  if (source.size - at < count)
    throw data::FormatError(
        text(source.name, ": found ", source.size - at, " bytes at byte ", at, ", expected ", count, " of ", what));
  std::string bytes(count, '\0');
  source.next(bytes.data(), bytes.size());
  at += count;
  return bytes;
}

void check_size(const Header& header, const ByteSource& source) {
  const std::optional<std::uint64_t> numel = possible_numel(header.shape);
  if (!numel) throw data::FormatError(text(source.name, ": the header promises the impossible shape ", header.shape));
  const std::uint64_t bytes = *numel * header.stored.bytes;
  if (bytes != source.size - header.first)
    throw data::FormatError(text(source.name, ": found ", source.size, " bytes, expected ", header.first + bytes,
                                 ": a header of ", header.first, " and ", bytes, " for the elements ", header.shape));
}

/// Takes the header from the front of a source; it is checked, and fits the source's size.
Header read_header(ByteSource& source) {
  std::uint64_t at = 0;
  const std::string start = take(source, at, magic.size() + 2, "an npy header");
  if (!start.starts_with(magic))
    throw data::FormatError(text(source.name, ": not an npy file: it does not start with \\x93NUMPY"));
  const int version = static_cast<unsigned char>(start[6]), minor = static_cast<unsigned char>(start[7]);
  if (version < 1 || version > 3 || minor != 0)
    throw data::FormatError(
        text(source.name, ": found version ", version, ".", minor, " at byte 6, expected 1.0, 2.0 or 3.0"));
  const std::uint64_t length = little_endian(take(source, at, version == 1 ? 2 : 4, "an npy header"));
  if (length > most_header_bytes)
    throw data::FormatError(
        text(source.name, ": the header's length at byte 8 is ", length, ", expected at most ", most_header_bytes));
  const std::string words = take(source, at, length, "an npy header");
  Header header = HeaderText(source.name, words, at - length).parse();
  header.first = at;
  check_size(header, source);
  return header;
}

Shape reversed(const Shape& shape) {
  Shape result = shape;
  for (int d = 0; d < shape.rank(); ++d) result[d] = shape[shape.rank() - 1 - d];
  return result;
}

/// An array whose first index runs fastest, read as if it were the last.
Tensor from_fortran(const Tensor& x) {
  std::vector<Index> dims;
  for (Index d = x.rank() - 1; d >= 0; --d) dims.push_back(d);
  return dims.size() < 2 ? x : permute(x, dims);
}

const char* type_name(DType dtype) {
  return dtype == f32 ? "<f4" : dtype == f64 ? "<f8" : dtype == i64 ? "<i8" : "|u1";
}

}  // namespace

Tensor read_npy_array(ByteSource& source) {
  const Header header = read_header(source);
  const Tensor array = read_elements(source, header.stored, header.fortran ? reversed(header.shape) : header.shape);
  return header.fortran ? from_fortran(array) : array;
}

std::string npy_header_of(const Tensor& array) {
  std::string words = text("{'descr': '", type_name(array.dtype()), "', 'fortran_order': False, 'shape': (");
  for (const Index size : array.shape()) words += text(size, array.rank() == 1 ? "," : ", ");
  if (array.rank() > 1) words.resize(words.size() - 2);
  words += "), }";
  const std::size_t before = magic.size() + 4, bytes = (before + words.size() + 1 + 63) / 64 * 64;
  words.resize(bytes - before - 1, ' ');
  words += '\n';
  const char length[] = {static_cast<char>(words.size() & 255), static_cast<char>(words.size() >> 8)};
  return text(magic, '\1', '\0', length[0], length[1], words);
}

}  // namespace ravine::detail

namespace ravine::data {

Tensor read_npy(const std::string& path) {
  const detail::BinaryFile file(path);
  auto next = detail::bytes_from(file, 0);
  detail::ByteSource source{path, file.size(), next};
  return detail::read_npy_array(source);
}

Tensor map_npy(const std::string& path) {
  const detail::BinaryFile file(path);
  auto next = detail::bytes_from(file, 0);
  detail::ByteSource source{path, file.size(), next};
  const detail::Header header = detail::read_header(source);
  if (!detail::lies_as_in_memory(header.stored) || (header.fortran && header.shape.rank() > 1))
    throw FormatError(detail::text(path, ": type ", header.type, header.fortran ? " in Fortran's order" : "",
                                   " cannot be mapped, as elements must be converted: read_npy does"));
  return file.map().tensor(header.first, header.shape, detail::dtype_of(header.stored));
}

void write_npy(const std::string& path, const Tensor& array) {
  if (!array.defined()) throw std::invalid_argument("write_npy: the tensor is undefined");
  const std::string header = detail::npy_header_of(array);
  const std::string_view pieces[] = {header, detail::elements(array)};
  detail::write_file("write_npy", path, pieces);
}

}  // namespace ravine::data
