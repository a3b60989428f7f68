// A training in which something goes wrong on one rank: faulty FAULT RANK
// or which goes on where its file was left, however many ranks there are now, until one of them is killed:
// faulty resume FILE STEPS [RANK STEP MICROSECONDS]
// or in whose backward pass, behind the gradients of the last layers, something goes wrong on one rank, on all at first
// ("-1"), or nowhere ("-2"): faulty backward|late|backward_exit|backward_kill|memory RANK
// All exchange their gradients in small buckets, while the backward pass goes on.
#include <ravine/dist/dist.hpp>
#include <ravine/dist/evaluation.hpp>
#include <ravine/dist/messages.hpp>
#include <ravine/ravine.hpp>

#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <thread>

namespace rv = ravine;

static int rank = 0;

// From then on only the main thread has memory.
static const std::thread::id main_thread = std::this_thread::get_id();
static std::atomic<bool> no_memory = false;

void* operator new(std::size_t size) {
  if (no_memory && std::this_thread::get_id() != main_thread) throw std::bad_alloc();
  if (void* const memory = std::malloc(size + (size == 0))) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

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

// Gradients of the last layers are on their way to other ranks; a thread brings them there.
static void expect_that_some_are_sent(rv::dist::World& world, std::int64_t before) {
  for (int tests = 0; world.other_messages().sent() == before; ++tests) {
    if (tests == 100'000) throw std::runtime_error("no gradients were sent while the backward pass went on");
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

static void break_off_backward(rv::dist::World& world, const std::string& fault, int where) {
  rv::manual_seed(1);
  const auto data = rv::data::friedman1(40);
  rv::nn::Linear front(10, 750);
  rv::nn::Sequential back{rv::nn::Linear(750, 750), rv::nn::Tanh(), rv::nn::Linear(750, 750), rv::nn::Linear(750, 1)};
  rv::nn::Sequential net{front, back};
  rv::optim::SGD sgd(net.parameters(), {.lr = 1e-3});
  rv::dist::DataParallel parallel(world, net);
  auto loader = parallel.loader(data, {.batch_size = 40});
  bool breaks = false;
  std::int64_t before = 0;
  const auto go_wrong = [&](const rv::Variable& another_loss) {
    if (fault == "backward_exit") std::exit(0);
    if (fault == "backward_kill") std::raise(SIGKILL);
    if (fault == "late") return another_loss.backward();
    if (fault == "memory") {
      no_memory = true;
      return;
    }
    throw std::runtime_error("what went wrong in the backward pass");
  };
  const auto f = [&](const rv::Tensor& x, const rv::Tensor& y) {
    const rv::Variable hidden = front(x), another_loss = rv::sum(rv::square(back.parameters().back()));
    return rv::nn::mse_loss(back(rv::record("hidden", hidden.value(),
                                            {rv::Edge(hidden,
                                                      [&, another_loss](auto dy) {
                                                        if (world.size() > 1) expect_that_some_are_sent(world, before);
                                                        if (breaks) go_wrong(another_loss);
                                                        return dy;
                                                      })})),
                            y);
  };
  const auto step = [&] {
    for (const auto& batch : loader) {
      before = world.other_messages().sent();
      parallel.step(sgd, batch, f);
    }
  };
  step();
  breaks = where == -1 || where == rank;
  try {
    step();
  } catch (const std::exception&) {
    if (where != -1) throw;
    breaks = false;
    step();
  }
  if (rank == 0) std::printf("%016llx\n", static_cast<unsigned long long>(rv::dist::hash(net)));
}

// Tries once more when the loss has thrown, as somebody's own optimizer might.
class Stubborn final : public rv::optim::Elementwise<Stubborn, rv::optim::SGDOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Stubborn";
  static constexpr std::array slots = {"momentum"};
  using Rule = rv::optim::SGD::Rule;

 private:
  double advance(Closure closure) override try {
    return Elementwise::advance(closure);
  } catch (const std::runtime_error&) {
    return Elementwise::advance(closure);
  }
};

static void try_again(rv::dist::World& world) {
  rv::nn::Linear net(10, 1);
  Stubborn stubborn(net.parameters());
  rv::dist::DataParallel parallel(world, net);
  const auto f = [](const auto&, const auto&) -> rv::Variable { throw std::runtime_error("no loss"); };
  for (const auto& batch : parallel.loader(rv::data::friedman1(40), {.batch_size = 40}))
    parallel.step(stubborn, batch, f);
}

// Of a program that has one, which World is to leave to it.
static void own_handler() {
  std::fprintf(stderr, "the program's own handler\n");
  rv::detail::let_others_speak();
  std::abort();
}

static const std::terminate_handler library_handler = std::get_terminate();

static void nobody_catches() noexcept { std::vector<int>().at(static_cast<std::size_t>(rank)); }

static void expect_that_a_child_ends_alone() {
  if (fork() == 0) std::exit(3);
  int code = 0;
  wait(&code);
  if (WEXITSTATUS(code) != 3) throw std::runtime_error("a child's exit() did not end it alone");
}

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
  if (fault == "last") {
    rv::Tensor inputs = rv::zeros({1 << 24, 1});
    inputs.set({inputs.numel() - 1, 0}, here ? 1.0 : 0.0);
    data = {inputs, rv::zeros(inputs.shape())};
  }
  rv::nn::Sequential net = make_net();
  if (is("random")) rv::uniform({3});
  if (is("dataset")) data = {data.inputs() * 2.0, data.targets()};
  rv::optim::Adam adam(net.parameters(), {.lr = is("optimizer") ? 1e-3 : 1e-2});
  rv::dist::DataParallel parallel(world, net, {.shards = is("options") ? 4 : 8, .check_every = 10});
  const rv::data::DataLoaderOptions options{.batch_size = is("loader") ? 21 : 20, .shuffle = true};
  auto loader = fault == "alike" ? rv::data::DataLoader(data, options) : parallel.loader(data, options);
  rv::StateDict before;
  for (int epoch = 0; epoch < 5; ++epoch)
    for (const auto& batch : loader) {
      const bool now = adam.steps() == 7;
      if (adam.steps() == 3 && before.empty()) before = adam.state_dict();
      if (now && is("uncaught")) nobody_catches();
      if (now && is("drift")) net.parameters()[0].node()->value.set({0, 0}, 0.1);
      if (now && (is("outside") || is("caught"))) throw std::runtime_error("what went wrong outside");
      if (now && is("return")) return 1;
      if (now && is("exit")) std::exit(0);
      if (now && is("leave")) std::_Exit(0);
      if (now && is("abort")) std::abort();
      if (now && is("orphan") && fork() == 0) return static_cast<int>(sleep(30));
      if (now && is("orphan")) std::raise(SIGKILL);
      if (now && is("segv")) std::raise(SIGSEGV);
      if (now && is("term")) std::raise(SIGTERM);
      if (now && is("child")) expect_that_a_child_ends_alone();
      if (now && fault == "load") adam.load_state_dict(before);
      if (now && is("load")) net.parameters()[0].node()->value.set({0, 0}, 0.1);
      if (now && is("freeze")) net.parameters()[0].set_requires_grad(false);
      if (now && is("eval")) net.eval();
      if (now && is("clip")) adam.on_gradients([](const auto& params) { rv::optim::clip_grad_norm(params, 1e-3); });
      if (now && is("draw")) rv::uniform({3});
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

// Whether it is this process's number, before MPI has begun; "-1" is everybody's.
static bool is_rank(const std::string& number) {
  for (const char* const name : {"OMPI_COMM_WORLD_RANK", "PMI_RANK"})
    if (const char* const own = std::getenv(name)) return number == own || number == "-1";
  return false;
}

static int run(int argc, char** argv) try {
  if (argv[1] == std::string("before") && is_rank(argv[2])) std::_Exit(0);
  if (argv[1] == std::string("unseen")) {
    if (is_rank(argv[2])) return 0;
    for (const char* const count : {"MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE"}) unsetenv(count);
    rv::detail::longest_start = 1;
  }
  if (argv[1] == std::string("child")) expect_that_a_child_ends_alone();
  if (argv[1] == std::string("early") && is_rank(argv[2])) throw std::runtime_error("there is no data");
  if (argv[1] == std::string("early_kill") && is_rank(argv[2])) std::raise(SIGKILL);
  if (argv[1] == std::string("early_uncaught") && is_rank(argv[2])) {
    std::set_terminate(library_handler);
    nobody_catches();
  }
  if (argv[1] == std::string("begin") && is_rank(argv[2])) kill_in(700'000);
  if (argv[1] == std::string("begin") && !is_rank(argv[2])) sleep(2);
  rv::dist::World world(argc, argv);
  rank = world.rank();
  rv::detail::least_bucket = 512;
  const std::string fault = argv[1];
  if (fault == "resume") {
    const rv::Index steps = std::atoi(argv[3]);
    const bool dies = argc > 6 && std::atoi(argv[4]) == rank;
    resume(world, argv[2], steps, dies ? std::atoi(argv[5]) : steps, dies ? std::atoi(argv[6]) : 0);
    return 0;
  }
  if (fault.starts_with("backward") || fault == "late" || fault == "memory") {
    break_off_backward(world, fault, std::atoi(argv[2]));
    return 0;
  }
  if (fault == "again") {
    try_again(world);
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

int main(int argc, char** argv) {
  std::set_terminate(own_handler);
  const int code = run(argc, argv);
  if (std::get_terminate() != own_handler) {
    std::fprintf(stderr, "[%d] the handler of std::terminate is not put back\n", rank);
    return 1;
  }
  return argv[1] == std::string("after") && rank == std::atoi(argv[2]) ? 3 : code;
}
