#include <ravine/data/safetensors.hpp>

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include <ravine/core/file.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/utf8.hpp>
#include <ravine/data/binary_file.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/stored.hpp>

namespace ravine::data {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are written as they lie in memory");

using detail::text;
using nlohmann::json;

constexpr const char* metadata_key = "__metadata__";
constexpr std::uint64_t length_bytes = 8, most_header_bytes = 100'000'000;

const char* type_name(DType dtype) { return dtype == f32 ? "F32" : dtype == f64 ? "F64" : dtype == i64 ? "I64" : "U8"; }

/// The tensors in the order of their elements in a file: larger types first, so that each starts at a multiple of its
/// size.
std::vector<const StateDict::value_type*> in_file_order(const StateDict& tensors) {
  std::vector<const StateDict::value_type*> order;
  for (const auto& entry : tensors) {
    if (!entry.second.defined()) throw std::invalid_argument(text("save_safetensors: ", entry.first, " is undefined"));
    if (entry.first == metadata_key)
      throw std::invalid_argument(text("save_safetensors: no tensor can be named ", metadata_key));
    if (const std::string name = detail::valid_utf8(entry.first); name != entry.first)
      throw std::invalid_argument(text("save_safetensors: the name ", name, " is not UTF-8"));
    order.push_back(&entry);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return size_of(a->second.dtype()) > size_of(b->second.dtype());
  });
  return order;
}

/// The header's length and the header, filled up with spaces so that the elements start at a multiple of 8.
std::string header_of(const std::vector<const StateDict::value_type*>& order, const Metadata& metadata) {
  nlohmann::ordered_json header = json::object();
  if (!metadata.empty()) header[metadata_key] = metadata;
  std::size_t begin = 0;
  for (const auto* entry : order) {
    const Tensor& x = entry->second;
    const std::size_t end = begin + detail::elements(x).size();
    header[entry->first] = {{"dtype", type_name(x.dtype())},
                            {"shape", std::vector<Index>(x.shape().begin(), x.shape().end())},
                            {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string written;
  try {
    written = header.dump();
  } catch (const json::exception& error) {
    throw std::invalid_argument(text("save_safetensors: ", error.what()));
  }
  written.resize((written.size() + 7) / 8 * 8, ' ');
  const auto length = static_cast<std::uint64_t>(written.size());
  return std::string(reinterpret_cast<const char*>(&length), length_bytes) + written;
}

/// A type by the format's name.
struct Type {
  const char* name;
  detail::StoredType stored;
};
constexpr Type types[] = {{"F64", {'f', 8}}, {"F32", {'f', 4}}, {"F16", {'f', 2}}, {"BF16", {'g', 2}},
                          {"I64", {'i', 8}}, {"I32", {'i', 4}}, {"I16", {'i', 2}}, {"I8", {'i', 1}},
                          {"U64", {'u', 8}}, {"U32", {'u', 4}}, {"U16", {'u', 2}}, {"U8", {'u', 1}},
                          {"BOOL", {'b', 1}}};

/// Type and shape may be none that a tensor here can have.
struct Part {
  std::string name, type;
  std::optional<detail::StoredType> stored;
  std::vector<Index> shape;
  std::uint64_t begin, end;  // of its elements, in bytes behind the header
};

/// A file whose header is read and checked.
class Reader {
 public:
  explicit Reader(const std::string& path) : file_(path), size_(file_.size()) {
    parse(read_header());
    check_parts();
  }

  const Metadata& metadata() const { return metadata_; }
  std::map<std::string, StoredTensor> stored() const {
    std::map<std::string, StoredTensor> all;
    for (const Part& part : parts_) all.emplace(part.name, StoredTensor{part.type, part.shape, part.end - part.begin});
    return all;
  }
  StateDict tensors() const {
    check_tensors();
    StateDict all;
    for (const Part& part : parts_) {
      auto next = detail::bytes_from(file_, first_ + part.begin);
      detail::ByteSource source{text(file_.path(), ": ", part.name), part.end - part.begin, next};
      all.emplace(part.name, detail::read_elements(source, *part.stored, Shape(part.shape)));
    }
    return all;
  }
  StateDict mapped() const {
    check_tensors();
    const detail::MappedFile bytes = file_.map();
    StateDict all;
    for (const auto& [name, type, stored, shape, begin, end] : parts_) {
      if (!detail::lies_as_in_memory(*stored))
        refuse(name, ": ", type, " cannot be mapped, as elements must be converted: load_safetensors does");
      all.emplace(name, bytes.tensor(first_ + begin, Shape(shape), detail::dtype_of(*stored)));
    }
    return all;
  }

 private:
  template <class... What>
  [[noreturn]] void refuse(const What&... what) const {
    throw FormatError(text(file_.path(), ": ", what...));
  }
  std::string read_header() {
    if (size_ < length_bytes) refuse("expected the 8 bytes of a header's length, found ", size_);
    const std::uint64_t length = detail::little_endian(file_.read(0, length_bytes));
    if (length > most_header_bytes || length > size_ - length_bytes)
      refuse("the header's length at byte 0 is ", length, ", of ", size_ - length_bytes,
             " bytes behind it: it is cut short, or no safetensors file");
    first_ = length_bytes + length;
    return file_.read(length_bytes, length);
  }

  /// Names must not come twice and nothing lies deeper than a tensor's shape, which the library does not check.
  void parse(const std::string& header) {
    std::vector<std::set<std::string>> names(4);
    const json::parser_callback_t watch = [&](int depth, json::parse_event_t event, json& parsed) {
      if (depth > 3) refuse("the header is nested too deep");
      const auto level = static_cast<std::size_t>(depth);
      if (event == json::parse_event_t::object_start && level + 1 < names.size()) names[level + 1].clear();
      if (event == json::parse_event_t::key && !names[level].insert(parsed.get<std::string>()).second)
        refuse("the header names ", parsed.dump(), " twice");
      return true;
    };
    if (header.find('\0') != std::string::npos) refuse("the header holds a zero byte");  // JSON's end, to the parser
    json all;
    try {
      all = json::parse(header, watch);
    } catch (const json::exception& error) {
      refuse("the header is not JSON: ", error.what());
    }
    if (!all.is_object()) refuse("the header is not a JSON object");
    for (const auto& [name, value] : all.items()) name == metadata_key ? add_metadata(value) : add_part(name, value);
  }

  void add_metadata(const json& texts) {
    if (!texts.is_object()) refuse(metadata_key, " is not an object");
    for (const auto& [name, value] : texts.items()) {
      if (!value.is_string()) refuse(metadata_key, ": ", name, " is not text");
      metadata_[name] = value.get<std::string>();
    }
  }

  void add_part(const std::string& name, const json& value) {
    const auto field = [&](const char* key) -> const json& {
      if (!value.is_object() || !value.contains(key)) refuse(name, ": no ", key);
      return value[key];
    };
    if (value.size() > 3) refuse(name, ": expected dtype, shape and data_offsets, found ", value.size(), " fields");
    if (!field("dtype").is_string()) refuse(name, ": the dtype is ", field("dtype").dump(), ", expected text");
    Part part{name, field("dtype").get<std::string>(), {}, {}, 0, 0};
    for (const Type& type : types)
      if (part.type == type.name) part.stored = type.stored;
    for (const std::uint64_t size : numbers(name, "shape", field("shape")))
      part.shape.push_back(static_cast<Index>(size));
    const std::optional<std::uint64_t> numel = detail::possible_numel(part.shape);
    if (!numel) refuse(name, ": too large: ", field("shape").dump());
    const std::vector<std::uint64_t> offsets = numbers(name, "data_offsets", field("data_offsets"));
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > size_ - first_)
      refuse(name, ": data_offsets ", field("data_offsets").dump(), " of ", size_ - first_, " bytes");
    part.begin = offsets[0];
    part.end = offsets[1];
    const std::uint64_t found = part.end - part.begin;
    if (part.stored && found != *numel * part.stored->bytes)
      refuse(name, ": ", field("shape").dump(), " of ", part.type, " takes ", *numel * part.stored->bytes,
             " bytes, found ", found);
    parts_.push_back(std::move(part));
  }

  void check_tensors() const {
    for (const Part& part : parts_) {
      if (!part.stored)
        refuse(part.name, ": the dtype is ", part.type, ", expected F64, F32, F16, BF16, I64 to I8, U64 to U8 or BOOL");
      if (part.shape.size() > max_rank)
        refuse(part.name, ": at most ", max_rank, " dimensions, found ", part.shape.size());
    }
  }

  std::vector<std::uint64_t> numbers(const std::string& name, const char* key, const json& value) const {
    std::vector<std::uint64_t> all;
    bool ok = value.is_array();
    for (std::size_t i = 0; ok && i < value.size(); ++i) {
      ok = value[i].is_number_unsigned();
      if (ok) all.push_back(value[i].get<std::uint64_t>());
    }
    if (!ok) refuse(name, ": ", key, " is ", value.dump(), ", expected a list of whole numbers from 0 on");
    return all;
  }

  void check_parts() {
    std::sort(parts_.begin(), parts_.end(),
              [](const Part& a, const Part& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
    std::uint64_t at = 0;
    for (const Part& part : parts_) {
      if (part.begin != at) refuse(part.name, ": starts at byte ", part.begin, ", the one before ends at ", at);
      at = part.end;
    }
    if (at != size_ - first_) refuse("the tensors take ", at, " bytes, found ", size_ - first_);
  }

  detail::BinaryFile file_;
  std::uint64_t size_, first_ = 0;  // bytes in all, and before the elements
  std::vector<Part> parts_;
  Metadata metadata_;
};

}  // namespace

void save_safetensors(const std::string& path, const StateDict& tensors, const Metadata& metadata) {
  const auto order = in_file_order(tensors);
  const std::string header = header_of(order, metadata);
  std::vector<std::string_view> pieces{header};
  for (const auto* entry : order) pieces.push_back(detail::elements(entry->second));
  detail::write_file("save_safetensors", path, pieces);
}

StateDict load_safetensors(const std::string& path) { return Reader(path).tensors(); }

StateDict map_safetensors(const std::string& path) { return Reader(path).mapped(); }

StateDict load_safetensors(const std::string& path, Metadata& metadata) {
  Reader file(path);
  metadata = file.metadata();
  return file.tensors();
}

Metadata safetensors_metadata(const std::string& path) { return Reader(path).metadata(); }

std::map<std::string, StoredTensor> tensors_in_safetensors(const std::string& path) { return Reader(path).stored(); }

}  // namespace ravine::data
