# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
#
# What `find_package(Omni)` finds: libraries, public headers, the package's CMake files
# and, where it is there, omni-nano. Alone (without the programs):
#   cmake --install build --component omni --prefix DIR
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Omni)

set_target_properties(omni_kernels PROPERTIES EXPORT_NAME kernels)
# The libraries find each other, and the LibTorch they were linked with.
set_property(TARGET omni omni_kernels APPEND PROPERTY
  INSTALL_RPATH "$ORIGIN" ${LibTorch_FOLDER}/lib)
install(TARGETS omni omni_kernels EXPORT OmniTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT omni)
if(OMNI_CUDA)
  # Beside omni_kernels, which loads it; nothing links with it.
  get_filename_component(cudart_folder ${LibTorch_CUDART} DIRECTORY)
  set_property(TARGET omni_kernels_cuda APPEND PROPERTY
    INSTALL_RPATH "$ORIGIN" ${LibTorch_FOLDER}/lib ${cudart_folder})
  install(TARGETS omni_kernels_cuda
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT omni)
endif()
install(EXPORT OmniTargets NAMESPACE omni::
  DESTINATION ${package_folder} COMPONENT omni)

# Headers lie one folder deeper than include/, which others use too. Left out is what
# only our own sources include.
install(DIRECTORY omni encoders tokenizers kernels
  DESTINATION ${OMNI_HEADER_FOLDER} COMPONENT omni
  FILES_MATCHING PATTERN "*.h"
  PATTERN "av" EXCLUDE PATTERN "no_media" EXCLUDE
  PATTERN "cpu" EXCLUDE PATTERN "cuda" EXCLUDE PATTERN "path.h" EXCLUDE
  PATTERN "flat_arguments.h" EXCLUDE
  PATTERN "cmake" EXCLUDE PATTERN "nano" EXCLUDE
  REGEX "families/[^a][a-z_]*\\.h$" EXCLUDE
  REGEX "core/json[a-z_]*\\.h$" EXCLUDE PATTERN "config_archive.h" EXCLUDE
  PATTERN "config_fields.h" EXCLUDE PATTERN "sampling_fields.h" EXCLUDE
  PATTERN "published_folder.h" EXCLUDE PATTERN "stored_weights.h" EXCLUDE
  PATTERN "quantization_config.h" EXCLUDE PATTERN "packed_decoder.h" EXCLUDE
  REGEX "media/(byte_.*|container_.*|exif|image_header|jpeg_decoder|orientation)\\.h$" EXCLUDE
  REGEX "conversation/jinja/[^v][a-z_]*\\.h$" EXCLUDE
  REGEX "text/(added|aligned|bpe|byte|json|metaspace|pattern|pre_|protobuf)[a-z_]*\\.h$" EXCLUDE
  REGEX "text/(scratch|sentencepiece|special|split|text_[efnp]|token|unicode|word)[a-z_]*\\.h$" EXCLUDE)
install(DIRECTORY omni/nano/ DESTINATION ${CMAKE_INSTALL_DATADIR}/omni/nano
  COMPONENT omni OPTIONAL)

configure_package_config_file(omni/cmake/OmniConfig.cmake.in
  ${PROJECT_BINARY_DIR}/OmniConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/OmniConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/OmniConfig.cmake ${PROJECT_BINARY_DIR}/OmniConfigVersion.cmake
  omni/cmake/FindLibTorch.cmake
  DESTINATION ${package_folder} COMPONENT omni)
