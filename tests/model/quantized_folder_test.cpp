// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Folders with weights of few bits: ours and published ones, saved, mapped again, and
// not what they claim to be.
#include <ATen/ATen.h>

#include <cstdint>
#include <functional>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "omni/core/json.h"
#include "omni/core/safetensors.h"
#include "omni/model/quantize.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using kernels::WeightFormat;
using omni::testing::Contains;

constexpr int64_t kOneFile = int64_t{1} << 30;
const std::string kQkv = "transformer.layers.0.attention.qkv.panels";
constexpr const char* kLlama = R"({
  "model_type": "llama", "hidden_act": "silu", "vocab_size": 64, "hidden_size": 32,
  "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
  "num_key_value_heads": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
  "of_nobody": [1, 2], "tie_word_embeddings": true, "eos_token_id": 2})";

void write_llama(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  write_file(folder / "config.json", kLlama);
  at::manual_seed(3);
  NamedTensors tensors = {
      {"model.embed_tokens.weight", at::randn({64, 32})},
      {"model.norm.weight", at::ones({32})}};
  for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
    const auto add = [&](const std::string& name, at::IntArrayRef sizes) {
      tensors.emplace_back(layer + name + ".weight", at::randn(sizes) * 0.2);
    };
    for (const char* norm : {"input_layernorm", "post_attention_layernorm"}) {
      add(norm, {32});
    }
    for (const char* map : {"q_proj", "o_proj"}) {
      add(std::string("self_attn.") + map, {32, 32});
    }
    add("self_attn.k_proj", {16, 32});
    add("self_attn.v_proj", {16, 32});
    add("mlp.gate_proj", {48, 32});
    add("mlp.up_proj", {48, 32});
    add("mlp.down_proj", {32, 48});
  }
  write_safetensors_folder(folder, tensors, kOneFile);
}

OmniModel load_floats(const std::filesystem::path& folder) {
  return load(folder, {.dtype = at::kFloat});
}

at::Tensor logits_of(const OmniModel& model) {
  return OmniModel(model)->logits(at::arange(20, 60).view({2, 20}));
}

NamedTensors tensors_in(const std::filesystem::path& folder) {
  const SafetensorsReader reader(folder);
  NamedTensors tensors;
  for (const auto& [name, entry] : reader.tensors()) {
    tensors.emplace_back(name, reader.read(name).clone());
  }
  return tensors;
}

} // namespace

TEST_CASE("a quantized model of ours saves and loads bit for bit, mapped") {
  const test::TemporaryFolder folder;
  const auto format = GENERATE(WeightFormat::Int8, WeightFormat::Int4);
  const bool is_sharded = GENERATE(false, true);
  const OmniModel model = quantize(testing::make_tiny_model(), format);
  OmniModel(model)->save(folder.path, is_sharded ? 20'000 : kOneFile);
  const OmniModel loaded = load_floats(folder.path);
  CHECK(loaded->config.weight_format == format);
  CHECK(at::equal(logits_of(loaded), logits_of(model)));
  CHECK(loaded->num_parameters() == model->num_parameters());
  const SafetensorsReader reader(folder.path);
  int64_t num_panels = 0;
  for (const auto& [name, entry] : reader.tensors()) {
    if (entry.dtype == "U8") {
      ++num_panels;
      INFO(name);
      CHECK(name.ends_with(".panels"));
      CHECK(entry.begin % 64 == 0);
    }
  }
  CHECK(num_panels == 20); // of transformer, vision and audio
  // What is written to a mapped file's memory never reaches the file; and again, over
  // it.
  loaded->named_buffers()[kQkv].zero_();
  CHECK(at::equal(logits_of(load_floats(folder.path)), logits_of(model)));
  OmniModel(model)->save(folder.path, is_sharded ? kOneFile : 20'000);
  CHECK(at::equal(logits_of(load_floats(folder.path)), logits_of(model)));
}

TEST_CASE("a published folder stays one, and says how it is quantized") {
  const test::TemporaryFolder folder;
  write_llama(folder / "published");
  const OmniModel model = load_floats(folder / "published");
  OmniModel quantized = quantize(model, WeightFormat::Int4);
  quantized->save(folder / "int4");
  const Json before = read_json(folder / "published" / "config.json", "test");
  Json after = read_json(folder / "int4" / "config.json", "test");
  CHECK(
      after["quantization_config"] ==
      Json({{"quant_method", "omni"}, {"format", "int4"}}));
  after.erase("quantization_config");
  CHECK(after == before);
  const SafetensorsReader reader(folder / "int4");
  CHECK(reader.has("model.layers.1.post_attention_layernorm.weight"));
  CHECK(reader.has("model.embed_tokens.weight"));
  CHECK(reader.has(kQkv));
  CHECK_FALSE(reader.has("model.layers.0.self_attn.q_proj.weight"));
  CHECK(reader.tensors().size() == 14);

  OmniModel loaded = load_floats(folder / "int4");
  CHECK(loaded->config.weight_format == WeightFormat::Int4);
  CHECK(at::equal(logits_of(loaded), logits_of(quantized)));
  CHECK_FALSE(at::equal(logits_of(loaded), logits_of(model)));
  loaded->save(folder / "again");
  CHECK(
      read_file(folder / "again" / "config.json") ==
      read_file(folder / "int4" / "config.json"));
  CHECK(at::equal(logits_of(load_floats(folder / "again")), logits_of(quantized)));
}

TEST_CASE("weights that others quantized are refused by the method's name") {
  const test::TemporaryFolder folder;
  write_llama(folder.path);
  const auto write_config = [&](const std::string& quantization) {
    write_file(
        folder / "config.json",
        std::string(kLlama).insert(
            1, "\"quantization_config\": " + quantization + ","));
  };
  const auto refuses = [&](const std::string& quantization,
                           const std::string& sentence) {
    write_config(quantization);
    INFO(quantization);
    CHECK_THROWS_WITH(
        load(folder.path), Contains("config.json: ") && Contains(sentence));
  };
  for (const char* method : {"gptq", "fp8", "bitsandbytes", "compressed-tensors"}) {
    refuses(
        R"({"quant_method": ")" + std::string(method) + R"(", "bits": 4})",
        std::string("`quant_method` omni, got \"") + method +
            "\". Load the checkpoint");
  }
  refuses(
      R"({"load_in_8bit": true})",
      "`quantization_config.quant_method` a string, got nothing");
  refuses("[4]", "`quantization_config` an object");
  refuses(
      R"({"quant_method": "omni", "format": "int3"})",
      "expected a format int8 or int4, got \"int3\"");
  refuses(R"({"quant_method": "omni"})", "`quantization_config.format` a string");
  write_config(R"({"quant_method": "omni", "format": "int4"})");
  CHECK_THROWS_WITH(load(folder.path), Contains("missing " + kQkv + " [4, 320]"));
  write_config("null");
  CHECK_NOTHROW(load(folder.path));
}

TEST_CASE("panels that do not fit are all named") {
  const test::TemporaryFolder folder;
  quantize(testing::make_tiny_model(), WeightFormat::Int4)->save(folder.path);
  const auto refuses = [&](const std::string& sentence,
                           const std::function<void(at::Tensor&)>& change) {
    const NamedTensors before = tensors_in(folder.path);
    NamedTensors tensors = before;
    for (auto& [name, tensor] : tensors) {
      if (name == kQkv) {
        change(tensor);
      }
    }
    std::erase_if(tensors, [](const auto& item) { return !item.second.defined(); });
    write_safetensors_folder(folder.path, tensors, kOneFile);
    CHECK_THROWS_WITH(load(folder.path), Contains(sentence));
    write_safetensors_folder(folder.path, before, kOneFile);
  };
  CHECK_NOTHROW(load(folder.path));
  refuses("missing " + kQkv + " [4, 320]", [](at::Tensor& t) { t = at::Tensor(); });
  refuses(kQkv + ": expected [4, 320], got [4, 256]", [](at::Tensor& t) {
    t = t.narrow(1, 0, 256);
  });
  refuses(
      kQkv + ": expected [4, 320], got [1280]", [](at::Tensor& t) { t = t.flatten(); });
  refuses(kQkv + ": expected U8, got F32", [](at::Tensor& t) { t = t.to(at::kFloat); });
  // The configuration is what says of which format they are.
  std::string config = read_file(folder / "config.json");
  const size_t at = config.find("int4");
  write_file(folder / "config.json", config.replace(at, 4, "int8"));
  CHECK_THROWS_WITH(load(folder.path), Contains("got 8 differences"));
  write_file(folder / "config.json", config.replace(at, 4, "int3"));
  CHECK_THROWS_WITH(
      load(folder.path), Contains("`weight_format` one of int8, int4, got \"int3\""));
  write_file(folder / "config.json", testing::tiny_config_json());
  CHECK_THROWS_WITH(
      load(folder.path), Contains("missing transformer.layers.0.attention.qkv.weight"));
}

TEST_CASE("panels that another program put anywhere in the file work the same") {
  const test::TemporaryFolder folder;
  const OmniModel model = quantize(testing::make_tiny_model(), WeightFormat::Int8);
  OmniModel(model)->save(folder.path);
  NamedTensors tensors = tensors_in(folder.path);
  std::string header = "{", data;
  const auto add = [&](const std::string& name, const at::Tensor& tensor) {
    const auto dense = tensor.contiguous();
    Json entry = {
        {"dtype", tensor.scalar_type() == at::kByte ? "U8" : "F32"},
        {"shape", tensor.sizes().vec()},
        {"data_offsets", {data.size(), data.size() + dense.nbytes()}}};
    header += (header.size() > 1 ? "," : "") + Json(name).dump() + ":" + entry.dump();
    data.append(static_cast<const char*>(dense.const_data_ptr()), dense.nbytes());
  };
  for (const auto& [name, tensor] : tensors) {
    add(name, tensor);
  }
  header += "}";
  header.append((9 - header.size() % 8) % 8, ' '); // the data begin at an odd byte
  const auto length = static_cast<uint64_t>(header.size());
  write_file(
      folder / "model.safetensors",
      std::string(reinterpret_cast<const char*>(&length), 8) + header + data);
  const OmniModel loaded = load_floats(folder.path);
  const auto address =
      reinterpret_cast<uintptr_t>(loaded->named_buffers()[kQkv].const_data_ptr());
  CHECK(address % 64 == 0);
  CHECK(at::equal(logits_of(loaded), logits_of(model)));
}

TEST_CASE("quantized weights are loaded where there is a product of them alone") {
  const test::TemporaryFolder folder;
  quantize(testing::make_tiny_model(), WeightFormat::Int8)->save(folder.path);
  CHECK_THROWS_WITH(
      load(folder.path, {.dtype = at::kFloat, .device = at::kMeta}),
      Contains("expected device cpu or cuda for quantized weights, got meta"));
}

TEST_CASE("parts of a quantized folder are read into models of the same format") {
  const test::TemporaryFolder folder;
  const OmniModel source = quantize(testing::make_tiny_model(1), WeightFormat::Int8);
  OmniModel(source)->save(folder.path);
  OmniModel same = quantize(testing::make_tiny_model(2), WeightFormat::Int8);
  load_parts(same, folder.path, {"transformer"});
  CHECK(at::equal(logits_of(same), logits_of(source)));
  OmniModel floating = testing::make_tiny_model(2);
  CHECK_NOTHROW(load_parts(floating, folder.path, {"vocoder"}));
  CHECK_THROWS_WITH(
      load_parts(floating, folder.path, {"transformer"}),
      Contains("missing transformer.layers.0.attention.qkv.weight"));
}

} // namespace omni
