// What the acceptance programs share: one check that prints and exits on failure.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#define CHECK(condition)                                                           \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                                \
    }                                                                              \
  } while (false)

// The expression throws, and the message has this word in it.
#define CHECK_THROWS(expression, word)                                    \
  do {                                                                    \
    bool thrown = false;                                                  \
    try {                                                                 \
      static_cast<void>(expression);                                      \
    } catch (const std::exception& error) {                               \
      thrown = std::string(error.what()).find(word) != std::string::npos; \
    }                                                                     \
    CHECK(thrown);                                                        \
  } while (false)
