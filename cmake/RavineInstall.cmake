# cmake --install: the library, the public headers and a package that find_package(ravine) finds.
include(CMakePackageConfigHelpers)
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/ravine")

install(TARGETS ravine ravine_dist EXPORT ravine-targets)
install(EXPORT ravine-targets NAMESPACE ravine:: DESTINATION "${package}")

# A header that says it is "for the library's sources" is private. tests/consumer compiles every installed header alone,
# so none of those can be missing.
list(TRANSFORM RAVINE_ROOMS APPEND "/*.hpp" OUTPUT_VARIABLE patterns)
list(APPEND patterns optim/elementwise/*.hpp optim/parameterwise/*.hpp optim/coupled/*.hpp)
file(GLOB headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" *.hpp ${patterns})
foreach(header IN LISTS headers)
  file(STRINGS ${header} private REGEX "for the library's sources" LIMIT_COUNT 1)
  if(NOT private)
    get_filename_component(folder ${header} DIRECTORY)
    install(FILES ${header} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ravine/${folder}")
  endif()
endforeach()

configure_package_config_file(cmake/ravine-config.cmake.in ravine-config.cmake INSTALL_DESTINATION "${package}")
write_basic_package_version_file(ravine-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/ravine-config.cmake" "${PROJECT_BINARY_DIR}/ravine-config-version.cmake"
        DESTINATION "${package}")
if(RAVINE_WITH_ONEDNN)
  install(FILES cmake/Finddnnl.cmake DESTINATION "${package}")
endif()
