// Running the program `ravine` and looking at what it says.
#pragma once

#include <doctest/doctest.h>

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "../data/temporary.hpp"

struct Outcome {
  int code;
  std::string out, error;
};

// Runs `ravine` with these arguments, as a shell does, between other commands.
inline Outcome ravine_program(const std::string& arguments, const std::string& before = "",
                              const std::string& behind = "") {
  const TemporaryFile out("out"), error("error");
  const std::string command =
      before + " '" RAVINE_PROGRAM "' " + arguments + " >" + out.path() + " 2>" + error.path() + behind;
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, out.read(), error.read()};
}

// It ends with this code and one line of error that has these words.
inline void refuses(const std::string& arguments, int code, const std::string& words) {
  const Outcome outcome = ravine_program(arguments);
  CAPTURE(arguments);
  CAPTURE(outcome.error);
  CHECK(outcome.code == code);
  CHECK(outcome.error.starts_with("ravine"));
  CHECK(outcome.error.find(words) != std::string::npos);
  CHECK(std::count(outcome.error.begin(), outcome.error.end(), '\n') == 1);
}
