// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Text tokenizers and the token space.
#include <c10/util/Exception.h>

#include <map>
#include <mutex>

#include "omni/core/file_io.h"
#include "python/bindings/arrays.h"
#include "python/bindings/fields.h"
#include "tokenizers/text/text_tokenizer.h"
#include "tokenizers/text/utf8.h"
#include "tokenizers/text/utf8_stream.h"
#include "tokenizers/token_space.h"

namespace omni::python {
namespace {

namespace fs = std::filesystem;

// Contents by name, the tokenizer's own file as "tokenizer" and its extension.
using FileContents = std::map<std::string, std::string>;

// The files that tokenizers were loaded from, which say all about them: what pickling
// sends and == compares. Kept here, since C++ has no use for them after loading.
class LoadedFiles {
 public:
  static LoadedFiles& instance() {
    static LoadedFiles files;
    return files;
  }

  void add(const std::shared_ptr<const TextTokenizer>& tokenizer, FileContents files) {
    const std::lock_guard lock(mutex_);
    std::erase_if(files_, [](const auto& item) { return item.first.expired(); });
    files_.try_emplace(tokenizer, std::move(files));
  }

  std::optional<FileContents> find(
      const std::shared_ptr<const TextTokenizer>& tokenizer) const {
    const std::lock_guard lock(mutex_);
    const auto found = files_.find(tokenizer);
    return found == files_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::weak_ptr<const TextTokenizer>, FileContents, std::owner_less<>> files_;
};

// What TextTokenizer::load(path) reads.
FileContents read_files(fs::path path) {
  if (fs::is_directory(path)) {
    const fs::path json = path / "tokenizer.json";
    path = fs::exists(json) ? json : path / "tokenizer.model";
  }
  FileContents files = {{"tokenizer" + path.extension().string(), read_file(path)}};
  const fs::path beside = path.parent_path() / "tokenizer_config.json";
  if (path.extension() == ".model" && fs::exists(beside)) { // its special tokens
    files["tokenizer_config.json"] = read_file(beside);
  }
  return files;
}

std::shared_ptr<TextTokenizer> load_tokenizer(const PathArgument& path) {
  const fs::path file = path_of(path, "tokenizer", "");
  const py::gil_scoped_release release;
  auto tokenizer = std::const_pointer_cast<TextTokenizer>(TextTokenizer::load(file));
  LoadedFiles::instance().add(tokenizer, read_files(file));
  return tokenizer;
}

// Contents by name, or None for a tokenizer that no file is known of.
std::optional<std::map<std::string, py::bytes>> files_of(
    const std::shared_ptr<TextTokenizer>& tokenizer) {
  const std::optional<FileContents> files = LoadedFiles::instance().find(tokenizer);
  if (!files) {
    return std::nullopt;
  }
  return std::map<std::string, py::bytes>(files->begin(), files->end());
}

// What in `values` is no id: the name of its type.
std::string odd_type_of(const py::object& values) {
  const auto name_of = [](const py::handle& object) {
    return py::type::of(object).attr("__name__").cast<std::string>();
  };
  if (!py::isinstance<py::sequence>(values)) {
    return name_of(values);
  }
  for (const py::handle value : values) {
    if (!py::isinstance<py::int_>(value)) {
      return name_of(value) + " among them";
    }
  }
  return "a number beyond 64 bits";
}

// Ids of a tensor, an array or any sequence of whole numbers.
std::vector<int64_t> ids_of(const py::object& ids) {
  const bool is_list = py::isinstance<py::list>(ids) || py::isinstance<py::tuple>(ids);
  const py::object values =
      is_list ? ids : py::cast(tensor_of(ids)).attr("tolist")().cast<py::object>();
  try {
    return values.cast<std::vector<int64_t>>();
  } catch (const py::cast_error&) {
    TORCH_CHECK_TYPE(
        false, "[tokenizer] expected ids as whole numbers: a list, a tensor or an ",
        "array [L], got ", odd_type_of(values), ".");
  }
}

// Ranges of bytes as ranges of characters, which Python's strings count. Texts in which
// bytes are replaced are replaced the same way here.
std::vector<std::pair<int64_t, int64_t>> character_ranges(
    const TextEncoding& encoding,
    std::string_view text) {
  const std::string valid = to_valid_utf8(text);
  std::vector<int64_t> characters(valid.size() + 1); // that begin before a byte
  for (size_t i = 0; i < valid.size(); ++i) {
    characters[i + 1] = characters[i] + (continues_character(valid[i]) ? 0 : 1);
  }
  std::vector<std::pair<int64_t, int64_t>> ranges;
  ranges.reserve(encoding.ranges.size());
  for (const TextRange range : encoding.ranges) {
    ranges.emplace_back(
        characters[static_cast<size_t>(range.begin)],
        characters[static_cast<size_t>(range.end)]);
  }
  return ranges;
}

void bind_text_tokenizer(py::module_& module) {
  py::class_<TextTokenizer, std::shared_ptr<TextTokenizer>>(
      module, "TextTokenizer",
      R"(Text to ids and back. Safe to share between threads.

Pickles by content: another process, here or on another machine, needs none of the files
it was loaded from. Two are equal when their files are.)")
      .def_static(
          "load", &load_tokenizer, py::arg("path"),
          R"(The tokenizer of a folder, a tokenizer.json or a tokenizer.model.

Raises:
    OSError: naming what is wrong with the file. ValueError: of an unsupported kind.

Example:
    >>> tokenizer = omni.TextTokenizer.load("tokenizer.json"))")
      .def(
          "encode",
          [](const TextTokenizer& self, const std::string& text, bool allow_special) {
            return self.encode(text, allow_special);
          },
          py::arg("text"), py::arg("allow_special") = false, ReleaseLock(),
          R"(Ids of a text, in [0, vocab_size).

Args:
    text: any string.
    allow_special: whether special tokens written in it are more than text.

Example:
    >>> tokenizer.decode(tokenizer.encode("안녕"))
    '안녕')")
      .def(
          "encode_with_ranges",
          [](const TextTokenizer& self, const std::string& text, bool allow_special)
              -> std::tuple<
                  std::vector<int64_t>, std::vector<std::pair<int64_t, int64_t>>> {
            const TextEncoding encoding = self.encode_with_ranges(text, allow_special);
            return {encoding.ids, character_ranges(encoding, text)};
          },
          py::arg("text"), py::arg("allow_special") = false, ReleaseLock(),
          R"(Ids of a text, and for each the part of the text that it is for.

Args:
    text: any string.
    allow_special: whether special tokens written in it are more than text.

Returns:
    The ids of encode() and as many (begin, end): characters of the text, half-open. Ids
    that share a character have it both.

Raises:
    ValueError: of a tokenizer.model, which cannot tell.

Example:
    >>> ids, ranges = tokenizer.encode_with_ranges("안녕")
    >>> "안녕"[ranges[0][0]:ranges[0][1]])")
      .def(
          "decode",
          [](const TextTokenizer& self, const ArrayArgument& ids, bool skip_special) {
            const std::vector<int64_t> values = ids_of(ids);
            const py::gil_scoped_release release;
            return self.decode(values, skip_special);
          },
          py::arg("ids"), py::arg("skip_special") = false,
          R"(The text of ids.

Args:
    ids: whole numbers: a list, an int64 tensor [L] or an array.
    skip_special: leaves special tokens out.

Raises:
    IndexError: for an id outside [0, vocab_size). TypeError: for what is no whole
        number.)")
      .def(
          "bytes_of",
          [](const TextTokenizer& self, int64_t id) {
            return py::bytes(self.bytes_of(id));
          },
          py::arg("id"),
          "The raw bytes that one id adds to the text; empty for special tokens.")
      .def_property_readonly("vocab_size", &TextTokenizer::vocab_size, "Ids there are.")
      .def_property_readonly(
          "special_tokens", &TextTokenizer::special_tokens,
          "Ids that only allow_special makes from text, by how they are written.")
      .def_property_readonly(
          "frame",
          [](const TextTokenizer& self) {
            const TextFrame frame = self.frame();
            return std::make_tuple(frame.before, frame.after);
          },
          "Ids that the file puts before and after a whole text; encode() does not.")
      .def_property_readonly("_files", &files_of)
      .def(
          "_add_files",
          [](const std::shared_ptr<TextTokenizer>& self, const fs::path& path) {
            LoadedFiles::instance().add(self, read_files(path));
          },
          py::arg("path"))
      .def("__len__", &TextTokenizer::vocab_size)
      .def("__repr__", [](const TextTokenizer& self) {
        return "TextTokenizer(" + std::to_string(self.vocab_size()) + " ids)";
      });
}

using SegmentRanges = std::map<Segment, std::pair<int64_t, int64_t>>;

SegmentRanges segments_of(const TokenSpace& space) {
  SegmentRanges segments;
  for (const auto& [segment, range] : space.segments()) {
    segments[segment] = {range.begin, range.end};
  }
  return segments;
}

// That of a model without a transformer has no ids, which the constructor refuses.
TokenSpace make_token_space(
    int64_t vocab_size,
    const SegmentRanges& ranges,
    ControlIds control_ids) {
  std::map<Segment, IdRange> segments;
  for (const auto& [segment, range] : ranges) {
    segments[segment] = {range.first, range.second};
  }
  return vocab_size == 0
      ? TokenSpace()
      : TokenSpace(vocab_size, std::move(segments), std::move(control_ids));
}

void bind_token_space(py::module_& module) {
  py::class_<TokenSpace> bound(
      module, "TokenSpace",
      R"(The one id range [0, vocab_size) of a model, in segments.

Attributes:
    vocab_size: ids there are; 0 for a model without a transformer.
    segments: half-open ranges (begin, end) of ids by name: "text", "control",
        "spelling", "image", "speech". A model lacks those of what it does not give.
    control_ids: ids by role: "eos", "user", "draw_begin", ...)");
  bound.def_property_readonly("vocab_size", &TokenSpace::vocab_size);
  bound.def_property_readonly("segments", &segments_of);
  bound.def_property_readonly("control_ids", &TokenSpace::control_ids);
  bind_equality(bound, py::make_tuple("vocab_size", "segments", "control_ids"));
  bound.def(py::pickle(
      [](const TokenSpace& self) {
        return py::make_tuple(self.vocab_size(), segments_of(self), self.control_ids());
      },
      [](const py::tuple& state) {
        return make_token_space(
            state[0].cast<int64_t>(), state[1].cast<SegmentRanges>(),
            state[2].cast<ControlIds>());
      }));
  bound
      .def(
          "segment_of", &TokenSpace::segment_of, py::arg("id"),
          "The segment an id falls in. IndexError outside [0, vocab_size).")
      .def(
          "control", &TokenSpace::control, py::arg("role"),
          "The id of a role. ValueError when the model lacks it.")
      .def("__repr__", [](const TokenSpace& self) {
        std::string text = "TokenSpace(" + std::to_string(self.vocab_size()) + " ids";
        for (const auto& [segment, range] : self.segments()) {
          text.append(", ").append(segment_name(segment)).append(" [");
          text += std::to_string(range.begin);
          text.append(", ").append(std::to_string(range.end)).append(")");
        }
        return text + ")";
      });
}

} // namespace

void bind_tokenizers(py::module_& module) {
  bind_text_tokenizer(module);
  bind_token_space(module);
}

} // namespace omni::python
