// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <c10/util/Exception.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <limits>

#include <ATen/ops/isfinite.h>

#include "encoders/media/audio_io.h"
#include "encoders/media/av/handles.h"
#include "encoders/media/byte_source.h"

namespace omni {

namespace {

constexpr int64_t kMaxWavBytes = std::numeric_limits<uint32_t>::max() - 64;
constexpr int kFlacFrame = 4096; // samples

at::Tensor checked_samples(const Waveform& waveform, const std::string& component) {
  check_waveform(waveform, component);
  at::Tensor samples = waveform.samples.detach().cpu().contiguous();
  TORCH_CHECK_VALUE(
      at::isfinite(samples).all().item<bool>(), "[", component,
      "] expected finite samples, got infinity or no number.");
  TORCH_CHECK_VALUE(
      waveform.sample_rate_hz <= std::numeric_limits<int32_t>::max() &&
          samples.size(0) <= kMaxWavBytes / 4,
      "[", component, "] expected a file of less than 4 GiB, got ", samples.size(0),
      " samples at ", waveform.sample_rate_hz, " Hz.");
  return samples;
}

void check_flac(int error) {
  TORCH_CHECK_VALUE(
      error >= 0, "[encode_flac] expected a waveform that FLAC can hold, got '",
      av::error_text(error), "'.");
}

// A FLAC muxer that writes to memory.
class FlacFile {
 public:
  FlacFile() {
    AVFormatContext* format = nullptr;
    check_flac(avformat_alloc_output_context2(&format, nullptr, "flac", nullptr));
    format_ = format;
    check_flac(avio_open_dyn_buf(&format_->pb));
  }
  ~FlacFile() {
    close();
    avformat_free_context(format_);
  }
  FlacFile(const FlacFile&) = delete;
  FlacFile& operator=(const FlacFile&) = delete;

  void begin(const AVCodecContext& codec) {
    AVStream* stream = avformat_new_stream(format_, nullptr);
    check_flac(avcodec_parameters_from_context(stream->codecpar, &codec));
    stream->time_base = codec.time_base;
    check_flac(avformat_write_header(format_, nullptr));
  }
  void write(AVPacket* packet) {
    check_flac(av_write_frame(format_, packet));
  }
  std::string end() {
    check_flac(av_write_trailer(format_));
    return close();
  }

 private:
  std::string close() {
    std::string bytes;
    if (format_->pb != nullptr) {
      uint8_t* buffer = nullptr;
      const int size = avio_close_dyn_buf(format_->pb, &buffer);
      format_->pb = nullptr;
      if (buffer != nullptr) {
        bytes.assign(
            reinterpret_cast<const char*>(buffer),
            static_cast<size_t>(std::max(size, 0)));
        av_free(buffer);
      }
    }
    return bytes;
  }

  AVFormatContext* format_ = nullptr;
};

av::Handle<AVCodecContext> open_flac_encoder(int64_t rate_hz, int bits) {
  const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_FLAC);
  TORCH_CHECK_NOT_IMPLEMENTED(
      codec != nullptr,
      "[encode_flac] this FFmpeg is built without a FLAC encoder. Write a .wav.");
  av::Handle<AVCodecContext> context(avcodec_alloc_context3(codec));
  context->sample_rate = static_cast<int>(rate_hz);
  context->time_base = {1, context->sample_rate};
  context->sample_fmt = bits == 16 ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_S32;
  context->bits_per_raw_sample = bits;
  context->frame_size = kFlacFrame;
  const AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
  check_flac(av_channel_layout_copy(&context->ch_layout, &mono));
  check_flac(avcodec_open2(context.get(), codec, nullptr));
  return context;
}

void fill_frame(AVFrame& frame, const float* samples, int count, int bits) {
  for (int i = 0; i < count; ++i) {
    const int32_t value = to_integer_sample(samples[i], bits);
    if (bits == 16) {
      reinterpret_cast<int16_t*>(frame.data[0])[i] = static_cast<int16_t>(value);
    } else { // the 24 bits are the high ones of 32
      reinterpret_cast<int32_t*>(frame.data[0])[i] = value * 256;
    }
  }
}

} // namespace

std::string encode_wav(const Waveform& waveform, SampleFormat format) {
  const at::Tensor samples = checked_samples(waveform, "encode_wav");
  return make_wav(
      samples.const_data_ptr<float>(), samples.size(0), waveform.sample_rate_hz,
      format);
}

std::string encode_flac(const Waveform& waveform, SampleFormat format) {
  TORCH_CHECK_VALUE(
      format != SampleFormat::Float32,
      "[encode_flac] expected Int16 or Int24, got Float32. Write a .wav.");
  const at::Tensor samples = checked_samples(waveform, "encode_flac");
  const auto* data = samples.const_data_ptr<float>();
  const int bits = format == SampleFormat::Int16 ? 16 : 24;
  const auto encoder = open_flac_encoder(waveform.sample_rate_hz, bits);
  FlacFile file;
  file.begin(*encoder);
  const auto packet = av::make_packet();
  const auto encode = [&](const AVFrame* frame) {
    check_flac(avcodec_send_frame(encoder.get(), frame));
    for (;;) {
      const int error = avcodec_receive_packet(encoder.get(), packet.get());
      if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) {
        return;
      }
      check_flac(error);
      file.write(packet.get());
      av_packet_unref(packet.get());
    }
  };
  const int frame_samples = encoder->frame_size;
  for (int64_t begin = 0; begin < samples.size(0); begin += frame_samples) {
    const auto frame = av::make_frame();
    frame->nb_samples =
        static_cast<int>(std::min<int64_t>(frame_samples, samples.size(0) - begin));
    frame->format = encoder->sample_fmt;
    frame->sample_rate = encoder->sample_rate;
    frame->pts = begin;
    check_flac(av_channel_layout_copy(&frame->ch_layout, &encoder->ch_layout));
    check_flac(av_frame_get_buffer(frame.get(), 0));
    fill_frame(*frame, data + begin, frame->nb_samples, bits);
    encode(frame.get());
  }
  encode(nullptr);
  return file.end();
}

void write_audio(
    const Waveform& waveform,
    const std::filesystem::path& path,
    SampleFormat format) {
  std::string extension = path.extension().string();
  std::transform(
      extension.begin(), extension.end(), extension.begin(),
      [](unsigned char c) { return std::tolower(c); });
  TORCH_CHECK_VALUE(
      extension == ".wav" || extension == ".flac",
      "[write_audio] expected a path that ends in .wav or .flac, got '", path.string(),
      "'.");
  const std::string bytes = extension == ".wav" ? encode_wav(waveform, format)
                                                : encode_flac(waveform, format);
  write_media_file(path, bytes, {"write_audio", path.string()});
}

} // namespace omni
