// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What every kind of text tokenizer asks of what it is given: the file of a folder, a
// text, an id. Free functions. Internal: no torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace omni {

// tokenizer.json, or else tokenizer.model, of a folder; empty when it has neither.
[[nodiscard]] std::filesystem::path find_tokenizer_file(
    const std::filesystem::path& folder);
// `text` as valid UTF-8. Throws ValueError above `max_bytes`.
[[nodiscard]] std::string checked_text(std::string_view text, size_t max_bytes);
// Throws std::out_of_range unless `id` is in [0, vocab_size).
void check_id(int64_t id, int64_t vocab_size);

} // namespace omni
