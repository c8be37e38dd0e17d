# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
# ccache and mold when they are there. Precompiled headers need ccache's sloppiness.
find_program(OMNI_CCACHE ccache)
if(OMNI_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${OMNI_CCACHE})
endif()
find_program(OMNI_MOLD mold)
if(OMNI_MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_link_options(-fuse-ld=mold)
endif()
