#include <ravine/report/panel.hpp>

#include <algorithm>
#include <stdexcept>

#include <ravine/core/text.hpp>
#include <ravine/report/program.hpp>
#include <ravine/report/style.hpp>

namespace ravine::report {

using detail::text;

static std::string terminal(const char* op, const std::string& path, int width, int height) {
  const auto size = [](const std::string& w, const std::string& h) { return " size " + w + "," + h; };
  const std::string pixels = size(std::to_string(width), std::to_string(height));
  const std::string style = " noenhanced background '#FFFFFF' font 'sans-serif,";
  if (path.ends_with(".svg")) return "svg" + pixels + style + "13'";
  if (path.ends_with(".png")) return "pngcairo" + pixels + style + "10'";
  if (path.ends_with(".pdf"))
    return "pdfcairo" + size(text(width / 96.0) + "in", text(height / 96.0) + "in") + style + "9'";
  detail::refuse_ending(op, path);
}

Panel::Panel(const char* kind, const std::string& title, int width, int height)
    : kind_(kind), title_(title), width_(width), height_(height) {
  if (width < 100 || height < 100)
    throw std::invalid_argument(text(kind, ": width and height must be 100 or more, got ", width, " and ", height));
}

std::string Panel::add_data(const std::string& lines) {
  const std::string name = "$data" + std::to_string(blocks_++);
  data_ += name + " << end\n" + lines + "end\n";
  return name;
}

std::string Panel::titled(const std::string& label) {
  label_lines_ = std::max(label_lines_, 1 + static_cast<std::size_t>(std::count(label.begin(), label.end(), '\n')));
  return " title " + detail::quoted(label);
}

std::string Panel::script(const char* op) const {
  if (!drawable_) throw std::invalid_argument(text(op, ": '", title_, "' has no point that can be drawn"));
  return "reset\nset encoding utf8\nset title " + detail::quoted(title_) +
         "\nset border 3 linecolor '#606060'\nset tics nomirror out scale 0.5\n"
         "set xtics offset 0,0.3\nset xlabel offset 0,0.9\nset format '%g'\nset minussign\n"
         "set grid linetype 1 linecolor '#E0E0E0' linewidth 0.5\nset clip two\nset pointsize 0.6\n" +
         text("set key below center horizontal Left reverse spacing ", 0.25 + static_cast<double>(label_lines_),
              " height ", 0.5 * static_cast<double>(label_lines_), "\n") +
         data_ + settings_ + command_ + " " + layers_ + "\n";
}

void Panel::save(const std::string& path) const { save(text(kind_, "::save").c_str(), path, {*this}, 1); }
void save_grid(const std::string& path, const std::vector<Panel>& panels, int columns) {
  Panel::save("save_grid", path, panels, columns);
}

void Panel::save(const char* op, const std::string& path, const std::vector<Panel>& panels, int columns) {
  if (panels.empty() || columns < 1)
    throw std::invalid_argument(
        text(op, ": needs a panel and a column, got ", panels.size(), " panels in ", columns, " columns"));
  columns = std::min(columns, static_cast<int>(panels.size()));
  const int rows = (static_cast<int>(panels.size()) + columns - 1) / columns;
  int width = 0, height = 0;
  std::string script;
  for (const Panel& panel : panels) {
    width = std::max(width, panel.width_);
    height = std::max(height, panel.height_);
    script += panel.script(op);
  }
  script = "set terminal " + terminal(op, path, columns * width, rows * height) + "\nset multiplot layout " +
           std::to_string(rows) + "," + std::to_string(columns) + "\n" + script + "unset multiplot\n";
  // -d: the picture does not depend on the user's own settings.
  detail::draw(op, path, "gnuplot", {"-d"}, script);
}

}  // namespace ravine::report
