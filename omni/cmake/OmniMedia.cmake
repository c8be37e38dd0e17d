# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
# FFmpeg (audio and video), OpenCV (still pictures) and libjpeg-turbo (JPEG read) as one
# interface target. OpenCV is found by its libraries: its CMake package comes only with
# all of its modules.
find_package(PkgConfig REQUIRED)
pkg_check_modules(FFMPEG REQUIRED IMPORTED_TARGET
  libavformat>=59.27 libavcodec>=59.37 libavutil>=57.28 libswscale libswresample)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg>=2.1)
find_path(OMNI_OPENCV_INCLUDE opencv2/imgcodecs.hpp PATH_SUFFIXES opencv4 REQUIRED)
add_library(omni_media_libraries INTERFACE)
target_include_directories(omni_media_libraries SYSTEM INTERFACE ${OMNI_OPENCV_INCLUDE})
target_link_libraries(omni_media_libraries INTERFACE PkgConfig::FFMPEG PkgConfig::TURBOJPEG)
foreach(module core imgproc imgcodecs)
  find_library(OMNI_OPENCV_${module} opencv_${module} REQUIRED)
  target_link_libraries(omni_media_libraries INTERFACE ${OMNI_OPENCV_${module}})
endforeach()
