#include <ravine/core/processors.hpp>

#include <doctest/doctest.h>
#include <omp.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

using ravine::detail::processor_quota;
namespace fs = std::filesystem;

namespace {

constexpr double no_limit = std::numeric_limits<double>::infinity();

/// A folder with files as in /proc and /sys.
struct Root {
  fs::path path = fs::temp_directory_path() / ("ravine_processors_" + std::to_string(getpid()));
  explicit Root(const std::string& groups) { write("proc/self/cgroup", groups); }
  ~Root() { fs::remove_all(path); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
  }
  double quota() const { return processor_quota(path.string()); }
};

}  // namespace

TEST_CASE("processors: version 2 of control groups, the group's own limit and those of the groups around it") {
  Root root("0::/user.slice/job\n");
  CHECK(root.quota() == no_limit);
  root.write("sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n");
  CHECK(root.quota() == no_limit);
  root.write("sys/fs/cgroup/user.slice/job/cpu.max", "150000 100000\n");
  CHECK(root.quota() == 1.5);
  root.write("sys/fs/cgroup/user.slice/cpu.max", "100000 200000\n");
  CHECK(root.quota() == 0.5);
  root.write("sys/fs/cgroup/cpu.max", "2000 10000\n");
  CHECK(root.quota() == 0.2);
}

TEST_CASE("processors: version 1, and a path of outside the container") {
  Root root("5:cpuset:/other\n4:cpuacct,cpu:/docker/1f\n1:name=systemd:/\n");
  root.write("sys/fs/cgroup/cpu/other/cpu.cfs_quota_us", "1000\n");
  root.write("sys/fs/cgroup/cpu/other/cpu.cfs_period_us", "100000\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  CHECK(root.quota() == no_limit);
  root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "250000\n");
  CHECK(root.quota() == 2.5);
  root.write("sys/fs/cgroup/cpu/docker/1f/cpu.cfs_quota_us", "50000\n");
  root.write("sys/fs/cgroup/cpu/docker/1f/cpu.cfs_period_us", "100000\n");
  CHECK(root.quota() == 0.5);
}

TEST_CASE("processors: systems without control groups, and files that say nothing") {
  CHECK(processor_quota("/nowhere") == no_limit);
  Root root("no colons\n0:\n0::/a\n");
  for (const char* text : {"", "many", "100000", "100000 0", "0 100000", "-5 100000"}) {
    root.write("sys/fs/cgroup/a/cpu.max", text);
    CAPTURE(text);
    CHECK(root.quota() == no_limit);
  }
  CHECK(ravine::detail::processors() >= 1);
  CHECK(ravine::detail::processors() <= omp_get_num_procs());
}
