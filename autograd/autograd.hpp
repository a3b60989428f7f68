/// @file
/// Everything of autograd: variables, their ops, gradients of any order.
#pragma once

#include <ravine/autograd/activations.hpp>
#include <ravine/autograd/anomaly.hpp>
#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/grad.hpp>
#include <ravine/autograd/gradcheck.hpp>
#include <ravine/autograd/graph.hpp>
#include <ravine/autograd/linalg.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/math.hpp>
#include <ravine/autograd/normalize.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/autograd/reevaluation.hpp>
#include <ravine/autograd/sort.hpp>
#include <ravine/autograd/variable.hpp>
