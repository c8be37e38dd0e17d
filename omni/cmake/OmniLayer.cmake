# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
#
# omni_layer(<name> [TORCH_FREE] SOURCES ... [LINKS ...])
# One layer of the house: an object library `omni_<name>` that becomes part of libomni.
function(omni_layer name)
  cmake_parse_arguments(ARG "TORCH_FREE" "" "SOURCES;LINKS" ${ARGN})
  add_library(omni_${name} OBJECT)
  target_sources(omni_${name} PRIVATE ${ARG_SOURCES})
  target_link_libraries(omni_${name} PRIVATE ${ARG_LINKS})
  omni_compile_options(omni_${name})
  omni_unity(omni_${name})
  if(NOT ARG_TORCH_FREE)
    target_link_libraries(omni_${name} PUBLIC LibTorch::torch)
    target_precompile_headers(omni_${name} REUSE_FROM omni_pch)
  endif()
  set_property(GLOBAL APPEND PROPERTY OMNI_LAYERS omni_${name})
endfunction()

# Most of the time of a source goes into what it includes of torch, the same for all: five
# are compiled as one. Their unnamed namespaces are one then. Not for tests, which repeat
# the names of their cases.
function(omni_unity target)
  set_target_properties(${target} PROPERTIES
    UNITY_BUILD ${OMNI_UNITY} UNITY_BUILD_BATCH_SIZE 5)
  if(OMNI_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # It takes a source that is included for a header, which may hold nothing unnamed.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()

# Includes from the repository root and the project's warnings, on one target.
function(omni_compile_options target)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${OMNI_HEADER_FOLDER}>)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic
    $<$<BOOL:${OMNI_WERROR}>:-Werror>)
  # Without -fopenmp at::parallel_for is a plain loop; the runtime is torch's own. Traps of
  # floating point, which nobody reads, would keep selections out of vector loops.
  target_compile_options(${target} PRIVATE -fopenmp -fno-trapping-math)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 warns falsely of `"[" + std::string()` (its bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
endfunction()

# A program that uses a layer's precompiled header must be compiled like the layer:
# -fPIC, where CMake would give a program -fPIE.
function(omni_reuse_pch target pch)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC)
  target_precompile_headers(${target} REUSE_FROM ${pch})
endfunction()
