/// @file
/// Everything of the data room: tables, readers, data sets, parts of them, samplers, scalers, encoders, the loader,
/// toys.
#pragma once

#include <ravine/data/csv.hpp>
#include <ravine/data/dataset.hpp>
#include <ravine/data/encoder.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/idx.hpp>
#include <ravine/data/loader.hpp>
#include <ravine/data/npy.hpp>
#include <ravine/data/safetensors.hpp>
#include <ravine/data/sampler.hpp>
#include <ravine/data/scaler.hpp>
#include <ravine/data/split.hpp>
#include <ravine/data/table.hpp>
#include <ravine/data/toy.hpp>
