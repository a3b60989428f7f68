/// @file
/// NumPy's files: one array (.npy), or several with names (.npz).
#pragma once

#include <string>

#include <ravine/core/state_dict.hpp>

namespace ravine::data {

/// The array in an .npy file, of version 1, 2 or 3, in C's or Fortran's order of elements and either order of bytes.
///
/// bool and u1 give u8; signed and unsigned integers of 1 to 8 bytes give i64; f2 and f4 give f32, f8 gives f64: every
/// value exactly. Nothing the header says is believed before memory is taken: it must be as long as the file allows,
/// and the elements must fill the rest.
/// Throws FileError if the file cannot be read; FormatError, with the place, what was found and what was expected, for
/// a damaged file, for any other type (complex numbers, text, dates, objects, structures, longer floats) and for a u8
/// (8 bytes, unsigned) that i64 does not hold; never runs what is pickled in a file. Source: NumPy, "numpy.lib.format",
/// versions 1.0 to 3.0.
Tensor read_npy(const std::string& path);

/// The array in an .npy file, left where it is: elements are read from the disk when they are first looked at, and the
/// system forgets them when it is short of memory, so that the file may be larger than that. For f4, f8, i8, u1 and b1,
/// little-endian, in C's order; others are refused, as they must be converted. Where the system is told to promise no
/// more memory than it has (vm.overcommit_memory=2), a file counts in full, as if all of it were written to.
///
/// Writing to the tensor changes memory of this process, page by page, and never the file. A file that another one
/// replaces (as all writers here do) stays as it was for this tensor. One that is written to in place may show here,
/// and of one that is cut off, what is missing ends the program when it is looked at (SIGBUS). Throws as `read_npy`;
/// FileError if the system cannot map it.
Tensor map_npy(const std::string& path);

/// Writes a tensor of any type and shape as an .npy file (version 1.0, C's order, little-endian; f4, f8, i8, u1). It
/// appears complete or not at all. Throws FileError if it cannot be written, std::invalid_argument for an undefined
/// tensor.
void write_npy(const std::string& path, const Tensor& array);

/// The arrays in an .npz file, stored or compressed, by their names without ".npy": as `numpy.load` has them.
/// Throws as `read_npy`, with the array's name; FormatError as well for an archive that is damaged or encrypted, holds
/// anything but .npy files, or whose parts overlap or are not what their checksums say.
/// Source: NumPy, `numpy.savez`; PKWARE, "APPNOTE.TXT: .ZIP File Format Specification", 6.3.
StateDict read_npz(const std::string& path);

/// One array of an .npz file by its name; the others are not read, and may be of types no tensor holds, as text is.
/// Throws as `read_npz`; std::out_of_range for a name that is not there, with those that are.
Tensor read_npz(const std::string& path, const std::string& name);

/// Writes tensors as an .npz file, stored, as `numpy.savez` does; beyond 4 GiB in the ZIP64 form. It appears complete
/// or not at all. Throws FileError; std::invalid_argument for an undefined tensor, and for an empty name or one of more
/// than 65,000 bytes.
void write_npz(const std::string& path, const StateDict& arrays);

}  // namespace ravine::data
