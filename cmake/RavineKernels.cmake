# ravine_kernels(ROOM SOURCES...): adds sources to the library once for each instruction set, as the object library
# ravine_ROOM_ISA, each time with
#   RAVINE_KERNEL_ISA     baseline, v3 or v4: the template argument in the name of the one function a source exports
#   Eigen                 renamed, so that no copy of an Eigen function can be merged with a user's or another copy's
# The library chooses among them when the first is needed. They are optimised in every configuration: an inline function that
# is left out of line could be merged by the linker into code for older processors.
set(RAVINE_ISA_FLAGS_baseline "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(RAVINE_ISAS "baseline;v3;v4" CACHE STRING
      "Instruction sets the kernels are compiled for: some of baseline, v3 and v4, or native, the best of this machine")
  set(RAVINE_ISA_FLAGS_v3 -march=x86-64-v3)
  set(RAVINE_ISA_FLAGS_v4 -march=x86-64-v4 -mprefer-vector-width=512)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 takes the undefined registers of its own AVX-512 functions for mistakes.
    list(APPEND RAVINE_ISA_FLAGS_v4 -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
  if(RAVINE_ISAS STREQUAL "native")
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -march=native -dM -E -x c++ /dev/null
                    OUTPUT_VARIABLE macros COMMAND_ERROR_IS_FATAL ANY)
    set(RAVINE_ISAS baseline)
    if(macros MATCHES "__AVX2__" AND macros MATCHES "__FMA__" AND macros MATCHES "__BMI2__")
      set(RAVINE_ISAS v3)
      if(macros MATCHES "__AVX512BW__" AND macros MATCHES "__AVX512CD__" AND macros MATCHES "__AVX512DQ__" AND
         macros MATCHES "__AVX512VL__")
        set(RAVINE_ISAS v4)
      endif()
    endif()
  endif()
else()
  set(RAVINE_ISAS baseline)
endif()

if(NOT "${RAVINE_ISAS}" MATCHES "^((baseline|v3|v4)(;|$))+$")
  message(FATAL_ERROR "RAVINE_ISAS must be some of baseline, v3 and v4, or native, not '${RAVINE_ISAS}'")
endif()
list(TRANSFORM RAVINE_ISAS PREPEND "isa == Isa::" OUTPUT_VARIABLE built)
list(JOIN built " || " built)
configure_file("${PROJECT_SOURCE_DIR}/cmake/ravine_isas.hpp.in" "${PROJECT_BINARY_DIR}/include/ravine_isas.hpp" @ONLY)

function(ravine_kernels room)
  foreach(isa IN LISTS RAVINE_ISAS)
    set(kernels ravine_${room}_${isa})
    add_library(${kernels} OBJECT ${ARGN})
    target_compile_features(${kernels} PRIVATE cxx_std_20)
    target_compile_definitions(${kernels} PRIVATE RAVINE_KERNEL_ISA=${isa} Eigen=ravine_eigen_${isa} EIGEN_DONT_PARALLELIZE
                                                  EIGEN_MPL2_ONLY NDEBUG)
    target_compile_options(${kernels} PRIVATE ${RAVINE_ISA_FLAGS_${isa}} -O3 -fopenmp-simd -ffp-contract=fast)
    set_target_properties(${kernels} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                                                UNITY_BUILD OFF)  # each source is long, and has names of its own
    target_include_directories(${kernels} PRIVATE "${PROJECT_BINARY_DIR}/include")
    target_link_libraries(${kernels} PRIVATE ravine_flags Eigen3::Eigen)
    # Not for clang 14, which finds __builtin_va_list ambiguous after them.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND room STREQUAL "core")
      target_precompile_headers(${kernels} PRIVATE <ravine/core/kernels/functions.hpp> <ravine/core/kernels/kernels.hpp>)
    elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_precompile_headers(${kernels} REUSE_FROM ravine_core_${isa})
    endif()
    target_sources(ravine PRIVATE $<TARGET_OBJECTS:${kernels}>)
  endforeach()
endfunction()
