/// @file
/// Training on several processes and machines, by MPI. A program that uses it links `ravine::dist`.
#pragma once

#include <ravine/dist/data_parallel.hpp>
#include <ravine/dist/hash.hpp>
#include <ravine/dist/world.hpp>
