# The page of report/page, as text in a C++ source. Its charting library, D3 5, is found here (Debian: node-d3) and never
# committed; pages of a library built without it have pictures that stand still.
#   RAVINE_D3            d3.min.js
#   RAVINE_D3_LICENCE    what must stand beside it
find_file(RAVINE_D3 d3.min.js PATHS /usr/share/nodejs/d3/dist /usr/local/share/nodejs/d3/dist NO_DEFAULT_PATH)
find_file(RAVINE_D3_LICENCE NAMES copyright LICENSE PATHS /usr/share/doc/node-d3 /usr/local/share/nodejs/d3 NO_DEFAULT_PATH)
set(RAVINE_D3_TEXT "")
set(RAVINE_D3_LICENCE_TEXT "")
if(RAVINE_D3 AND RAVINE_D3_LICENCE)
  file(READ "${RAVINE_D3}" text)
  if(text MATCHES "^// https://d3js.org v5\\.")
    set(RAVINE_D3_TEXT "${text}")
    file(READ "${RAVINE_D3_LICENCE}" RAVINE_D3_LICENCE_TEXT)
  endif()
endif()
if(NOT RAVINE_D3_TEXT)
  message(STATUS "D3 5 is not found (Debian: node-d3): the pictures of ravine's pages will stand still")
endif()

# ravine_page_source(FILE LIBRARY LICENCE): the page and what of a library is in it, as a C++ source. Raw strings: no text
# here has )page" in it.
function(ravine_page_source file d3 licence)
  set(folder "${PROJECT_SOURCE_DIR}/report/page")
  set(scripts "")
  foreach(script base figure chart landscape surface player table main)
    file(READ "${folder}/${script}.js" text)
    string(APPEND scripts "${text}")
  endforeach()
  file(READ "${folder}/page.html" page)
  file(READ "${folder}/page.css" style)
  string(REPLACE "/*{page.css}*/" "${style}" page "${page}")
  string(REPLACE "/*{page.js}*/" "${scripts}" page "${page}")
  string(REPLACE "/*{d3.min.js}*/" "${d3}" page "${page}")
  set(source "#include <ravine/report/page_sources.hpp>\n
#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n
const char* const ravine::detail::page_template = R\"page(${page})page\";
const char* const ravine::detail::page_licence = R\"page(${licence})page\";\n")
  file(CONFIGURE OUTPUT "${file}" CONTENT "@source@" @ONLY)  # keeps a file that is the same
  file(GLOB parts "${folder}/*")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${parts})
endfunction()
