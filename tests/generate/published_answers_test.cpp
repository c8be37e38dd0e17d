// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Answers as published models write them, by the format of their family.
#include "omni/generate/answer_reader.h"
#include "omni/model/published_folder.h"
#include "tests/support/catch.h"

namespace omni {
namespace {

// With the keys of every family, at sizes that all of them take.
AnswerFormat format_of(const std::string& model_type) {
  const std::string config = R"({"model_type": ")" + model_type + R"(",
      "vocab_size": 64, "hidden_size": 32, "intermediate_size": 32,
      "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2,
      "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "sliding_window": 8,
      "layer_types": ["sliding_attention", "full_attention"],
      "q_lora_rank": 8, "kv_lora_rank": 8, "qk_nope_head_dim": 8,
      "qk_rope_head_dim": 8, "v_head_dim": 8, "n_routed_experts": 4, "num_experts": 4,
      "num_experts_per_tok": 2, "moe_intermediate_size": 16, "n_shared_experts": 1,
      "num_shared_experts": 1, "n_group": 1, "topk_group": 1,
      "first_k_dense_replace": 1})";
  return parse_published(config, "test")->answer_format;
}

struct Read {
  std::string reasoning;
  std::string text;
  std::vector<ToolCall> calls;

  bool operator==(const Read&) const = default;
};

Read read(
    const AnswerFormat& format,
    const AnswerStart& start,
    const std::string& answer,
    size_t step) {
  AnswerReader reader(format, start);
  Read all;
  const auto keep = [&](const std::vector<AnswerPiece>& pieces) {
    for (const AnswerPiece& piece : pieces) {
      switch (piece.kind) {
        case AnswerPiece::Kind::Reasoning:
          all.reasoning += piece.text;
          break;
        case AnswerPiece::Kind::Text:
          all.text += piece.text;
          break;
        case AnswerPiece::Kind::Call:
          all.calls.push_back(piece.call);
          break;
      }
    }
  };
  for (size_t begin = 0; begin < answer.size(); begin += step) {
    keep(reader.push(answer.substr(begin, step)));
  }
  keep(reader.finish());
  return all;
}

const ToolCall kFirst{"weather", R"({"city":"서울"})", "call00000"};
const ToolCall kSecond{"clock", "{}", "call00001"};

ToolCall named(ToolCall call, const std::string& id) {
  call.id = id;
  return call;
}

struct Case {
  std::string name;
  std::string model_type;
  std::vector<std::string> special; // of the marks, those that are special tokens
  std::string answer;
  Read expected;
  AnswerStart start = {};
};

const AnswerStart kThinking{.in_reasoning = true};
const AnswerStart kWithTools{.has_tools = true};
const std::vector<std::string> kSolar = {"<|begin|>",         "<|end|>",
                                         "<|think|>",         "<|content|>",
                                         "<|flush|>",         "<|calls|>",
                                         "<|tool_calls|>",    "<|tool_call:begin|>",
                                         "<|tool_call:end|>", "<|tool_call:name|>",
                                         "<|tool_call:args|>"};
const std::vector<std::string> kDeepSeek = {
    "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"};
const std::vector<std::string> kChatMl = {"<|im_start|>", "<|im_end|>"};
const std::vector<std::string> kMistral = {
    "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "[THINK]", "[/THINK]"};

std::vector<Case> cases() {
  return {
      {"text",
       "solar_open",
       kSolar,
       "<|think|>So.\n<|end|><|begin|>assistant<|content|>Yes.<|flush|>",
       {"So.", "Yes.", {}}},
      {"calls",
       "solar_open",
       kSolar,
       "<|think|>So.<|end|><|begin|>assistant<|content|>Let me see.<|end|>"
       "<|begin|>assistant<|tool_calls|><|tool_call:begin|>a1b2c3d4e5"
       R"(<|tool_call:name|>weather<|tool_call:args|>{"city": "서울"})"
       "<|tool_call:end|><|tool_call:begin|>f6<|tool_call:name|>clock"
       "<|tool_call:args|>{}<|tool_call:end|><|calls|>",
       {"So.", "Let me see.", {named(kFirst, "a1b2c3d4e5"), named(kSecond, "f6")}}},
      {"32B",
       "hyperclovax",
       kChatMl,
       "So.\n</think>\n\nI look.\n<tool_call>weather\n<arg_key>city</arg_key>\n"
       "<arg_value>\"서울\"</arg_value>\n</tool_call>\n<tool_call>clock\n</tool_call>",
       {"So.", "I look.", {kFirst, kSecond}},
       kThinking},
      {"14B, text",
       "hyperclovax",
       kChatMl,
       "/think\nSo.<|im_end|>\n<|im_start|>assistant\nYes.<|im_end|>",
       {"So.", "Yes.", {}}},
      {"14B, calls",
       "hyperclovax",
       kChatMl,
       "So.<|im_end|>\n<|im_start|>assistant -> tool/function_call\n"
       R"([{"name": "weather", "arguments": {"city": "서울"}}, {"name": "clock"}])"
       "<|im_end|>",
       {"So.", "", {kFirst, kSecond}},
       kThinking},
      {"14B, text and call",
       "hyperclovax",
       kChatMl,
       "I look.<|im_end|>\n<|im_start|>assistant -> tool/function_call\n"
       R"({"name": "weather","input": {"city":"서울"}}<|im_end|>)",
       {"", "I look.", {kFirst}}},
      {"3.3, text",
       "granite",
       {"<|tool_call|>"},
       "<think>So.</think><response>Yes.</response>",
       {"So.", "Yes.", {}}},
      {"3.2, text",
       "granite",
       {"<|tool_call|>"},
       "Here is my thought process:\n\nSo.\n\nHere is my response:\n\nYes.",
       {"So.", "Yes.", {}}},
      {"3, calls",
       "granite",
       {"<|tool_call|>"},
       R"(<|tool_call|>[{"name": "weather", "arguments": {"city": "서울"}}, )"
       R"({"name": "clock", "arguments": {}}])",
       {"", "", {kFirst, kSecond}}},
      {"4, calls",
       "granite",
       {},
       "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"서울\"}}\n"
       "</tool_call>\n<tool_call>\n{\"name\": \"clock\"}\n</tool_call>",
       {"", "", {kFirst, kSecond}}},
      {"EXAONE 4",
       "exaone4",
       {"<tool_call>", "</tool_call>", "<think>", "</think>"},
       "<think>\n\nSo.\n</think>\n\n<tool_call>{\"name\": \"weather\", \"arguments\": "
       "{\"city\": \"서울\"}}</tool_call>\n<tool_call>{\"name\": \"clock\", "
       "\"arguments\": {}}</tool_call>",
       {"So.", "", {kFirst, kSecond}}},
      {"K-EXAONE",
       "exaone_moe",
       {"<tool_call>", "</tool_call>"},
       "So.\n</think>\n\nI look.\n<tool_call>{\"name\": \"weather\", \"arguments\": "
       "{\"city\": \"서울\"}}</tool_call>",
       {"So.", "I look.", {kFirst}},
       kThinking},
      {"Qwen3",
       "qwen3",
       {},
       "<think>\nSo.\n</think>\n\n<tool_call>\n{\"name\": \"weather\", "
       "\"arguments\": {\"city\": \"서울\"}}\n</tool_call>\n<tool_call>\n"
       "{\"name\": \"clock\", \"arguments\": {}}\n</tool_call>",
       {"So.", "", {kFirst, kSecond}}},
      {"A.X 4",
       "qwen2",
       {},
       "I look.\n<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": "
       "\"서울\"}}</tool_call>",
       {"", "I look.", {kFirst}}},
      {"A.X K1", "axk1", {}, "<think>So.</think>Yes.", {"So.", "Yes.", {}}},
      {"V3",
       "deepseek_v3",
       kDeepSeek,
       "I "
       "look.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n"
       "```json\n{\"city\": \"서울\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>"
       "function<｜tool▁sep｜>clock\n```json\n{}\n```<｜tool▁call▁end｜>"
       "<｜tool▁calls▁end｜>",
       {"", "I look.", {kFirst, kSecond}}},
      {"V3.1",
       "deepseek_v3",
       kDeepSeek,
       "So.</think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>"
       "{\"city\": "
       "\"서울\"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>clock<｜tool▁sep｜>{}"
       "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       {"So.", "", {kFirst, kSecond}},
       kThinking},
      {"v0.3",
       "mistral",
       kMistral,
       R"([TOOL_CALLS] [{"name": "weather", "arguments": {"city": "서울"}}, )"
       R"({"name": "clock", "arguments": {}, "id": "VvvODy9mT"}])",
       {"", "", {kFirst, named(kSecond, "VvvODy9mT")}}},
      {"Small 3.2",
       "mistral",
       kMistral,
       "I look.[TOOL_CALLS]weather[CALL_ID]VvvODy9mT[ARGS]{\"city\": \"서울\"}"
       "[TOOL_CALLS]clock[CALL_ID]a1b2c3d4e[ARGS]{}",
       {"", "I look.", {named(kFirst, "VvvODy9mT"), named(kSecond, "a1b2c3d4e")}}},
      {"Magistral",
       "mistral",
       kMistral,
       "[THINK]So.[/THINK]I look.[TOOL_CALLS]weather[ARGS]{\"city\": \"서울\"}"
       "[TOOL_CALLS]clock{}",
       {"So.", "I look.", {kFirst, kSecond}}},
      {"3.2",
       "llama",
       {"<|python_tag|>"},
       R"({"name": "weather", "parameters": {"city": "서울"}})",
       {"", "", {kFirst}},
       kWithTools},
      {"3.1",
       "llama",
       {"<|python_tag|>"},
       R"(<|python_tag|>{"name": "weather", "parameters": {"city": "서울"}})",
       {"", "", {kFirst}}},
      {"SmolLM2",
       "llama",
       {},
       "<tool_call>[{\"name\": \"weather\", \"arguments\": {\"city\": \"서울\"}}, "
       "{\"name\": \"clock\", \"arguments\": {}}]</tool_call>",
       {"", "", {kFirst, kSecond}}},
  };
}

} // namespace

TEST_CASE("answers of published models are read, however they are cut") {
  for (const Case& of : cases()) {
    INFO(of.model_type << ", " << of.name);
    const AnswerFormat format = format_of(of.model_type);
    // Also where the tokenizer has the marks, but not as special tokens.
    CHECK(read(format, of.start, of.answer, of.answer.size()) == of.expected);
    CHECK(read(format, of.start, of.answer, 1) == of.expected);
    const AnswerFormat marked = with_special_tokens(format, of.special);
    const std::string answer = mark_special_tokens(of.answer, of.special);
    CHECK(read(marked, of.start, answer, answer.size()) == of.expected);
    CHECK(read(marked, of.start, answer, 1) == of.expected);
  }
}

TEST_CASE("marks that are special tokens are text where a model spells them") {
  for (const Case& of : cases()) {
    INFO(of.model_type << ", " << of.name);
    std::string spelled = "He said:";
    for (const std::string& token : of.special) {
      spelled += " " + token;
    }
    const AnswerFormat format =
        with_special_tokens(format_of(of.model_type), of.special);
    CHECK(read(format, {}, spelled, 1) == Read{"", spelled, {}});
  }
}

} // namespace omni
