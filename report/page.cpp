#include <ravine/report/page.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>

#include <nlohmann/json.hpp>

#include <ravine/core/file.hpp>
#include <ravine/core/text.hpp>
#include <ravine/report/page_sources.hpp>
#include <ravine/report/page_static.hpp>

namespace ravine::report {
namespace {

using detail::in_html;
using detail::text;
using Doubles = std::vector<double>;

// Text of JSON that may stand in HTML: no "<", which could end the element it is in.
std::string json(const std::string& words) {
  const std::string quoted = nlohmann::json(words).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string result;
  for (const char c : quoted) c == '<' ? result += "\\u003c" : result += c;
  return result;
}

// Six digits. What is no number is null; what is infinite is a number too large for any parser, which makes it
// infinite.
std::string json(double number) {
  if (std::isnan(number)) return "null";
  if (std::isinf(number)) return number > 0 ? "1e999" : "-1e999";
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, number, std::chars_format::general, 6).ptr};
}
std::string json(bool value) { return value ? "true" : "false"; }
std::string json(std::size_t number) { return std::to_string(number); }
std::string json(const std::array<double, 2>& point) { return "[" + json(point[0]) + "," + json(point[1]) + "]"; }

template <class T, class F>
std::string json(const std::vector<T>& list, const F& write) {
  std::string result = "[";
  for (const T& element : list) result += (result.size() > 1 ? "," : "") + write(element);
  return result + "]";
}
template <class T>
std::string json(const std::vector<T>& list) {
  return json(list, [](const T& element) { return json(element); });
}

// {"name": text, …} of texts that are JSON already.
std::string object(std::initializer_list<std::pair<const char*, std::string>> members) {
  std::string result = "{";
  for (const auto& [name, value] : members) result += text(result.size() > 1 ? "," : "", '"', name, "\":", value);
  return result + "}";
}

template <class... Parts>
[[noreturn]] void refuse(const std::string& title, const Parts&... parts) {
  throw std::invalid_argument(text("Page: '", title, "' ", parts...));
}

void require_length(const std::string& title, const std::string& method, const char* name, std::size_t got,
                    std::size_t wanted) {
  if (got != wanted) refuse(title, "has ", got, " ", name, " of '", method, "' for ", wanted, " points");
}

void require_grid(const std::string& title, const char* name, const Doubles& lines) {
  if (lines.size() < 2) refuse(title, "needs two or more lines of its grid in ", name, ", got ", lines.size());
  const double step = (lines.back() - lines.front()) / static_cast<double>(lines.size() - 1);
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (!(step > 0.0) || !(std::abs(lines[i] - lines[0] - step * static_cast<double>(i)) < 0.01 * step))
      refuse(title, "has a grid that is not ascending and equally spaced in ", name, ", at ", lines[i]);
}

void require_ascending(const std::string& title, const std::string& method, const Doubles& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i)
    if (!(steps[i] >= 0.0) || std::isinf(steps[i]) || (i > 0 && !(steps[i] > steps[i - 1])))
      refuse(title, "has steps of '", method, "' that do not ascend from 0 or more, at ", steps[i]);
}

// Writes a page's data: methods are numbered as they appear.
class Writer {
 public:
  std::string page(const Page& page) {
    const std::string problems = json(page.problems, [this](const Page::Problem& p) { return problem(p); });
    const std::string charts = json(page.charts, [this](const Page::Chart& c) { return chart(c); });
    for (std::size_t i = 0; i < page.problems.size(); ++i) numbers_.emplace(page.problems[i].name, i);
    const std::string table = this->table(page.table);
    return object({{"methods", json(methods_)}, {"problems", problems}, {"charts", charts}, {"table", table}});
  }

 private:
  std::string method(const std::string& name) {
    auto found = std::find(methods_.begin(), methods_.end(), name);
    if (found == methods_.end()) found = methods_.insert(found, name);
    return json(static_cast<std::size_t>(found - methods_.begin()));
  }

  std::string problem(const Page::Problem& p) {
    return object({{"name", json(p.name)},
                   {"about", json(p.about)},
                   {"landscapes", json(p.landscapes, [this](const Page::Landscape& l) { return landscape(l); })},
                   {"charts", json(p.charts, [this](const Page::Chart& c) { return chart(c); })}});
  }

  std::string landscape(const Page::Landscape& l) {
    require_grid(l.title, "x", l.x);
    require_grid(l.title, "y", l.y);
    if (l.f.size() != l.x.size() * l.y.size())
      refuse(l.title, "has ", l.f.size(), " values on a grid of ", l.x.size(), " by ", l.y.size());
    return object({{"title", json(l.title)},
                   {"x_label", json(l.x_label)},
                   {"y_label", json(l.y_label)},
                   {"x", json(l.x)},
                   {"y", json(l.y)},
                   {"f", json(l.f)},
                   {"starts", json(l.starts)},
                   {"minima", json(l.minima)},
                   {"minimum", json(std::isinf(l.minimum) ? Page::none : l.minimum)},
                   {"projected", json(l.projected)},
                   {"paths", json(l.paths, [&](const Page::Path& p) { return path(l, p); })},
                   {"note", json(l.note)}});
  }

  std::string path(const Page::Landscape& l, const Page::Path& p) {
    require_length(l.title, p.method, "y", p.y.size(), p.x.size());
    require_length(l.title, p.method, "losses", p.loss.size(), p.x.size());
    if (!p.steps.empty()) require_length(l.title, p.method, "steps", p.steps.size(), p.x.size());
    require_ascending(l.title, p.method, p.steps);
    Doubles x, y, loss, steps;
    for (const std::size_t i : visible(l, p)) {
      x.push_back(p.x[i]);
      y.push_back(p.y[i]);
      loss.push_back(p.loss[i]);
      steps.push_back(p.steps.empty() ? static_cast<double>(i) : p.steps[i]);
    }
    return object({{"m", method(p.method)},
                   {"x", json(x)},
                   {"y", json(y)},
                   {"loss", json(loss)},
                   {"steps", json(steps, [](double step) { return text(step); })},
                   {"note", json(p.note)}});
  }

  // The points without which a picture would be another: those that lie a pixel or so, or 2 % of the loss, from the
  // last one that is shown; and some of the others, so that a path's end is near every step.
  static std::vector<std::size_t> visible(const Page::Landscape& l, const Page::Path& p) {
    const double wide = (l.x.back() - l.x.front()) / 1500.0, high = (l.y.back() - l.y.front()) / 1500.0;
    const std::size_t n = p.x.size(), rest = n / 200;
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < n; ++i) {
      if (i > 100 && i + 1 < n) {
        const std::size_t k = kept.back();
        const bool still = std::abs(p.x[i] - p.x[k]) < wide && std::abs(p.y[i] - p.y[k]) < high &&
                           std::abs(p.loss[i] - p.loss[k]) <= 0.02 * std::abs(p.loss[k]);
        if (still && i - k < rest) continue;
      }
      kept.push_back(i);
    }
    return kept;
  }

  std::string chart(const Page::Chart& c) {
    if (!c.lines.empty() && c.x_labels.empty()) refuse(c.title, "has lines and no x_labels");
    return object({{"title", json(c.title)},
                   {"x_labels", json(c.x_labels)},
                   {"y_label", json(c.y_label)},
                   {"x_log", json(c.x_log)},
                   {"y_log", json(c.y_log)},
                   {"stairs", json(c.stairs)},
                   {"share", json(c.share)},
                   {"lines", json(c.lines, [&](const Page::Line& l) { return line(c, l); })},
                   {"bars", json(c.bars, [this](const Page::Bar& b) { return bar(b); })},
                   {"note", json(c.note)}});
  }

  std::string bar(const Page::Bar& b) {
    return object({{"m", method(b.method)}, {"value", json(b.value)}, {"text", json(b.text)}});
  }

  std::string line(const Page::Chart& c, const Page::Line& l) {
    if (l.x.size() != c.x_labels.size())
      refuse(c.title, "has ", l.x.size(), " x of '", l.method, "' for ", c.x_labels.size(), " x_labels");
    for (const Doubles& x : l.x) require_length(c.title, l.method, "x", x.size(), l.y.size());
    if (l.low.size() + l.high.size() > 0) {
      require_length(c.title, l.method, "low", l.low.size(), l.y.size());
      require_length(c.title, l.method, "high", l.high.size(), l.y.size());
    }
    const std::vector<std::size_t> kept = thinned(l.y);
    const auto some = [&](const Doubles& all) {
      return json(kept, [&](std::size_t i) { return json(all.empty() ? Page::none : all[i]); });
    };
    const std::string low = l.low.empty() ? "[]" : some(l.low), high = l.high.empty() ? "[]" : some(l.high);
    return object({{"m", method(l.method)},
                   {"label", json(l.label)},
                   {"x", json(l.x, some)},
                   {"y", some(l.y)},
                   {"low", low},
                   {"high", high}});
  }

  // Of more than a thousand points about that many, close together at the beginning, with the lowest and the highest
  // between them.
  static std::vector<std::size_t> thinned(const Doubles& y) {
    constexpr std::size_t most = 500;
    std::set<std::size_t> kept;
    const std::size_t n = y.size();
    if (n <= 2 * most) {
      for (std::size_t i = 0; i < n; ++i) kept.insert(i);
    } else {
      const double scale = std::log(static_cast<double>(n)) / static_cast<double>(most);
      for (std::size_t k = 0; k <= most / 2; ++k) {
        kept.insert(2 * k * (n - 1) / most);
        kept.insert(std::min(n - 1, static_cast<std::size_t>(std::exp(2.0 * scale * static_cast<double>(k))) - 1));
      }
      const std::vector<std::size_t> ends(kept.begin(), kept.end());
      for (std::size_t k = 0; k + 1 < ends.size(); ++k) {
        const auto first = y.begin() + static_cast<std::ptrdiff_t>(ends[k]);
        const auto last = y.begin() + static_cast<std::ptrdiff_t>(ends[k + 1]);
        kept.insert(static_cast<std::size_t>(std::min_element(first, last) - y.begin()));
        kept.insert(static_cast<std::size_t>(std::max_element(first, last) - y.begin()));
      }
    }
    return {kept.begin(), kept.end()};
  }

  std::string table(const Page::Table& t) {
    return object({{"columns", json(t.columns)},
                   {"rows", json(t.rows, [&](const Page::Row& r) { return row(t, r); })},
                   {"note", json(t.note)}});
  }

  std::string row(const Page::Table& t, const Page::Row& r) {
    if (r.cells.size() != t.columns.size())
      refuse(r.method, "on '", r.problem, "' has ", r.cells.size(), " cells for ", t.columns.size(), " columns");
    const auto found = numbers_.find(r.problem);
    return object({{"p", found == numbers_.end() ? "null" : json(found->second)},
                   {"problem", json(r.problem)},
                   {"m", method(r.method)},
                   {"cells", json(r.cells, cell)},
                   {"command", json(r.command)},
                   {"code", json(r.code)}});
  }

  static std::string cell(const Page::Cell& c) {
    return object({{"text", json(c.text)}, {"value", json(c.value)}, {"low", json(c.low)}, {"high", json(c.high)}});
  }

  std::vector<std::string> methods_;
  std::map<std::string, std::size_t> numbers_;  // of problems
};

bool has_library() { return *detail::page_licence != '\0'; }

/// What stands on the page before its scripts run.
std::string standing(const Page& page) {
  if (has_library())
    return "<noscript><p class=\"warning\">The figures of this page are drawn by scripts.</p></noscript>";
  return "<p class=\"warning\">The pictures of this page stand still: the ravine that wrote it was built without D3 5, "
         "which plays paths, turns surfaces and answers the pointer. Debian has it as node-d3; build ravine "
         "again.</p>\n" +
         detail::static_figures(page);
}

std::string footer() {
  if (!has_library()) return "<p>Made by ravine.</p>";
  return text(
      "<p>Made by ravine; drawn by D3, whose licence follows.</p>\n<details><summary>Licence of D3</summary><pre>",
      in_html(detail::page_licence), "</pre></details>");
}

}  // namespace

Page::Problem& Page::problem(const std::string& name) {
  for (Problem& problem : problems)
    if (problem.name == name) return problem;
  return problems.emplace_back(Problem{.name = name});
}

std::string Page::html() const {
  const std::string data = Writer().page(*this), title = in_html(this->title.empty() ? "Comparison" : this->title);
  const std::map<std::string_view, std::string> parts = {
      {"title", title}, {"about", in_html(about)}, {"static", standing(*this)}, {"licence", footer()}, {"data", data}};
  std::string result;
  std::string_view rest = detail::page_template;
  while (true) {
    const std::size_t begin = rest.find("<!--{"), end = rest.find("}-->", begin);
    result += rest.substr(0, begin);
    if (begin == std::string_view::npos) return result;
    result += parts.at(rest.substr(begin + 5, end - begin - 5));
    rest.remove_prefix(end + 4);
  }
}

void Page::save(const std::string& path) const {
  const std::string page = html();
  const std::string_view whole = page;
  detail::write_file("Page::save", path, {&whole, 1});
}

}  // namespace ravine::report
