// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <cstdlib>

#include "omni/core/errors.h"
#include "omni/core/json.h"
#include "tests/fuzz/fuzz.h"

namespace omni::fuzz {

std::vector<std::string> seeds() {
  return {
      "{}", "[1, -2.5e3, true, null, \"\\u00e9\\ud83d\\ude00\\n\"]",
      R"({"model": {"width": 64, "layers": [{"span": 128}, {}], "rate": 0.5,
          "name": "nano", "tied": true, "ids": [1, 2, 3]}})"};
}

} // namespace omni::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace omni;
  try {
    const Json json = parse_json(
        fuzz::as_bytes(data, size), "fuzz", "input",
        {.max_depth = 16, .max_values = 500});
    // What was read can be written, and reads the same.
    if (parse_json(json.dump(), "fuzz", "again") != json) {
      std::abort();
    }
    const JsonObject model = JsonObject(json, "fuzz").object("model");
    static_cast<void>(model.integer_or("width", 1, 1));
    static_cast<void>(model.number_or("rate", 1.0));
    static_cast<void>(model.boolean_or("tied", false));
    static_cast<void>(model.integers("ids"));
    for (const JsonObject& layer : model.objects("layers")) {
      layer.reject_unknown_keys({"span"});
    }
  } catch (const IoError&) {
  } catch (const ValueError&) {
  }
  return 0;
}
