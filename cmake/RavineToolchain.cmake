# Compilers that are too old are refused with a sentence instead of a page of template errors.
if((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12) OR
   (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14))
  message(FATAL_ERROR "ravine needs g++ 12, clang++ 14 or newer, not ${CMAKE_CXX_COMPILER_ID} "
                      "${CMAKE_CXX_COMPILER_VERSION}; choose one with -DCMAKE_CXX_COMPILER=...")
endif()

# What a whole build decides is left to the project that includes this one.
if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
  endif()
  if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-subobject-linkage)  # which takes a source among several for a header
  endif()
  find_program(RAVINE_CCACHE ccache)
  mark_as_advanced(RAVINE_CCACHE)
  if(RAVINE_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    # With paths relative to the sources, one clone finds what another has compiled. Headers are known by what is in them, not
    # by what the preprocessor leaves of them (CCACHE_DEPEND): g++ includes a header of a precompiled one again where as much as
    # a comment differs. What has a precompiled header only of g++: clang's knows its sources by their times.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${PROJECT_SOURCE_DIR};CCACHE_NOHASHDIR=1;CCACHE_DEPEND=1")
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      list(APPEND CMAKE_CXX_COMPILER_LAUNCHER "CCACHE_SLOPPINESS=pch_defines,time_macros")
      add_compile_options(-fpch-preprocess)
    endif()
    list(APPEND CMAKE_CXX_COMPILER_LAUNCHER "${RAVINE_CCACHE}")
  endif()
endif()
