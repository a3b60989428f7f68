/// @file
/// Everything of the report room: pictures and pages.
#pragma once

#include <ravine/report/contour.hpp>
#include <ravine/report/graph.hpp>
#include <ravine/report/page.hpp>
#include <ravine/report/panel.hpp>
#include <ravine/report/plot.hpp>
#include <ravine/report/surface.hpp>
