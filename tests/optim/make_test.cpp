// Optimizers and schedules from text.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

#include "../declared.hpp"

namespace rv = ravine;
namespace optim = rv::optim;
using doctest::Contains;
using Names = std::vector<std::string>;

namespace {

std::vector<rv::Variable> parameters() {
  return {rv::parameter(rv::ones({3, 2})), rv::parameter(rv::tensor({1.0, -1.0}, rv::f32))};
}

/// What describe() says of the optimizer.
std::string made(const std::string& text) { return optim::make(text, parameters())->describe(); }

template <class O, class Options>
std::string by_hand(const Options& options) {
  return O(parameters(), options).describe();
}

void refuses(const std::string& text, const char* message) {
  CAPTURE(text);
  CHECK_THROWS_WITH_AS(optim::make(text, parameters()), message, std::invalid_argument);
}

void refuses_schedule(const std::string& text, const char* message) {
  CAPTURE(text);
  CHECK_THROWS_WITH_AS(optim::make_schedule(text), message, std::invalid_argument);
}

std::vector<double> first(const optim::Schedule& schedule, rv::Index count) {
  std::vector<double> values;
  for (rv::Index t = 0; t < count; ++t) values.push_back(schedule(t));
  return values;
}

struct DescentOptions {
  double lr = 0.5;
  bool signs_only = false;

  static void fields(auto&& field) {
    field("lr", &DescentOptions::lr, optim::positive);
    field("signs_only", &DescentOptions::signs_only);
  }
};

class Descent final : public optim::Elementwise<Descent, DescentOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Descent";
  static constexpr std::array<const char*, 0> slots{};

  struct Rule {
    double lr;
    bool signs_only;
    Rule(const DescentOptions& o, double rate, rv::Index /*t*/) : lr(rate), signs_only(o.signs_only) {}
    template <class T>
    void operator()(T& theta, T g) const {
      theta -= T(lr) * (signs_only ? T((g > T(0)) - (g < T(0))) : g);
    }
  };
};

struct TwiceOptions {
  bool again = true;
  static void fields(auto&& field) { field("again", &TwiceOptions::again); }
};

/// Takes each step of another optimizer twice.
class Twice final : public optim::Grouped<TwiceOptions> {
 public:
  explicit Twice(std::unique_ptr<optim::Optimizer> base, TwiceOptions options = {})
      : Grouped("Twice", base->parameters(), options), base_(std::move(base)) {}
  std::string describe() const override { return Grouped::describe() + " over " + base_->describe(); }

 private:
  void update() override {
    base_->step();
    if (groups()[0].options.again) base_->step();
  }
  std::unique_ptr<optim::Optimizer> base_;
};

}  // namespace

TEST_CASE("make: options by their names are those of the class") {
  CHECK(made("adam") == by_hand<optim::Adam>(optim::AdamOptions{}));
  CHECK(made("adam:beta2=0.99") == by_hand<optim::Adam>(optim::AdamOptions{.beta2 = 0.99}));
  CHECK(made("sgd:momentum=0.9,nesterov=lookahead") ==
        by_hand<optim::SGD>(optim::SGDOptions{.momentum = 0.9, .nesterov = optim::Nesterov::lookahead}));
  CHECK(made("adamw:decay=plain,lr=3e-3,eps_inside=true,bias_correction=false") ==
        by_hand<optim::AdamW>(optim::AdamWOptions{
            .lr = 3e-3, .decay = optim::Decay::plain, .eps_inside = true, .bias_correction = false}));
  CHECK(made("lbfgs:history=5") == by_hand<optim::LBFGS>(optim::LBFGSOptions{.history = 5}));
  CHECK(made("factored_adam:lr=3e-3") == by_hand<optim::FactoredAdam>(optim::FactoredAdamOptions{.lr = 3e-3}));
  CHECK(made("adahessian:samples=3") == by_hand<optim::AdaHessian>(optim::AdaHessianOptions{.samples = 3}));
}

TEST_CASE("make: what wraps another takes it in brackets") {
  CHECK(made("sam") == "SAM(rho=0.05, p=2) over " + made("sgd"));
  CHECK(made("sam:rho=0.1") == "SAM(rho=0.1, p=2) over " + made("sgd"));
  CHECK(made("sam(sgd:momentum=0.9,form=velocity):p=inf,rho=0.5") ==
        "SAM(rho=0.5, p=inf) over " + made("sgd:momentum=0.9,form=velocity"));
  CHECK(made("sam(adam)") == "SAM(rho=0.05, p=2) over " + made("adam"));
}

TEST_CASE("make: every name makes an optimizer, and every optimizer in a header has a name") {
  const Names all = optim::names();
  CHECK(std::is_sorted(all.begin(), all.end()));
  Names classes;
  for (const std::string& name : all) {
    const auto optimizer = optim::make(name, parameters());
    const std::string text = optimizer->describe();
    classes.push_back(text.substr(0, text.find('(')));
    const auto params = optimizer->parameters();
    const double before = rv::sum(rv::square(params[0])).item();
    for (int step = 0; step < 2; ++step) optimizer->step([&] { return rv::sum(rv::square(params[0])); });
    CHECK_MESSAGE(rv::sum(rv::square(params[0])).item() < before, name);
  }
  for (const auto& entry : declared("optim", R"(^class (\w+) final : public (?!WeightAverage))"))
    CHECK_MESSAGE(std::find(classes.begin(), classes.end(), entry.first) != classes.end(), entry.first);
}

TEST_CASE("make: what is not known is refused with what is") {
  std::string all;
  for (const std::string& name : optim::names()) all += (all.empty() ? "" : ", ") + name;
  refuses("adm", ("make: no optimizer 'adm', there are: " + all).c_str());
  CHECK_THROWS_WITH_AS(made(""), Contains("make: no optimizer '', there are: adabelief"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(made("Adam"), Contains("make: no optimizer 'Adam', there are: "), std::invalid_argument);
  refuses("sam:lr=1", "sam: no option 'lr', there are: rho, p");
  refuses("adadelta:beta=1", "adadelta: no option 'beta', there are: lr, rho, eps, weight_decay");
  // Before what follows from its being unknown: without momentum there is no look-ahead.
  refuses("sgd:momentun=0.9,nesterov=lookahead",
          "sgd: no option 'momentun', there are: lr, momentum, form, nesterov, dampening, weight_decay");
  refuses("sgd:nesterov=ahead", "sgd: nesterov must be one of none, lookahead, reparam, got 'ahead'");
  refuses("sgd:nesterov=1", "sgd: nesterov must be one of none, lookahead, reparam, got '1'");
  refuses("adam:eps_inside=yes", "adam: eps_inside must be one of false, true, got 'yes'");
}

TEST_CASE("make: values are refused by the optimizer's ranges") {
  refuses("adam:lr=-1", "adam: lr must be > 0, got -1");
  refuses("adam:lr=nan", "adam: lr must be > 0, got nan");
  refuses("adam:lr=inf", "adam: lr must be finite, got inf");
  refuses("adam:beta1=1", "adam: beta1 must be in [0, 1), got 1");
  refuses("lbfgs:history=1.5", "lbfgs: history must be a whole number, got 1.5");
  for (const char* text : {"fast", "", "1e", "0.1x", " 0.1", "0,1"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(made(std::string("adam:lr=") + text), std::invalid_argument);
  }
  refuses("adam:lr=fast", "adam: lr must be a number, got 'fast'");
  refuses("adam:lr=1e999", "adam: lr must be a number, got '1e999'");
  refuses("sgd:nesterov=lookahead", "sgd: nesterov needs momentum > 0");
  refuses("sam(adam:lr=0)", "adam: lr must be > 0, got 0");
  CHECK_THROWS_WITH_AS(made("sam(lbfgs)"), Contains("SAM: the base evaluates the loss itself"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(optim::make("sgd", {}), Contains("SGD: "), std::invalid_argument);
}

TEST_CASE("make: a list is numbers with '-' between them") {
  CHECK(made("aggmo:betas=0.5") == "AggMo(lr=0.001, betas=0.5, weight_decay=0)");
  CHECK(made("aggmo:betas=0-1e-3-0.9,lr=1") == "AggMo(lr=1, betas=0-0.001-0.9, weight_decay=0)");
  refuses("aggmo:betas=", "aggmo: betas must be numbers, as in 100-200, got ''");
  refuses("aggmo:betas=0.5-", "aggmo: betas must be numbers, as in 100-200, got '0.5-'");
  refuses("aggmo:betas=0.5-1", "aggmo: betas must be in [0, 1), got 1");
  refuses("aggmo:betas=0-0-0-0-0-0-0-0-0", "aggmo: betas must be 1 to 8 numbers");
  CHECK_THROWS_WITH_AS(optim::AggMo(parameters(), {.betas = {}}), "AggMo: betas must be 1 to 8 numbers",
                       std::invalid_argument);
}

TEST_CASE("make: what may be absent is none or a number") {
  CHECK(made("ademamix").ends_with(", warmup=none)"));
  CHECK(made("ademamix:warmup=none").ends_with(", warmup=none)"));
  CHECK(made("ademamix:warmup=50").ends_with(", warmup=50)"));
  refuses("ademamix:warmup=0", "ademamix: warmup must be > 0, got 0");
  refuses("ademamix:warmup=soon", "ademamix: warmup must be a number or none, got 'soon'");
  refuses("ademamix:alpha=none", "ademamix: alpha must be a number, got 'none'");
}

TEST_CASE("make: options inside others have a point in their name") {
  const std::string inside =
      ", vectors=adamw, vectors.lr=0.5, vectors.beta1=0.9, vectors.beta2=0.999, vectors.eps=1e-08, "
      "vectors.weight_decay=0.01, vectors.decay=plain, vectors.eps_inside=false, "
      "vectors.bias_correction=true)";
  CHECK(made("muon:vectors.lr=0.5,vectors.decay=plain").ends_with(inside));
  CHECK(made("mars:vectors=none").ends_with(", form=adamw, vectors=none)"));
  refuses("mars:vectors=none,vectors.lr=1", "mars: vectors.lr=1 is inside of what is none");
  refuses("muon:vectors.lr=0", "muon: vectors.lr must be > 0, got 0");
  refuses("muon:vectors=adam", "muon: vectors must be one of none, adamw, got 'adam'");
  CHECK_THROWS_WITH_AS(made("muon:vectors.rate=0"), Contains("muon: no option 'vectors.rate', there are: lr, momentum"),
                       std::invalid_argument);
  const auto a = optim::make("mars:vectors.lr=0.5", parameters()), b = optim::make("mars", parameters());
  b->load_state_dict(a->state_dict());
  CHECK(b->describe() == a->describe());
  const auto none = optim::make("mars:vectors=none", parameters());
  CHECK_THROWS_WITH_AS(b->load_state_dict(none->state_dict()), Contains("MARS: missing"), std::invalid_argument);
}

TEST_CASE("make: lists and absent options come back from a state") {
  const auto reloaded = [](const char* from, const char* to) {
    const auto a = optim::make(from, parameters()), b = optim::make(to, parameters());
    b->load_state_dict(a->state_dict());
    return b->describe() == a->describe();
  };
  CHECK(reloaded("ademamix:warmup=50", "ademamix"));
  CHECK(reloaded("ademamix", "ademamix:warmup=50"));
  CHECK(reloaded("aggmo:betas=0.5-0.75,lr=1", "aggmo:betas=0.25-0.9"));
  CHECK_THROWS_WITH_AS(reloaded("aggmo:betas=0.5-0.75", "aggmo:betas=0.5"), Contains("AggMo: unexpected"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(reloaded("aggmo:betas=0-0.5", "aggmo:betas=0.5"), Contains("group.0.betas is (2), expected (1)"),
                       std::invalid_argument);
}

TEST_CASE("make: text of another form is refused") {
  refuses("adam:", "make: 'adam:': expected option=value, got ''");
  refuses("adam:lr", "make: 'adam:lr': expected option=value, got 'lr'");
  refuses("adam:=1", "make: 'adam:=1': expected option=value, got '=1'");
  refuses("adam:lr=1,", "make: 'adam:lr=1,': expected option=value, got ''");
  refuses("adam:lr=1,lr=2", "make: 'adam:lr=1,lr=2': 'lr' is given twice");
  refuses("sam(sgd", "make: 'sam(sgd': a ')' is missing");
  refuses("sam(sam(sgd)", "make: 'sam(sam(sgd)': a ')' is missing");
  refuses("sam(sgd)rho=1", "make: 'sam(sgd)rho=1': expected ':' before 'rho=1'");
  refuses("sam(sgd))", "make: 'sam(sgd))': expected ':' before ')'");
  refuses("adam(sgd)", "make: nothing goes into adam, got 'adam(sgd)'");
  CHECK_THROWS_WITH_AS(made("sam()"), Contains("make: no optimizer '', there are"), std::invalid_argument);
}

TEST_CASE("make: a user's optimizer is known by one line") {
  optim::register_optimizer<Descent>("descent");
  CHECK(made("descent:lr=0.25,signs_only=true") == "Descent(lr=0.25, signs_only=true)");
  CHECK(made("sam(descent)") == "SAM(rho=0.05, p=2) over Descent(lr=0.5, signs_only=false)");
  refuses("descent:lr=0", "descent: lr must be > 0, got 0");
  const Names all = optim::names();
  CHECK(std::find(all.begin(), all.end(), "descent") != all.end());
  const auto refuses_name = [](const char* name, const char* message) {
    CHECK_THROWS_WITH_AS(optim::register_optimizer<Descent>(name), message, std::invalid_argument);
  };
  refuses_name("descent", "register_optimizer: there is an optimizer 'descent' already");
  refuses_name("adam", "register_optimizer: there is an optimizer 'adam' already");
  refuses_name("", "register_optimizer: a name has letters, digits and '_', got ''");
  refuses_name("a:b", "register_optimizer: a name has letters, digits and '_', got 'a:b'");
}

TEST_CASE("make: a user's optimizer may wrap another") {
  optim::register_optimizer<Twice>("twice");
  CHECK(made("twice(sgd:lr=0.5):again=false") == "Twice(again=false) over " + made("sgd:lr=0.5"));
  const rv::Variable p = rv::parameter(rv::tensor({8.0}, rv::f64));
  const auto optimizer = optim::make("twice(sgd:lr=1)", {p});
  p.set_grad(rv::tensor({1.0}, rv::f64));
  optimizer->step();
  CHECK(p.item() == 6.0);
}

TEST_CASE("make_schedule: names and options are those of the functions") {
  const auto same = [](const std::string& text, const optim::Schedule& by_hand) {
    CHECK_MESSAGE(first(optim::make_schedule(text), 12) == first(by_hand, 12), text);
  };
  same("constant", optim::constant());
  same("step_decay:every=3,gamma=0.5", optim::step_decay({.every = 3, .gamma = 0.5}));
  same("step_decay:every=3", optim::step_decay({.every = 3}));
  same("multi_step:milestones=2-7,gamma=0.5", optim::multi_step({.milestones = {2, 7}, .gamma = 0.5}));
  same("multi_step:milestones=4", optim::multi_step({.milestones = {4}}));
  same("exponential:gamma=0.9", optim::exponential(0.9));
  same("cosine:total_steps=10,final_factor=0.1", optim::cosine({.total_steps = 10, .final_factor = 0.1}));
  same("polynomial:total_steps=10,power=2", optim::polynomial({.total_steps = 10, .power = 2.0}));
  same("inverse_sqrt", optim::inverse_sqrt());
  same("inverse_time:decay=0.5", optim::inverse_time(0.5));
  same("warmup:steps=4", optim::warmup(4));
  same("cosine_restarts:period=4,growth=2", optim::cosine_restarts({.period = 4, .growth = 2}));
  same("one_cycle:total_steps=9,rise=0.5", optim::one_cycle({.total_steps = 9, .rise = 0.5}));
  same("cyclic:steps_up=3,steps_down=2,mode=triangular2",
       optim::cyclic({.steps_up = 3, .steps_down = 2, .mode = optim::CyclicMode::triangular2}));
  same("cyclic:steps_up=3,steps_down=none", optim::cyclic({.steps_up = 3}));
  same("wsd:total_steps=10,warmup_steps=2,decay_steps=3",
       optim::wsd({.total_steps = 10, .warmup_steps = 2, .decay_steps = 3}));
  same("noam:warmup_steps=4", optim::noam(4));
  same("warmup(cosine:total_steps=6):steps=4", optim::warmup(4, optim::cosine({.total_steps = 6})));
  same("warmup(warmup(exponential:gamma=0.5):steps=2):steps=3",
       optim::warmup(3, optim::warmup(2, optim::exponential(0.5))));
}

TEST_CASE("make_schedule: steps that are known may be left out, and a warm-up takes its own") {
  const auto known = [](const std::string& text) { return first(optim::make_schedule(text, 10), 12); };
  CHECK(known("cosine") == first(optim::cosine({.total_steps = 10}), 12));
  CHECK(known("cosine:total_steps=5") == first(optim::cosine({.total_steps = 5}), 12));
  CHECK(known("warmup(polynomial):steps=4") == first(optim::warmup(4, optim::polynomial({.total_steps = 6})), 12));
  for (const char* too_long : {"warmup(cosine):steps=10", "warmup(cosine):steps=500"})
    CHECK_THROWS_WITH_AS(known(too_long), "cosine: total_steps must be > 0, got 0", std::invalid_argument);
}

TEST_CASE("make_schedule: what makes no sense is refused with what there is") {
  refuses_schedule(
      "cos",
      "make_schedule: no schedule 'cos', there are: constant, cosine, cosine_restarts, cyclic, exponential, "
      "inverse_sqrt, inverse_time, multi_step, noam, one_cycle, polynomial, step_decay, warmup, wsd");
  refuses_schedule("cosine", "cosine: total_steps must be > 0, got 0");
  refuses_schedule("warmup(cosine):steps=5", "cosine: total_steps must be > 0, got 0");
  refuses_schedule("cosine:steps=5", "cosine: no option 'steps', there are: total_steps, final_factor");
  refuses_schedule("cosine:total_steps=2.5", "cosine: total_steps must be a whole number, got 2.5");
  refuses_schedule("constant:gamma=1", "constant: no option 'gamma', there are none");
  refuses_schedule("step_decay", "step_decay: every must be > 0, got 0");
  refuses_schedule("exponential", "exponential: gamma must be given");
  refuses_schedule("inverse_time", "inverse_time: decay must be given");
  refuses_schedule("warmup", "warmup: steps must be > 0, got 0");
  refuses_schedule("warmup(cosine)", "warmup: steps must be > 0, got 0");
  refuses_schedule("cosine(constant)", "make_schedule: nothing goes into cosine, got 'cosine(constant)'");
  refuses_schedule("multi_step:gama=2", "multi_step: no option 'gama', there are: milestones, gamma");
  refuses_schedule("multi_step:gamma=0.5", "multi_step: milestones must be given");
  refuses_schedule("multi_step:milestones=2-x,gamma=0.1",
                   "multi_step: milestones must be numbers, as in 100-200, got '2-x'");
  refuses_schedule("multi_step:milestones=2x7", "multi_step: milestones must be numbers, as in 100-200, got '2x7'");
  refuses_schedule("multi_step:milestones=", "multi_step: milestones must be numbers, as in 100-200, got ''");
  refuses_schedule("multi_step:milestones=3-", "multi_step: milestones must be numbers, as in 100-200, got '3-'");
  refuses_schedule("cosine:", "make_schedule: 'cosine:': expected option=value, got ''");
}

TEST_CASE("make_schedule: every name is one") {
  for (const std::string& name : optim::schedule_names()) {
    CAPTURE(name);
    try {
      optim::make_schedule(name, 10);
    } catch (const std::invalid_argument& refused) {
      CHECK(std::string(refused.what()).starts_with(name + ": "));  // known, but for a value it needs
    }
  }
}

TEST_CASE("signature says what a name takes: options with ranges and defaults, and whether it wraps another") {
  const auto sgd = optim::signature("sgd");
  CHECK(!sgd.wraps);
  REQUIRE(sgd.options.size() == 6);
  CHECK(sgd.options[0].name == "lr");
  CHECK(sgd.options[0].range == "> 0");
  CHECK(sgd.options[0].value == "0.01");
  CHECK(sgd.options[3].range == "none, lookahead, reparam");
  CHECK(sgd.options[3].value == "none");
  const auto sam = optim::signature("sam");
  CHECK(sam.wraps);
  CHECK(sam.options[1].value == "2");
  for (const std::string& name : optim::names()) CHECK(!optim::signature(name).options.empty());
  CHECK_THROWS_WITH_AS(optim::signature("adum"), Contains("no optimizer 'adum', there are: "), std::invalid_argument);
}
