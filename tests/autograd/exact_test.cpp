// bench/ulps prints the same for a million points.
#include "exact.hpp"

#include <doctest/doctest.h>

TEST_CASE("functions are within 2 units of the last place in f32, 3 in f64, for every argument") {
  const std::vector<float> x32 = arguments<float>(200'000);
  const std::vector<double> x64 = arguments<double>(200'000);
  for (const Function& f : functions) {
    CAPTURE(std::string(f.name));
    const Worst single = worst(f, x32), whole = worst(f, x64);
    CAPTURE(single.at);
    CAPTURE(whole.at);
    CHECK(single.ulps <= 2.0);
    CHECK(whole.ulps <= 3.0);
  }
}
