// Methods by name: what is fixed, what is tuned, and where trials look.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <ravine/compare/method.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

using namespace ravine;
using namespace ravine::compare;
using doctest::Approx;
using doctest::Contains;

namespace {

/// The options that are tuned.
std::vector<std::string> tuned(const std::string& name) {
  std::vector<std::string> options;
  for (const SearchRange& range : method(name).space) options.push_back(range.option);
  return options;
}

using Options = std::vector<std::string>;

double rate_of(const std::string& text) { return std::stod(text.substr(text.find("lr=") + 3)); }

struct HalvingOptions {
  double lr = 0.5;
  static void fields(auto&& field) { field("lr", &HalvingOptions::lr, optim::positive); }
};
class Halving final : public optim::Elementwise<Halving, HalvingOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Halving";
  static constexpr std::array<const char*, 0> slots = {};
  struct Rule {
    double lr;
    Rule(const HalvingOptions&, double rate, Index) : lr(rate) {}
    template <class T>
    void operator()(T& theta, T g) const {
      theta -= static_cast<T>(lr) * g;
    }
  };
};

}  // namespace

TEST_CASE("the rate is tuned unless it is given, and so is what a method stands or falls with") {
  CHECK(tuned("adam") == Options{"lr"});
  CHECK(tuned("adam:beta2=0.9") == Options{"lr"});
  CHECK(tuned("adam:lr=0.1").empty());
  CHECK(tuned("adam+cosine") == Options{"lr"});
  CHECK(tuned("sam") == Options{"base.lr", "rho"});
  CHECK(tuned("sam:rho=0.1") == Options{"base.lr"});
  CHECK(tuned("sam(sgd:momentum=0.9):rho=0.05") == Options{"base.lr"});
  CHECK(tuned("sam(adam:lr=0.1)") == Options{"rho"});
  for (const std::string& name : optim::names()) {
    CAPTURE(name);
    CHECK(!method(name).space.empty());
    CHECK(method(name).name == name);
    for (const SearchRange& range : method(name).space) {
      CHECK(range.low > 0.0);
      CHECK(range.low < range.high);
    }
  }
}

TEST_CASE("trials are points of a Halton sequence over the search space, as text that makes the optimizer") {
  const Method adam = method("adam");
  CHECK(trial_options(adam, 0) == "adam:lr=0.01");  // the middle of 1e-4 to 1
  CHECK(trial_options(adam, 1) == "adam:lr=0.001");
  CHECK(trial_options(adam, 2) == "adam:lr=0.1");
  CHECK(trial_options(adam, 3) == "adam:lr=0.0003162");
  CHECK(trial_options(method("sgd:momentum=0.9+cosine"), 0) == "sgd:momentum=0.9,lr=0.01+cosine");
  // To the bases 2 and 3.
  CHECK(trial_options(method("sam"), 0) == "sam(sgd:lr=0.01):rho=0.02321");
  CHECK(trial_options(method("sam(sgd:momentum=0.9)"), 1) == "sam(sgd:momentum=0.9,lr=0.001):rho=0.1077");
  Method linear = method("adam:lr=0.1");
  linear.space = {{"beta1", 0.5, 0.9, false}};
  CHECK(trial_options(linear, 0) == "adam:lr=0.1,beta1=0.7");
  CHECK(trial_options(method("adam:lr=0.1"), 5) == "adam:lr=0.1");
  for (const SearchRange& range :
       {SearchRange{"beta1", 0.9, 0.5, false}, {"beta1", NAN, 0.5, false}, {"lr", -1.0, 1.0}}) {
    linear.space = {range};
    CHECK_THROWS_WITH_AS(trial_options(linear, 0), Contains(("the search range of " + range.option).c_str()),
                         std::invalid_argument);
  }
}

TEST_CASE("16 trials lie evenly over the logarithm of the rate") {
  std::vector<double> places;
  for (Index k = 0; k < 15; ++k) places.push_back(std::log10(rate_of(trial_options(method("adam"), k))) / 4.0 + 1.0);
  std::sort(places.begin(), places.end());
  for (std::size_t i = 0; i < 15; ++i) CHECK(places[i] == Approx(static_cast<double>(i + 1) / 16.0).epsilon(1e-3));
}

TEST_CASE("L-BFGS makes one iteration a step, unless somebody says otherwise") {
  CHECK(method("lbfgs").options == "lbfgs:max_iterations=1");
  CHECK(method("lbfgs:history=3").options == "lbfgs:history=3,max_iterations=1");
  CHECK(method("lbfgs:max_iterations=4").options == "lbfgs:max_iterations=4");
  CHECK(method("lookahead(lbfgs)+cosine").options == "lookahead(lbfgs:max_iterations=1)+cosine");
  CHECK(method("lookahead(lbfgs:max_iterations=4)").options == "lookahead(lbfgs:max_iterations=4)");
  CHECK(method("adam").options == "adam");
}

TEST_CASE("a plus sign in a number is no schedule") {
  CHECK(method("adam:lr=1e+0").space.empty());
  CHECK(method("adam:eps=1e-8+warmup(cosine):steps=5").options == "adam:eps=1e-8+warmup(cosine):steps=5");
}

TEST_CASE("a program's own optimizer takes part, with its rate tuned") {
  optim::register_optimizer<Halving>("halving");
  CHECK(tuned("halving") == Options{"lr"});
  CHECK(trial_options(method("halving"), 0) == "halving:lr=0.01");
  const auto names = method_names();
  CHECK(std::find(names.begin(), names.end(), "halving") != names.end());
}

TEST_CASE("what is no method is refused as optim::make does") {
  CHECK_THROWS_WITH_AS(method("adum"), Contains("no optimizer 'adum', there are: adabelief"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(method("adam:beta3=1"), Contains("no option 'beta3'"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(method("adam:lr=-1"), Contains("lr must be > 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(method("adam+cosinus"), Contains("'cosinus'"), std::invalid_argument);
  CHECK_THROWS_AS(method(""), std::invalid_argument);
  CHECK_THROWS_AS(method("sam(lbfgs)"), std::invalid_argument);
}
