// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Text tokenizers and the token space.
#include "python/bindings/arrays.h"
#include "python/bindings/bindings.h"
#include "tokenizers/text/text_tokenizer.h"
#include "tokenizers/text/utf8.h"
#include "tokenizers/text/utf8_stream.h"
#include "tokenizers/token_space.h"

namespace omni::python {
namespace {

// Ids of a tensor, an array or any sequence of whole numbers.
std::vector<int64_t> ids_of(const py::object& ids) {
  if (!py::isinstance<py::list>(ids) && !py::isinstance<py::tuple>(ids)) {
    return py::cast(tensor_of(ids)).attr("tolist")().cast<std::vector<int64_t>>();
  }
  return ids.cast<std::vector<int64_t>>();
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
      module, "TextTokenizer", "Text to ids and back. Safe to share between threads.")
      .def_static(
          "load",
          [](const PathArgument& path) {
            const auto file = path_of(path, "tokenizer", "");
            const py::gil_scoped_release release;
            return std::const_pointer_cast<TextTokenizer>(TextTokenizer::load(file));
          },
          py::arg("path"),
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
    IndexError: for an id outside [0, vocab_size).)")
      .def(
          "bytes_of",
          [](const TextTokenizer& self, int64_t id) {
            return py::bytes(self.bytes_of(id));
          },
          py::arg("id"),
          "The raw bytes that one id adds to the text; empty for special tokens.")
      .def_property_readonly("vocab_size", &TextTokenizer::vocab_size)
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
      .def("__len__", &TextTokenizer::vocab_size)
      .def("__repr__", [](const TextTokenizer& self) {
        return "TextTokenizer(" + std::to_string(self.vocab_size()) + " ids)";
      });
}

void bind_token_space(py::module_& module) {
  py::class_<TokenSpace>(
      module, "TokenSpace", "The one id range [0, vocab_size) of a model, in segments.")
      .def_property_readonly("vocab_size", &TokenSpace::vocab_size)
      .def_property_readonly(
          "segments",
          [](const TokenSpace& self) {
            std::map<Segment, std::pair<int64_t, int64_t>> segments;
            for (const auto& [segment, range] : self.segments()) {
              segments[segment] = {range.begin, range.end};
            }
            return segments;
          },
          "Half-open ranges (begin, end) of ids by segment: \"text\", \"control\", ...")
      .def_property_readonly(
          "control_ids", &TokenSpace::control_ids,
          "Ids by role: \"eos\", \"user\", ...")
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
