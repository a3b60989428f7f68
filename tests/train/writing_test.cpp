// Where and how a checkpoint is written: complete or not at all, with nothing left beside it, whoever is stopped.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/safetensors.hpp>
#include <ravine/nn/linear.hpp>
#include <ravine/nn/loss.hpp>
#include <ravine/optim/sgd.hpp>
#include <ravine/train/checkpoint.hpp>
#include <ravine/train/fit.hpp>

#include "../in_child.hpp"

using namespace ravine;
using doctest::Contains;
using train::load_checkpoint;
using train::save_checkpoint;
namespace fs = std::filesystem;

namespace {

/// A folder for a test, removed at the end of its scope.
struct Folder {
  fs::path path;
  Folder() {
    static std::atomic<int> count{0};
    path = fs::temp_directory_path() / ("ravine-" + std::to_string(getpid()) + "-writing-" + std::to_string(++count));
    fs::create_directory(path);
  }
  ~Folder() {
    fs::permissions(path, fs::perms::owner_all);
    fs::remove_all(path);
  }
  std::string operator/(const char* name) const { return (path / name).string(); }
  std::ptrdiff_t files() const { return std::distance(fs::directory_iterator(path), {}); }
};

/// A size of weights that take 100 KB, and no parallel region, which a child process cannot have under every sanitizer.
constexpr Index large = 160;

/// A model whose weights are all x.
nn::Linear model_of(double x, Index size = 4) {
  nn::Linear model(size, size);
  model.weight.set_value(full({size, size}, x));
  return model;
}

/// The x of the model in a checkpoint.
double saved(const std::string& path) {
  nn::Linear model(4, 4);
  load_checkpoint(path, model);
  return model.weight.value().at({3, 3});
}

fs::perms permissions(const std::string& path) { return fs::status(path).permissions() & fs::perms::mask; }

std::string refusal(const std::string& path, const nn::Linear& model) {
  try {
    save_checkpoint(path, model);
  } catch (const data::FileError& error) {
    return error.what();
  }
  return "";
}

/// Lets this process mount: as root, or as one in a user namespace of its own, if the system has them.
bool may_mount() {
  if (unshare(CLONE_NEWNS) == 0) return true;
  const std::string user = std::to_string(geteuid()), group = std::to_string(getegid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
  std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
  return true;
}

/// In a child process, if it may mount: with a small disk at the folder.
bool on_small_disk(const Folder& folder, const std::function<bool()>& f) {
  return in_child([&] {
    if (!may_mount()) return true;
    mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    return mount("tmpfs", folder.path.c_str(), "tmpfs", 0, "size=64k") != 0 || f();
  });
}

/// As on a file system without nameless files.
bool without_nameless_files(const std::function<bool()>& f) {
  return in_child([&] {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{std::size(program), program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
      return true;
    return open("/tmp", O_TMPFILE | O_WRONLY, 0600) < 0 && f();
  });
}

/// Writers at once, in threads of several processes; true if none was refused.
bool write_at_once(const std::string& path) {
  const auto some = [&](double x) {
    const nn::Linear model = model_of(x);
    std::atomic<int> refused{0};
    std::vector<std::jthread> writers;
    for (int t = 0; t < 2; ++t)
      writers.emplace_back([&] {
        for (int i = 0; i < 10; ++i) refused += !refusal(path, model).empty();
      });
    writers.clear();
    return refused == 0;
  };
  std::atomic<bool> right = true;
  std::vector<pid_t> children;
  for (int k = 1; k <= 3; ++k)
    if (children.push_back(fork()); children.back() == 0) _exit(some(k) ? 0 : 1);
  for (const pid_t child : children) {
    int status = -1;
    right = waitpid(child, &status, 0) == child && status == 0 && right;
  }
  return right;
}

}  // namespace

TEST_CASE("a path that cannot be a file is refused with the system's reason") {
  const Folder folder;
  const nn::Linear model = model_of(1);
  save_checkpoint(folder / "file", model);
  CHECK(refusal(folder.path.string(), model) ==
        "save_safetensors: cannot write " + folder.path.string() + ": Is a directory");
  CHECK(refusal(folder / "new/", model) == "save_safetensors: cannot write " + (folder / "new/") + ": Is a directory");
  CHECK(refusal(folder / "no/run", model) ==
        "save_safetensors: cannot write " + (folder / "no/run") + ": No such file or directory");
  CHECK(refusal(folder / "file/run", model) ==
        "save_safetensors: cannot write " + (folder / "file/run") + ": Not a directory");
  CHECK(refusal("", model) == "save_safetensors: cannot write : No such file or directory");
  CHECK(refusal(folder / std::string(300, 'x').c_str(), model).ends_with(": File name too long"));
  CHECK(folder.files() == 1);
}

TEST_CASE("a symbolic link stays, and what it leads to is replaced") {
  const Folder folder;
  fs::create_directory(folder / "runs");
  save_checkpoint(folder / "runs/first", model_of(1));
  fs::create_symlink("runs/first", folder / "latest");
  fs::create_symlink(folder / "latest", folder / "newest");
  save_checkpoint(folder / "newest", model_of(2));
  CHECK(fs::is_symlink(folder / "newest"));
  CHECK(fs::is_symlink(folder / "latest"));
  CHECK(saved(folder / "runs/first") == 2);
  fs::create_symlink("runs/second", folder / "next");  // where nothing is yet
  save_checkpoint(folder / "next", model_of(3));
  CHECK(fs::is_symlink(folder / "next"));
  CHECK(saved(folder / "runs/second") == 3);
  fs::create_symlink("loop", folder / "loop");
  CHECK(refusal(folder / "loop", model_of(4)).ends_with(": Too many levels of symbolic links"));
  CHECK(std::distance(fs::recursive_directory_iterator(folder.path), {}) == 7);
}

TEST_CASE("permissions stay, and a file that is not to be written is not") {
  const Folder folder;
  const std::string path = folder / "run";
  const mode_t mask = umask(027);
  save_checkpoint(path, model_of(1));
  umask(mask);
  CHECK(permissions(path) == fs::perms(0640));
  fs::permissions(path, fs::perms(0606));
  save_checkpoint(path, model_of(2));
  CHECK(permissions(path) == fs::perms(0606));
  fs::permissions(path, fs::perms(0444));
  const std::string why = refusal(path, model_of(3));
  const bool root = geteuid() == 0;  // may do anything
  CHECK(why == (root ? "" : "save_safetensors: cannot write " + path + ": Permission denied"));
  CHECK(saved(path) == (root ? 3 : 2));
  CHECK(permissions(path) == fs::perms(0444));
  fs::permissions(folder.path, fs::perms(0555));
  CHECK(refusal(folder / "other", model_of(4)).ends_with(root ? "" : ": Permission denied"));
  CHECK(folder.files() == (root ? 2 : 1));
}

TEST_CASE("a full disk and a read-only one leave the old file and nothing else") {
  const Folder folder;
  const std::string path = folder / "run";
  CHECK(on_small_disk(folder, [&] {
    save_checkpoint(path, model_of(1));
    if (!refusal(path, model_of(2, large)).ends_with("/run: No space left on device")) return false;
    if (saved(path) != 1 || folder.files() != 1) return false;
    save_checkpoint(path, model_of(3));  // there is room again
    if (mount(nullptr, folder.path.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) return true;
    return refusal(path, model_of(4)).ends_with("/run: Read-only file system") && saved(path) == 3 &&
           folder.files() == 1;
  }));
}

TEST_CASE("a write that stops half-way leaves the old file and nothing else") {
  const Folder folder;
  const std::string path = folder / "run";
  save_checkpoint(path, model_of(1));
  const auto stops = [&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{30000, 30000};
    setrlimit(RLIMIT_FSIZE, &limit);
    return refusal(path, model_of(2, large)).ends_with("/run: File too large") && folder.files() == 1;
  };
  CHECK(in_child(stops));
  CHECK(without_nameless_files(stops));
  CHECK(saved(path) == 1);
}

TEST_CASE("a run of fit that is over needs no place to write, one that goes on does") {
  const Folder folder;
  const auto run = [&](Index steps) {
    nn::Linear model = model_of(1);
    optim::SGD sgd(model.parameters(), {.lr = 1e-3});
    data::DataLoader loader({ones({4, 4}), ones({4, 4})}, {.batch_size = 2});
    train::fit(model, sgd, nn::mse_loss, loader, {.steps = steps, .checkpoint = folder / "run"});
    return model.weight.value().at({3, 3});
  };
  const double trained = run(3);
  CHECK(trained != 1.0);
  CHECK(in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{0, 0};
    setrlimit(RLIMIT_FSIZE, &limit);
    if (run(3) != trained) return false;
    try {
      run(4);
    } catch (const data::FileError&) {
      return true;
    }
    return false;
  }));
}

TEST_CASE("several who write to one path leave a file of one of them" * doctest::skip(!can_fork)) {
  const Folder folder;
  const std::string path = folder / "run";
  const auto all_is_well = [&] {
    const double x = saved(path);
    return folder.files() == 1 && (x == 1 || x == 2 || x == 3);
  };
  CHECK(write_at_once(path));
  CHECK(all_is_well());
  fs::remove(path);
  CHECK(without_nameless_files([&] { return write_at_once(path); }));
  CHECK(all_is_well());
}

TEST_CASE("what a kill has left is gone with the next save") {
  const Folder folder;
  const std::string path = folder / "run";
  save_checkpoint(path, model_of(1));
  save_checkpoint(folder / ".run.ravine-new", model_of(2));
  CHECK(folder.files() == 2);
  save_checkpoint(path, model_of(3));
  CHECK(folder.files() == 1);
  CHECK(saved(path) == 3);
  std::ofstream(folder / ".run.ravine-part") << std::string(100000, 'x');
  CHECK(without_nameless_files([&] { return refusal(path, model_of(4)).empty(); }));
  CHECK(folder.files() == 1);
  CHECK(saved(path) == 4);
}

TEST_CASE("without nameless files all is the same") {
  const Folder folder;
  const std::string path = folder / "run";
  CHECK(without_nameless_files([&] {
    umask(027);
    save_checkpoint(path, model_of(1));
    const bool masked = permissions(path) == fs::perms(0640);
    fs::permissions(path, fs::perms(0604));
    save_checkpoint(path, model_of(2));
    return masked && permissions(path) == fs::perms(0604) && !refusal(folder / "no/run", model_of(3)).empty();
  }));
  CHECK(saved(path) == 2);
  CHECK(folder.files() == 1);
}

TEST_CASE("a pipe is written to and stays one") {
  const Folder folder;
  const nn::Linear model = model_of(1);
  save_checkpoint(folder / "run", model);
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  std::string through;
  std::thread reader([&] {
    std::ifstream in(folder / "pipe", std::ios::binary);
    through.assign(std::istreambuf_iterator<char>(in), {});
  });
  save_checkpoint(folder / "pipe", model);
  reader.join();
  CHECK(fs::is_fifo(folder / "pipe"));
  std::ifstream in(folder / "run", std::ios::binary);
  CHECK(through == std::string(std::istreambuf_iterator<char>(in), {}));
}

TEST_CASE("objects that cannot be written leave the old file") {
  const Folder folder;
  const std::string path = folder / "run";
  save_checkpoint(path, model_of(1));
  struct Broken {
    StateDict state_dict() const { return {{"x", Tensor()}}; }
    void load_state_dict(const StateDict&) {}
  };
  CHECK_THROWS_WITH_AS(save_checkpoint(path, Broken()), "save_checkpoint: 0/x is undefined", std::invalid_argument);
  CHECK(saved(path) == 1);
  CHECK(folder.files() == 1);
}
