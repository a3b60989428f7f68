// Optimizers that are another one at certain options, and what a rule for whole parameters must not see.
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

namespace rv = ravine;
namespace optim = rv::optim;
using Params = std::vector<rv::Variable>;

namespace {

/// The parameters after 12 steps on a loss that changes with them.
Params run(const std::string& text, const rv::Shape& shape, double scale = 1.0) {
  rv::Generator generator(3);
  const Params p = {rv::parameter(rv::randn(shape, rv::f64, generator) * 0.3),
                    rv::parameter(rv::randn({3}, rv::f64, generator) * 0.3)};
  const auto optimizer = optim::make(text, p);
  for (int t = 0; t < 12; ++t)
    optimizer->step([&] {
      const double c = 0.1 * std::cos(1.0 + t);
      return scale * (rv::sum(rv::square(p[0] - 0.2)) + rv::sum(rv::square(p[1]) * (1.0 + c)) +
                      c * rv::sum(p[0]) * rv::sum(p[1]));
    });
  return p;
}

/// How far the parameters of two runs are apart.
double apart(const Params& a, const Params& b) {
  double most = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    most = std::max(most, rv::max(rv::abs(a[i].value() - b[i].value())).item());
  return most;
}

void same(const std::string& one, const std::string& other, const rv::Shape& shape = {2, 3}, double scale = 1.0) {
  CAPTURE(one);
  const double off = apart(run(one, shape, scale), run(other, shape, scale));
  CHECK(off < 1e-13);
}

}  // namespace

TEST_CASE("equal: optimizers that are another one at certain options") {
  same("qhadam:lr=0.01,nu1=1,nu2=1", "adam:lr=0.01");
  same("qhm:lr=0.01,nu=0", "sgd:lr=0.01");
  same("aggmo:lr=0.01,betas=0.9", "sgd:lr=0.01,momentum=0.9");
  same("ademamix:lr=0.01,alpha=0,weight_decay=0.1", "adamw:lr=0.01,weight_decay=0.1");
  same("lookahead(adam:lr=0.01):slow_rate=1,period=3", "adam:lr=0.01");
  same("mars:lr=0.003,beta1=0.9,beta2=0.999,gamma=0,eps=1e-3,vectors=none", "adamw:lr=0.003,eps=1e-3,weight_decay=0",
       {2, 3}, 0.1);  // while no gradient is longer than 1
  same("mars:lr=0.003,gamma=0,form=lion,beta1=0.9,vectors=none,weight_decay=0.1",
       "lion:lr=0.003,beta1=0.9,beta2=0.9,weight_decay=0.1", {2, 3}, 0.1);
  same("sm3:lr=0.1,momentum=0,eps=0", "adagrad:lr=0.1,eps=0", {5});
  same("muon:vectors.lr=0.05,vectors.weight_decay=0.3", "adamw:lr=0.05,weight_decay=0.3", {5});
  same("sophia:lr=0.01,beta1=0.9,gamma=1,clip=1e9,eps=1", "qhm:lr=0.01,momentum=0.9,nu=1");  // while γ h is below ε
}

TEST_CASE("equal: a scaled loss changes nothing where norms are divided out") {
  for (const char* text : {"lamb:lr=0.01,eps=0", "muon:lr=0.01,vectors.eps=0,eps=0", "novograd:lr=0.01,eps=0",
                           "lars:lr=1", "grams:lr=0.01,eps=0", "adafactor:lr=0.01,eps=0"}) {
    CAPTURE(text);
    CHECK(apart(run(text, {2, 3}), run(text, {2, 3}, 1024.0)) < 1e-12);
  }
}

TEST_CASE("equal: Muon's step turns with the gradient, on either side") {
  rv::Generator generator(4);
  const rv::Tensor G = rv::randn({3, 5}, rv::f64, generator);
  const rv::Tensor Q = rv::tensor({0.6, -0.8, 0.0, 0.8, 0.6, 0.0, 0.0, 0.0, 1.0}, {3, 3}, rv::f64);
  const auto step = [](const rv::Tensor& g) {
    const rv::Variable p = rv::parameter(rv::zeros_like(g));
    optim::Muon muon({p}, {.lr = 1.0, .weight_decay = 0.0, .scale = optim::MuonScale::rms});
    p.set_grad(g);
    muon.step();
    return p.value().clone();
  };
  const auto off = [](const rv::Tensor& a, const rv::Tensor& b) { return rv::max(rv::abs(a - b)).item(); };
  CHECK(off(step(rv::matmul(Q, G)), rv::matmul(Q, step(G))) < 1e-13);
  CHECK(off(step(rv::transpose(G)), rv::transpose(step(G))) < 1e-13);
  CHECK(off(step(G.reshape({3, 5, 1})).reshape({3, 5}), step(G)) == 0.0);
  CHECK_THROWS_WITH_AS(optim::make("muon:vectors=none", {rv::parameter(rv::ones({4}))}),
                       "Muon: a parameter of shape (4) is no matrix, and vectors is none", std::invalid_argument);
}

TEST_CASE("equal: rows that change places do so in the step as well") {
  for (const char* text : {"adafactor:lr=0.1", "shampoo:lr=0.1", "sm3:lr=0.1", "soap:lr=0.1,eps=0.1", "lamb:lr=0.1"}) {
    CAPTURE(text);
    rv::Generator generator(6);
    const rv::Tensor start = rv::randn({4, 3}, rv::f64, generator), target = rv::randn({4, 3}, rv::f64, generator);
    const rv::Tensor order = rv::tensor({2, 0, 3, 1}, rv::i64);
    const auto after = [&](const rv::Tensor& from, const rv::Tensor& to) {
      const rv::Variable p = rv::parameter(from.clone());
      const auto optimizer = optim::make(text, {p});
      for (int t = 0; t < 6; ++t)
        optimizer->step([&] { return rv::sum(rv::square(p - to)) + rv::square(rv::sum(p) - 0.1 * t); });
      return p.value().clone();
    };
    const auto turned = [&](const rv::Tensor& x) { return rv::index_select(x, 0, order); };
    CHECK(rv::max(rv::abs(after(turned(start), turned(target)) - turned(after(start, target)))).item() < 1e-11);
  }
}

TEST_CASE("equal: groups share the distance that is found from all of them") {
  const auto start = [] {
    return Params{rv::parameter(rv::tensor({1.0, 2.0}, rv::f64)), rv::parameter(rv::tensor({-3.0}, rv::f64))};
  };
  const auto go = [](optim::Optimizer& optimizer, const Params& p) {
    for (int t = 0; t < 20; ++t) optimizer.step([&] { return rv::sum(rv::square(p[0])) + rv::sum(rv::square(p[1])); });
  };
  const Params one = start(), two = start();
  optim::Prodigy together(one, {.d0 = 0.01}), grouped(std::vector<optim::ParamGroup<optim::ProdigyOptions>>{
                                                  {{two[0]}, {.d0 = 0.01}}, {{two[1]}, {.d0 = 0.01}}});
  go(together, one);
  go(grouped, two);
  CHECK(apart(one, two) == 0.0);
}

TEST_CASE("equal: what a group keeps to itself, and d, come back from a state") {
  for (const char* text : {"prodigy", "dadapt_adam", "schedule_free_sgd:lr=0.1"}) {
    const Params p = {rv::parameter(rv::tensor({1.0, 2.0}, rv::f64))};
    const auto optimizer = optim::make(text, p);
    for (int t = 0; t < 5; ++t) optimizer->step([&] { return rv::sum(rv::square(p[0])); });
    const rv::StateDict state = optimizer->state_dict();
    CHECK(state.at(std::string(text).starts_with("schedule") ? "weights" : "d").item() > 1e-6);
  }
}
