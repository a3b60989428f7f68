# ravine_kernels(ROOM SOURCES...): adds sources to the library once for each instruction set, as the object library
# ravine_ROOM_ISA, each time with
#   RAVINE_KERNEL_ISA     baseline, v3 or v4: the template argument in the name of the one function a source exports
#   Eigen                 renamed, so that no copy of an Eigen function can be merged with a user's or another copy's
# The library chooses among them when the first is needed. They are optimised in every configuration: an inline function that
# is left out of line could be merged by the linker into code for older processors.
set(RAVINE_ISA_FLAGS_baseline "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(RAVINE_ISAS "baseline;v3;v4" CACHE STRING "Instruction sets the kernels are compiled for; baseline must be one")
  set(RAVINE_ISA_FLAGS_v3 -march=x86-64-v3)
  set(RAVINE_ISA_FLAGS_v4 -march=x86-64-v4 -mprefer-vector-width=512)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 takes the undefined registers of its own AVX-512 functions for mistakes.
    list(APPEND RAVINE_ISA_FLAGS_v4 -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
else()
  set(RAVINE_ISAS baseline)
endif()

foreach(isa IN LISTS RAVINE_ISAS)
  target_compile_definitions(ravine_sources INTERFACE RAVINE_HAS_${isa})
endforeach()

function(ravine_kernels room)
  foreach(isa IN LISTS RAVINE_ISAS)
    set(kernels ravine_${room}_${isa})
    add_library(${kernels} OBJECT ${ARGN})
    target_compile_features(${kernels} PRIVATE cxx_std_20)
    target_compile_definitions(${kernels} PRIVATE RAVINE_KERNEL_ISA=${isa} Eigen=ravine_eigen_${isa} EIGEN_DONT_PARALLELIZE
                                                  EIGEN_MPL2_ONLY NDEBUG)
    target_compile_options(${kernels} PRIVATE ${RAVINE_ISA_FLAGS_${isa}} -O3 -fopenmp-simd -ffp-contract=fast)
    set_target_properties(${kernels} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
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
