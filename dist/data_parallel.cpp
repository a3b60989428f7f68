#include <ravine/dist/data_parallel.hpp>

#include <algorithm>
#include <bit>
#include <stdexcept>

#include <ravine/core/isa.hpp>
#include <ravine/core/text.hpp>
#include <ravine/dist/exchanges.hpp>
#include <ravine/dist/hash.hpp>
#include <ravine/dist/loss.hpp>
#include <ravine/dist/tree.hpp>

namespace ravine::dist {
namespace {

using detail::hash;
using detail::text;

const DataParallelOptions& checked(const DataParallelOptions& options) {
  const auto refuse = [](const auto&... why) { throw std::invalid_argument(text("DataParallel: ", why...)); };
  if (options.shards < 1 || !std::has_single_bit(static_cast<std::uint64_t>(options.shards)))
    refuse("shards must be a power of two, got ", options.shards);
  if (options.check_every < 1) refuse("check_every must be >= 1, got ", options.check_every);
  return options;
}

std::uint64_t hash_of_random_state() {
  const Generator& generator = default_generator();
  return hash(text(generator.seed(), " ", generator.position()));
}

/// Of the size, and of the rows that are at hand: all of them, but of more than 64 MB some here and there.
std::uint64_t hash_of(const data::Dataset& dataset) {
  const std::uint64_t h = hash(text(dataset.size()));
  const data::TensorDataset* const all = dataset.rows();
  if (!all) return h;
  const auto bytes = [](const Tensor& x) { return static_cast<std::size_t>(x.numel()) * size_of(x.dtype()); };
  if (bytes(all->inputs()) + bytes(all->targets()) <= std::size_t{1} << 26)
    return hash({{"inputs", all->inputs()}, {"targets", all->targets()}}, h);
  nn::Module::NamedVariables rows;
  constexpr Index count = 1000;
  for (Index k = 0; k < count; ++k) {
    const data::Example row = all->get((all->size() - 1) * k / (count - 1));
    rows.emplace_back("input", row.input);
    rows.emplace_back("target", row.target);
  }
  return hash(rows, h);
}

/// Of who has forgotten the loader. Rows that are alike, as of zeros, are no sign of it.
void refuse_same_rows(World& world, const data::Batch& batch) {
  const auto h = static_cast<std::int64_t>(hash({{"inputs", batch.inputs}, {"targets", batch.targets}}));
  const std::vector<World::Word> words = world.meet({detail::Place::comparison, 0, h});
  const Index rows = batch.inputs.size(0);
  if (rows < 2 || bitwise_equal(batch.inputs[0], batch.inputs[rows - 1])) return;
  if (std::all_of(words.begin(), words.end(), [&](const auto& word) { return word.rows == h; }))
    throw std::runtime_error(
        "DataParallel: all ranks have the same rows of the batch; the loader of this DataParallel gives each its own");
}

std::vector<Variable> together(const nn::Module::NamedVariables& own, const std::vector<Variable>& others) {
  std::vector<Variable> all;
  for (const auto& [name, variable] : own) all.push_back(variable);
  for (const Variable& other : others)
    if (std::none_of(all.begin(), all.end(), [&](const Variable& v) { return v.node() == other.node(); }))
      all.push_back(other);
  return all;
}

}  // namespace

DataParallel::DataParallel(World& world, const nn::Module& net, const DataParallelOptions& options)
    : world_(world), parameters_(net.named_parameters()), buffers_(net.named_buffers()), options_(checked(options)) {
  const auto same = [&](const char* what, std::uint64_t value) {
    world.meet({detail::Place::comparison, value}, what);
  };
  same("instruction set (the environment variable RAVINE_ISA chooses one for all)", hash(name(active_isa())));
  same("DataParallelOptions", hash(text(options.shards, " ", int{options.sync_batch_norm}, " ", options.check_every)));
  same("set of parameters and buffers", hash(buffers_, hash(parameters_)));
  same("state of random numbers", hash_of_random_state());
}

data::DataLoader DataParallel::loader(const data::Dataset& dataset, data::DataLoaderOptions options) {
  options.part = [shards = options_.shards, rank = world_.rank(), ranks = world_.size()](Index rows) {
    const detail::Cut cut{rows, shards, ranks};
    return std::pair{cut.row(cut.shard(rank)), cut.row(cut.shard(rank + 1))};
  };
  world_.meet({detail::Place::comparison, hash_of(dataset)}, "dataset");
  data::DataLoader result(dataset, options);
  has_loader_ = true;
  std::uint64_t h = hash(text(int{options.shuffle}, int{options.drop_last}, options.sampler.size, " ", result.size()));
  for (const auto& [name, value] : result.state_dict()) h = hash(text(name, value.item<Index>()), h);
  world_.meet({detail::Place::comparison, h}, "loader");
  return result;
}

void DataParallel::compare(const optim::Optimizer& optimizer, const data::Batch& batch) {
  Index& next = next_steps_.try_emplace(&optimizer, -1).first->second;
  const Index step = optimizer.steps();
  if (step == next && step % options_.check_every != 0) {
    ++next;
    return;
  }
  const auto same = [&](const char* what, std::uint64_t value) {
    world_.meet({detail::Place::comparison, value}, text(what, " at step ", step).c_str());
  };
  same("optimizer", hash(text(optimizer.describe(), " ", step, " ", optimizer.lr_factor())));
  same("set of parameters and buffers", hash(buffers_, hash(parameters_)));
  same("state of random numbers", hash_of_random_state());
  if (!has_loader_ && world_.size() > 1) refuse_same_rows(world_, batch);
  next = step + 1;
}

double DataParallel::step(optim::Optimizer& optimizer, const data::Batch& batch, Loss f) {
  detail::Exchanges exchanges(world_.other_messages());  // ends those under way when all know of an error
  try {
    compare(optimizer, batch);
    const detail::Task task{world_, options_, together(parameters_, optimizer.parameters()), buffers_, batch,
                            f,      exchanges};
    return optimizer.step([&] { return detail::mean_loss(task); });
  } catch (...) {
    world_.fail(std::current_exception());
    throw;
  }
}

}  // namespace ravine::dist
