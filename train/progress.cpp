#include <ravine/train/progress.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <ravine/core/text.hpp>

namespace ravine::train {
namespace {

using detail::text;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Four digits, the same in every locale.
std::string number(double x) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, x, std::chars_format::general, 4).ptr};
}

/// "0:07", "12:34", "3:00:00".
std::string duration(double seconds) {
  if (!(seconds < 1e9)) return "?";
  const auto all = static_cast<Index>(std::ceil(seconds));
  const auto two = [](Index x) { return text(x < 10 ? "0" : "", x); };
  const Index hours = all / 3600, minutes = all / 60 % 60;
  return hours > 0 ? text(hours, ":", two(minutes), ":", two(all % 60)) : text(minutes, ":", two(all % 60));
}

/// "950 steps/s", "2.5 s/step".
std::string speed(const std::string& step, double steps, double seconds) {
  if (steps <= 0.0 || seconds <= 0.0) return text("? ", step, "s/s");
  const double rate = steps / seconds;
  return rate >= 100.0 ? text(std::llround(rate), " ", step, "s/s")
         : rate >= 1.0 ? text(number(rate), " ", step, "s/s")
                       : text(number(1.0 / rate), " s/", step);
}

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

/// In characters.
std::size_t length(const std::string& utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), starts_character));
}

void cut(std::string& utf8, std::size_t characters) {
  std::size_t end = 0;
  while (end < utf8.size() && (!starts_character(utf8[end]) || characters-- > 0)) ++end;
  utf8.resize(end);
}

std::size_t width(std::FILE* out) {
  winsize size{};
  return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// The numbers of the last epoch that are not its place or its training loss.
std::string numbers(const Run& run) {
  std::string all;
  if (run.batch > 0) all = "loss " + number(run.mean_loss);
  if (run.history.epochs() == 0) return all;
  const std::vector<double>& last = run.history.row(run.history.epochs() - 1);
  for (std::size_t i = run.batch > 0 ? 3 : 2; i < last.size(); ++i)
    all += (all.empty() ? "" : "  ") + run.history.names()[i] + " " + number(last[i]);
  return all;
}

}  // namespace

Progress::Progress(std::FILE* out, const ProgressOptions& options) : out_(out), options_(options), terminal_(false) {
  if (!out) throw std::invalid_argument("Progress: the stream is null");
  if (!(options.seconds >= 0.0))
    throw std::invalid_argument(text("Progress: seconds must be >= 0, got ", options.seconds));
  terminal_ = isatty(fileno(out)) == 1;
  if (!terminal_) options_.seconds *= 100.0;
}

Progress::~Progress() { end_line(); }

void Progress::update(Index done, Index total, std::optional<double> loss) {
  if (!options_.on) return;
  if (done_ < 0 || done <= done_) start(std::max<Index>(done - 1, 0));
  done_ = done;
  if (!due(done) && done != total) return;
  show(text(options_.step, " ", done, "/", total), done, total, loss ? "loss " + number(*loss) : "", done == total);
}

void Progress::on_begin(Run& run) {
  if (options_.on) start(run.step);
}

void Progress::on_step(Run& run) {
  if (options_.on && due(run.step)) show(run, false);
}

void Progress::on_end(Run& run) {
  if (options_.on) show(run, true);
}

void Progress::start(Index done) {
  first_ = done;
  next_ = done + 1;
  stride_ = 1;
  began_ = looked_ = shown_ = now();
}

// To look at the clock takes as long as a hundredth of a tiny step: some eight times from one picture to the next do.
bool Progress::due(Index done) {
  if (done < next_) return false;
  const double time = now();
  stride_ = time - looked_ < options_.seconds / 8.0 ? 2 * stride_ : std::max<Index>(stride_ / 2, 1);
  looked_ = time;
  next_ = done + stride_;
  if (time - shown_ < options_.seconds) return false;
  shown_ = time;
  return true;
}

void Progress::show(const Run& run, bool last) {
  show(run.epochs > 0 ? text("epoch ", run.epoch, "/", run.epochs) : text("epoch ", run.epoch), run.step,
       run.total_steps, numbers(run), last);
}

void Progress::show(const std::string& where, Index done, Index total, const std::string& numbers, bool last) {
  const double seconds = now() - began_;
  const auto steps = static_cast<double>(done - first_);
  const double part = total > 0 ? std::min(static_cast<double>(done) / static_cast<double>(total), 1.0) : 1.0;
  const std::string time =
      last ? "in " + duration(seconds) : duration(static_cast<double>(total - done) * seconds / steps) + " left";
  const std::string right = text(static_cast<int>(100.0 * part), "%  ", speed(options_.step, steps, seconds), "  ",
                                 time, numbers.empty() ? "" : "  ", numbers);
  if (terminal_)
    draw(where, part, right);
  else
    std::fputs((where + "  " + right + "\n").c_str(), out_);
  if (last) end_line();
  std::fflush(out_);
}

// In one piece, and over the old line, so that nothing flickers.
void Progress::draw(const std::string& left, double part, const std::string& right) {
  const std::size_t columns = width(out_) - 1, texts = length(left) + length(right) + 6;  // "  [" and "]  ", and one
  std::string line = left + "  ";
  if (columns >= texts + 10) {
    const std::size_t cells = std::min<std::size_t>(columns - texts, 30);
    std::string bar(static_cast<std::size_t>(part * static_cast<double>(cells)), '=');
    if (bar.size() < cells) bar += '>';
    bar.resize(cells, ' ');
    line += "[" + bar + "]  ";
  }
  line += right;
  cut(line, columns);
  const std::size_t characters = length(line);
  if (characters < drawn_) line.append(std::min(drawn_, columns) - std::min(characters, columns), ' ');
  drawn_ = characters;
  std::fputs(("\r" + line).c_str(), out_);
}

void Progress::end_line() {
  if (std::exchange(drawn_, 0) > 0) std::fputc('\n', out_);
}

}  // namespace ravine::train
