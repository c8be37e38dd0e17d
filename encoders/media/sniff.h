// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a file is by its first bytes, whatever its name says. Runs before any decoder,
// so that none is ever handed a format that is not on our list. Torch-free.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace omni {

enum class MediaKind {
  Png,
  Jpeg,
  WebP,
  Bmp,
  Wav,
  Flac,
  Mp3,
  Ogg,
  Adts, // bare AAC
  Mp4, // and MOV, M4A, 3GP
  Matroska, // and WebM
  Avi,
  // Recognised only to be named in errors:
  Empty,
  Gif,
  Tiff,
  Heif, // and AVIF
  Pdf,
  Archive, // ZIP, gzip, xz, 7z, tar
  Playlist, // M3U8, PLS, ffconcat, SDP, DASH
  Markup, // HTML, XML, SVG
  Text,
  Executable,
  Unknown,
};

// The first 4 KiB decide, except that an ID3 tag before MP3, FLAC or AAC is skipped
// whatever its length.
[[nodiscard]] MediaKind sniff(std::string_view bytes);
// Size of a leading ID3v2 tag, or 0.
[[nodiscard]] size_t id3_tag_bytes(std::string_view bytes);
// "a PNG picture", "plain text", "a playlist" ...
[[nodiscard]] std::string describe(MediaKind kind);

// Size of the frame that begins with these bytes, its header; 0: none does, or it does
// not say. Bare AAC, and MPEG audio of any layer.
[[nodiscard]] int64_t adts_frame_bytes(std::string_view bytes);
[[nodiscard]] int64_t mpeg_frame_bytes(std::string_view bytes);

[[nodiscard]] bool is_picture(MediaKind kind); // that read_image takes
[[nodiscard]] bool is_sound(MediaKind kind); // that holds sound alone
[[nodiscard]] bool is_movie(MediaKind kind); // container of pictures and sound

} // namespace omni
