// Types, exceptions and what a thread does are the same on both sides of a shared library.
#include <cstdio>

#include "models.hpp"

namespace rv = ravine;
namespace nn = rv::nn;

/// Of this program; its rule is compiled here and run by the library's base class.
class Halving final : public rv::optim::Elementwise<Halving, rv::optim::SGDOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Halving";
  static constexpr std::array<const char*, 0> slots = {};
  struct Rule {
    Rule(const rv::optim::SGDOptions&, double, rv::Index) {}
    template <class T>
    void operator()(T& theta, T) const {
      theta /= 2;
    }
  };
};

static int failures = 0;
static void check(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "across: %s\n", what);
  ++failures;
}

template <class Error>
static bool throws(void (*f)()) {
  try {
    f();
  } catch (const Error&) {
    return true;
  } catch (...) {
  }
  return false;
}

int main() {
  check(throws<rv::ShapeError>(fail), "ShapeError is not caught by its type");
  check(throws<std::invalid_argument>(fail), "ShapeError is not caught by its base");
  const auto model = make_model();
  auto* net = dynamic_cast<nn::Sequential*>(model.get());
  check(net, "a Sequential of the library is none here");
  check(dynamic_cast<nn::Linear*>(&(*net)[0]), "a Linear of the library is none here");
  check(dynamic_cast<Doubling*>(&(*net)[1]), "a class of the library is none here");
  check(is_doubling(nn::Sequential{Doubling()}[0]), "a class of the library, made here, is none there");
  const nn::Module& last = (*net)[2];
  check(typeid(last) == typeid(nn::Linear), "typeid differs");
  check((*net)[0].describe() == "Linear(2, 4)", "describe");
  {
    const rv::NoGrad no_grad;
    check(!records(), "NoGrad does not reach the library");
  }
  check(records(), "the library does not record");

  nn::Sequential copy = clone(*net);
  check(copy.parameters()[0].node() != net->parameters()[0].node(), "clone");
  check(rv::bitwise_equal((*net)(rv::ones({3, 2})).value(), copy(rv::ones({3, 2})).value()), "a clone differs");
  Halving halving(copy.parameters());
  const rv::Tensor before = copy.parameters()[0].value().clone();
  halving.step([&] { return rv::sum(copy(rv::ones({3, 2}))); });
  check(rv::bitwise_equal(copy.parameters()[0].value(), before * 0.5), "an optimizer of this program");

  // What an op saved is written here, and refused there.
  check(throws<std::logic_error>([] {
          const rv::Variable w = rv::parameter(rv::ones({2}));
          const rv::Variable l = rv::sum(w * w);
          rv::Tensor value = w.value();
          value.fill(2.0);
          l.backward();
        }),
        "a write on this side is not seen on the other");
  if (failures == 0) std::puts("across: one ravine on both sides of a shared library");
  return failures;
}
