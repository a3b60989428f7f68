/// @file
/// Checkpoints: a training on disk, to go on from bit by bit.
#pragma once

#include <concepts>
#include <string>
#include <vector>

#include <ravine/core/callable.hpp>
#include <ravine/core/state_dict.hpp>

namespace ravine::train {

/// What a checkpoint keeps: a module, an optimizer, a loader, a scaler, an encoder, a generator, an average of weights,
/// or a user's.
template <class T>
concept HasState = requires(T& object, const T& same, const StateDict& state) {
  { same.state_dict() } -> std::convertible_to<StateDict>;
  object.load_state_dict(state);
};

}  // namespace ravine::train

namespace ravine::detail {

struct Loading {
  StateDict before;
  Callable<void(const StateDict&)> load_state_dict;
  Callable<void()> undo;
};
template <class T>
Loading loading(T& object) {
  Loading l{object.state_dict(), [&object](const StateDict& s) { object.load_state_dict(s); }, {}};
  if constexpr (requires { object.undo(); })
    l.undo = object.undo();
  else
    l.undo = [&object, before = l.before] { object.load_state_dict(before); };
  return l;
}

void save_checkpoint(const std::string& path, const std::vector<StateDict>& states);
std::vector<std::string> load_checkpoint(const std::string& path, bool strict, std::vector<Loading> objects);

}  // namespace ravine::detail

namespace ravine::train {

/// Writes the states of these objects and this thread's default generator: what `load_checkpoint` needs to go on bit
/// for bit. The file is a safetensors file, in which the tensors of the first object are called "0/…", of the second
/// "1/…". It appears complete or not at all: whoever is stopped on the way, by a kill or a full disk, leaves the file
/// as it was. Throws data::FileError.
template <HasState... T>
void save_checkpoint(const std::string& path, const T&... objects) {
  detail::save_checkpoint(path, {objects.state_dict()...});
}

/// Brings the objects, in the same order, and this thread's default generator to the state in a checkpoint.
///
/// Either all of it is loaded or, with an exception, nothing has changed. Throws data::FileError if the file cannot be
/// read; data::FormatError if it is damaged, no checkpoint or of a newer version of ravine; std::invalid_argument if it
/// is one of other objects: what is missing, unexpected or of another shape or type is named.
template <HasState... T>
void load_checkpoint(const std::string& path, T&... objects) {
  detail::load_checkpoint(path, true, {detail::loading(objects)...});
}

struct LoadOptions {
  bool strict = true;  ///< refuse a checkpoint that does not fit; else take what has the right name, shape and type
};

/// The same; returns what was left out without `strict`: what a name in the file or in an object has no partner for, or
/// one of another shape or type, and why an object takes nothing, as a loader of other batches. The file may then be of
/// more objects: a model alone is loaded from a training's.
template <HasState... T>
std::vector<std::string> load_checkpoint(const std::string& path, const LoadOptions& options, T&... objects) {
  return detail::load_checkpoint(path, options.strict, {detail::loading(objects)...});
}

}  // namespace ravine::train
