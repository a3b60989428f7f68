// Whatever is a table can be looked at, and written and read again unless that is refused; the last bytes of the input
// choose the options.
#include <ravine/data/csv.hpp>

#include <algorithm>

#include "fuzz.hpp"

using namespace ravine;

static data::CsvOptions options(unsigned choice) {
  data::CsvOptions chosen;
  chosen.separator = ",;\t |\1\2,"[choice & 7];
  if (choice & 8) chosen.header = (choice & 16) != 0;
  chosen.quote = choice & 32 ? '\'' : '"';
  if (choice & 64 && chosen.separator != ',' && chosen.separator != data::csv_guess) chosen.decimal = ',';
  if (choice & 128) chosen.thousands = '\'';
  if (chosen.thousands == chosen.quote) chosen.thousands = '\0';
  if (choice & 256) chosen.comment = '#';
  chosen.skip_lines = choice >> 9 & 1;
  chosen.skip_footer = choice >> 10 & 1;
  return chosen;
}

static void look_at(const data::Table& table) {
  for (const auto& name : table.column_names()) require(static_cast<Index>(table.text(name).size()) == table.rows());
  require(table.drop_missing().rows() <= table.rows());
  require(!table.describe().empty());
}

static void require_equal(const data::Table& a, const data::Table& b) {
  require(a.column_names() == b.column_names());
  require(a.rows() == b.rows());
  for (const auto& name : a.column_names()) {
    require(a.numeric(name) == b.numeric(name));
    require(a.text(name) == b.text(name));
  }
}

static void write_and_read(const data::Table& table, data::CsvOptions options) {
  const Written again;
  try {
    data::write_csv(again.path, table, options);
  } catch (const std::invalid_argument&) {
    return;
  }
  require_equal(data::read_csv(again.path, options), table);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return read_or_refuse(data, size, [&](const std::string& path) {
    const auto byte = [&](std::size_t back) { return size >= back ? unsigned{data[size - back]} : 0u; };
    const data::CsvOptions chosen = options(byte(1) << 3 | byte(2));
    const data::Table table = data::read_csv(path, chosen);
    look_at(table);
    write_and_read(table, chosen);
  });
}
