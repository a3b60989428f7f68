# RAVINE_ONEDNN: large f32 products by oneDNN instead of ravine's own kernel.
#   OFF   no
#   AUTO  if it is found
#   ON    yes; not to find it is an error
set(RAVINE_ONEDNN OFF CACHE STRING "Large f32 products by oneDNN: OFF, AUTO (if found) or ON")
set_property(CACHE RAVINE_ONEDNN PROPERTY STRINGS OFF AUTO ON)
if(NOT RAVINE_ONEDNN MATCHES "^(OFF|AUTO|ON)$")
  message(FATAL_ERROR "RAVINE_ONEDNN must be OFF, AUTO or ON, not '${RAVINE_ONEDNN}'")
endif()
set(RAVINE_WITH_ONEDNN OFF)
if(RAVINE_ONEDNN STREQUAL "AUTO")
  find_package(dnnl MODULE QUIET)
  set(RAVINE_WITH_ONEDNN ${dnnl_FOUND})
elseif(RAVINE_ONEDNN)
  find_package(dnnl MODULE REQUIRED)
  set(RAVINE_WITH_ONEDNN ON)
endif()
