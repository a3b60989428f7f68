#include <ravine/compare/network.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <stdexcept>

#include <ravine/autograd/reevaluation.hpp>
#include <ravine/compare/cars.hpp>
#include <ravine/compare/seeds.hpp>
#include <ravine/compare/setup.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/csv.hpp>
#include <ravine/data/encoder.hpp>
#include <ravine/data/loader.hpp>
#include <ravine/data/scaler.hpp>
#include <ravine/data/split.hpp>
#include <ravine/data/toy.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/call.hpp>

namespace ravine::detail {
namespace {

using compare::Instance;
using compare::Problem;
using data::TensorDataset;

enum class Hidden { relu, tanh, gelu, silu, elu, leaky_relu, sigmoid, softplus };

struct NetworkOptions {
  std::vector<Index> hidden = {32};
  Hidden activation = Hidden::relu;
  bool batch_norm = false;
  Index batch = 32;

  static void fields(auto&& field) {
    field("activation", &NetworkOptions::activation,
          {"relu", "tanh", "gelu", "silu", "elu", "leaky_relu", "sigmoid", "softplus"});
    field("batch_norm", &NetworkOptions::batch_norm);
    field("batch", &NetworkOptions::batch, optim::at_least_one);
  }
};

/// What a network learns from and is tested on; targets are numbers, or one of so many classes.
struct Rows {
  TensorDataset training, test;
  Index classes = 0;
  std::string checksum{};  // of a file's fields

  Index outputs() const { return classes > 0 ? classes : training.targets().size(1); }
  Variable loss(const Variable& outputs, const Tensor& targets) const {
    return classes > 0 ? nn::cross_entropy(outputs, targets) : nn::mse_loss(outputs, targets);
  }
};

// ---- data ----

/// Half of the rows to learn from, inputs and targets of numbers with mean 0 and standard deviation 1.
Rows scaled(const TensorDataset& rows, const data::Share& share, Index classes, Generator& generator) {
  const auto [training, test] = data::split(rows, share, generator);
  const auto inputs = data::StandardScaler::fit(training.inputs());
  data::StandardScaler targets;
  if (classes == 0) targets = data::StandardScaler::fit(training.targets());
  const auto scale = [&](const TensorDataset& part) {
    return TensorDataset(inputs.transform(part.inputs()),
                         classes > 0 ? part.targets() : targets.transform(part.targets()));
  };
  return {scale(training), scale(test), classes};
}

TensorDataset car_rows() {
  const Tensor all = cars().to(f32);
  return {all.slice(1, 1, all.size(1)), all.slice(1, 0, 1)};
}

/// The rows whose class is one of these, all if there are none.
data::Table of_classes(const data::Table& table, const std::string& target, const std::vector<std::string>& classes) {
  if (classes.empty()) return table;
  const std::vector<std::string> values = table.text(target);
  std::vector<Index> rows;
  for (std::size_t row = 0; row < values.size(); ++row)
    if (std::binary_search(classes.begin(), classes.end(), values[row])) rows.push_back(static_cast<Index>(row));
  return table.take(tensor(rows, i64));
}

/// Of all that stands in it.
std::string checksum(const data::Table& table) {
  std::string bytes;
  const auto add_text = [&](const std::string& words) { bytes.append(words.c_str(), words.size() + 1); };
  for (const std::string& name : table.column_names()) {
    add_text(name);
    if (!table.numeric(name)) {
      for (const std::string& words : table.text(name)) add_text(words);
      continue;
    }
    const Tensor values = table.column(name);
    const auto count = static_cast<std::size_t>(values.numel());
    bytes.append(reinterpret_cast<const char*>(values.data<double>()), count * sizeof(double));
  }
  return compare::checksum(bytes);
}

/// A fifth of the rows is for the test, of each class its share, without classes that are there only. Rows without a
/// target do not count.
Rows table_rows(const std::string& file, const std::string& target, Generator& generator) {
  const data::Table table = data::read_csv(file, {.separator = data::csv_guess, .header = true});
  const auto [training, test] =
      data::split(table, 0.8, {.stratify = table.numeric(target) ? Tensor() : table.codes(target)}, generator);
  const auto encoder = data::TableEncoder::fit(training, {.target = target, .unknown = data::Unknown::zeros});
  const std::vector<std::string> classes = encoder.class_names();
  return {encoder.dataset(training), encoder.dataset(of_classes(test, target, classes)),
          static_cast<Index>(classes.size()), checksum(table)};
}

struct Source {
  const char* name;
  Rows (*rows)(Generator& generator);
};

constexpr Source sources[] = {
    {"friedman1", [](Generator& g) { return scaled(data::friedman1(512, 1.0, g), 0.5, 0, g); }},
    {"sine", [](Generator& g) { return scaled(data::sine(512, 0.1, g), 0.5, 0, g); }},
    {"two_moons", [](Generator& g) { return scaled(data::two_moons(512, 0.15, g), 0.5, 2, g); }},
    {"spirals", [](Generator& g) { return scaled(data::spirals(256, 2, 0.02, g), 0.5, 2, g); }},
    {"cars", [](Generator& g) { return scaled(car_rows(), 0.8, 0, g); }},
};

Rows rows_of(const Call& call) {
  Generator generator = stream(0, Stream::data);  // the same rows for all seeds
  const std::string* target = call.find("target");
  if (target) try {
      return table_rows(call.name, *target, generator);
    } catch (const std::out_of_range& error) {
      throw std::invalid_argument(text("problem: target: ", error.what()));
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument(text("problem: ", call.name, ": ", error.what()));
    }
  for (const Source& source : sources)
    if (source.name == call.name) return source.rows(generator);
  throw std::invalid_argument(text("problem: no data '", call.name, "' for mlp, there are: ", join(network_data())));
}

/// The loss of the best answer that does not look at the inputs: the mean, or the frequencies of the classes.
double loss_of_guess(const Rows& rows) {
  const Tensor targets = rows.training.targets();
  if (rows.classes == 0) return mean(square(targets - mean(targets, 0, true))).item();
  std::vector<double> counts(static_cast<std::size_t>(rows.classes));
  for (const Index c : targets.to_vector<Index>()) counts[static_cast<std::size_t>(c)] += 1.0;
  const auto n = static_cast<double>(targets.size(0));
  double loss = 0.0;
  for (const double count : counts)
    if (count > 0.0) loss -= count / n * std::log(count / n);
  return loss;
}

// ---- the network ----

void add_activation(nn::Sequential& net, Hidden activation) {
  switch (activation) {
    case Hidden::relu: return net.push_back(nn::ReLU());
    case Hidden::tanh: return net.push_back(nn::Tanh());
    case Hidden::gelu: return net.push_back(nn::GELU());
    case Hidden::silu: return net.push_back(nn::SiLU());
    case Hidden::elu: return net.push_back(nn::ELU());
    case Hidden::leaky_relu: return net.push_back(nn::LeakyReLU());
    case Hidden::sigmoid: return net.push_back(nn::Sigmoid());
    case Hidden::softplus: return net.push_back(nn::Softplus());
  }
}

nn::Sequential build(const Rows& rows, const NetworkOptions& options) {
  nn::Sequential net;
  Index inputs = rows.training.inputs().size(1);
  for (const Index units : options.hidden) {
    net.push_back(nn::Linear(inputs, units));
    if (options.batch_norm) net.push_back(nn::BatchNorm1d(units));
    add_activation(net, options.activation);
    inputs = units;
  }
  net.push_back(nn::Linear(inputs, rows.outputs()));
  return net;
}

/// A network that is being trained.
class Training {
 public:
  Training(std::shared_ptr<const Rows> rows, const NetworkOptions& options, std::uint64_t seed)
      : rows_(std::move(rows)),
        net_(build(*rows_, options)),
        batch_{rows_->training.inputs(), rows_->training.targets()} {
    if (options.batch >= rows_->training.size()) return;  // every step sees all rows
    loader_.emplace(rows_->training, data::DataLoaderOptions{.batch_size = options.batch,
                                                             .shuffle = true,
                                                             .drop_last = true,
                                                             .seed = stream(seed, Stream::batches).next() >> 1});
  }

  std::vector<Variable> parameters() const { return net_.parameters(); }
  bool has_batches() const { return loader_.has_value(); }
  void next_batch() {
    if (at_) ++*at_;
    if (!at_ || *at_ == std::default_sentinel) at_.emplace(loader_->begin());
    batch_ = **at_;
  }
  Variable loss() { return rows_->loss(net_(batch_.inputs), batch_.targets); }
  /// Of all rows, and by their statistics: a function of the parameters alone.
  Variable objective() {
    const Reevaluation leaves_alone(default_generator());
    return rows_->loss(net_(rows_->training.inputs()), rows_->training.targets());
  }
  double loss_on(const TensorDataset& rows) {
    if (rows.size() == 0) return std::numeric_limits<double>::quiet_NaN();
    const NoGrad no_grad;
    net_.eval();
    const double loss = rows_->loss(net_(rows.inputs()), rows.targets()).item();
    net_.train();
    return loss;
  }

 private:
  std::shared_ptr<const Rows> rows_;
  nn::Sequential net_;
  data::Batch batch_;
  std::optional<data::DataLoader> loader_;
  std::optional<data::DataLoader::Iterator> at_;
};

Instance instance(const std::shared_ptr<const Rows>& rows, const NetworkOptions& options, std::uint64_t seed) {
  const OwnRandomNumbers own(stream(seed, Stream::start));  // the weights
  const auto training = std::make_shared<Training>(rows, options, seed);
  Instance made{training->parameters(), [training] { return training->loss(); },
                [training, rows] { return training->loss_on(rows->training); },
                [training, rows] { return training->loss_on(rows->test); }};
  made.objective = [training] { return training->objective(); };
  if (training->has_batches()) made.next_batch = [training] { training->next_batch(); };
  return made;
}

/// "32-32".
std::vector<Index> hidden_units(const std::string& list) {
  std::vector<Index> units;
  const char *at = list.data(), *const end = at + list.size();
  for (Index count = 0;; ++at) {
    const auto [next, error] = std::from_chars(at, end, count);
    if (error != std::errc() || count < 1 || count > 100000 || (next != end && *next != '-'))
      throw std::invalid_argument(
          text("mlp: hidden must be numbers of units from 1 to 100000, as in 32-32, got '", list, "'"));
    units.push_back(count);
    if (next == end) return units;
    at = next;
  }
}

/// "mlp:cars,hidden=16" as the data's name and options. Files and columns may have commas in their names: what is no
/// option=value belongs to what stands before it.
Call parse_network(const std::string& name) {
  std::size_t begin = name.find(':') + 1, end = std::min(name.find(',', begin), name.size());
  Call call{name.substr(begin, end - begin), {}, {}};
  for (std::string* last = &call.name; end < name.size();) {
    begin = end + 1;
    end = std::min(name.find(',', begin), name.size());
    const std::string piece = name.substr(begin, end - begin), option = piece.substr(0, piece.find('='));
    if (option == piece) {
      *last += "," + piece;
      continue;
    }
    if (call.find(option)) throw std::invalid_argument(text("problem: '", name, "': '", option, "' is given twice"));
    last = &call.options.emplace_back(option, piece.substr(option.size() + 1)).second;
  }
  return call;
}

}  // namespace

Problem network(const std::string& name) {
  const Call call = parse_network(name);
  Call named = call;
  named.name = "mlp";  // as errors call it
  NetworkOptions options = given_options(named, NetworkOptions(), {"target", "hidden"});
  if (const std::string* hidden = call.find("hidden")) options.hidden = hidden_units(*hidden);
  const auto rows = std::make_shared<const Rows>(rows_of(call));
  if (rows->training.size() == 0) throw std::invalid_argument(text("problem: '", name, "' has no rows"));
  if (options.batch_norm && std::min(options.batch, rows->training.size()) < 2)
    throw std::invalid_argument(text("problem: '", name, "': batch_norm needs batches of two rows or more"));
  const auto make = [rows, options](std::uint64_t seed) { return instance(rows, options, seed); };
  return {name, make, std::nullopt, loss_of_guess(*rows), {}, rows->checksum};
}

std::vector<std::string> network_data() {
  std::vector<std::string> names;
  for (const Source& source : sources) names.emplace_back(source.name);
  names.emplace_back("FILE.csv,target=COLUMN");
  return names;
}

}  // namespace ravine::detail
