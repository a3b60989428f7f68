# Flags of the library's own sources; nothing but the language level reaches a user's program.
target_compile_features(ravine PUBLIC cxx_std_20)
set_target_properties(ravine PROPERTIES CXX_EXTENSIONS OFF)

# Without errno and traps, square roots and comparisons vectorise. Never -ffast-math: it breaks NaN and the order of sums.
add_library(ravine_flags INTERFACE)
target_compile_options(ravine_flags INTERFACE -fno-math-errno -fno-trapping-math -Wall -Wextra -Wpedantic
                                              $<$<BOOL:${RAVINE_WERROR}>:-Werror>)
target_link_libraries(ravine PRIVATE $<BUILD_INTERFACE:ravine_flags>)
