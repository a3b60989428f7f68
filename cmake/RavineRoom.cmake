# ravine_room(ROOM SOURCES...): sources of the library as the object library ravine_ROOM. They share a precompiled header,
# of what nearly all of them include and what seldom changes; -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON does without.
add_library(ravine_sources INTERFACE)
target_compile_features(ravine_sources INTERFACE cxx_std_20)
target_include_directories(ravine_sources INTERFACE "${PROJECT_BINARY_DIR}/include")
target_link_libraries(ravine_sources INTERFACE ravine_flags OpenMP::OpenMP_CXX ZLIB::ZLIB nlohmann_json::nlohmann_json)
# A project that includes this one and sets no build type gets an optimised library all the same.
target_compile_options(ravine_sources INTERFACE "$<$<CONFIG:>:-O2;-DNDEBUG>")

function(ravine_room room)
  add_library(ravine_${room} OBJECT ${ARGN})
  target_link_libraries(ravine_${room} PRIVATE ravine_sources)
  set_target_properties(ravine_${room} PROPERTIES POSITION_INDEPENDENT_CODE ON)  # a plug-in can have the static library inside
  target_sources(ravine PRIVATE $<TARGET_OBJECTS:ravine_${room}>)
  if(room STREQUAL "core")
    target_precompile_headers(ravine_core PRIVATE
      <algorithm> <charconv> <cmath> <cstdint> <cstring> <filesystem> <limits> <map> <memory> <mutex> <optional> <set> <span>
      <string> <vector> <ravine/autograd/autograd.hpp> <ravine/core/core.hpp> <ravine/core/text.hpp>)
  else()
    target_precompile_headers(ravine_${room} REUSE_FROM ravine_core)
  endif()
endfunction()
