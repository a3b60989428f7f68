/// @file
/// Paths in the plane, and what of them is inside a domain; for the library's sources, not its public headers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ravine/core/tensor.hpp>
#include <ravine/report/panel.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

using Point = std::pair<double, double>;

/// The points (n, 2), or (2) for one of them. Throws ShapeError, DTypeError, naming op.
std::vector<Point> points_of(const char* op, const Tensor& points);
/// Points that were passed one by one as points (n, 2).
Tensor points_together(const std::vector<Tensor>& points);

bool inside(const Point& p, const report::Limits& x, const report::Limits& y);
/// The pieces of a path that are inside: it is interrupted where a point is not finite, and its steps are cut off at
/// the border.
std::vector<std::vector<Point>> pieces_inside(const std::vector<Point>& path, const report::Limits& x,
                                              const report::Limits& y);
/// Points of these pieces in about even distances, and the last one: where marks tell curve k from others.
std::vector<Point> marks_along(const std::vector<std::vector<Point>>& pieces, std::size_t k, const report::Limits& x,
                               const report::Limits& y);

}  // namespace ravine::detail
#pragma GCC visibility pop
