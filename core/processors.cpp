#include <ravine/core/processors.hpp>

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <locale>

namespace ravine::detail {
namespace {

constexpr double no_limit = std::numeric_limits<double>::infinity();

/// The number that a file begins with; `otherwise` if it has none.
double number_in(std::ifstream file, double otherwise) {
  file.imbue(std::locale::classic());
  double value = 0.0;
  return file >> value ? value : otherwise;
}

/// Of one group: in version 2 "cpu.max" has microseconds and the period they are for, in version 1 there is a file
/// each.
double quota_of(const std::string& folder) {
  std::ifstream both(folder + "/cpu.max");
  both.imbue(std::locale::classic());
  double time = 0.0, period = 0.0;
  if (!(both >> time >> period)) {
    time = number_in(std::ifstream(folder + "/cpu.cfs_quota_us"), -1.0);
    period = number_in(std::ifstream(folder + "/cpu.cfs_period_us"), 0.0);
  }
  return time > 0.0 && period > 0.0 ? time / period : no_limit;
}

}  // namespace

double processor_quota(const std::string& root) {
  double least = no_limit;
  std::ifstream groups(root +
                       "/proc/self/cgroup");  // lines of number:controllers:path, without controllers in version 2
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    if (controllers != ",," && controllers.find(",cpu,") == std::string::npos) continue;
    const std::string top = root + "/sys/fs/cgroup" + (controllers == ",," ? "" : "/cpu");
    // A group has no more than those it is in. In a container the path may be one of outside, and the group is the top.
    for (std::string path = line.substr(second + 1); !path.empty(); path.erase(path.rfind('/')))
      least = std::min(least, quota_of(top + path));
    least = std::min(least, quota_of(top));
  }
  return least;
}

int processors() {
  static const int count =
      std::max(1, static_cast<int>(std::min<double>(omp_get_num_procs(), std::ceil(processor_quota("")))));
  return count;
}

}  // namespace ravine::detail
