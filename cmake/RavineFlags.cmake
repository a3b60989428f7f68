# Flags of the library's own sources; nothing but the language level reaches a user's program.
target_compile_features(ravine PUBLIC cxx_std_20)

# Warnings are for those who work on ravine: a project that includes it does not see them.
add_library(ravine_warnings INTERFACE)
if(RAVINE_DEV)
  target_compile_options(ravine_warnings INTERFACE -Wall -Wextra -Wpedantic $<$<BOOL:${RAVINE_WERROR}>:-Werror>)
endif()

# Without errno and traps, square roots and comparisons vectorise. Never -ffast-math: it breaks NaN and the order of sums.
add_library(ravine_flags INTERFACE)
# Position-independent code may be inlined all the same.
target_compile_options(ravine_flags INTERFACE -fno-math-errno -fno-trapping-math -fno-semantic-interposition)
target_link_libraries(ravine_flags INTERFACE ravine_warnings)

# A shared library shows what is in the namespace ravine, but for what private headers hide.
if(BUILD_SHARED_LIBS)
  target_link_options(ravine PRIVATE "-Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map")
  set_property(TARGET ravine APPEND PROPERTY LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/exports.map")
endif()
