/// @file
/// Made-up data sets of known law. Inputs are (n, features) f32; targets (n, 1) f32 for regression, (n) i64 for
/// classes. `noise` is a standard deviation: of the normal error on the target, or on both coordinates of a point.
/// All throw std::invalid_argument for counts < 1 and for noise < 0.
#pragma once

#include <ravine/core/random.hpp>
#include <ravine/data/dataset.hpp>

namespace ravine::data {

/// y = w · x + b + error, with x, w and b normal: a plane to be found.
TensorDataset make_regression(Index n, Index features, double noise = 0.1, Generator& generator = default_generator());

/// y = 10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5 + error, with ten inputs uniform in [0, 1), of which five do
/// not matter. Source: Friedman, Multivariate adaptive regression splines (Annals of Statistics 19, 1991).
TensorDataset friedman1(Index n, double noise = 1.0, Generator& generator = default_generator());

/// y = sin(x) + error, with x uniform in [-pi, pi).
TensorDataset sine(Index n, double noise = 0.1, Generator& generator = default_generator());

// In the sets of classes, row i belongs to class i mod (number of classes).

/// Two half circles that reach into each other: with t uniform in [0, pi), class 0 at (cos t, sin t), class 1 at
/// (1 - cos t, 1/2 - sin t).
TensorDataset two_moons(Index n, double noise = 0.1, Generator& generator = default_generator());

/// Arms that wind once around the origin: with r uniform in [0, 1), class c at r (cos a, sin a) for
/// a = 2 pi (r + c / classes). n examples of each class. After the spirals of Lang and Witbrock, Learning to tell two
/// spirals apart (Connectionist Models Summer School, 1988).
TensorDataset spirals(Index n, Index classes = 2, double noise = 0.02, Generator& generator = default_generator());

/// A circle in a circle: class 0 of radius 1, class 1 of radius 1/2, at uniform angles.
TensorDataset circles(Index n, double noise = 0.05, Generator& generator = default_generator());

/// Clouds: class c is normal around 5 (cos a, sin a), a = 2 pi c / classes.
TensorDataset blobs(Index n, Index classes = 3, double noise = 1.0, Generator& generator = default_generator());

}  // namespace ravine::data
