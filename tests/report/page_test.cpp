#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <ravine/data/error.hpp>
#include <ravine/report/page_static.hpp>
#include <ravine/report/report.hpp>

#include "../data/temporary.hpp"

using namespace ravine;
using doctest::Contains;
using report::Page;

// The data of a page, as the page's script reads it.
static nlohmann::json data_of(const Page& page) {
  const std::string html = page.html();
  const std::string begin = "<script type=\"application/json\" id=\"data\">", end = "</script>";
  const std::size_t from = html.find(begin);
  REQUIRE(from != std::string::npos);
  const std::size_t to = html.find(end, from);
  std::string json = html.substr(from + begin.size(), to - from - begin.size());
  for (const std::string infinite : {"-1e999", "1e999"})
    for (std::size_t at; (at = json.find(infinite)) != std::string::npos;)
      json.replace(at, infinite.size(), "\"infinite\"");
  return nlohmann::json::parse(json);
}

static Page with(const Page::Chart& chart) { return {.charts = {chart}}; }
static Page with(const Page::Landscape& landscape) { return {.problems = {{.name = "p", .landscapes = {landscape}}}}; }

static Page::Landscape square() {
  return {.title = "square", .x = {0, 1, 2}, .y = {-1, 0}, .f = {0, 1, 2, 3, 4, 5}, .minimum = 0.0};
}

TEST_CASE("page: one file with style, script and data, and nothing to fetch") {
  const std::string html = Page{.title = "Two rates"}.html();
  CHECK(html.find("<title>Two rates</title>") != std::string::npos);
  CHECK(html.find("Content-Security-Policy\" content=\"default-src 'none'") != std::string::npos);
  CHECK(html.find("<!--{") == std::string::npos);
  CHECK(html.find("/*{") == std::string::npos);
  CHECK(html.find(" src=") == std::string::npos);
}

TEST_CASE("page: names are text wherever they stand") {
  const std::string name = "</script><b>&\"'\\ \xff \xe2\x80\xa8";
  Page page{.title = name, .about = name};
  page.problem(name).charts.push_back({.title = name, .lines = {{.method = name, .x = {{1}}, .y = {2}}}});
  page.table = {.columns = {name},
                .rows = {{.problem = name, .method = name, .cells = {{.text = name}}, .code = name}}};
  const std::string html = page.html();
  CHECK(html.find("</script><b>") == std::string::npos);
  CHECK(html.find("<title>&lt;/script>&lt;b>&amp;&quot;'") != std::string::npos);
  const auto read = data_of(page);
  const std::string same = "</script><b>&\"'\\ \xef\xbf\xbd \xe2\x80\xa8";  // what is no UTF-8 is replaced
  CHECK(read["methods"][0] == same);
  CHECK(read["problems"][0]["name"] == same);
  CHECK(read["table"]["rows"][0]["code"] == same);
}

TEST_CASE("page: what is no number and what is infinite") {
  Page::Chart chart{.title = "c", .lines = {{.method = "a", .x = {{1, 2, 3}}, .y = {NAN, INFINITY, 0.123456789}}}};
  CHECK(data_of(with(chart))["charts"][0]["lines"][0]["y"] == nlohmann::json({nullptr, "infinite", 0.123457}));
  auto landscape = square();
  landscape.paths = {{.method = "a", .x = {1, NAN}, .y = {0, -INFINITY}, .loss = {1, NAN}}};
  landscape.minimum = -INFINITY;  // a saddle
  const auto read = data_of(with(landscape))["problems"][0]["landscapes"][0];
  CHECK(read["paths"][0]["x"] == nlohmann::json({1, nullptr}));
  CHECK(read["paths"][0]["y"] == nlohmann::json({0, "infinite"}));
  CHECK(read["minimum"].is_null());
}

TEST_CASE("page: methods are numbered in the order of their names' first appearance") {
  Page page;
  auto& chart = page.problem("p").charts.emplace_back();
  chart.lines = {{.method = "b", .x = {{}}}, {.method = "a", .x = {{}}}, {.method = "b", .x = {{}}, .label = "test"}};
  page.charts.push_back({.title = "bars", .bars = {{.method = "c", .value = 1.0}, {.method = "a", .value = 2.0}}});
  const auto read = data_of(page);
  CHECK(read["methods"] == nlohmann::json({"b", "a", "c"}));
  CHECK(read["problems"][0]["charts"][0]["lines"][2]["m"] == 0);
  CHECK(read["charts"][0]["bars"][1]["m"] == 1);
}

TEST_CASE("page: a problem is made once, and rows find it") {
  Page page;
  page.problem("first").about = "said";
  page.problem("second");
  CHECK(page.problem("first").about == "said");
  CHECK(page.problems.size() == 2);
  page.table.rows = {{.problem = "second", .method = "m"}, {.problem = "elsewhere", .method = "m"}};
  const auto rows = data_of(page)["table"]["rows"];
  CHECK(rows[0]["p"] == 1);
  CHECK(rows[1]["p"].is_null());
  CHECK(rows[1]["problem"] == "elsewhere");
}

TEST_CASE("page: of several landscapes the reader chooses one by its title, and a page that stands still has all") {
  Page page = with(square());
  auto second = square();
  second.title = "seen from the side";
  page.problems[0].landscapes.push_back(second);
  const auto read = data_of(page)["problems"][0]["landscapes"];
  REQUIRE(read.size() == 2);
  CHECK(read[1]["title"] == "seen from the side");
  CHECK(detail::static_figures(page).find("<h3>seen from the side</h3>") != std::string::npos);
}

TEST_CASE("page: what stands still has axes for losses that differ by rounding, and bars of any value") {
  const std::vector<double> x = {0, 1, 2};
  const std::vector<double> plateaus[] = {
      {1.0, std::nextafter(1.0, 2.0), 1.0}, {1e17, 1e17, 1e17}, {0.0, 5e-324, 0.0}, {1.7e308, 1e308, 1.0}};
  for (const auto& y : plateaus)
    for (const bool log : {false, true}) {
      const Page page =
          with(Page::Chart{.title = "plateau", .y_log = log, .lines = {{.method = "a", .x = {x}, .y = y}}});
      CHECK(detail::static_figures(page).find("nan") == std::string::npos);
    }
  Page::Chart bars{.title = "bars"};
  for (const double value : {-2.0, Page::none, HUGE_VAL, 2.0})
    bars.bars.push_back({.method = "a", .value = value, .text = "b"});
  const std::string drawn = detail::static_figures(with(bars));
  for (const char* width : {"width='-", "width='nan", "width='inf"}) CHECK(drawn.find(width) == std::string::npos);
}

TEST_CASE("page: a path keeps what one can see of it, and says its steps") {
  auto landscape = square();
  Page::Path path{.method = "a"};
  for (int i = 0; i < 1000; ++i) {
    path.x.push_back(i < 500 ? i / 500.0 : 1.0);  // then it stands
    path.y.push_back(0.0);
    path.loss.push_back(1.0);
  }
  path.loss[800] = 2.0;
  landscape.paths = {path};
  const auto read = data_of(with(landscape))["problems"][0]["landscapes"][0]["paths"][0];
  const auto steps = read["steps"].get<std::vector<double>>();
  CHECK(steps.size() > 500);
  CHECK(steps.size() < 610);  // every fifth of those at which it stands
  for (const double step : {800, 801, 999}) CHECK(std::count(steps.begin(), steps.end(), step) == 1);
  CHECK(read["x"].size() == steps.size());
}

TEST_CASE("page: a long line is thinned, its ends and its peaks stay") {
  Page::Line line{.method = "a", .x = {{}}};
  for (int i = 0; i < 100000; ++i) {
    line.x[0].push_back(i);
    line.y.push_back(i == 77777 ? 9.0 : i == 55555 ? -9.0 : 1.0);
  }
  const auto read = data_of(with(Page::Chart{.title = "c", .lines = {line}}))["charts"][0]["lines"][0];
  const auto x = read["x"][0].get<std::vector<double>>();
  CHECK(x.size() < 2000);
  CHECK(x.front() == 0);
  CHECK(x.back() == 99999);
  CHECK(std::is_sorted(x.begin(), x.end()));
  CHECK(std::count(x.begin(), x.end(), 77777) == 1);
  CHECK(std::count(x.begin(), x.end(), 55555) == 1);
  CHECK(read["y"].size() == x.size());
}

TEST_CASE("page: refuses what does not fit together, by the figure's name") {
  const auto refused = [](const auto& figure, const char* words) {
    CHECK_THROWS_WITH_AS(with(figure).html(), Contains(words), std::invalid_argument);
  };
  auto landscape = square();
  landscape.f.pop_back();
  refused(landscape, "Page: 'square' has 5 values on a grid of 3 by 2");
  landscape = square();
  landscape.x = {0, 1, 3};
  refused(landscape, "has a grid that is not ascending and equally spaced in x, at 1");
  landscape = square();
  landscape.y = {0};
  refused(landscape, "needs two or more lines of its grid in y, got 1");
  landscape = square();
  landscape.paths = {{.method = "a", .x = {1, 2}, .y = {1}, .loss = {1, 2}}};
  refused(landscape, "has 1 y of 'a' for 2 points");
  landscape.paths = {{.method = "a", .x = {1, 2}, .y = {1, 2}, .loss = {1, 2}, .steps = {3, 3}}};
  refused(landscape, "steps of 'a' that do not ascend from 0 or more, at 3");

  refused(Page::Chart{.title = "c", .lines = {{.method = "a", .x = {{1}}, .y = {1, 2}}}}, "'c' has 1 x of 'a' for 2");
  refused(Page::Chart{.title = "c", .x_labels = {"s", "t"}, .lines = {{.method = "a", .x = {{}}}}},
          "'c' has 1 x of 'a' for 2 x_labels");
  refused(Page::Chart{.title = "c", .lines = {{.method = "a", .x = {{1}}, .y = {1}, .low = {1}}}}, "0 high of 'a'");
  const Page page{.table = {.columns = {"loss"}, .rows = {{.problem = "p", .method = "a"}}}};
  CHECK_THROWS_WITH_AS(page.html(), "Page: 'a' on 'p' has 0 cells for 1 columns", std::invalid_argument);
}

TEST_CASE("page: an empty one is a page, and so is one of empty figures") {
  const auto read = data_of(Page());
  CHECK(read["problems"].empty());
  CHECK(read["table"]["rows"].empty());
  Page page;
  page.problem("p").charts = {{.title = "no lines"}, {.title = "no points", .lines = {{.method = "a", .x = {{}}}}}};
  page.problem("p").landscapes = {square()};
  CHECK(data_of(page)["problems"][0]["charts"].size() == 2);
}

TEST_CASE("page: saved, or refused with the reason") {
  const TemporaryFile file("page.html");
  const Page page{.title = "t"};
  page.save(file.path());
  CHECK(file.read() == page.html());
  CHECK_THROWS_WITH_AS(page.save(file.path() + "/page.html"), Contains("Page::save: "), data::FileError);
}
