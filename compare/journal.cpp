#include <ravine/compare/journal.hpp>

#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <ravine/compare/compare.hpp>
#include <ravine/compare/setup.hpp>
#include <ravine/core/isa.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/input_file.hpp>

namespace ravine::compare {
namespace {

using detail::text;

// Locks of the file: shared by all who are at the comparison; of who reads, shared, or makes it grow; of each run.
constexpr std::uint64_t presence = 0, growth = 1, first_claim = 2;

// The file is a sequence of records, each its length and that many bytes of CBOR, which keeps every bit of a number:
// first the comparison it is of, then runs. A record that was being written when the program was killed is too short.

std::string record(const Json& content) {
  std::string bytes(sizeof(std::uint64_t), '\0');
  Json::to_cbor(content, nlohmann::detail::output_adapter<char>(bytes));
  const std::uint64_t length = bytes.size() - sizeof length;
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes;
}

/// The next record, or nothing where there is no complete one.
std::optional<Json> next_record(std::string_view& rest) {
  std::uint64_t length;
  if (rest.size() < sizeof length) return {};
  std::memcpy(&length, rest.data(), sizeof length);
  if (length > rest.size() - sizeof length) return {};
  const std::string_view bytes = rest.substr(sizeof length, length);
  Json content = Json::from_cbor(bytes, true, false);
  if (content.is_discarded()) return {};
  rest.remove_prefix(sizeof length + length);
  return content;
}

// A run is an array of its fields in their order.

Json improvements_json(const std::vector<Improvement>& improvements) {
  Json list = Json::array();
  for (const Improvement& better : improvements) list.push_back({better.evaluations, better.loss});
  return list;
}

Json curve_json(const std::vector<CurvePoint>& curve) {
  Json list = Json::array();
  for (const CurvePoint& p : curve) list.push_back({p.step, p.evaluations, p.loss, p.test_loss, p.x, p.y});
  return list;
}

Json run_json(const Run& r) {
  return {r.problem,
          r.method,
          r.phase,
          r.trial,
          r.seed,
          r.options,
          r.status,
          r.steps,
          r.evaluations,
          r.start_loss,
          r.final_loss,
          r.best_loss,
          r.test_loss,
          r.diverged_at,
          r.reason,
          r.evaluations_to_target,
          improvements_json(r.improvements),
          curve_json(r.curve),
          r.seconds,
          r.step_seconds};
}

Run run_of(const Json& json) {
  Run r;
  std::size_t i = 0;
  const auto read = [&](auto& field) { json.at(i++).get_to(field); };
  read(r.problem), read(r.method), read(r.phase), read(r.trial), read(r.seed), read(r.options), read(r.status);
  read(r.steps), read(r.evaluations), read(r.start_loss), read(r.final_loss), read(r.best_loss), read(r.test_loss);
  read(r.diverged_at), read(r.reason), read(r.evaluations_to_target);
  for (const Json& p : json.at(i++)) r.improvements.push_back({p.at(0), p.at(1)});
  for (const Json& p : json.at(i++)) r.curve.push_back({p.at(0), p.at(1), p.at(2), p.at(3), p.at(4), p.at(5)});
  read(r.seconds), read(r.step_seconds);
  return r;
}

data::FormatError no_journal(const std::string& path) {
  return data::FormatError(text("compare: ", path, " is no journal of a comparison"));
}

/// All complete records, which are taken from `rest`.
std::vector<Run> runs_of(std::string_view& rest, const std::string& path) try {
  std::vector<Run> runs;
  while (const auto run = next_record(rest)) runs.push_back(run_of(*run));
  return runs;
} catch (const nlohmann::json::exception&) {
  throw no_journal(path);
}

}  // namespace

Journal::Journal(const std::string& folder, const std::vector<Problem>& problems, const std::vector<Method>& methods,
                 const Protocol& protocol)
    : folder_(folder), path_(journal_file(folder)) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw FileError(text("compare: cannot make the folder ", folder, ": ", failed.message()));
  const Json setup = setup_json(problems, methods, protocol);
  do {
    file_ = std::make_unique<SharedFile>(path_);
    file_->lock(presence, SharedFile::shared);
  } while (file_->removed());  // by whoever was the last and had it alone
  file_->lock(growth, SharedFile::alone);
  begin(setup);
  file_->unlock(growth);
}

/// Writes what the comparison is, or sees whether it is this one. Runs by several instruction sets differ in rounding.
void Journal::begin(Json setup) {
  const std::string isa = name(active_isa());
  setup["instruction_set"] = isa;
  const std::string bytes = file_->read(0);
  std::string_view rest = bytes;
  if (bytes.empty()) {
    over_ = std::filesystem::exists(results_file(folder_));
    if (over_) std::filesystem::remove(path_);
    if (over_) return;
    const std::string first = record(setup);
    file_->write(0, first);
    end_ = first.size();
    return;
  }
  const auto there = next_record(rest);
  if (!there || !there->is_object()) throw no_journal(path_);
  check_same(setup, *there, path_);
  if (!there->contains("instruction_set"))
    throw std::invalid_argument(text("compare: ", path_, " was begun by an older ravine, which does not say by which ",
                                     "instruction set; begin it anew"));
  if (const std::string theirs = there->value("instruction_set", ""); theirs != isa)
    throw std::invalid_argument(text("compare: ", path_, " has runs by the instruction set ", theirs, ", here it is ",
                                     isa, "; the environment variable RAVINE_ISA chooses one"));
  end_ = bytes.size() - rest.size();
}

void Journal::read() {
  const std::string bytes = file_->read(end_);
  std::string_view rest = bytes;
  for (Run& run : runs_of(rest, path_)) news_.push_back(std::move(run));
  end_ += bytes.size() - rest.size();
}

std::vector<Run> Journal::finished() {
  file_->lock(growth, SharedFile::shared);
  read();
  file_->unlock(growth);
  return std::exchange(news_, {});
}

bool Journal::claim(std::size_t run) { return file_->try_lock(first_claim + run); }
void Journal::release(std::size_t run) { file_->unlock(first_claim + run); }

void Journal::add(const Run& run) {
  const std::string bytes = record(run_json(run));
  file_->lock(growth, SharedFile::alone);
  read();  // what comes behind it was being written by one who was killed
  file_->write(end_, bytes);
  file_->unlock(growth);
  end_ += bytes.size();
}

bool Journal::is_last() {
  file_->unlock(presence);
  file_->lock(presence, SharedFile::alone);
  return !file_->removed();
}

bool is_under_way(const std::string& folder) { return is_locked(journal_file(folder), presence); }

}  // namespace ravine::compare
