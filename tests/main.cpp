// doctest itself; its declarations are in the precompiled header already.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <ravine/core/threads.hpp>

int main(int count, char** arguments) {
  ravine::detail::hold_threads(true);  // what tests of several threads are told shall be so
  return doctest::Context(count, arguments).run();
}
