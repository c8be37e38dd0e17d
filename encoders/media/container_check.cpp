// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/container_check.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "encoders/media/byte_reader.h"

namespace omni {

namespace {

// A demuxer makes an index entry of some 24 bytes for each sample a table declares,
// even where the declaration takes 12 bytes in all. So many are granted to any file;
// beyond, one for each byte of it.
constexpr int64_t kFreeIndexEntries = 1 << 20;
constexpr int64_t kMaxBoxes = 1'000'000;
constexpr int64_t kMaxEdits = 4096; // each is walked over the whole index
constexpr int kMaxBoxDepth = 8;
constexpr size_t kMaxOggStreams = 64; // at a time
constexpr int kOggEndOfStream = 4; // flag of a page

[[noreturn]] void fail_truncated(
    const MediaName& name,
    const std::string& what,
    int64_t expected_bytes,
    int64_t got_bytes) {
  name.fail_expected(
      std::to_string(expected_bytes) + " bytes of " + what,
      std::to_string(std::max<int64_t>(0, got_bytes)), "The file is truncated.");
}

// MP4 and MOV: boxes of size, type and content (ISO/IEC 14496-12).
class BoxWalk {
 public:
  BoxWalk(ByteSource& source, const MediaName& name) : source_(source), name_(name) {}

  void run() {
    walk(0, source_.size(), 0);
    if (!has_index_) {
      name_.fail_expected(
          "an index (moov box) in the MP4", "none", "The file is truncated.");
    }
  }

 private:
  static bool is_parent(std::string_view type) {
    constexpr std::array<std::string_view, 8> kParents = {
        "moov", "trak", "edts", "mdia", "minf", "stbl", "moof", "traf"};
    return std::find(kParents.begin(), kParents.end(), type) != kParents.end();
  }

  void walk(int64_t begin, int64_t end, int depth) {
    // Fewer than 8 bytes at the end of a parent are padding.
    for (int64_t at = begin; end - at >= 8;) {
      if (++num_boxes_ > kMaxBoxes) {
        name_.fail_expected("at most 1000000 MP4 boxes", "more");
      }
      const std::string head = source_.read_range(at, 16);
      ByteReader reader(head, name_, "MP4 box");
      int64_t size = reader.u32_big();
      const std::string type(reader.take(4));
      int64_t head_bytes = 8;
      if (size == 1) {
        const uint64_t large = reader.u64_big();
        size = large > INT64_MAX ? INT64_MAX : static_cast<int64_t>(large);
        head_bytes = 16;
      } else if (size == 0) {
        if (type == std::string(4, '\0')) {
          return; // zeros pad the rest
        }
        size = end - at;
      }
      if (size < head_bytes || size > end - at) {
        fail_truncated(name_, "the MP4 box '" + printable(type) + "'", size, end - at);
      }
      visit(type, at + head_bytes, size - head_bytes);
      has_index_ |= depth == 0 && type == "moov";
      if (is_parent(type) && depth < kMaxBoxDepth) {
        walk(at + head_bytes, at + size, depth + 1);
      }
      at += size;
    }
  }

  static std::string printable(const std::string& type) {
    std::string text = type;
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < 32 || c > 126; }, '?');
    return text;
  }

  void visit(const std::string& type, int64_t at, int64_t size) {
    if (type == "stsz" && size >= 12) {
      const std::string head = source_.read_range(at, 12);
      ByteReader reader(head, name_, "MP4 sample table");
      reader.skip(8);
      add_index_entries(reader.u32_big());
    } else if (type == "trun" && size >= 8) {
      const std::string head = source_.read_range(at, 8);
      ByteReader reader(head, name_, "MP4 fragment");
      reader.skip(4);
      add_index_entries(reader.u32_big());
    } else if (type == "elst" && size >= 8) {
      const std::string head = source_.read_range(at, 8);
      ByteReader reader(head, name_, "MP4 edit list");
      reader.skip(4);
      if (const int64_t edits = reader.u32_big(); edits > kMaxEdits) {
        name_.fail_expected("at most 4096 MP4 edits", std::to_string(edits));
      }
    }
  }

  void add_index_entries(int64_t count) {
    num_entries_ += count;
    if (num_entries_ > std::max(kFreeIndexEntries, source_.size())) {
      name_.fail_expected(
          "fewer samples in the MP4 index than bytes in the file",
          std::to_string(num_entries_));
    }
  }

  ByteSource& source_;
  const MediaName& name_;
  int64_t num_boxes_ = 0;
  int64_t num_entries_ = 0;
  bool has_index_ = false;
};

// AVI: one RIFF chunk, and more of them in files beyond 1 GiB (OpenDML).
void check_riff(ByteSource& source, const MediaName& name) {
  int64_t at = 0;
  while (source.size() - at >= 12) {
    const std::string head = source.read_range(at, 12);
    if (!head.starts_with("RIFF")) {
      return; // what follows the last chunk is not ours
    }
    ByteReader reader(head, name, "RIFF chunk");
    reader.skip(4);
    const int64_t size = reader.u32_little();
    if (size + 8 > source.size() - at) {
      fail_truncated(name, "the AVI", size + 8, source.size() - at);
    }
    at += 8 + size + size % 2;
  }
}

// EBML number: the position of the first set bit is its length. -1: unknown.
int64_t ebml_size(ByteReader& reader, const MediaName& name) {
  const int first = reader.u8();
  int length = 1;
  while (length <= 8 && !(first & 0x80 >> (length - 1))) {
    ++length;
  }
  if (length > 8) {
    name.fail_expected("a legal EBML size", "a zero byte");
  }
  uint64_t value = static_cast<uint64_t>(first) & ((0x80u >> (length - 1)) - 1);
  bool is_unknown = value == (0x80u >> (length - 1)) - 1;
  for (int i = 1; i < length; ++i) {
    const uint8_t byte = reader.u8();
    is_unknown &= byte == 0xFF;
    value = value << 8 | byte;
  }
  return is_unknown ? -1 : static_cast<int64_t>(value);
}

// Matroska: an EBML header, then one segment that holds everything.
void check_matroska(ByteSource& source, const MediaName& name) {
  const std::string head = source.read_range(0, 4096);
  ByteReader reader(head, name, "Matroska header");
  reader.skip(4);
  const int64_t header_bytes = ebml_size(reader, name);
  if (header_bytes < 0) {
    name.fail_expected("a Matroska header of known size", "an unknown one");
  }
  reader.skip(static_cast<size_t>(header_bytes));
  constexpr uint32_t kSegment = 0x18538067;
  if (reader.u32_big() != kSegment) {
    return; // other elements may come first; the demuxer knows them
  }
  const int64_t segment_bytes = ebml_size(reader, name);
  const int64_t available = source.size() - static_cast<int64_t>(reader.position());
  if (segment_bytes > available) {
    fail_truncated(name, "the Matroska segment", segment_bytes, available);
  }
}

// Ogg: pages of a 27-byte head, a table of segment lengths, and the segments. The last
// page of each stream says that it is.
void check_ogg(ByteSource& source, const MediaName& name) {
  std::set<uint32_t> open_streams;
  for (int64_t at = 0; at < source.size();) {
    const std::string head = source.read_range(at, 27 + 255);
    if (!head.starts_with("OggS")) {
      name.fail_expected("an Ogg page at byte " + std::to_string(at), "something else");
    }
    ByteReader reader(head, name, "Ogg page");
    reader.skip(5);
    const int flags = reader.u8();
    reader.skip(8);
    const uint32_t stream = reader.u32_little();
    reader.skip(8);
    const size_t num_segments = reader.u8();
    int64_t size = 27 + static_cast<int64_t>(num_segments);
    for (const char length : reader.take(num_segments)) {
      size += static_cast<uint8_t>(length);
    }
    if (size > source.size() - at) {
      fail_truncated(name, "an Ogg page", size, source.size() - at);
    }
    open_streams.insert(stream);
    if (flags & kOggEndOfStream) {
      open_streams.erase(stream);
    } else if (open_streams.size() > kMaxOggStreams) {
      name.fail_expected("at most 64 Ogg streams at a time", "more");
    }
    at += size;
  }
  if (!open_streams.empty()) {
    name.fail_expected(
        "a last page of each stream in the Ogg file", "none", "The file is truncated.");
  }
}

// Sizes of frames that follow each other from the start of the file or behind its ID3
// tag. What is no frame ends the walk: a tag at the end, or damage that the decoder
// meets. A frame cut off at the end of the file is the only trace of what is missing.
void check_last_frame(ByteSource& source, MediaKind kind, const MediaName& name) {
  constexpr int64_t kWindowBytes = 64 * 1024;
  std::string window = source.read_range(0, kWindowBytes);
  int64_t window_begin = 0;
  auto at = static_cast<int64_t>(id3_tag_bytes(window));
  while (at < source.size()) {
    if (at - window_begin + 8 > static_cast<int64_t>(window.size())) {
      window = source.read_range(at, kWindowBytes);
      window_begin = at;
    }
    const auto head = std::string_view(window).substr(
        std::min(window.size(), static_cast<size_t>(at - window_begin)), 8);
    if (head.empty()) {
      return; // the file shrank
    }
    const int64_t size =
        kind == MediaKind::Adts ? adts_frame_bytes(head) : mpeg_frame_bytes(head);
    if (size == 0) {
      const int64_t header = kind == MediaKind::Adts ? 7 : 4;
      if (head.size() < static_cast<size_t>(header) && head.front() == '\xFF') {
        fail_truncated(name, "a sound frame's header", header, source.size() - at);
      }
      return;
    }
    if (size > source.size() - at) {
      fail_truncated(name, "the last sound frame", size, source.size() - at);
    }
    at += size;
  }
}

} // namespace

void check_container(ByteSource& source, MediaKind kind, const MediaName& name) {
  switch (kind) {
    case MediaKind::Mp4:
      BoxWalk(source, name).run();
      break;
    case MediaKind::Avi:
      check_riff(source, name);
      break;
    case MediaKind::Matroska:
      check_matroska(source, name);
      break;
    case MediaKind::Ogg:
      check_ogg(source, name);
      break;
    case MediaKind::Adts:
    case MediaKind::Mp3:
      check_last_frame(source, kind, name);
      break;
    default:
      break; // no outer structure; what is decoded is compared with the header
  }
}

} // namespace omni
