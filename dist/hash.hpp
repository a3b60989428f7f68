/// @file
/// Numbers that tell the states of two processes apart.
#pragma once

#include <cstdint>
#include <string_view>

#include <ravine/nn/module.hpp>

namespace ravine::dist {

/// 64 bits of a module's parameters and buffers: names, shapes, types and every bit of the values. Equal for two
/// modules that are alike, on every machine, and hardly ever for others.
std::uint64_t hash(const nn::Module& module);

}  // namespace ravine::dist

namespace ravine::detail {

/// These bytes, after what has been hashed already.
std::uint64_t hash(std::string_view bytes, std::uint64_t before = 0);
/// Names, shapes, types and elements, one after the other.
std::uint64_t hash(const nn::Module::NamedVariables& variables, std::uint64_t before = 0);

}  // namespace ravine::detail
