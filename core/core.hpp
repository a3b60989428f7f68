/// @file
/// Everything of the core: tensors, their ops, random numbers, memory, instruction sets.
#pragma once

#include <ravine/core/callable.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/isa.hpp>
#include <ravine/core/linalg.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/math.hpp>
#include <ravine/core/memory.hpp>
#include <ravine/core/random.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/scalar.hpp>
#include <ravine/core/shard.hpp>
#include <ravine/core/sort.hpp>
#include <ravine/core/tensor.hpp>
