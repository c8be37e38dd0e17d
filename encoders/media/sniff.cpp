// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/sniff.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace omni {

namespace {

using std::string_view;
using namespace std::string_view_literals;

constexpr size_t kWindow = 4096; // bytes looked at
constexpr int kAdtsHeaderBytes = 7;

bool has(string_view bytes, size_t offset, string_view magic) {
  return bytes.size() >= offset && bytes.substr(offset).starts_with(magic);
}

uint8_t byte_at(string_view bytes, size_t offset) {
  return static_cast<uint8_t>(bytes[offset]);
}

// Sync word of an MPEG audio frame with legal version, layer, bit rate and sample rate.
bool is_mpeg_audio_frame(string_view bytes) {
  if (bytes.size() < 4 || byte_at(bytes, 0) != 0xFF ||
      (byte_at(bytes, 1) & 0xE0) != 0xE0) {
    return false;
  }
  const int version = byte_at(bytes, 1) >> 3 & 3; // 1 is reserved
  const int layer = byte_at(bytes, 1) >> 1 & 3; // 0 is reserved (ADTS)
  const int bit_rate = byte_at(bytes, 2) >> 4; // 15 is illegal
  const int sample_rate = byte_at(bytes, 2) >> 2 & 3; // 3 is reserved
  return version != 1 && layer != 0 && bit_rate != 15 && sample_rate != 3;
}

bool is_adts_frame(string_view bytes) {
  return bytes.size() >= kAdtsHeaderBytes && byte_at(bytes, 0) == 0xFF &&
      (byte_at(bytes, 1) & 0xF6) == 0xF0 && (byte_at(bytes, 2) >> 2 & 15) < 13;
}

MediaKind sniff_iso(string_view bytes) {
  const string_view type = bytes.substr(4, 4);
  if (type == "ftyp") {
    const string_view brand = bytes.substr(std::min<size_t>(8, bytes.size()), 4);
    for (const string_view heif :
         {"heic", "heix", "hevc", "heim", "heis", "mif1", "msf1", "avif", "avis"}) {
      if (brand == heif) {
        return MediaKind::Heif;
      }
    }
    return MediaKind::Mp4;
  }
  for (const string_view box : {"moov", "mdat", "free", "skip", "wide", "pnot"}) {
    if (type == box) {
      return MediaKind::Mp4;
    }
  }
  return MediaKind::Unknown;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

MediaKind sniff_text(string_view bytes) {
  string_view text = bytes;
  if (text.starts_with("\xEF\xBB\xBF"sv)) {
    text.remove_prefix(3);
  }
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 32 && !is_blank(c) && c != '\f' && c != '\x1B') {
      return MediaKind::Unknown;
    }
  }
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  for (const string_view start :
       {"#EXTM3U", "#EXT-X-", "ffconcat", "[playlist]", "[Playlist]", "v=0", "<MPD",
        "<smil", "<asx", "<ASX", "rtsp://", "http://", "https://",
        "concat:", "file:"}) {
    if (text.starts_with(start)) {
      return MediaKind::Playlist;
    }
  }
  if (text.starts_with("<")) {
    return text.find("<MPD") != string_view::npos ? MediaKind::Playlist
                                                  : MediaKind::Markup;
  }
  return MediaKind::Text;
}

} // namespace

size_t id3_tag_bytes(string_view bytes) {
  if (bytes.size() < 10 || !has(bytes, 0, "ID3")) {
    return 0;
  }
  size_t size = 0; // in four bytes of 7 bits each
  for (size_t i = 6; i < 10; ++i) {
    if (byte_at(bytes, i) & 0x80) {
      return 0;
    }
    size = size << 7 | byte_at(bytes, i);
  }
  const bool has_footer = byte_at(bytes, 5) & 0x10;
  return size + (has_footer ? 20 : 10);
}

MediaKind sniff(string_view bytes) {
  if (bytes.empty()) {
    return MediaKind::Empty;
  }
  struct Magic {
    size_t offset;
    string_view magic;
    MediaKind kind;
  };
  static constexpr std::array kMagics = {
      Magic{0, "\x89PNG\r\n\x1A\n"sv, MediaKind::Png},
      Magic{0, "\xFF\xD8\xFF"sv, MediaKind::Jpeg},
      Magic{0, "fLaC"sv, MediaKind::Flac},
      Magic{0, "OggS"sv, MediaKind::Ogg},
      Magic{0, "\x1A\x45\xDF\xA3"sv, MediaKind::Matroska},
      Magic{0, "GIF87a"sv, MediaKind::Gif},
      Magic{0, "GIF89a"sv, MediaKind::Gif},
      Magic{0, "II*\0"sv, MediaKind::Tiff},
      Magic{0, "MM\0*"sv, MediaKind::Tiff},
      Magic{0, "%PDF-"sv, MediaKind::Pdf},
      Magic{0, "PK\x03\x04"sv, MediaKind::Archive},
      Magic{0, "\x1F\x8B"sv, MediaKind::Archive},
      Magic{
          0,
          "\xFD"
          "7zXZ"sv,
          MediaKind::Archive},
      Magic{0, "7z\xBC\xAF"sv, MediaKind::Archive},
      Magic{257, "ustar"sv, MediaKind::Archive},
      Magic{
          0,
          "\x7F"
          "ELF"sv,
          MediaKind::Executable},
      Magic{0, "MZ"sv, MediaKind::Executable},
  };
  for (const Magic& magic : kMagics) {
    if (has(bytes, magic.offset, magic.magic)) {
      return magic.kind;
    }
  }
  if (has(bytes, 0, "RIFF") || has(bytes, 0, "RF64")) {
    return has(bytes, 8, "WAVE") ? MediaKind::Wav
        : has(bytes, 8, "WEBP")  ? MediaKind::WebP
        : has(bytes, 8, "AVI ")  ? MediaKind::Avi
                                 : MediaKind::Unknown;
  }
  if (has(bytes, 0, "BM") && has(bytes, 6, "\0\0\0\0"sv)) {
    return MediaKind::Bmp;
  }
  if (const size_t tag = id3_tag_bytes(bytes); tag > 0) {
    const string_view rest = bytes.substr(std::min(tag, bytes.size()));
    return has(rest, 0, "fLaC") ? MediaKind::Flac
        : is_adts_frame(rest)   ? MediaKind::Adts
                                : MediaKind::Mp3;
  }
  if (is_adts_frame(bytes)) {
    return MediaKind::Adts;
  }
  if (is_mpeg_audio_frame(bytes)) {
    return MediaKind::Mp3;
  }
  if (bytes.size() >= 8) {
    if (const MediaKind kind = sniff_iso(bytes); kind != MediaKind::Unknown) {
      return kind;
    }
  }
  return sniff_text(bytes.substr(0, kWindow));
}

int64_t adts_frame_bytes(string_view bytes) {
  if (!is_adts_frame(bytes)) {
    return 0;
  }
  const int size =
      (byte_at(bytes, 3) & 3) << 11 | byte_at(bytes, 4) << 3 | byte_at(bytes, 5) >> 5;
  return size < kAdtsHeaderBytes ? 0 : size;
}

// ISO/IEC 11172-3 (full rates) and 13818-3 (half of them; a quarter by usage).
int64_t mpeg_frame_bytes(string_view bytes) {
  if (!is_mpeg_audio_frame(bytes)) {
    return 0;
  }
  static constexpr std::array<std::array<int, 15>, 5> kKilobits = {{
      {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
      {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
      {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
      {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
      {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
  }};
  static constexpr std::array<int, 3> kRatesHz = {44100, 48000, 32000};
  const int version = byte_at(bytes, 1) >> 3 & 3; // 3, 2, 0: MPEG-1, 2, 2.5
  const int layer = 4 - (byte_at(bytes, 1) >> 1 & 3);
  const bool is_full_rate = version == 3;
  const size_t row = static_cast<size_t>(is_full_rate ? layer - 1 : layer == 1 ? 3 : 4);
  const int bits_a_second = 1000 * kKilobits[row][byte_at(bytes, 2) >> 4]; // 0: free
  const int rate_hz = kRatesHz[byte_at(bytes, 2) >> 2 & 3] >> (is_full_rate       ? 0
                                                                   : version == 2 ? 1
                                                                                  : 2);
  const int padding = byte_at(bytes, 2) >> 1 & 1;
  if (bits_a_second == 0) {
    return 0;
  }
  if (layer == 1) { // slots of 4 bytes
    return (12 * bits_a_second / rate_hz + padding) * 4;
  }
  const int samples_in_bytes = layer == 3 && !is_full_rate ? 72 : 144;
  return samples_in_bytes * bits_a_second / rate_hz + padding;
}

std::string describe(MediaKind kind) {
  switch (kind) {
    case MediaKind::Png:
      return "a PNG picture";
    case MediaKind::Jpeg:
      return "a JPEG picture";
    case MediaKind::WebP:
      return "a WebP picture";
    case MediaKind::Bmp:
      return "a BMP picture";
    case MediaKind::Wav:
      return "a WAV file";
    case MediaKind::Flac:
      return "a FLAC file";
    case MediaKind::Mp3:
      return "an MP3 file";
    case MediaKind::Ogg:
      return "an Ogg file";
    case MediaKind::Adts:
      return "an AAC file";
    case MediaKind::Mp4:
      return "an MP4 or MOV file";
    case MediaKind::Matroska:
      return "a Matroska or WebM file";
    case MediaKind::Avi:
      return "an AVI file";
    case MediaKind::Empty:
      return "no bytes at all";
    case MediaKind::Gif:
      return "a GIF picture";
    case MediaKind::Tiff:
      return "a TIFF picture";
    case MediaKind::Heif:
      return "a HEIF or AVIF picture";
    case MediaKind::Pdf:
      return "a PDF document";
    case MediaKind::Archive:
      return "an archive";
    case MediaKind::Playlist:
      return "a playlist";
    case MediaKind::Markup:
      return "an HTML, XML or SVG document";
    case MediaKind::Text:
      return "plain text";
    case MediaKind::Executable:
      return "an executable program";
    case MediaKind::Unknown:
      break;
  }
  return "bytes of an unknown format";
}

bool is_picture(MediaKind kind) {
  return kind == MediaKind::Png || kind == MediaKind::Jpeg || kind == MediaKind::WebP ||
      kind == MediaKind::Bmp;
}

bool is_sound(MediaKind kind) {
  return kind == MediaKind::Wav || kind == MediaKind::Flac || kind == MediaKind::Mp3 ||
      kind == MediaKind::Ogg || kind == MediaKind::Adts;
}

bool is_movie(MediaKind kind) {
  return kind == MediaKind::Mp4 || kind == MediaKind::Matroska ||
      kind == MediaKind::Avi;
}

} // namespace omni
