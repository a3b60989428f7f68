// A library of models, and what it does with those of others.
#pragma once

#include <memory>
#include <ravine/ravine.hpp>

/// A model as its base.
std::unique_ptr<ravine::nn::Module> make_model();
/// A class whose vtable and type information are in the library.
class Doubling : public ravine::nn::Module {
 public:
  ravine::Variable forward(const ravine::Variable& x) override;
};
/// True if the module is a Doubling, and not only called so.
bool is_doubling(const ravine::nn::Module& module);
/// Throws ShapeError.
void fail();
/// True if the calling thread records.
bool records();
