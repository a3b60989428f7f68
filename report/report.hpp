/// @file
/// Everything of the report room: pictures.
#pragma once

#include <ravine/report/contour.hpp>
#include <ravine/report/panel.hpp>
#include <ravine/report/plot.hpp>
