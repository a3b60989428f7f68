#include <ravine/train/tensorboard.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <ravine/core/text.hpp>
#include <ravine/train/protobuf.hpp>

namespace ravine::train {
namespace {

using detail::Protobuf;
using detail::text;

/// The remainders of single bytes by the polynomial of Castagnoli, bits reversed.
constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = rest >> 1 ^ (rest & 1 ? 0x82F63B78U : 0U);
    table[byte] = rest;
  }
  return table;
}();

/// CRC-32C, rotated and shifted so that it is not the checksum of data that holds one.
std::uint32_t masked_crc(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) crc = crc >> 8 ^ crc_table[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xA282EAD8U;
}

std::string little_endian(std::uint64_t bits, int bytes) {
  std::string all;
  for (int i = 0; i < bytes; ++i) all += static_cast<char>(bits >> 8 * i);
  return all;
}

/// The length, its checksum, the data, its checksum.
std::string record(const std::string& data) {
  const std::string length = little_endian(data.size(), 8);
  return length + little_endian(masked_crc(length), 4) + data + little_endian(masked_crc(data), 4);
}

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The numbers of fields are those of TensorFlow's schemas.

Protobuf event(Index step) { return Protobuf().number(1, wall_time()).integer(2, step); }
std::string summary(Index step, const Protobuf& values) { return event(step).message(5, values).bytes(); }

Protobuf scalar_value(const std::string& tag, double value) {
  return Protobuf().text(1, tag).number(2, static_cast<float>(value));
}

Protobuf text_value(const std::string& tag, const std::string& content) {
  constexpr int string_type = 7;
  const Protobuf one_string = Protobuf().message(2, Protobuf().integer(1, 1));
  const Protobuf plugin = Protobuf().message(1, Protobuf().text(1, "text"));
  return Protobuf().text(1, tag).message(9, plugin).message(
      8, Protobuf().integer(1, string_type).message(2, one_string).text(8, content));
}

Protobuf histogram(const std::vector<double>& x) {
  constexpr std::size_t parts = 30;
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const double first = *low, width = (*high - first) / parts;
  std::vector<double> limits, counts(parts);
  for (std::size_t i = 1; i < parts; ++i) limits.push_back(first + width * static_cast<double>(i));
  limits.push_back(*high);
  double sum = 0.0, squares = 0.0;
  for (const double value : x) {
    const auto part = std::lower_bound(limits.begin(), limits.end(), value) - limits.begin();
    ++counts[static_cast<std::size_t>(part)];
    sum += value;
    squares += value * value;
  }
  return Protobuf()
      .number(1, *low)
      .number(2, *high)
      .number(3, static_cast<double>(x.size()))
      .number(4, sum)
      .number(5, squares)
      .packed<double>(6, limits)
      .packed<double>(7, counts);
}

[[noreturn]] void refuse_file(const char* what, const std::string& path, int reason) {
  throw FileError(text("TensorBoard: cannot ", what, " ", path, ": ", std::generic_category().message(reason)));
}

/// TensorBoard reads the files of a folder in the order of their names.
std::string new_path(const std::string& folder) {
  static std::atomic<unsigned> count{0};
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return text(folder, "/events.out.tfevents.", static_cast<Index>(wall_time()), ".", host, ".", getpid(), ".", count++);
}

/// Lines as they are, where Markdown would fill them.
std::string preformatted(const std::string& lines) {
  std::string all = "    ";
  for (const char c : lines) all += c == '\n' ? std::string("\n    ") : std::string(1, c);
  return all;
}

}  // namespace

TensorBoard::TensorBoard(const std::string& folder, const TensorBoardOptions& options) : options_(options) {
  if (options.steps < 0) throw std::invalid_argument(text("TensorBoard: steps must be >= 0, got ", options.steps));
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) refuse_file("make the folder", folder, error.value());
  do {
    path_ = new_path(folder);
    file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  } while (file_ < 0 && errno == EEXIST);
  if (file_ < 0) refuse_file("write", path_, errno);
  write(Protobuf().number(1, wall_time()).text(3, "brain.Event:2").bytes());
}

TensorBoard::~TensorBoard() { close(file_); }

void TensorBoard::add_scalar(const std::string& tag, double value, Index step) {
  write(summary(step, Protobuf().message(1, scalar_value(tag, value))));
}

void TensorBoard::add_histogram(const std::string& tag, const Tensor& values, Index step) {
  if (!is_floating(values.dtype())) detail::refuse_dtype("TensorBoard: add_histogram", values.dtype());
  std::vector<double> x = values.to_vector<double>();
  std::erase_if(x, [](double value) { return !std::isfinite(value); });
  if (!x.empty()) write(summary(step, Protobuf().message(1, Protobuf().text(1, tag).message(5, histogram(x)))));
}

void TensorBoard::add_text(const std::string& tag, const std::string& text, Index step) {
  write(summary(step, Protobuf().message(1, text_value(tag, text))));
}

void TensorBoard::on_begin(Run& run) {
  constexpr int start = 1;  // what other files have from this step on is void
  write(event(run.step + 1).message(7, Protobuf().integer(1, start)).bytes());
  if (run.step > 0) return;
  add_text("model", preformatted(to_string(run.model)), 0);
  add_text("optimizer", preformatted(run.optimizer.describe()), 0);
}

void TensorBoard::on_step(Run& run) {
  if (options_.steps == 0 || run.step % options_.steps != 0) return;
  write(summary(run.step, Protobuf()
                              .message(1, scalar_value("step/loss", run.loss))
                              .message(1, scalar_value("step/lr_factor", run.optimizer.lr_factor()))));
}

void TensorBoard::on_epoch(Run& run) {
  Protobuf values;
  const std::vector<double>& row = run.history.row(run.history.epochs() - 1);
  for (std::size_t i = 0; i < row.size(); ++i)
    if (run.history.names()[i] != "step") values.message(1, scalar_value(run.history.names()[i], row[i]));
  write(summary(run.step, values));
  if (!options_.histograms) return;
  for (const auto& [name, p] : run.model.named_parameters()) {
    add_histogram(name, p.value(), run.step);
    if (p.grad().defined()) add_histogram(name + ".grad", p.grad(), run.step);
  }
}

void TensorBoard::write(const std::string& event) {
  const std::string all = record(event);
  const ssize_t done = ::write(file_, all.data(), all.size());
  if (done != static_cast<ssize_t>(all.size())) refuse_file("write", path_, done < 0 ? errno : ENOSPC);
}

}  // namespace ravine::train
