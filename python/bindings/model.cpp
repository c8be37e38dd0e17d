// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// OmniModel as a handle: its parts, its parameters by module, loading and saving,
// logits and raw generation. omni.OmniModel makes a torch.nn.Module of it.
#include "omni/model/omni_model.h"

#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include "kernels/kernels.h"
#include "omni/conversation/composer.h"
#include "omni/core/precision.h"
#include "omni/generate/batch_generator.h"
#include "omni/generate/generator.h"
#include "omni/generate/stop_strings.h"
#include "omni/model/copy_model.h"
#include "omni/model/model_folder.h"
#include "omni/model/quantize.h"
#include "python/bindings/arrays.h"
#include "python/bindings/bindings.h"
#include "python/bindings/interrupt.h"
#include "python/bindings/parts_of_message.h"

namespace omni::python {
namespace {

using ModelHandle = std::shared_ptr<OmniModelImpl>;

std::optional<std::shared_ptr<TextTokenizer>> tokenizer_of(const OmniModelImpl& model) {
  if (model.tokenizer == nullptr) {
    return std::nullopt;
  }
  return std::const_pointer_cast<TextTokenizer>(model.tokenizer);
}

// (path, type, parameters, buffers) of every module, the model itself first.
py::list module_tree(const OmniModelImpl& model) {
  py::list modules;
  for (const auto& item : model.named_modules("", true)) {
    py::list parameters;
    py::list buffers;
    for (const auto& parameter : item.value()->named_parameters(false)) {
      parameters.append(py::make_tuple(parameter.key(), parameter.value()));
    }
    for (const auto& buffer : item.value()->named_buffers(false)) {
      buffers.append(py::make_tuple(buffer.key(), buffer.value()));
    }
    modules.append(
        py::make_tuple(item.key(), item.value()->name(), parameters, buffers));
  }
  return modules;
}

void set_training(const OmniModelImpl& model, const std::string& path, bool mode) {
  for (const auto& item : model.named_modules("", true)) {
    if (item.key() == path) {
      item.value()->train(mode);
      return;
    }
  }
}

std::vector<ProcessedMedia> process(
    const OmniModelImpl& model,
    const std::vector<Part>& values) {
  std::vector<ProcessedMedia> items;
  for (const Part& part : values) {
    if (const auto* image = std::get_if<Image>(&part)) {
      items.push_back(model.processor.process(*image));
    } else if (const auto* waveform = std::get_if<Waveform>(&part)) {
      items.push_back(model.processor.process(*waveform));
    } else if (const auto* clip = std::get_if<VideoClip>(&part)) {
      items.push_back(model.processor.process(*clip));
    } else {
      TORCH_CHECK_TYPE(
          false, "[encode] expected Image, Waveform or VideoClip, got str.");
    }
  }
  return items;
}

py::list encode(OmniModelImpl& model, const py::args& values) {
  const std::vector<Part> parts = parts_of(values);
  std::vector<EncodedMedia> encoded;
  {
    const py::gil_scoped_release release;
    encoded = model.encode(process(model, parts));
  }
  py::list result;
  for (const EncodedMedia& media : encoded) {
    result.append(py::make_tuple(media.rows, media.positions));
  }
  return result;
}

std::vector<int64_t> prompt_of(const at::Tensor& ids) {
  TORCH_CHECK_VALUE(
      ids.dim() == 1 && ids.scalar_type() == at::kLong,
      "[generate] expected ids int64 [L] of at least one id, got ", ids.scalar_type(),
      " ", ids.sizes(), ".");
  const at::Tensor flat = ids.cpu().contiguous();
  return {
      flat.const_data_ptr<int64_t>(), flat.const_data_ptr<int64_t>() + flat.numel()};
}

// Ids int64 [L'], and their log probabilities float32 [L'] or None.
py::tuple tensors_of(const GenerateResult& result, bool wants_log_probabilities) {
  return py::make_tuple(
      at::tensor(result.ids, at::kLong),
      wants_log_probabilities
          ? std::optional(at::tensor(result.log_probabilities, at::kFloat))
          : std::nullopt);
}

// Ids that follow `ids` int64 [L]: at most `max_new_tokens` of any kind.
py::tuple generate(
    const ModelHandle& handle,
    const at::Tensor& ids,
    int64_t max_new_tokens,
    SamplingOptions sampling,
    bool wants_log_probabilities,
    bool captures_decode) {
  const OmniModel model(handle);
  const std::vector<int64_t> prompt = prompt_of(ids);
  check_prompt(model, prompt);
  TORCH_CHECK_VALUE(
      max_new_tokens > 0, "[generate] expected max_new_tokens from 1, got ",
      max_new_tokens, ".");
  sampling.max_text_tokens = sampling.max_text_tokens.value_or(max_new_tokens);

  Interruption interruption;
  GenerateResult result;
  {
    const py::gil_scoped_release release;
    const OmniConfig& config = model->config;
    SequenceBuilder builder(
        config.token_space, config.image_codec ? config.image_codec->grid_size() : 0);
    builder.push(prompt);
    KvCache cache(
        *config.transformer, {.dtype = model->dtype(), .device = model->device()});
    StopStrings stops(
        with_defaults(sampling, model->sampling_defaults).stop, model->tokenizer);
    int64_t num_new = 0;
    GenerateRequest request;
    request.sampling = std::move(sampling);
    request.wants_log_probabilities = wants_log_probabilities;
    request.spell_words = [&](const std::vector<int64_t>& text) {
      return Composer(model).spell_text(model->tokenizer->decode(text));
    };
    request.wants_cancel = [&] { return interruption.is_wanted(); };
    request.on_id = [&](int64_t id) {
      const bool is_over = ++num_new == max_new_tokens || interruption.is_wanted();
      return is_over || stops.push(id) ? Step::Cancel : Step::Continue;
    };
    result = Generator(model, {.captures_decode = captures_decode})
                 .run(builder, cache, {}, request);
  }
  interruption.rethrow();
  return tensors_of(result, wants_log_probabilities);
}

py::list generate_several(
    const ModelHandle& handle,
    const std::vector<at::Tensor>& prompts,
    int64_t max_new_tokens,
    SamplingOptions sampling,
    bool wants_log_probabilities) {
  BatchRequest request;
  for (const at::Tensor& ids : prompts) {
    request.prompts.push_back(prompt_of(ids));
  }
  request.sampling = std::move(sampling);
  request.max_new_tokens = max_new_tokens;
  request.wants_log_probabilities = wants_log_probabilities;
  Interruption interruption;
  request.wants_cancel = [&] { return interruption.is_wanted(); };
  std::vector<GenerateResult> results;
  {
    const py::gil_scoped_release release;
    results = generate_batch(OmniModel(handle), request);
  }
  interruption.rethrow();
  py::list tensors;
  for (const GenerateResult& result : results) {
    tensors.append(tensors_of(result, wants_log_probabilities));
  }
  return tensors;
}

// Ids of a conversation of texts, up to where the next answer begins.
at::Tensor compose(
    const ModelHandle& handle,
    const std::vector<Message>& messages,
    std::string tools,
    std::optional<bool> thinks) {
  std::vector<ComposedMessage> composed;
  for (const Message& message : messages) {
    ComposedMessage one{message.role, {}, message.ids};
    for (const Part& part : message.parts) {
      const auto* text = std::get_if<std::string>(&part);
      TORCH_CHECK_TYPE(text, "[compose] expected messages of text, got media.");
      one.parts.emplace_back(*text);
    }
    one.reasoning = message.reasoning;
    one.tool_calls = message.tool_calls;
    one.tool_name = message.tool_name;
    one.tool_call_id = message.tool_call_id;
    composed.push_back(std::move(one));
  }
  const PromptOptions options{thinks, std::move(tools), {}};
  const py::gil_scoped_release release;
  return Composer(OmniModel(handle))
      .compose(composed, true, options)
      .sequence.ids_tensor();
}

std::optional<std::string> weight_format_of(const OmniModelImpl& model) {
  const auto& format = model.config.weight_format;
  return format ? std::optional(weight_format_name(*format)) : std::nullopt;
}

ModelHandle load_model(
    const PathArgument& path,
    std::optional<at::ScalarType> dtype,
    at::Device device) {
  const auto folder = path_of(path, "load", "");
  const py::gil_scoped_release release;
  return load(folder, {.dtype = dtype, .device = device}).ptr();
}

void bind_handle(py::module_& module) {
  py::class_<OmniModelImpl, ModelHandle>(
      module, "ModelHandle", "What omni.OmniModel is made of.")
      .def(
          py::init([](const std::string& config_json,
                      const std::optional<std::shared_ptr<TextTokenizer>>& tokenizer,
                      const std::optional<std::filesystem::path>& tokenizer_path) {
            const py::gil_scoped_release release;
            auto model = std::make_shared<OmniModelImpl>(
                parse_config(config_json), tokenizer.value_or(nullptr));
            if (tokenizer_path) {
              model->set_tokenizer_path(*tokenizer_path);
            }
            model->eval();
            return model;
          }),
          py::arg("config_json"), py::kw_only(), py::arg("tokenizer") = py::none(),
          py::arg("tokenizer_path") = py::none())
      .def(
          "copy",
          [](const ModelHandle& self) { return copy_model(OmniModel(self)).ptr(); },
          ReleaseLock())
      .def(
          "quantize",
          [](const ModelHandle& self, const std::string& format) {
            return quantize(OmniModel(self), weight_format_from_name(format)).ptr();
          },
          py::arg("format"), ReleaseLock())
      .def("module_tree", &module_tree)
      .def("set_training", &set_training, py::arg("path"), py::arg("mode"))
      .def(
          "save",
          [](OmniModelImpl& self, const PathArgument& folder, int64_t max_shard_bytes) {
            const auto path = path_of(folder, "save", "");
            const py::gil_scoped_release release;
            self.save(path, max_shard_bytes);
          },
          py::arg("folder"), py::kw_only(),
          py::arg("max_shard_bytes") = int64_t{4} << 30)
      .def("logits", &OmniModelImpl::logits, py::arg("ids"), ReleaseLock())
      .def(
          "generate", &generate, py::arg("ids"), py::kw_only(),
          py::arg("max_new_tokens") = 32, py::arg("sampling") = SamplingOptions(),
          py::arg("wants_log_probabilities") = false,
          py::arg("captures_decode") = GenerateOptions().captures_decode)
      .def(
          "generate_several", &generate_several, py::arg("prompts"), py::kw_only(),
          py::arg("max_new_tokens") = 32, py::arg("sampling") = SamplingOptions(),
          py::arg("wants_log_probabilities") = false)
      .def(
          "compose", &compose, py::arg("messages"), py::kw_only(),
          py::arg("tools") = "", py::arg("thinks") = py::none())
      .def("encode", &encode)
      .def(
          "codec_pixels",
          [](const OmniModelImpl& self, const Image& image) {
            return self.processor.codec_pixels(image);
          },
          py::arg("image"), ReleaseLock())
      .def(
          "codec_mel",
          [](const OmniModelImpl& self, const Waveform& waveform) {
            return self.processor.codec_mel(waveform);
          },
          py::arg("waveform"), ReleaseLock())
      .def_property_readonly(
          "config_json",
          [](const OmniModelImpl& self) { return config_to_json(self.config); })
      .def_property_readonly("tokenizer", &tokenizer_of)
      .def_property_readonly(
          "token_space",
          [](const OmniModelImpl& self) { return self.config.token_space; })
      .def_readwrite("sampling_defaults", &OmniModelImpl::sampling_defaults)
      .def_readonly("eos_ids", &OmniModelImpl::eos_ids)
      .def_readonly("unused_tensors", &OmniModelImpl::unused_tensors)
      .def_property_readonly("weight_format", &weight_format_of)
      .def_property_readonly("dtype", &OmniModelImpl::dtype)
      .def_property_readonly("device", &OmniModelImpl::device)
      .def_property_readonly("num_parameters", &OmniModelImpl::num_parameters);
}

} // namespace

void bind_model(py::module_& module) {
  bind_handle(module);
  module.def(
      "load_model", &load_model, py::arg("path"), py::kw_only(),
      py::arg("dtype") = py::none(), py::arg("device") = at::Device(at::kCPU));
  module.def(
      "default_dtype", &default_dtype,
      "torch.bfloat16 where this CPU multiplies it, else torch.float32.");
  module.def("embedded_model_folder", &embedded_model_folder);
  module.def("dtype_from_name", &dtype_from_name, py::arg("name"));
  module.def(
      "op_names", &kernels::op_names, "Names of the fused ops in torch.ops.omni.");
  module.def(
      "explain",
      [](const std::string& op, const std::vector<at::Tensor>& tensors) {
        return kernels::explain(op, tensors);
      },
      py::arg("op"), py::arg("tensors"),
      "Which path a call of `op` with these tensors takes, and why. ValueError for a "
      "name not in op_names().");
}

} // namespace omni::python
