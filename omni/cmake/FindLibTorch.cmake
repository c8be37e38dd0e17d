# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
#
# LibTorch as imported targets, without find_package(Torch): that one demands a CUDA
# toolkit for a CUDA build of torch, runs a probe and rewrites global flags.
#   LibTorch::c10    LibTorch::torch (CPU side)    LibTorch::python
#   LibTorch::cuda (the CUDA side and its runtime; where both are there)
# Looks in OMNI_TORCH_ROOT, else in the torch package of OMNI_PYTHON_EXECUTABLE, the
# checkout's .venv or the first python3 on PATH.
if(NOT OMNI_PYTHON_EXECUTABLE)
  if(EXISTS ${PROJECT_SOURCE_DIR}/.venv/bin/python)
    set(OMNI_PYTHON_EXECUTABLE ${PROJECT_SOURCE_DIR}/.venv/bin/python)
  else()
    find_program(OMNI_PYTHON_EXECUTABLE NAMES python3 python)
  endif()
endif()

if(OMNI_TORCH_ROOT)
  set(_torch_root ${OMNI_TORCH_ROOT})
  foreach(inner torch libtorch) # an unpacked wheel or archive holds one folder more
    if(NOT EXISTS ${_torch_root}/lib AND EXISTS ${_torch_root}/${inner}/lib)
      set(_torch_root ${_torch_root}/${inner})
    endif()
  endforeach()
else()
  execute_process(
    COMMAND ${OMNI_PYTHON_EXECUTABLE} -c
      "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
    OUTPUT_VARIABLE _torch_root ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()

find_library(LibTorch_C10 c10 PATHS ${_torch_root}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorch_CPU torch_cpu PATHS ${_torch_root}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorch_PYTHON torch_python PATHS ${_torch_root}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorch_CUDA torch_cuda PATHS ${_torch_root}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorch_C10_CUDA c10_cuda PATHS ${_torch_root}/lib NO_DEFAULT_PATH NO_CACHE)
# The wheel takes the runtime from a package of its own; an archive has it inside, under
# a name with a number of its own.
file(GLOB LibTorch_CUDART ${_torch_root}/../nvidia/*/lib/libcudart.so.*
     ${_torch_root}/lib/libcudart*.so*)
find_path(LibTorch_INCLUDE ATen/ATen.h PATHS ${_torch_root}/include
          NO_DEFAULT_PATH NO_CACHE)
# The version stands in one of two headers, by LibTorch's age; the last entry that is
# there and defines it counts.
set(LibTorch_VERSION 0)
foreach(header torch/csrc/api/include/torch/version.h torch/headeronly/version.h)
  if(LibTorch_INCLUDE AND EXISTS ${LibTorch_INCLUDE}/${header})
    file(STRINGS ${LibTorch_INCLUDE}/${header} _version_lines
         REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
    string(REGEX MATCHALL "[0-9]+" _version_numbers "${_version_lines}")
    if(_version_numbers)
      list(JOIN _version_numbers . LibTorch_VERSION)
    endif()
  endif()
endforeach()
set(LibTorch_FOLDER "${_torch_root}")

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_C10 LibTorch_CPU LibTorch_INCLUDE
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE
  "no LibTorch at '${_torch_root}'. Install the torch wheel (pip install torch) or give -DOMNI_TORCH_ROOT=<folder with lib/ and include/>.")

if(LibTorch_FOUND AND NOT TARGET LibTorch::torch)
  find_package(Threads REQUIRED)
  set(_torch_includes ${LibTorch_INCLUDE} ${LibTorch_INCLUDE}/torch/csrc/api/include)
  add_library(LibTorch::c10 SHARED IMPORTED GLOBAL)
  set_target_properties(LibTorch::c10 PROPERTIES
    IMPORTED_LOCATION ${LibTorch_C10}
    INTERFACE_INCLUDE_DIRECTORIES "${_torch_includes}"
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${_torch_includes}")
  add_library(LibTorch::torch SHARED IMPORTED GLOBAL)
  # The OpenMP runtime that torch is linked with, for what is compiled with -fopenmp: a
  # process must not have two.
  file(GLOB _torch_openmp ${_torch_root}/lib/libgomp*.so*)
  set_target_properties(LibTorch::torch PROPERTIES
    IMPORTED_LOCATION ${LibTorch_CPU}
    INTERFACE_LINK_LIBRARIES "LibTorch::c10;Threads::Threads;${_torch_openmp}")
  if(LibTorch_CUDA AND LibTorch_C10_CUDA AND LibTorch_CUDART)
    list(GET LibTorch_CUDART 0 LibTorch_CUDART)
    add_library(LibTorch::c10_cuda SHARED IMPORTED GLOBAL)
    set_target_properties(LibTorch::c10_cuda PROPERTIES
      IMPORTED_LOCATION ${LibTorch_C10_CUDA})
    add_library(LibTorch::cudart SHARED IMPORTED GLOBAL)
    set_target_properties(LibTorch::cudart PROPERTIES IMPORTED_LOCATION ${LibTorch_CUDART})
    add_library(LibTorch::cuda SHARED IMPORTED GLOBAL)
    set_target_properties(LibTorch::cuda PROPERTIES
      IMPORTED_LOCATION ${LibTorch_CUDA}
      INTERFACE_LINK_LIBRARIES "LibTorch::torch;LibTorch::c10_cuda;LibTorch::cudart")
  endif()
  if(LibTorch_PYTHON)
    add_library(LibTorch::python SHARED IMPORTED GLOBAL)
    set_target_properties(LibTorch::python PROPERTIES
      IMPORTED_LOCATION ${LibTorch_PYTHON}
      INTERFACE_LINK_LIBRARIES LibTorch::torch)
  endif()
endif()
