# cmake --install: the library, the public headers and a package that find_package(ravine) finds.
include(CMakePackageConfigHelpers)
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/ravine")

install(TARGETS ravine EXPORT ravine-targets)
install(EXPORT ravine-targets NAMESPACE ravine:: DESTINATION "${package}")

# Private headers stay behind; tests/consumer compiles every installed header alone, so none can be missing.
install(FILES ravine.hpp eigen.hpp DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ravine")
foreach(room IN LISTS RAVINE_ROOMS)
  install(DIRECTORY ${room} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ravine" FILES_MATCHING PATTERN "*.hpp"
          PATTERN "kernels" EXCLUDE PATTERN "core/text.hpp" EXCLUDE)
endforeach()

configure_package_config_file(cmake/ravine-config.cmake.in ravine-config.cmake INSTALL_DESTINATION "${package}")
write_basic_package_version_file(ravine-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/ravine-config.cmake" "${PROJECT_BINARY_DIR}/ravine-config-version.cmake"
        DESTINATION "${package}")
