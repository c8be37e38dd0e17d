// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The four normalisation forms of Unicode (UAX 15), with the way back to the source.
// Internal: utf8proc has the tables. No torch.
#pragma once

#include <string_view>

#include "tokenizers/text/aligned_text.h"

namespace omni {

enum class UnicodeForm { Nfc, Nfd, Nfkc, Nfkd };

// The text in `form`. Text that has it already, as nearly all text has NFC, is only
// looked at.
[[nodiscard]] AlignedText to_form(AlignedText text, UnicodeForm form);

} // namespace omni
