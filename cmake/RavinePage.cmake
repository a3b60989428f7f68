# The page of report/page, as text in a C++ source. Its charting library, D3 5, is found here (Debian: node-d3) and never
# committed; pages of a library built without it have pictures that stand still.
#   RAVINE_D3            d3.min.js
#   RAVINE_D3_LICENCE    what must stand beside it
find_file(RAVINE_D3 d3.min.js PATHS /usr/share/nodejs/d3/dist /usr/local/share/nodejs/d3/dist NO_DEFAULT_PATH)
find_file(RAVINE_D3_LICENCE NAMES copyright LICENSE PATHS /usr/share/doc/node-d3 /usr/local/share/nodejs/d3 NO_DEFAULT_PATH)
set(d3 "")
set(licence "")
if(RAVINE_D3 AND RAVINE_D3_LICENCE)
  file(READ "${RAVINE_D3}" d3)
  file(READ "${RAVINE_D3_LICENCE}" licence)
  if(NOT d3 MATCHES "^// https://d3js.org v5\\.")
    set(d3 "")
    set(licence "")
  endif()
endif()
if(NOT d3)
  message(STATUS "D3 5 is not found (Debian: node-d3): the pictures of ravine's pages will stand still")
endif()

# Raw strings; the compiler joins them, so that none is too long for it. The text does not end in )page".
set(folder "${PROJECT_SOURCE_DIR}/report/page")
set(scripts "")
foreach(script base figure chart landscape surface player table main)
  file(READ "${folder}/${script}.js" text)
  string(APPEND scripts "${text}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${folder}/${script}.js")
endforeach()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${folder}/page.html" "${folder}/page.css")
file(READ "${folder}/page.html" page)
file(READ "${folder}/page.css" style)
string(REPLACE "/*{page.css}*/" "${style}" page "${page}")
string(REPLACE "/*{page.js}*/" "${scripts}" page "${page}")
string(REPLACE "/*{d3.min.js}*/" "${d3}" page "${page}")
set(source "#include <ravine/report/page_sources.hpp>\n
const char* const ravine::detail::page_template = R\"page(${page})page\";
const char* const ravine::detail::page_licence = R\"page(${licence})page\";\n")
set(RAVINE_PAGE_SOURCE "${PROJECT_BINARY_DIR}/report/page_sources.cpp")
file(CONFIGURE OUTPUT "${RAVINE_PAGE_SOURCE}" CONTENT "@source@" @ONLY)  # keeps a file that is the same
