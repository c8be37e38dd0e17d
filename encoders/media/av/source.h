// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// An opened sound or video file: packets in file order. FFmpeg reads through our
// ByteSource alone; it is told the format (never asked to guess it), may use the
// decoders of our list alone, and every attempt to open something else fails. One
// thread.
#pragma once

#include <string>

#include "encoders/media/av/handles.h"
#include "encoders/media/byte_source.h"
#include "encoders/media/sniff.h"

namespace omni::av {

class Source {
 public:
  // Keeps references. Throws IoError when the file is not of this kind, is damaged or
  // breaks the budget.
  Source(
      ByteSource& bytes,
      MediaKind kind,
      const MediaBudget& budget,
      const MediaName& name,
      const Deadline& deadline);
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Starts again at the first packet.
  void reopen();
  // False at the end of the file. Throws on what cannot be read.
  bool read(AVPacket* packet);
  // Asks the demuxer to go to a packet at or before the given one; false when it
  // cannot. Where it lands must be checked.
  bool seek(int stream, int64_t timestamp);

  // The stream a player would choose, or -1.
  [[nodiscard]] int video_stream() const {
    return video_stream_;
  }
  [[nodiscard]] int audio_stream() const {
    return audio_stream_;
  }
  [[nodiscard]] const AVStream& stream(int index) const;
  // Packets of other streams are not returned by read() until reopen().
  void use_only(int stream);

  // Of the header; 0 when it states none. Not to be believed.
  [[nodiscard]] double declared_seconds() const;
  // Of the sound stream before anything was read from it (the sample count of a FLAC
  // header, the frame count of a Xing header); 0 when unknown.
  [[nodiscard]] double declared_audio_seconds() const {
    return declared_audio_seconds_;
  }
  [[nodiscard]] const MediaBudget& budget() const {
    return budget_;
  }
  [[nodiscard]] const MediaName& name() const {
    return name_;
  }
  [[nodiscard]] const Deadline& deadline() const {
    return deadline_;
  }

 private:
  static int read_bytes(void* self, uint8_t* out, int count);
  static int64_t seek_bytes(void* self, int64_t offset, int whence);
  void open();
  void probe_streams();
  void choose_streams();
  [[noreturn]] void fail(const std::string& doing, int error) const;

  ByteSource& bytes_;
  MediaKind kind_;
  const MediaBudget& budget_;
  const MediaName& name_;
  const Deadline& deadline_;
  int64_t position_ = 0; // of the next byte FFmpeg reads
  Handle<AVIOContext> io_;
  Handle<AVFormatContext> format_;
  int video_stream_ = -1;
  int audio_stream_ = -1;
  double declared_audio_seconds_ = 0;
};

// A context that reads through `io` and opens nothing else, whatever a demuxer asks:
// its own attempts are refused, it knows no protocol, and no format or decoder beyond
// our lists. Keeps a reference. avformat_open_input() or avformat_free_context() owns
// it.
[[nodiscard]] AVFormatContext* make_closed_context(
    AVIOContext* io,
    const Deadline& deadline);

// The decoder of our list for a stream's codec. Throws when there is none.
[[nodiscard]] const AVCodec* find_decoder(
    const AVStream& stream,
    const MediaName& name);
[[nodiscard]] bool has_decoder(const AVStream& stream);
// Names of all decoders on the list, for FFmpeg's own check.
[[nodiscard]] const char* decoder_list();

} // namespace omni::av
