// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Owners of FFmpeg's objects and the text of its errors. The headers in this folder
// are the only ones that name FFmpeg's types; nothing outside of encoders/media
// includes them. FFmpeg 5.1 and later.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/dict.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

namespace omni::av {

struct Free {
  void operator()(AVPacket* packet) const {
    av_packet_free(&packet);
  }
  void operator()(AVFrame* frame) const {
    av_frame_free(&frame);
  }
  void operator()(AVCodecContext* codec) const {
    avcodec_free_context(&codec);
  }
  void operator()(AVFormatContext* format) const {
    avformat_close_input(&format);
  }
  void operator()(AVIOContext* io) const {
    av_freep(&io->buffer);
    avio_context_free(&io);
  }
  void operator()(SwrContext* resampler) const {
    swr_free(&resampler);
  }
  void operator()(SwsContext* scaler) const {
    sws_freeContext(scaler);
  }
};

template <typename T>
using Handle = std::unique_ptr<T, Free>;

inline Handle<AVPacket> make_packet() {
  return Handle<AVPacket>(av_packet_alloc());
}

inline Handle<AVFrame> make_frame() {
  return Handle<AVFrame>(av_frame_alloc());
}

inline std::string error_text(int error) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(error, text, sizeof text);
  return text;
}

} // namespace omni::av
