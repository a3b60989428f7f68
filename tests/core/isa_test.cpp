#include <ravine/core/isa.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <unistd.h>
#include <ravine_isas.hpp>

using namespace ravine;

namespace {

/// What `command` prints, with standard error.
std::string output_of(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  std::array<char, 256> buffer;
  while (std::fgets(buffer.data(), buffer.size(), pipe)) output += buffer.data();
  pclose(pipe);
  return output;
}

/// What this program says when it is run with RAVINE_ISA set so, on a test that asks for the instruction set in use.
std::string run_with(const std::string& isa) {
  return output_of("RAVINE_ISA='" + isa + "' \"$(readlink /proc/" + std::to_string(getpid()) +
                   "/exe)\" --test-case='the instruction set in use*'");
}

}  // namespace

TEST_CASE("names of instruction sets") {
  CHECK(std::string(name(Isa::baseline)) == "baseline");
  CHECK(std::string(name(Isa::v3)) == "v3");
  CHECK(std::string(name(Isa::v4)) == "v4");
}

TEST_CASE("each instruction set includes the ones below, if this build has kernels for them") {
  CHECK(supported(Isa::baseline) == detail::built(Isa::baseline));
  if (supported(Isa::v4)) CHECK(supported(Isa::v3) == detail::built(Isa::v3));
}

TEST_CASE("the instruction set in use is the one asked for, or the best there is") {
  const char* wanted = std::getenv("RAVINE_ISA");
  const Isa best = supported(Isa::v4) ? Isa::v4 : supported(Isa::v3) ? Isa::v3 : Isa::baseline;
  CHECK(std::string(name(active_isa())) == (wanted && *wanted ? wanted : name(best)));
  CHECK(supported(active_isa()));
}

TEST_CASE("RAVINE_ISA chooses among those that the processor has, and a name that is none is refused") {
  for (const Isa isa : {Isa::baseline, Isa::v3, Isa::v4}) {
    const std::string output = run_with(name(isa));
    CAPTURE(output);
    if (supported(isa))
      CHECK(output.find("SUCCESS") != std::string::npos);
    else
      CHECK(output.find("RAVINE_ISA: this processor or build has no " + std::string(name(isa))) != std::string::npos);
  }
  CHECK(run_with("").find("SUCCESS") != std::string::npos);
  for (const std::string wrong : {"avx9", "V3", "v33", "v"}) {
    const std::string output = run_with(wrong);
    CAPTURE(output);
    CHECK(output.find("RAVINE_ISA: '" + wrong + "' is none of baseline, v3, v4") != std::string::npos);
  }
}
