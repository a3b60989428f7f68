// Trainings on however many ranks it was started, each with its hash on a line: runs [BYTES [WORD OF A NAME]]
// Gradients are exchanged in buckets of BYTES, the usual ones if it is 0. same_bits compares the lines of one process
// with those of several.
#include <ravine/dist/dist.hpp>
#include <ravine/dist/evaluation.hpp>
#include <ravine/ravine.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace rv = ravine;
using rv::dist::DataParallel;
using rv::nn::Linear;

namespace {

rv::dist::World* world;
const char* wanted = "";

void report(const char* name, std::uint64_t hash, double loss) {
  if (world->rank() == 0) std::printf("%-24s %016llx %.17g\n", name, static_cast<unsigned long long>(hash), loss);
}

rv::nn::Sequential normalized_net(rv::Index in, rv::Index out) {
  return {Linear(in, 48), rv::nn::BatchNorm1d(48), rv::nn::ReLU(), rv::nn::Dropout(0.3),
          Linear(48, 33), rv::nn::BatchNorm1d(33), rv::nn::Tanh(), Linear(33, out)};
}
rv::nn::Sequential plain_net(rv::Index in, rv::Index out) {
  return {Linear(in, 40), rv::nn::Tanh(), rv::nn::Dropout(0.1), Linear(40, out)};
}

struct Setup {
  rv::dist::DataParallelOptions options = {};
  rv::data::DataLoaderOptions loader = {.batch_size = 50, .shuffle = true};
  int steps = 12;
  rv::optim::Schedule schedule = [](rv::Index) { return 1.0; };
};

// Trains a net by an optimizer of its parameters.
template <class MakeNet, class MakeOptimizer>
void train(const char* name, const rv::data::Dataset& data, MakeNet make_net, MakeOptimizer make, Setup setup = {}) {
  if (!std::strstr(name, wanted)) return;
  rv::manual_seed(3);
  rv::nn::Sequential net = make_net();
  auto optimizer = make(net);
  DataParallel parallel(*world, net, setup.options);
  auto loader = parallel.loader(data, setup.loader);
  rv::optim::ExponentialMovingAverage average(net.parameters(), 0.9);
  double loss = 0.0;
  while (optimizer->steps() < setup.steps)
    for (const auto& batch : loader) {
      optimizer->set_lr_factor(setup.schedule(optimizer->steps()));
      loss = parallel.step(*optimizer, batch,
                           [&](const rv::Tensor& x, const rv::Tensor& y) { return rv::nn::mse_loss(net(x), y); });
      average.update();
      if (optimizer->steps() == setup.steps) break;
    }
  std::uint64_t h = rv::dist::hash(net);
  for (const rv::Tensor& a : average.averages()) h = rv::detail::hash({{"average", a}}, h);
  report(name, h + rv::default_generator().position(), loss);
}

template <class O, class Options>
auto by(Options options) {
  return [options](const rv::nn::Sequential& net) { return std::make_unique<O>(net.parameters(), options); };
}
auto adam() { return by<rv::optim::Adam>(rv::optim::AdamOptions{.lr = 1e-2}); }

// An example is another one each time, but the same on any rank.
struct Noisy {
  rv::data::TensorDataset rows;
  rv::Index size() const { return rows.size(); }
  rv::data::Example get(rv::Index i) const {
    const auto [input, target] = rows.get(i);
    return {input + rv::randn(input.shape()) * 0.1, target};
  }
};

void optimizers(const rv::data::Dataset& data) {
  const auto net = [] { return normalized_net(10, 1); };
  train("sgd", data, net, by<rv::optim::SGD>(rv::optim::SGDOptions{.lr = 1e-3, .momentum = 0.9}));
  train("adam", data, net, adam());
  train("sam", data, net, [](const rv::nn::Sequential& n) {
    return std::make_unique<rv::optim::SAM>(
        std::make_unique<rv::optim::Adam>(n.parameters(), rv::optim::AdamOptions{.lr = 1e-2}), rv::optim::SAMOptions{});
  });
  train("lookahead", data, net, [](const rv::nn::Sequential& n) {
    return std::make_unique<rv::optim::Lookahead>(
        std::make_unique<rv::optim::Adam>(n.parameters(), rv::optim::AdamOptions{.lr = 1e-2}),
        rv::optim::LookaheadOptions{});
  });
  train("lbfgs", data, net, by<rv::optim::LBFGS>(rv::optim::LBFGSOptions{}), {.steps = 4});
  train(
      "adahessian", data, [] { return plain_net(10, 1); },
      by<rv::optim::AdaHessian>(rv::optim::AdaHessianOptions{.samples = 2}));
  train("schedule", data, net, adam(), {.schedule = rv::optim::warmup(3, rv::optim::cosine({.total_steps = 12}))});
  train("clipped", data, net, [](const rv::nn::Sequential& n) {
    auto sgd = std::make_unique<rv::optim::SGD>(n.parameters(), rv::optim::SGDOptions{.lr = 1e-2});
    sgd->on_gradients([](const auto& params) { rv::optim::clip_grad_norm(params, 1.0); });
    return sgd;
  });
}

void batches(const rv::data::Dataset& data) {
  const auto net = [] { return normalized_net(10, 1); };
  for (const rv::Index shards : {1, 2, 4, 16, 64})
    train(("shards " + std::to_string(shards)).c_str(), data, net, adam(), {.options = {.shards = shards}});
  train("5 rows in a batch", data, net, adam(), {.loader = {.batch_size = 5, .shuffle = true}});
  train("3 rows in 64 shards", data, net, adam(), {.options = {.shards = 64}, .loader = {.batch_size = 3}});
  train("3 rows in 8 shards", data, net, adam(), {.loader = {.batch_size = 3}});
  train("each shard's moments", data, net, adam(), {.options = {.shards = 4, .sync_batch_norm = false}});
  train("prefetch", data, net, adam(), {.loader = {.batch_size = 32, .shuffle = true, .prefetch = 2}});
  rv::Generator generator(5);
  const auto weights = rv::uniform({data.size()}, 0.0, 1.0, generator);
  train("sampler of own examples", Noisy{*data.rows()}, net, adam(),
        {.loader = {.batch_size = 17, .seed = 4, .sampler = rv::data::weighted_sampler(weights, 200)}});
  const std::string file = std::string(std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "/tmp") + "/ravine_dist_x" +
                           std::to_string(world->rank()) + ".npy";
  rv::data::write_npy(file, data.rows()->inputs());
  train("a mapped file", {rv::data::map_npy(file), data.rows()->targets()}, net, adam());
  std::remove(file.c_str());
}

// Moves its buffer whenever it is called, if the loss is evaluated again as well.
struct Centred final : rv::nn::Module {
  rv::Variable mean = register_buffer("mean", rv::zeros({1, 10}));
  rv::Variable forward(const rv::Variable& x) override {
    mean.set_value(mean.value() * 0.9 + rv::mean(x.value(), 0, true) * 0.1);
    return x - mean.value();
  }
};

void nets(const rv::data::Dataset& data) {
  train(
      "f64", {data.rows()->inputs().to(rv::f64), data.rows()->targets().to(rv::f64)},
      [] {
        rv::nn::Sequential net = normalized_net(10, 1);
        net.to(rv::f64);
        return net;
      },
      adam());
  train(
      "two types", data,
      [] {
        struct Both final : rv::nn::Module {
          Linear in{10, 8}, out{8, 1};
          Both() {
            out.to(rv::f64);
            register_module("in", in);
            register_module("out", out);
          }
          rv::Variable forward(const rv::Variable& x) override { return out(in(x).to(rv::f64)).to(rv::f32); }
        };
        return rv::nn::Sequential{Both()};
      },
      adam());
  train(
      "moved by its own layer", data,
      [] {
        return rv::nn::Sequential{Centred(), plain_net(10, 1)};
      },
      adam());
  train(
      "wide", data, [] { return plain_net(10, 1); }, adam());
  train("large", data,
        [] {
          return rv::nn::Sequential{Linear(10, 700), rv::nn::ReLU(), Linear(700, 50), Linear(50, 1)};
        },
        adam(), {.steps = 5});
  train("exchanged meanwhile", data,
        [] {
          return rv::nn::Sequential{Linear(10, 750),  rv::nn::Tanh(),           Linear(750, 750), rv::nn::Dropout(0.2),
                                    Linear(750, 720), rv::nn::BatchNorm1d(720), Linear(720, 1)};
        },
        adam(), {.steps = 4});
  train(
      "frozen", data,
      [] {
        rv::nn::Sequential net = plain_net(10, 1);
        net.parameters()[1].set_requires_grad(false);
        net.parameters()[2].set_requires_grad(false);
        return net;
      },
      adam());
}

// Shards of some rows leave a parameter out; others have a gradient for it.
void partly_used(const rv::data::Dataset& data) {
  if (!std::strstr("partly used", wanted)) return;
  rv::manual_seed(3);
  Linear usual(10, 1), rare(10, 1), never(10, 1);
  rv::nn::Sequential all{usual, rare, never};
  rv::optim::Adam adam(all.parameters(), {.lr = 1e-2});
  DataParallel parallel(*world, all);
  auto loader = parallel.loader(data, {.batch_size = 24, .shuffle = true});
  double loss = 0.0;
  for (const auto& batch : loader)
    loss = parallel.step(adam, batch, [&](const rv::Tensor& x, const rv::Tensor& y) {
      return rv::nn::mse_loss(x.at({0, 0}) > 0.7 ? usual(x) + rare(x) : usual(x), y);
    });
  if (never.parameters()[0].grad().defined()) loss = -1.0;
  report("partly used", rv::dist::hash(all), loss);
}

// Sums alone, of no, few and very many numbers.
void sums() {
  if (!std::strstr("sums", wanted)) return;
  std::uint64_t h = 0;
  for (const rv::Index numel : {0, 1, 2, 5, 10'007, (1 << 24) + 3}) {
    const rv::detail::Cut cut{2, numel > 1 << 24 ? 2 : 8, world->size()};  // of eight shards two have a row
    std::vector<rv::detail::Subtree> nodes;
    for (rv::Index s = cut.shard(world->rank()); s < cut.shard(world->rank() + 1); ++s) {
      rv::Generator generator(static_cast<std::uint64_t>(s));
      rv::detail::Subtree shard{s, 1, {}};
      if (!cut.empty(s, 1)) shard.sums = {rv::uniform({numel}, 0.0, 1.0, generator)};
      push(nodes, std::move(shard));
    }
    const rv::Tensor sum = rv::detail::sum_over_ranks(world->messages(), cut, nodes, numel, rv::f32);
    h = rv::detail::hash({{"sum", sum}}, h);
  }
  report("sums", h, 0.0);
}

}  // namespace

int main(int argc, char** argv) try {
  rv::dist::World here(argc, argv);
  world = &here;
  if (argc > 1 && std::atoi(argv[1]) > 0) rv::detail::least_bucket = std::atoi(argv[1]);
  if (argc > 2) wanted = argv[2];
  rv::manual_seed(1);
  const rv::data::Dataset data = rv::data::friedman1(230);
  optimizers(data);
  batches(data);
  nets(data);
  partly_used(data);
  sums();
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "runs: %s\n", e.what());
  return 1;
}
