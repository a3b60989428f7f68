#include <ravine/train/log.hpp>

#include <cerrno>
#include <cmath>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include <nlohmann/json.hpp>

#include <ravine/core/file.hpp>
#include <ravine/core/text.hpp>

namespace ravine::train {
namespace {

std::string csv_header(const std::vector<std::string>& names) {
  std::string line;
  for (const std::string& name : names) line += (line.empty() ? "" : ",") + detail::csv_field(name);
  return line + "\n";
}

std::string csv_row(const std::vector<double>& row) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i)
    line += (i > 0 ? "," : "") + (std::isnan(row[i]) ? "" : detail::text(row[i]));
  return line + "\n";
}

std::string json_row(const std::vector<std::string>& names, const std::vector<double>& row) {
  nlohmann::ordered_json object;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i < 2)  // epoch and step
      object[names[i]] = static_cast<Index>(row[i]);
    else
      object[names[i]] = row[i];
  }
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

Log::Log(std::string path) : path_(std::move(path)), json_(path_.ends_with(".jsonl")) {
  if (!json_ && !path_.ends_with(".csv"))
    throw std::invalid_argument(detail::text("Log: a path ends in .csv or .jsonl, got ", path_));
}

/// Those that are not in the file yet.
std::string Log::rows(const History& history) {
  std::string all;
  for (; written_ < history.epochs(); ++written_) {
    const std::vector<double>& row = history.row(written_);
    all += json_ ? json_row(history.names(), row) : csv_row(row);
  }
  return all;
}

void Log::on_begin(Run& run) {
  written_ = 0;
  const std::string start = (json_ ? "" : csv_header(run.history.names())) + rows(run.history);
  const std::string_view pieces[] = {start};
  detail::write_file("Log", path_, pieces);
}

void Log::on_epoch(Run& run) {
  errno = 0;
  std::ofstream file(path_, std::ios::binary | std::ios::app);
  file << rows(run.history);
  file.close();
  if (!file) throw FileError(detail::text("Log: cannot write ", path_, ": ", std::generic_category().message(errno)));
}

void Log::on_end(Run& run) { on_epoch(run); }

}  // namespace ravine::train
