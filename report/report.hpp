/// @file
/// Everything of the report room: pictures.
#pragma once

#include <ravine/report/plot.hpp>
