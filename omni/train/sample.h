// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One training sample: a conversation as its JSON declares it, with the bytes of the
// media it names. The format is described in examples/nano/README.md.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "omni/conversation/message.h"

namespace omni {

enum class PartKind { Text, Image, Audio, Video, Speech };

struct SpokenWord {
  std::string text;
  double begin_seconds = 0.0;
};

struct SamplePart {
  PartKind kind = PartKind::Text;
  std::string text; // of Text; what Speech says
  std::string file; // name within the sample
  std::string bytes; // content of `file`
  std::string transcript; // of Audio, target of the CTC side loss; may be empty
  std::map<std::string, at::Tensor> labels; // of Image: int64 [rows, columns] grids
  std::vector<SpokenWord> words; // of Speech; empty: unknown
};

struct SampleMessage {
  Role role = Role::User;
  std::vector<SamplePart> parts;
};

struct Sample {
  std::string key; // unique, for messages and caches
  std::string kind; // for normalising and logging losses
  std::vector<SampleMessage> messages;
};

// `read_file` gives the content of a file of the sample by name, or throws. Throws
// ValueError naming the key and what was expected.
[[nodiscard]] Sample parse_sample(
    const std::string& key,
    const std::string& json,
    const std::function<std::string(const std::string&)>& read_file);

} // namespace omni
