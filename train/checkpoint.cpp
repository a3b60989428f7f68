#include <ravine/train/checkpoint.hpp>

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

#include <ravine/core/random.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/safetensors.hpp>

namespace ravine::detail {
namespace {

// A later ravine reads the files of this version as well.
constexpr int version = 1;
constexpr const char *version_key = "ravine checkpoint", *objects_key = "objects", *checksum_key = "checksum";

std::string prefix(std::size_t object) { return text(object, "/"); }

/// Of all names, types, shapes and elements: a change anywhere in a file changes this, or the file is none any more.
std::string checksum(const StateDict& state, const std::string& objects) {
  uLong sum = crc32_z(0, nullptr, 0);
  const auto add = [&](const void* bytes, std::size_t count) {
    sum = crc32_z(sum, static_cast<const Bytef*>(bytes), count);
  };
  add(objects.data(), objects.size());
  for (const auto& [name, x] : state) {
    const std::string head = text(name, " ", x.dtype(), " ", x.shape());
    add(head.data(), head.size());
    add(x.bytes(), static_cast<std::size_t>(x.numel()) * size_of(x.dtype()));
  }
  return std::to_string(sum);
}

struct Saved {
  StateDict all;
  std::string objects;  // how many
};

Saved read_checkpoint(const std::string& path) {
  data::Metadata about;
  StateDict all = data::load_safetensors(path, about);
  const auto value = [&](const char* key) {
    const auto found = about.find(key);
    return found == about.end() ? std::string() : found->second;
  };
  const auto refuse = [&](const auto&... why) { throw data::FormatError(text(path, ": ", why...)); };
  const std::string written = value(version_key);
  if (written.empty()) refuse("a safetensors file, but no checkpoint");
  if (written != std::to_string(version))
    refuse("a checkpoint of version ", written, ", this ravine reads version ", version);
  if (value(checksum_key) != checksum(all, value(objects_key)))
    refuse("the checkpoint is damaged: its checksum is not ", value(checksum_key));
  return {std::move(all), value(objects_key)};
}

/// `present` with what fits of `given`; adds the rest to `left_out`.
StateDict fitting(const StateDict& present, const StateDict& given, const std::string& start,
                  std::vector<std::string>& left_out) {
  StateDict result = present;
  for (auto& [name, mine] : result) {
    const auto found = given.find(name);
    if (found == given.end())
      left_out.push_back(text(start, name, ": missing"));
    else if (found->second.shape() != mine.shape() || found->second.dtype() != mine.dtype())
      left_out.push_back(text(start, name, " is ", found->second.shape(), " ", found->second.dtype(), ", expected ",
                              mine.shape(), " ", mine.dtype()));
    else
      mine = found->second;
  }
  for (const auto& [name, tensor] : given)
    if (!present.contains(name)) left_out.push_back(text(start, name, ": unexpected"));
  return result;
}

/// As much as the object takes of a state that it refuses as a whole.
void load_fitting(const Loading& object, const StateDict& state, const std::string& start,
                  std::vector<std::string>& left_out) {
  std::vector<std::string> rest;
  try {
    object.load_state_dict(fitting(object.before, state, start, rest));
  } catch (const std::logic_error& error) {
    object.undo();
    rest = {text(start, ": ", error.what())};
  }
  left_out.insert(left_out.end(), rest.begin(), rest.end());
}

}  // namespace

void save_checkpoint(const std::string& path, const std::vector<StateDict>& states) {
  StateDict all;
  const auto add = [&](std::size_t object, const StateDict& state) {
    for (const auto& [name, tensor] : state) {
      if (!tensor.defined())
        throw std::invalid_argument(text("save_checkpoint: ", prefix(object), name, " is undefined"));
      all.emplace(prefix(object) + name, tensor);
    }
  };
  for (std::size_t i = 0; i < states.size(); ++i) add(i, states[i]);
  add(states.size(), default_generator().state_dict());
  const std::string objects = std::to_string(states.size());
  data::save_safetensors(
      path, all,
      {{version_key, std::to_string(version)}, {objects_key, objects}, {checksum_key, checksum(all, objects)}});
}

std::vector<std::string> load_checkpoint(const std::string& path, bool strict, std::vector<Loading> objects) {
  const Saved saved = read_checkpoint(path);
  if (strict && saved.objects != std::to_string(objects.size()))
    throw std::invalid_argument(
        text("load_checkpoint: ", path, " holds ", saved.objects, " objects, asked for ", objects.size()));
  std::vector<std::string> starts, left_out;
  for (std::size_t i = 0; i < objects.size(); ++i) starts.push_back(prefix(i));
  starts.push_back(saved.objects + "/");
  objects.push_back(loading(default_generator()));
  std::size_t i = 0;
  try {
    for (; i < objects.size(); ++i) {
      const bool beyond = i + 1 < objects.size() && starts[i] == starts.back();  // of what the file holds
      const StateDict state = beyond ? StateDict() : part(saved.all, starts[i]);
      try {
        objects[i].load_state_dict(state);
      } catch (const std::logic_error& error) {
        const bool lacks = dynamic_cast<const std::out_of_range*>(&error);  // as of `state.at(name)`
        if (strict)
          throw std::invalid_argument(text("load_checkpoint: ", path, ", object ", i, ": ", error.what(),
                                           lacks ? "; does it ask for a name that the file has not?" : ""));
        load_fitting(objects[i], state, starts[i], left_out);
      }
    }
  } catch (...) {
    for (std::size_t k = 0; k <= i; ++k) objects[k].undo();
    throw;
  }
  for (const auto& entry : saved.all) {
    const std::string& name = entry.first;
    if (std::none_of(starts.begin(), starts.end(), [&](const std::string& start) { return name.starts_with(start); }))
      left_out.push_back(name + ": unexpected");
  }
  return left_out;
}

}  // namespace ravine::detail
