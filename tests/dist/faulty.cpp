// A training in which something goes wrong on one rank: faulty FAULT RANK
// or which goes on where its file was left, however many ranks there are now, until one of them is killed:
// faulty resume FILE STEPS [RANK STEP MICROSECONDS]
// or whose gradients are exchanged while the backward pass goes on, which breaks off on one rank, on all at first
// ("-1"), or nowhere ("-2"): faulty backward RANK
#include <ravine/dist/dist.hpp>
#include <ravine/ravine.hpp>

#include <sys/time.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace rv = ravine;

static int rank = 0;

static rv::nn::Sequential make_net() {
  return {rv::nn::Linear(10, 24), rv::nn::BatchNorm1d(24), rv::nn::ReLU(), rv::nn::Dropout(0.1), rv::nn::Linear(24, 1)};
}

// Kills this process, so many microseconds from now on.
static void kill_in(int microseconds) {
  const itimerval until{{0, 0}, {0, microseconds}};
  setitimer(ITIMER_REAL, &until, nullptr);
}

static void resume(rv::dist::World& world, const std::string& file, rv::Index steps, rv::Index last, int microseconds) {
  rv::manual_seed(1);
  const auto data = rv::data::friedman1(300);
  rv::nn::Sequential net = make_net();
  rv::optim::Adam adam(net.parameters(), {.lr = 1e-2});
  rv::dist::DataParallel parallel(world, net);
  auto loader = parallel.loader(data, {.batch_size = 32, .shuffle = true});
  if (std::filesystem::exists(file)) rv::train::load_checkpoint(file, net, adam, loader);
  while (adam.steps() < steps)
    for (const auto& batch : loader) {
      if (adam.steps() == steps) break;
      if (adam.steps() >= last) {
        kill_in(microseconds);
        last = steps;
      }
      parallel.step(adam, batch, [&](const rv::Tensor& x, const rv::Tensor& y) { return rv::nn::mse_loss(net(x), y); });
      if (world.rank() == 0 && adam.steps() % 10 == 0) rv::train::save_checkpoint(file, net, adam, loader);
    }
  if (world.rank() == 0) std::printf("%016llx\n", static_cast<unsigned long long>(rv::dist::hash(net)));
}

// Breaks off behind the gradients of the last layers, which are on their way to other ranks then.
static void break_off_backward(rv::dist::World& world, int where) {
  rv::manual_seed(1);
  const auto data = rv::data::friedman1(40);
  rv::nn::Linear front(10, 750);
  rv::nn::Sequential back{rv::nn::Linear(750, 750), rv::nn::Tanh(), rv::nn::Linear(750, 750), rv::nn::Linear(750, 1)};
  rv::nn::Sequential net{front, back};
  rv::optim::SGD sgd(net.parameters(), {.lr = 1e-3});
  rv::dist::DataParallel parallel(world, net);
  auto loader = parallel.loader(data, {.batch_size = 40});
  bool breaks = false;
  const auto f = [&](const rv::Tensor& x, const rv::Tensor& y) {
    const rv::Variable hidden = front(x);
    return rv::nn::mse_loss(
        back(rv::record("hidden", hidden.value(),
                        {rv::Edge(hidden,
                                  [&](auto dy) {
                                    if (breaks) throw std::runtime_error("what went wrong in the backward pass");
                                    return dy;
                                  })})),
        y);
  };
  const auto step = [&] {
    for (const auto& batch : loader) parallel.step(sgd, batch, f);
  };
  step();
  breaks = where == -1 || where == rank;
  try {
    step();
  } catch (const std::runtime_error&) {
    if (where != -1) throw;
    breaks = false;
    step();
  }
  if (rank == 0) std::printf("%016llx\n", static_cast<unsigned long long>(rv::dist::hash(net)));
}

static void nobody_catches() noexcept { std::vector<int>().at(static_cast<std::size_t>(rank)); }

static int train(rv::dist::World& world, const std::string& fault, bool here) {
  const auto is = [&](const char* name) { return here && fault == name; };
  if (fault == "isa" && !rv::supported(rv::Isa::v3)) throw std::runtime_error("only one here");
  if (is("isa")) setenv("RAVINE_ISA", "baseline", 1);
  rv::manual_seed(is("seed") ? 2 : 1);
  rv::data::TensorDataset data = rv::data::friedman1(100);
  if (is("row")) {
    rv::Tensor inputs = data.inputs().clone();
    inputs.set({57, 3}, 0.5);
    data = {inputs, data.targets()};
  }
  rv::nn::Sequential net = make_net();
  if (is("random")) rv::uniform({3});
  if (is("dataset")) data = {data.inputs() * 2.0, data.targets()};
  rv::optim::Adam adam(net.parameters(), {.lr = is("optimizer") ? 1e-3 : 1e-2});
  rv::dist::DataParallel parallel(world, net, {.shards = is("options") ? 4 : 8, .check_every = 10});
  auto loader = parallel.loader(data, {.batch_size = is("loader") ? 21 : 20, .shuffle = true});
  for (int epoch = 0; epoch < 5; ++epoch)
    for (const auto& batch : loader) {
      const bool now = adam.steps() == 7;
      if (now && is("uncaught")) nobody_catches();
      if (now && is("drift")) net.parameters()[0].node()->value.set({0, 0}, 0.1);
      if (now && (is("outside") || is("caught"))) throw std::runtime_error("what went wrong outside");
      if (now && is("return")) return 1;
      if (now && is("exit")) std::exit(0);
      if (now && is("leave")) std::_Exit(0);
      if (now && is("eval")) net.eval();
      if (now && is("clip")) adam.on_gradients([](const auto& params) { rv::optim::clip_grad_norm(params, 1e-3); });
      if (now && is("skip")) continue;
      const auto f = [&](const rv::Tensor& x, const rv::Tensor& y) {
        if (now && is("kill")) std::raise(SIGKILL);
        if (now && is("throw")) throw std::runtime_error("what went wrong here");
        rv::Variable hidden = net(x);
        if (now && is("midst")) throw std::runtime_error("what went wrong behind it");
        return rv::nn::mse_loss(hidden, y);
      };
      if (now && is("rows"))
        parallel.step(adam, {rv::zeros({1, 10}), rv::zeros({1, 1})}, f);
      else
        parallel.step(adam, batch, f);
    }
  return 0;
}

int main(int argc, char** argv) try {
  rv::dist::World world(argc, argv);
  rank = world.rank();
  const std::string fault = argv[1];
  if (fault == "resume") {
    const rv::Index steps = std::atoi(argv[3]);
    const bool dies = argc > 6 && std::atoi(argv[4]) == rank;
    resume(world, argv[2], steps, dies ? std::atoi(argv[5]) : steps, dies ? std::atoi(argv[6]) : 0);
    return 0;
  }
  if (fault == "backward") {
    break_off_backward(world, std::atoi(argv[2]));
    return 0;
  }
  const bool here = rank == std::atoi(argv[2]);
  if (fault != "caught") return train(world, fault, here);
  try {
    return train(world, fault, here);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "[%d] %s\n", rank, e.what());
    return 1;
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "[%d] %s\n", rank, e.what());
  return 1;
}
