# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
# PCRE2 (patterns of tokenizers) and utf8proc (normalisation) as one interface target.
# Found by their files: pkg-config is asked for only where media are.
find_path(OMNI_PCRE2_INCLUDE pcre2.h REQUIRED)
find_library(OMNI_PCRE2_LIBRARY pcre2-8 REQUIRED)
find_path(OMNI_UTF8PROC_INCLUDE utf8proc.h REQUIRED)
find_library(OMNI_UTF8PROC_LIBRARY utf8proc REQUIRED)
file(READ ${OMNI_PCRE2_INCLUDE}/pcre2.h pcre2_header LIMIT 8192)
string(REGEX MATCH "PCRE2_MAJOR +([0-9]+)" _ "${pcre2_header}")
set(pcre2_version ${CMAKE_MATCH_1})
string(REGEX MATCH "PCRE2_MINOR +([0-9]+)" _ "${pcre2_header}")
string(APPEND pcre2_version .${CMAKE_MATCH_1})
if(pcre2_version VERSION_LESS 10.40)
  message(FATAL_ERROR
    "[cmake] expected PCRE2 10.40 or newer, got ${pcre2_version} in ${OMNI_PCRE2_INCLUDE}.")
endif()
add_library(omni_text_libraries INTERFACE)
target_include_directories(omni_text_libraries SYSTEM INTERFACE
  ${OMNI_PCRE2_INCLUDE} ${OMNI_UTF8PROC_INCLUDE})
target_link_libraries(omni_text_libraries INTERFACE
  ${OMNI_PCRE2_LIBRARY} ${OMNI_UTF8PROC_LIBRARY})
