// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/published_folder.h"

#include "omni/core/errors.h"
#include "omni/core/json.h"
#include "omni/families/families.h"
#include "omni/model/quantization_config.h"

namespace omni {
namespace {

// One id, several, or none.
std::vector<int64_t>
ids_of(const Json& document, const JsonObject& config, const std::string& key) {
  if (!config.has(key)) {
    return {};
  }
  return document[key].is_array() ? config.integers(key)
                                  : std::vector<int64_t>{config.integer(key)};
}

} // namespace

std::optional<PublishedModel> parse_published(
    const std::string& config_json,
    const std::string& subject) {
  const Json document = parse_json(config_json, "config", subject);
  if (!document.is_object() || !document.contains("model_type")) {
    return std::nullopt;
  }
  try {
    const JsonObject config(document, "config");
    const Family& family = find_family(config.string("model_type"));
    const auto weight_format = read_quantization_config(config);
    FamilyModel read = family.read(config);
    check_config(read.transformer);
    if (read.transformer.has_tied_head) {
      read.names.add_unused("lm_head.weight"); // the table again
    }
    PublishedModel model;
    model.config_json = config_json;
    model.names = std::move(read.names);
    model.answer_format = std::move(read.answer_format);
    model.config.name = family.model_type;
    model.config.weight_format = weight_format;
    ControlIds controls;
    for (const char* role : {"bos", "eos", "pad"}) {
      const std::vector<int64_t> ids =
          ids_of(document, config, std::string(role) + "_token_id");
      if (!ids.empty()) {
        controls[role] = ids.front();
      }
      if (role == std::string("eos")) {
        model.eos_ids = ids;
      }
    }
    const int64_t vocab_size = read.transformer.vocab_size;
    model.config.token_space =
        TokenSpace(vocab_size, {{Segment::Text, {0, vocab_size}}}, controls);
    model.config.transformer = std::move(read.transformer);
    check_config(model.config);
    return model;
  } catch (const ValueError& error) {
    throw ValueError("load", subject + ": " + error.what());
  }
}

} // namespace omni
