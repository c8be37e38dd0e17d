// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/av/picture.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>
#include <cstring>

extern "C" {
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

namespace omni::av {

namespace {

constexpr int kColorSpaceBt601 = AVCOL_SPC_BT470BG;

// The row of swscale's table of matrices for what a frame states.
int matrix_of(int color_space) {
  const bool is_known = color_space >= 1 && color_space <= 10 && color_space != 8 &&
      color_space != AVCOL_SPC_UNSPECIFIED;
  return is_known ? color_space : kColorSpaceBt601;
}

const uint8_t* display_matrix(const AVStream& stream, size_t* size) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
  const AVPacketSideData* data = av_packet_side_data_get(
      stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data,
      AV_PKT_DATA_DISPLAYMATRIX);
  *size = data != nullptr ? data->size : 0;
  return data != nullptr ? data->data : nullptr;
#else
  return av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, size);
#endif
}

} // namespace

Orientation stream_orientation(const AVStream& stream) {
  size_t size = 0;
  const uint8_t* data = display_matrix(stream, &size);
  std::array<int32_t, 9> matrix{};
  if (data == nullptr || size < sizeof matrix) {
    return {};
  }
  std::memcpy(matrix.data(), data, sizeof matrix);
  return orientation_from_matrix(matrix);
}

void PictureConverter::prepare(const AVFrame& frame) {
  if (!rgb_) {
    rgb_ = make_frame();
    rgb_->format = AV_PIX_FMT_RGB24;
    rgb_->width = frame.width;
    rgb_->height = frame.height;
    if (av_frame_get_buffer(rgb_.get(), 0) < 0) {
      rgb_.reset();
      name_.fail("no memory for a frame of this size.");
    }
  }
  const auto format = static_cast<AVPixelFormat>(frame.format);
  scaler_.reset(sws_alloc_context());
  SwsContext* scaler = scaler_.get();
  av_opt_set_int(scaler, "srcw", frame.width, 0);
  av_opt_set_int(scaler, "srch", frame.height, 0);
  av_opt_set_int(scaler, "src_format", format, 0);
  av_opt_set_int(scaler, "dstw", rgb_->width, 0);
  av_opt_set_int(scaler, "dsth", rgb_->height, 0);
  av_opt_set_int(scaler, "dst_format", AV_PIX_FMT_RGB24, 0);
  av_opt_set_int(scaler, "sws_flags", SWS_BICUBIC, 0);
  if (format == AV_PIX_FMT_YUV420P) { // chroma lies as MPEG-2 has it, by convention
    av_opt_set_int(scaler, "src_v_chr_pos", 128, 0);
  }
  if (sws_init_context(scaler, nullptr, nullptr) < 0) {
    const char* format_name = av_get_pix_fmt_name(format);
    name_.fail_expected(
        "pixels that can be turned into RGB",
        format_name != nullptr ? format_name : "an unknown format");
  }
  int* inverse = nullptr;
  int* table = nullptr;
  int is_full_in = 0;
  int is_full_out = 0;
  int brightness = 0;
  int contrast = 0;
  int saturation = 0;
  if (sws_getColorspaceDetails(
          scaler, &inverse, &is_full_in, &table, &is_full_out, &brightness, &contrast,
          &saturation) >= 0) {
    if (frame.color_range != AVCOL_RANGE_UNSPECIFIED) {
      is_full_in = frame.color_range == AVCOL_RANGE_JPEG;
    }
    sws_setColorspaceDetails(
        scaler, sws_getCoefficients(matrix_of(frame.colorspace)), is_full_in, table,
        is_full_out, brightness, contrast, saturation);
  }
  width_ = frame.width;
  height_ = frame.height;
  format_ = frame.format;
  color_space_ = frame.colorspace;
  color_range_ = frame.color_range;
}

at::Tensor PictureConverter::convert(const AVFrame& frame) {
  if (!scaler_ || frame.width != width_ || frame.height != height_ ||
      frame.format != format_ || frame.colorspace != color_space_ ||
      frame.color_range != color_range_) {
    prepare(frame);
  }
  sws_scale(
      scaler_.get(), frame.data, frame.linesize, 0, frame.height, rgb_->data,
      rgb_->linesize);
  return at::from_blob(
      rgb_->data[0], {rgb_->height, rgb_->width, 3}, {rgb_->linesize[0], 3, 1},
      at::TensorOptions().dtype(at::kByte));
}

} // namespace omni::av
