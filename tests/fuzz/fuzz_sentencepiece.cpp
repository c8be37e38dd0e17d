// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The library behind the check is not built with sanitizers, but what it is handed is:
// a model that passes must load and encode without a crash.
#include <cstdlib>

#include "omni/core/errors.h"
#include "tests/fuzz/fuzz.h"
#include "tests/tokenizers/text/model_bytes.h"
#include "tokenizers/text/sentencepiece_tokenizer.h"
#include "tokenizers/text/text_stream.h"

namespace omni::fuzz {

std::vector<std::string> seeds() {
  const auto sound = [](uint64_t type, const std::string& charsmap) {
    return test::model(
        test::sound_pieces(), test::trainer(type, true), test::normalizer(charsmap));
  };
  return {sound(1, ""), sound(2, ""), sound(1, test::Charsmap().bytes())};
}

} // namespace omni::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace omni;
  try {
    const auto tokenizer = sentencepiece_from_bytes(fuzz::as_bytes(data, size), "fuzz");
    for (const std::string& text :
         {std::string("the  ab A 빨간 ▁<s>\xFF<0x41>", 30), std::string(300, 'A')}) {
      const std::vector<int64_t> ids = tokenizer->encode(text);
      TextStream stream(tokenizer);
      std::string streamed;
      for (const int64_t id : ids) {
        streamed += stream.push(id);
      }
      streamed += stream.finish();
      if (streamed != tokenizer->decode(ids, true)) {
        std::abort();
      }
    }
  } catch (const IoError&) {
  }
  return 0;
}
