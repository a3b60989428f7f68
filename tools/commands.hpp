/// @file
/// What the program `ravine` can do; for the library's sources, not its public headers.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include <ravine/compare/run.hpp>

namespace ravine::tools {

/// An argument that cannot be: the program ends with exit code 2, for all else that fails with 1.
class WrongArgument : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Throws WrongArgument if a file that is to be written is one of these, which may not be there.
void refuse_overwriting(const char* option, const std::string& file, const std::vector<std::string>& others);

/// Which of the processes that `mpirun` has started this one is; 0 if it is alone.
int rank();

struct TrainArguments {
  std::string table, target, save, history, plot;
  std::vector<std::string> drop, categorical;  // columns, or several of them with commas in between
  std::vector<Index> hidden = {64, 64};
  std::string optimizer = "adam:lr=3e-3";
  Index epochs = 100, batch = 32, patience = 20;
  double validation = 0.15, test = 0.2;
  std::uint64_t seed = 1;
};
void train(TrainArguments arguments);

struct PredictArguments {
  std::string model, table, out;
  bool unknown_as_zeros = false;
};
void predict(const PredictArguments& arguments);

void info(const std::string& file);

struct CompareArguments {
  std::vector<std::string> problems, optimizers;  // empty: all
  std::string out, targets;
  compare::Protocol protocol;
  bool resume = false, no_page = false, quick = false, list = false;
};
/// Several processes share the runs out, as soon as rank 0 has begun: only it prints.
void compare(const CompareArguments& arguments);
/// Prints what may be compared.
void list_compared();

}  // namespace ravine::tools
