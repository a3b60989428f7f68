// All optimizers race on Beale's function to its minimum 0 at (3, 0.5): race_on_beale [PICTURE [STARTS]]
// Each with the best of seven rates. The lectures say that AdaGrad, RMSProp and AdaDelta head straight for the minimum,
// while momentum overshoots and returns. So beside the steps stand the detour, the length of the path over the distance
// between its ends, and the way back: how far all steps that lead away from the minimum do so, over the same distance.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <iterator>
#include <string>
#include <vector>

namespace rv = ravine;
namespace report = rv::report;
using rv::landscapes::beale;

namespace {

struct Contender {
  const char *name, *optimizer;
  double rate;  // in the middle of those that are tried
  bool adaptive;
};

const Contender contenders[] = {
    {"SGD", "sgd", 0.03, false},
    {"momentum", "sgd:momentum=0.9", 0.01, false},
    {"Nesterov", "sgd:momentum=0.9,nesterov=lookahead", 0.01, false},
    {"AdaGrad", "adagrad", 1, true},
    {"RMSProp", "rmsprop", 0.1, true},
    {"AdaDelta", "adadelta", 30, true},
    {"Adam", "adam", 0.1, true},
    {"AdamW", "adamw:weight_decay=1e-4", 0.1, true},
    {"AdaBelief", "adabelief", 0.1, true},
    {"AdaHessian", "adahessian", 0.3, true},
};

struct Race {
  double rate = 0.0;
  bool arrived = false;
  std::vector<rv::Tensor> path;

  int steps() const { return static_cast<int>(path.size()) - 1; }
  static double between(const rv::Tensor& a, const rv::Tensor& b) { return rv::norm(a - b).item(); }
  double detour() const {
    double length = 0.0;
    for (std::size_t t = 1; t < path.size(); ++t) length += between(path[t], path[t - 1]);
    return length / between(path.back(), path.front());
  }
  double way_back() const {
    const rv::Tensor minimum = rv::tensor({3.0, 0.5}, rv::f64);
    double away = 0.0;
    for (std::size_t t = 1; t < path.size(); ++t)
      away += std::fmax(0.0, between(path[t], minimum) - between(path[t - 1], minimum));
    return away / between(path.back(), path.front());
  }
};

// Until the loss is 1e-4 of that at the start.
Race run(const std::string& optimizer, double rate, const rv::Tensor& start) {
  rv::manual_seed(1);  // for AdaHessian, which draws random numbers
  const rv::Variable theta = rv::parameter(start.clone());
  char lr[32];
  std::snprintf(lr, sizeof lr, "%clr=%g", optimizer.find(':') == std::string::npos ? ':' : ',', rate);
  const auto o = rv::optim::make(optimizer + lr, {theta});
  Race race{rate, false, {start}};
  const double first = beale(start).item();
  for (double loss = first; !race.arrived && loss < 1e6 && o->steps() < 500; race.arrived = loss <= 1e-4 * first) {
    o->step([&] { return beale(theta); });
    loss = beale(theta.value()).item();
    race.path.push_back(theta.value().clone());
  }
  return race;
}

Race best_of_rates(const Contender& contender, const rv::Tensor& start) {
  Race best;
  for (const double factor : {0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0}) {
    Race race = run(contender.optimizer, factor * contender.rate, start);
    if (race.arrived && (!best.arrived || race.steps() < best.steps())) best = std::move(race);
  }
  return best;
}

struct Tally {
  std::vector<double> steps, detours, ways_back;
  int straighter = 0;  // than momentum from the same start

  static double median(const std::vector<double>& values) {
    return values.empty()
               ? NAN
               : rv::sort(rv::tensor(values, rv::f64)).values.at({static_cast<rv::Index>(values.size() / 2)});
  }
};

report::Contour panel(const char* title, report::Limits x, report::Limits y, int arrows) {
  auto contour = report::contour(beale, {.title = title, .x_limits = x, .y_limits = y, .arrows = arrows});
  contour.start(rv::tensor({1, 1}, rv::f64)).minimum(rv::tensor({3.0, 0.5}, rv::f64));
  return contour;
}

}  // namespace

int main(int argc, char** argv) try {
  std::puts("from (1, 1)      rate   steps   detour   way back");
  const auto all = panel("Beale’s function", {-4.5, 4.5}, {-4.5, 4.5}, 14);
  auto plain = panel("One rate for all elements", {0.5, 3.5}, {-1.5, 1.5}, 0),
       adaptive = panel("A rate for each element", {0.5, 3.5}, {-1.5, 1.5}, 0);
  for (const Contender& contender : contenders) {
    const Race race = best_of_rates(contender, rv::tensor({1, 1}, rv::f64));
    std::printf("%-12s %8g %7d %8.2f %10.2f\n", contender.name, race.rate, race.steps(), race.detour(),
                race.way_back());
    (contender.adaptive ? adaptive : plain).path(race.path, contender.name);
  }

  const int starts = argc > 2 ? std::stoi(argv[2]) : 20;
  rv::Generator generator(1);
  std::vector<Tally> tallies(std::size(contenders));
  for (int k = 0; k < starts; ++k) {
    const rv::Tensor start = rv::tensor({-1, -1}, rv::f64) + rv::uniform({2}, 0.0, 2.5, rv::f64, generator);
    const Race momentum = best_of_rates(contenders[1], start);
    for (std::size_t i = 0; i < tallies.size(); ++i) {
      const Race race = best_of_rates(contenders[i], start);
      if (!race.arrived) continue;
      tallies[i].steps.push_back(race.steps());
      tallies[i].detours.push_back(race.detour());
      tallies[i].ways_back.push_back(race.way_back());
      tallies[i].straighter += !momentum.arrived || race.detour() < momentum.detour();
    }
  }
  std::printf("\nfrom %d starts   arrives   medians: steps   detour   way back   straighter than momentum\n", starts);
  for (std::size_t i = 0; i < tallies.size(); ++i) {
    const Tally& t = tallies[i];
    std::printf("%-15s %8d %16.0f %8.2f %10.2f %26d\n", contenders[i].name, static_cast<int>(t.steps.size()),
                Tally::median(t.steps), Tally::median(t.detours), Tally::median(t.ways_back), t.straighter);
  }
  if (argc > 1) report::save_grid(argv[1], {all, plain, adaptive}, 3);
} catch (const std::exception& e) {
  std::fprintf(stderr, "race_on_beale: %s\n", e.what());
  return 1;
}
