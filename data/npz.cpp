#include <zlib.h>

#include <list>
#include <map>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <ravine/core/file.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/binary_file.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/npy.hpp>
#include <ravine/data/npy_format.hpp>
#include <ravine/data/stored.hpp>
#include <ravine/data/zip.hpp>

namespace ravine::data {
namespace {

using detail::text;

constexpr std::string_view ending = ".npy";
constexpr std::size_t most_name_bytes = 65000;

/// The arrays in an archive by their names.
std::map<std::string, detail::ZipEntry> arrays_in(const detail::BinaryFile& archive) {
  std::map<std::string, detail::ZipEntry> arrays;
  for (const detail::ZipEntry& entry : detail::zip_entries(archive)) {
    if (!entry.name.ends_with(ending))
      throw FormatError(text(archive.path(), ": found the file ", entry.name, ", expected names that end in .npy"));
    const std::string name = entry.name.substr(0, entry.name.size() - ending.size());
    if (!arrays.emplace(name, entry).second) throw FormatError(text(archive.path(), ": two arrays are named ", name));
  }
  return arrays;
}

Tensor read_array(const detail::BinaryFile& archive, const detail::ZipEntry& entry) {
  detail::ZipReader reader(archive, entry);
  const auto next = [&](void* to, std::size_t count) { reader.read(to, count); };
  detail::ByteSource source{text(archive.path(), ": ", entry.name), entry.size, next};
  Tensor array = detail::read_npy_array(source);
  reader.check_end();
  return array;
}

void check(const std::string& name, const Tensor& array) {
  if (name.empty() || name.size() > most_name_bytes)
    throw std::invalid_argument(text("write_npz: a name has ", name.size(), " bytes, expected 1 to ", most_name_bytes));
  if (!array.defined()) throw std::invalid_argument(text("write_npz: ", name, " is undefined"));
}

detail::ZipEntry entry_of(const std::string& name, std::string_view header, std::string_view elements) {
  detail::ZipEntry entry;
  entry.name = name + std::string(ending);
  entry.size = entry.stored = header.size() + elements.size();
  auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(header.data()), header.size());
  if (!elements.empty()) crc = crc32_z(crc, reinterpret_cast<const Bytef*>(elements.data()), elements.size());
  entry.crc = static_cast<std::uint32_t>(crc);
  return entry;
}

}  // namespace

StateDict read_npz(const std::string& path) {
  const detail::BinaryFile archive(path);
  StateDict arrays;
  for (const auto& [name, entry] : arrays_in(archive)) arrays.emplace(name, read_array(archive, entry));
  return arrays;
}

Tensor read_npz(const std::string& path, const std::string& name) {
  const detail::BinaryFile archive(path);
  const auto entries = arrays_in(archive);
  const auto found = entries.find(name);
  if (found != entries.end()) return read_array(archive, found->second);
  std::string names;
  for (const auto& entry : entries) names += (names.empty() ? "" : ", ") + entry.first;
  throw std::out_of_range(
      text("read_npz: no array '", name, "' in ", path, ", which has ", names.empty() ? "none" : names));
}

void write_npz(const std::string& path, const StateDict& arrays) {
  std::list<std::string> headers;  // of archive entries and arrays, which the pieces refer to
  std::vector<std::string_view> pieces;
  std::vector<detail::ZipEntry> entries;
  std::uint64_t at = 0;
  for (const auto& [name, array] : arrays) {
    check(name, array);
    const std::string header = detail::npy_header_of(array);
    entries.push_back(entry_of(name, header, detail::elements(array)));
    entries.back().header = at;
    headers.push_back(detail::zip_header(entries.back()) + header);
    pieces.insert(pieces.end(), {headers.back(), detail::elements(array)});
    at += headers.back().size() + detail::elements(array).size();
  }
  headers.push_back(detail::zip_directory(entries, at));
  pieces.push_back(headers.back());
  detail::write_file("write_npz", path, pieces);
}

}  // namespace ravine::data
