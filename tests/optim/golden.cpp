#include "golden.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <stdexcept>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>

#include "golden_optimizers.hpp"

namespace golden {

namespace rv = ravine;
using rv::Index;

namespace {

double largest(const std::vector<double>& x) {
  double most = 0.0;
  for (const double value : x) most = std::max(most, std::abs(value));
  return most;
}

/// Notes how far numbers are from what they should be.
class Judge {
 public:
  explicit Judge(Report& report) : report_(report) {}

  /// The tolerance of x is absolute + relative |x|. Infinitely far if anything is NaN.
  void compare(const std::string& what, double got, double expected, double absolute, double relative) {
    const double tolerance = absolute + relative * std::abs(expected);
    const double off = got == expected ? 0.0 : std::abs(got - expected) / tolerance;
    const double units = std::isnan(off) ? std::numeric_limits<double>::infinity() : off;
    report_.worst = std::max(report_.worst, units);
    if (units <= 1.0 || !message_.empty()) return;
    message_ = what + ": " + std::to_string(got) + ", expected " + std::to_string(expected) + ", off by " +
               std::to_string(units) + " tolerances";
  }
  void compare(const std::string& what, const std::vector<double>& got, const std::vector<double>& expected,
               double absolute, double relative) {
    if (got.size() != expected.size() && message_.empty()) message_ = what + ": another number of values";
    for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i)
      compare(what + "[" + std::to_string(i) + "]", got[i], expected[i], absolute, relative);
  }

  /// A case is over.
  void finish(const std::string& name) {
    ++report_.ran;
    if (message_.empty())
      ++report_.passed;
    else
      report_.failures.push_back(name + ": " + message_);
  }

 private:
  Report& report_;
  std::string message_;
};

/// The shapes of the Variables that a case's numbers are cut into.
std::vector<rv::Shape> parameter_shapes(const Json& c, const Settings& settings) {
  const rv::Shape whole = shape_of(c.at("shape"));
  if (settings.split && depends_on_shape(c)) throw NotExpressible("in two parameters");
  if (settings.split) return {{1}, {whole.numel() - 1, 1}};
  if (!c.contains("parameters")) return {whole};
  std::vector<rv::Shape> shapes;
  for (const Json& shape : c.at("parameters")) shapes.push_back(shape_of(shape));
  return shapes;
}

/// A case of a trajectory file, under way.
class Run {
 public:
  Run(const Json& file, const Json& one_case, const Json& functions, const Settings& settings)
      : case_(one_case),
        shape_(shape_of(one_case.at("shape"))),
        loss_(loss_of(find_function(file, functions, one_case.at("function").get<std::string>()), settings.dtype)) {
    const rv::Tensor start = tensor_of(case_.at("start"), {shape_.numel()}, settings.dtype);
    Index next = 0;
    for (const rv::Shape& shape : parameter_shapes(case_, settings)) {
      params_.push_back(rv::parameter(start.slice(0, next, next + shape.numel()).clone().reshape(shape)));
      next += shape.numel();
    }
    make();
  }

  void update() {
    const Index t = optimizer_->steps();
    const Json& options = case_.at("options");
    const double base =
        (options.contains("base_options") ? options.at("base_options") : options).at("lr").get<double>();
    optimizer_->set_lr_factor(lr_factor(case_.at("schedule"), base, t));
    const Json& batches = case_.at("batches");
    const Batch batch =
        batches.is_null() ? Batch() : batches.at(static_cast<std::size_t>(t) % batches.size()).get<Batch>();
    optimizer_->step([&] {
      const rv::Variable at = theta();
      const Json& g = case_.at("regularizer");
      return g.is_null() ? loss_(at, batch) : loss_(at, batch) + regularizer(g, at);
    });
  }

  /// Goes on with a new optimizer that has loaded the present one's state.
  void reload() {
    const rv::StateDict state = optimizer_->state_dict();
    make();
    optimizer_->load_state_dict(state);
  }

  rv::Variable theta() const {
    if (params_.size() == 1) return params_[0].reshape(shape_);
    Params flat;
    for (const rv::Variable& p : params_) flat.push_back(p.reshape({p.numel()}));
    return rv::concat(flat, 0).reshape(shape_);
  }
  /// The values to evaluate with, flat.
  std::vector<double> average() const {
    std::vector<double> flat;
    for (const rv::Tensor& part : optimizer_->averages())
      for (const double x : part.to_vector<double>()) flat.push_back(x);
    return flat;
  }
  /// On all examples, without the regularizer.
  double loss() const { return loss_(theta(), {}).item(); }

 private:
  void make() {
    optimizer_ = make_optimizer(case_, params_);
    const Json& clipping = case_.at("clipping");
    if (!clipping.is_null()) optimizer_->on_gradients([&clipping](const Params& params) { clip(clipping, params); });
  }

  const Json& case_;
  rv::Shape shape_;
  Loss loss_;
  Params params_;
  std::unique_ptr<rv::optim::Optimizer> optimizer_;
};

void check_trajectory(const Json& file, const Json& c, const Json& functions, const Settings& settings,
                      Report& report) {
  Run run(file, c, functions, settings);
  const bool single = settings.dtype == rv::f32;
  // Where n updates take rounding of 1e-16 to a tenth of 1e-10, 3/8 n take 6e-8 to a tenth of 5e-5. Files of other
  // libraries have cases of so few updates.
  const int steps = c.at("reliable_steps").get<int>(), in_single = c.contains("peer") ? 3 * steps / 8 : steps;
  const int reliable = single ? std::min(20, in_single) : steps;
  const double loss_scale =
      file.at("loss_atol").get<double>() * std::max(1.0, std::abs(c.at("start_loss").get<double>()));
  Judge judge(report);
  int done = 0;
  for (std::size_t i = 0; i < c.at("record_at").size(); ++i) {
    const int at = c.at("record_at")[i].get<int>();
    if (at > reliable) break;
    for (; done < at; ++done) run.update();
    const std::vector<double> expected = numbers(c.at("trajectory")[i]);
    const double scale = std::max(1.0, largest(expected));
    const std::vector<double> theta = run.theta().value().to_vector<double>();
    const double average_scale = c.contains("average") ? std::max(1.0, largest(numbers(c.at("average")[i]))) : 0.0;
    const std::string after = " after " + std::to_string(at) + " updates";
    if (single) {
      judge.compare("theta" + after, theta, expected, 5e-5 * scale, 0.0);
      continue;
    }
    if (c.contains("average"))
      judge.compare("average" + after, run.average(), numbers(c.at("average")[i]),
                    file.at("theta_atol").get<double>() * average_scale, file.at("theta_rtol").get<double>());
    judge.compare("theta" + after, theta, expected, file.at("theta_atol").get<double>() * scale,
                  file.at("theta_rtol").get<double>());
    judge.compare("loss" + after, run.loss(), c.at("loss")[i].get<double>(), loss_scale,
                  file.at("loss_rtol").get<double>());
  }
  judge.finish(c.at("id").get<std::string>());
}

/// Gradient descent against the powers of a matrix, on the scale of the largest theta so far.
void check_closed_form(const Json& file, const Json& c, const Json& functions, Report& report) {
  const rv::Variable theta =
      rv::parameter(tensor_of(c.at("start"), {static_cast<Index>(c.at("start").size())}, rv::f64));
  const Loss loss = loss_of(find_function(file, functions, c.at("function").get<std::string>()), rv::f64);
  rv::optim::SGD sgd({theta}, {.lr = c.at("alpha").get<double>()});
  Judge judge(report);
  double scale = largest(numbers(c.at("start")));
  for (std::size_t i = 0; i < c.at("record_at").size(); ++i) {
    while (sgd.steps() < c.at("record_at")[i].get<Index>()) sgd.step([&] { return loss(theta, {}); });
    const std::vector<double> expected = numbers(c.at("trajectory")[i]);
    scale = std::max(scale, largest(expected));
    judge.compare("theta after " + std::to_string(sgd.steps()), theta.value().to_vector<double>(), expected,
                  1e-12 * scale, 0.0);
  }
  judge.finish(c.at("id").get<std::string>());
}

/// Values and first and second derivatives of a test function.
void check_function(const Json& file, const Json& function, Report& report) {
  const Loss loss = loss_of(function, rv::f64);
  const rv::Shape shape = shape_of(function.at("shape"));
  Judge judge(report);
  const auto compare = [&](const char* what, const rv::Tensor& got, const Json& expected) {
    const std::vector<double> values = numbers(expected);
    judge.compare(what, got.to_vector<double>(), values, file.at("atol").get<double>() * std::max(1.0, largest(values)),
                  file.at("rtol").get<double>());
  };
  const auto check_first = [&](const Json& point, const Batch& batch) {
    const rv::Variable x = rv::parameter(tensor_of(point.at("x"), shape, rv::f64));
    const rv::Variable value = loss(x, batch);
    compare("value", value.value(), point.at("value"));
    compare("gradient", rv::grad(value, {x})[0].value(), point.at("grad"));
  };
  for (const Json& point : function.at("points")) {
    check_first(point, {});
    const auto f = [&](const rv::Variable& x) { return loss(x, {}); };
    const rv::Tensor x = tensor_of(point.at("x"), shape, rv::f64), z = tensor_of(point.at("z"), shape, rv::f64);
    compare("Hessian", rv::hessian(f, x), point.at("hess"));
    compare("hvp", rv::hvp(f, x, z), point.at("hvp"));
  }
  for (const Json& point : function.value("per_batch", Json::array())) check_first(point, point.at("idx").get<Batch>());
  judge.finish(function.at("name").get<std::string>());
}

void check_schedule(const Json& file, const Json& c, Report& report) {
  const auto base = c.at("base_lr").get<double>();
  std::vector<double> rates;
  for (std::size_t t = 0; t < c.at("lr").size(); ++t)
    rates.push_back(base * lr_factor(c.at("schedule"), base, c.at("t0").get<Index>() + static_cast<Index>(t)));
  Judge judge(report);
  judge.compare("lr", rates, numbers(c.at("lr")), 0.0, file.at("rtol").get<double>());
  judge.finish(c.at("id").get<std::string>());
}

void check_clipping(const Json& file, const Json& c, Report& report) {
  const rv::Tensor g = tensor_of(c.at("g"), {static_cast<Index>(c.at("g").size())}, rv::f64);
  const rv::Variable p = rv::parameter(rv::zeros_like(g));
  p.set_grad(g);
  clip(c, {p});
  Judge judge(report);
  judge.compare("g", p.grad().to_vector<double>(), numbers(c.at("out")), 0.0, file.at("rtol").get<double>());
  judge.finish(c.dump());
}

void check_regularizer(const Json& file, const Json& c, Report& report) {
  const Index n = static_cast<Index>(c.at("theta").size());
  const rv::Variable theta = rv::parameter(tensor_of(c.at("theta"), {n}, rv::f64));
  const rv::Variable value = regularizer(c.at("regularizer"), theta);
  const auto rtol = file.at("rtol").get<double>();
  Judge judge(report);
  judge.compare("value", value.item(), c.at("value").get<double>(), 0.0, rtol);
  judge.compare("gradient", rv::grad(value, {theta})[0].value().to_vector<double>(), numbers(c.at("grad")), 0.0, rtol);
  judge.finish(c.dump());
}

/// SAM's e, from a loss whose gradient is g everywhere: the second evaluation is at e.
void check_perturbation(const Json& file, const Json& c, Report& report) {
  const std::vector<double> expected = numbers(c.at("e"));
  const rv::Tensor g = tensor_of(c.at("g"), {static_cast<Index>(expected.size())}, rv::f64);
  const rv::Variable w = rv::parameter(rv::zeros_like(g));
  const double p = c.at("p") == "inf" ? std::numeric_limits<double>::infinity() : c.at("p").get<double>();
  rv::optim::SAM sam(std::make_unique<rv::optim::SGD>(Params{w}), {.rho = c.at("rho").get<double>(), .p = p});
  std::vector<double> e;
  sam.step([&] {
    e = w.value().to_vector<double>();
    return rv::sum(w * g);
  });
  Judge judge(report);
  judge.compare("e", e, expected, 0.0, file.at("rtol").get<double>());
  judge.finish(c.dump());
}

const char* const trajectories = "ravine-golden-trajectories/1";
const char* const closed_form = "ravine-golden-closed-form/1";
const char* const test_functions = "ravine-golden-functions/1";
const char* const schedules = "ravine-golden-schedules/1";
const char* const clippings = "ravine-golden-clipping/1";
const char* const regularizers = "ravine-golden-regularizers/1";
const char* const perturbations = "ravine-golden-sam/1";

void check_case(const std::string& schema, const Json& file, const Json& c, const Json& functions,
                const Settings& settings, Report& report) {
  if (schema == trajectories) return check_trajectory(file, c, functions, settings, report);
  if (schema == closed_form) return check_closed_form(file, c, functions, report);
  if (schema == test_functions) return check_function(file, c, report);
  if (schema == schedules) return check_schedule(file, c, report);
  if (schema == clippings) return check_clipping(file, c, report);
  if (schema == regularizers) return check_regularizer(file, c, report);
  if (schema == perturbations) return check_perturbation(file, c, report);
  throw Unknown("schema", schema,
                {trajectories, closed_form, test_functions, schedules, clippings, regularizers, perturbations});
}

}  // namespace

Json read_json(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot open " + path);
  try {
    return Json::parse(in);
  } catch (const Json::exception& e) {
    throw std::runtime_error(path + ": " + e.what());
  }
}

bool depends_on_shape(const Json& c) {
  return c.contains("parameters") || c.at("optimizer") == "factored_adam" || c.at("options").value("block", 1) > 1;
}

Report check_file(const Json& file, const Json& functions, const Settings& settings) {
  Report report;
  const auto schema = file.at("schema").get<std::string>();
  for (const Json& c : file.at(schema == test_functions ? "functions" : "cases")) {
    ++report.cases;
    try {
      check_case(schema, file, c, functions, settings, report);
    } catch (const NotExpressible& e) {
      ++report.not_expressible[e.what()];
    } catch (const Unknown& e) {
      ++report.unknown[e.what()];
    } catch (const std::exception& e) {
      report.failures.push_back(c.value("id", "case " + std::to_string(report.cases)) + ": " + e.what());
    }
  }
  return report;
}

bool survives_reload(const Json& file, const Json& one_case, const Json& functions, const Settings& settings,
                     int steps) {
  Run straight(file, one_case, functions, settings), stopped(file, one_case, functions, settings);
  for (int t = 0; t < std::min(40, one_case.at("steps").get<int>()); ++t) {
    if (t == steps) stopped.reload();
    straight.update();
    stopped.update();
    if (!rv::bitwise_equal(straight.theta().value(), stopped.theta().value())) return false;
  }
  return true;
}

}  // namespace golden
