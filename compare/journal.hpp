/// @file
/// The runs of a comparison on disk while it goes on; for the library's sources, not its public headers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ravine/compare/run.hpp>
#include <ravine/compare/setup.hpp>
#include <ravine/compare/shared_file.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::compare {

/// Keeps the finished runs of a comparison in a folder's file `unfinished`, as soon as each is added, so that whoever
/// is interrupted or killed goes on from there to the same results, bit for bit. Results::save removes it.
///
/// Several may be there for one folder at once, in as many processes, of which each claims the runs that it makes and
/// finds those of the others. What one that ends has claimed is free again.
class Journal {
 public:
  /// Makes the folder if need be. Throws as compare::run.
  Journal(const std::string& folder, const std::vector<Problem>& problems, const std::vector<Method>& methods,
          const Protocol& protocol);

  /// Whether others have just finished it all, and there is no journal any more.
  bool is_over() const { return over_; }

  /// What others have added since the last call, at first all that an earlier journal of the same comparison has left
  /// in the folder, in the order in which they were added. Not for several threads at once, as the rest.
  std::vector<Run> finished();
  /// Whether a run is this journal's to make, as nobody else is at it; all number the runs alike.
  bool claim(std::size_t run);
  void release(std::size_t run);
  void add(const Run& run);
  /// When all runs are there: waits until the others have found them as well. True if the files are still to be
  /// written, for which they wait.
  bool is_last();

 private:
  void begin(Json setup);
  void read();

  std::string folder_, path_;
  std::unique_ptr<SharedFile> file_;
  bool over_ = false;
  std::uint64_t end_ = 0;  // of what was read or written
  std::vector<Run> news_;
};

}  // namespace ravine::compare
#pragma GCC visibility pop
