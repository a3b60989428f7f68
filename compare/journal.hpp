/// @file
/// The runs of a comparison on disk while it goes on; for the library's sources, not its public headers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <ravine/compare/run.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::compare {

/// Keeps the finished runs of a comparison in a folder's file `unfinished`, as soon as each is added, so that whoever
/// is interrupted or killed goes on from there to the same results, bit for bit. Results::save removes it.
class Journal {
 public:
  /// Makes the folder if need be, and reads what an earlier journal of the same comparison has left there. Throws as
  /// compare::run.
  Journal(const std::string& folder, const std::vector<Problem>& problems, const std::vector<Method>& methods,
          const Protocol& protocol);
  ~Journal();

  /// Found in the folder, in the order in which they were added.
  const std::vector<Run>& finished() const { return finished_; }
  /// Not for several threads at once. Throws FileError.
  void add(const Run& run);

 private:
  class File;

  std::vector<Run> finished_;
  std::unique_ptr<File> file_;
};

}  // namespace ravine::compare
#pragma GCC visibility pop
