// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/av/source.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <vector>

namespace omni::av {

namespace {

constexpr int kIoBufferBytes = 64 * 1024;
constexpr int64_t kMaxProbeBytes = 5'000'000; // FFmpeg's own default

// FFmpeg prints by default; a program that has set its own level keeps it.
void silence() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (av_log_get_level() == AV_LOG_INFO) {
      av_log_set_level(AV_LOG_QUIET);
    }
  });
}

const char* demuxer_name(MediaKind kind) {
  switch (kind) {
    case MediaKind::Mp4:
      return "mov";
    case MediaKind::Matroska:
      return "matroska";
    case MediaKind::Avi:
      return "avi";
    case MediaKind::Ogg:
      return "ogg";
    case MediaKind::Flac:
      return "flac";
    case MediaKind::Mp3:
      return "mp3";
    case MediaKind::Adts:
      return "aac";
    default:
      return nullptr;
  }
}

int refuse_to_open(
    AVFormatContext* /*format*/,
    AVIOContext** io,
    const char* /*url*/,
    int /*flags*/,
    AVDictionary** /*options*/) {
  *io = nullptr;
  return AVERROR(EPERM);
}

int is_interrupted(void* deadline) {
  return static_cast<const Deadline*>(deadline)->is_over() ? 1 : 0;
}

bool is_listed(std::string_view list, std::string_view item) {
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    if (list.substr(begin, end - begin) == item) {
      return true;
    }
    begin = end + 1;
  }
  return false;
}

const AVCodec* listed_decoder(const AVStream& stream) {
  void* state = nullptr;
  while (const AVCodec* codec = av_codec_iterate(&state)) {
    if (av_codec_is_decoder(codec) && codec->id == stream.codecpar->codec_id &&
        is_listed(decoder_list(), codec->name)) {
      return codec;
    }
  }
  return nullptr;
}

} // namespace

const char* decoder_list() {
  return "h264,hevc,vp8,vp9,libdav1d,libaom-av1,mpeg4,mpeg1video,mpeg2video,"
         "msmpeg4v2,msmpeg4,h263,mjpeg,prores,ffv1,huffyuv,ffvhuff,utvideo,rawvideo,"
         "aac,mp3float,mp3,mp2float,mp2,vorbis,opus,libopus,flac,alac,ac3,eac3,"
         "pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,"
         "pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw";
}

bool has_decoder(const AVStream& stream) {
  return listed_decoder(stream) != nullptr;
}

const AVCodec* find_decoder(const AVStream& stream, const MediaName& name) {
  if (const AVCodec* codec = listed_decoder(stream)) {
    return codec;
  }
  name.fail_expected(
      "a codec of the supported ones (H.264, HEVC, VP8, VP9, AV1, MPEG-4, MJPEG; AAC, "
      "MP3, Vorbis, Opus, FLAC, ALAC, PCM)",
      std::string("'") + avcodec_get_name(stream.codecpar->codec_id) + "'");
}

AVFormatContext* make_closed_context(AVIOContext* io, const Deadline& deadline) {
  AVFormatContext* format = avformat_alloc_context();
  format->pb = io;
  format->flags |= AVFMT_FLAG_CUSTOM_IO;
  format->io_open = refuse_to_open;
  format->protocol_whitelist = av_strdup("");
  format->format_whitelist = av_strdup("mov,matroska,avi,ogg,flac,mp3,aac");
  format->codec_whitelist = av_strdup(decoder_list());
  format->interrupt_callback = {is_interrupted, const_cast<Deadline*>(&deadline)};
  format->probesize = kMaxProbeBytes;
  return format;
}

Source::Source(
    ByteSource& bytes,
    MediaKind kind,
    const MediaBudget& budget,
    const MediaName& name,
    const Deadline& deadline)
    : bytes_(bytes), kind_(kind), budget_(budget), name_(name), deadline_(deadline) {
  silence();
  open();
}

Source::~Source() = default;

void Source::reopen() {
  format_.reset();
  io_.reset();
  position_ = 0;
  open();
}

void Source::open() {
  auto* buffer = static_cast<unsigned char*>(av_malloc(kIoBufferBytes));
  io_.reset(avio_alloc_context(
      buffer, kIoBufferBytes, 0, this, &Source::read_bytes, nullptr,
      &Source::seek_bytes));
  AVFormatContext* format = make_closed_context(io_.get(), deadline_);
  const AVInputFormat* demuxer = av_find_input_format(demuxer_name(kind_));
  if (demuxer == nullptr) {
    avformat_free_context(format);
    name_.fail("this FFmpeg is built without a demuxer for " + describe(kind_) + ".");
  }
  // Frees the context itself when it fails.
  if (const int error = avformat_open_input(&format, nullptr, demuxer, nullptr);
      error < 0) {
    fail("opened", error);
  }
  format_.reset(format);
  if (format->nb_streams > budget_.max_streams) {
    name_.fail_expected(
        "at most " + std::to_string(budget_.max_streams) + " streams",
        std::to_string(format->nb_streams),
        "Raise MediaBudget::max_streams to read it.");
  }
  probe_streams();
  choose_streams();
}

void Source::probe_streams() {
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    const AVStream* stream = format_->streams[i];
    const AVCodecParameters& parameters = *stream->codecpar;
    if (parameters.codec_type == AVMEDIA_TYPE_AUDIO && stream->duration > 0 &&
        (kind_ == MediaKind::Flac || kind_ == MediaKind::Mp3)) {
      declared_audio_seconds_ =
          static_cast<double>(stream->duration) * av_q2d(stream->time_base);
    }
    if (parameters.codec_type == AVMEDIA_TYPE_VIDEO &&
        (parameters.width != 0 || parameters.height != 0)) {
      check_picture_size(
          parameters.width, parameters.height, budget_, name_, "a video frame");
    }
  }
  std::vector<AVDictionary*> options(format_->nb_streams, nullptr);
  for (AVDictionary*& dictionary : options) {
    av_dict_set_int(&dictionary, "max_pixels", budget_.max_image_pixels, 0);
    av_dict_set_int(&dictionary, "threads", 1, 0);
  }
  const size_t num_options = options.size();
  const int error = avformat_find_stream_info(format_.get(), options.data());
  for (size_t i = 0; i < num_options; ++i) {
    av_dict_free(&options[i]);
  }
  if (error < 0) {
    fail("understood", error);
  }
}

void Source::choose_streams() {
  const auto choose = [&](AVMediaType type, int related) {
    const int stream =
        av_find_best_stream(format_.get(), type, -1, related, nullptr, 0);
    const bool is_cover = stream >= 0 &&
        (format_->streams[stream]->disposition & AV_DISPOSITION_ATTACHED_PIC);
    return stream < 0 || is_cover ? -1 : stream;
  };
  video_stream_ = choose(AVMEDIA_TYPE_VIDEO, -1);
  audio_stream_ = choose(AVMEDIA_TYPE_AUDIO, video_stream_);
  for (int i = 0; i < static_cast<int>(format_->nb_streams); ++i) {
    if (i != video_stream_ && i != audio_stream_) {
      format_->streams[i]->discard = AVDISCARD_ALL;
    }
  }
}

void Source::use_only(int stream) {
  for (int i = 0; i < static_cast<int>(format_->nb_streams); ++i) {
    format_->streams[i]->discard = i == stream ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
  }
}

bool Source::read(AVPacket* packet) {
  for (;;) {
    deadline_.check();
    const int error = av_read_frame(format_.get(), packet);
    if (error == AVERROR_EOF) {
      return false;
    }
    if (error < 0) {
      fail("read to its end", error);
    }
    if (format_->streams[packet->stream_index]->discard == AVDISCARD_ALL) {
      av_packet_unref(packet);
      continue;
    }
    return true;
  }
}

bool Source::seek(int stream, int64_t timestamp) {
  return av_seek_frame(format_.get(), stream, timestamp, AVSEEK_FLAG_BACKWARD) >= 0;
}

const AVStream& Source::stream(int index) const {
  return *format_->streams[index];
}

double Source::declared_seconds() const {
  return format_->duration > 0 ? static_cast<double>(format_->duration) / AV_TIME_BASE
                               : 0.0;
}

void Source::fail(const std::string& doing, int error) const {
  deadline_.check();
  name_.fail(
      "expected " + describe(kind_) + " that can be " + doing + ", got '" +
      error_text(error) + "'. The file is damaged, truncated or of another kind.");
}

int Source::read_bytes(void* self, uint8_t* out, int count) {
  auto& source = *static_cast<Source*>(self);
  if (source.deadline_.is_over()) {
    return AVERROR_EXIT;
  }
  const int64_t got =
      source.bytes_.read_at(source.position_, reinterpret_cast<char*>(out), count);
  source.position_ += got;
  return got == 0 ? AVERROR_EOF : static_cast<int>(got);
}

int64_t Source::seek_bytes(void* self, int64_t offset, int whence) {
  auto& source = *static_cast<Source*>(self);
  switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
      return source.bytes_.size();
    case SEEK_SET:
      break;
    case SEEK_CUR:
      offset += source.position_;
      break;
    case SEEK_END:
      offset += source.bytes_.size();
      break;
    default:
      return AVERROR(EINVAL);
  }
  if (offset < 0) {
    return AVERROR(EINVAL);
  }
  return source.position_ = offset;
}

} // namespace omni::av
