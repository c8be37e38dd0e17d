# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
#
# OMNI_NVCC, where there is a CUDA toolkit, and OMNI_NVCC_FLAGS: what every .cu is
# compiled with. Own commands instead of CMake's CUDA language, which an older CMake does
# not speak with a newer toolkit.
find_program(OMNI_NVCC nvcc HINTS ENV CUDA_HOME PATHS /usr/local/cuda PATH_SUFFIXES bin)
if(OMNI_NVCC)
  set(OMNI_NVCC_FLAGS -std=c++20 -O3 -Werror all-warnings -allow-unsupported-compiler
    -ccbin ${CMAKE_CXX_COMPILER} -I ${PROJECT_SOURCE_DIR})
  execute_process(COMMAND ${OMNI_NVCC} --list-gpu-code OUTPUT_VARIABLE known_codes)
  foreach(number 80 90 100 120)
    if(known_codes MATCHES "sm_${number}")
      list(APPEND OMNI_NVCC_FLAGS -gencode arch=compute_${number},code=sm_${number})
      set(newest ${number})
    endif()
  endforeach()
  # What comes after the newest one compiles its instructions when it loads them.
  list(APPEND OMNI_NVCC_FLAGS -gencode arch=compute_${newest},code=compute_${newest})
endif()
