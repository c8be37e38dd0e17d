# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
#
# SentencePiece::static, the archive that omni/cmake/bootstrap.sh builds from the PyPI
# source release (position-independent, hidden symbols).
if(NOT OMNI_SENTENCEPIECE_ROOT)
  set(OMNI_SENTENCEPIECE_ROOT ${PROJECT_SOURCE_DIR}/.venv/sentencepiece)
endif()
find_library(SentencePiece_ARCHIVE NAMES libsentencepiece.a
             PATHS ${OMNI_SENTENCEPIECE_ROOT}/lib ${OMNI_SENTENCEPIECE_ROOT}/lib64
             NO_DEFAULT_PATH NO_CACHE)
find_path(SentencePiece_INCLUDE sentencepiece_processor.h
          PATHS ${OMNI_SENTENCEPIECE_ROOT}/include NO_DEFAULT_PATH NO_CACHE)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(SentencePieceStatic
  REQUIRED_VARS SentencePiece_ARCHIVE SentencePiece_INCLUDE
  REASON_FAILURE_MESSAGE
  "no static SentencePiece under '${OMNI_SENTENCEPIECE_ROOT}'. Run omni/cmake/bootstrap.sh sentencepiece or give -DOMNI_SENTENCEPIECE_ROOT=<folder>.")
if(SentencePieceStatic_FOUND AND NOT TARGET SentencePiece::static)
  add_library(SentencePiece::static STATIC IMPORTED GLOBAL)
  set_target_properties(SentencePiece::static PROPERTIES
    IMPORTED_LOCATION ${SentencePiece_ARCHIVE}
    INTERFACE_INCLUDE_DIRECTORIES ${SentencePiece_INCLUDE})
endif()
