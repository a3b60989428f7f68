/// @file
/// safetensors files: named tensors, as Python and its frameworks read and write them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <ravine/core/state_dict.hpp>

namespace ravine::data {

/// Texts about a file, by name.
using Metadata = std::map<std::string, std::string>;

/// Writes tensors of any type and shape, little-endian: eight bytes with the length of a header in JSON, the header,
/// the elements without gaps, larger types first. The file appears complete or not at all.
/// Throws FileError if it cannot be written; std::invalid_argument for a name that is not UTF-8 or is "__metadata__",
/// and for an undefined tensor.
/// Source: the format's description by its authors (Hugging Face, safetensors).
void save_safetensors(const std::string& path, const StateDict& tensors, const Metadata& metadata = {});

/// The tensors of such a file. BOOL and U8 give u8, other signed and unsigned integers i64; F16, BF16 and F32 give f32,
/// F64 gives f64: every value exactly, as `read_npy` has it.
///
/// Nothing the header says is believed: the parts must follow each other without gap or overlap and fill the file, each
/// as long as its shape and type ask for, before memory is taken for any. Throws FileError if the file cannot be read;
/// FormatError, with the tensor's name or the place, for anything else, which includes other types, more than max_rank
/// dimensions, and a U64 that i64 does not hold.
StateDict load_safetensors(const std::string& path);
/// The same, and the texts of the same file, whatever becomes of its name meanwhile.
StateDict load_safetensors(const std::string& path, Metadata& metadata);

/// The tensors left where they are in the file, as `map_npy` does, with the same promises; those whose elements do not
/// start at a multiple of their size are copied. A file with others than F32, F64, I64, U8 and BOOL is refused, as they
/// must be converted. Throws as `load_safetensors`; FileError if the system cannot map it.
StateDict map_safetensors(const std::string& path);

/// The texts in such a file. Throws as `tensors_in_safetensors`.
Metadata safetensors_metadata(const std::string& path);

/// What such a file says of a tensor; its type by the format's name, as BF16.
struct StoredTensor {
  std::string type;
  std::vector<Index> shape;
  std::uint64_t bytes;
};
/// Of all tensors by their names, none of which is read. Throws as `load_safetensors`, but for types and numbers of
/// dimensions that no tensor here has.
std::map<std::string, StoredTensor> tensors_in_safetensors(const std::string& path);

}  // namespace ravine::data
