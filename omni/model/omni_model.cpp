// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/omni_model.h"

#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "kernels/kernels.h"
#include "omni/core/initial_values.h"
#include "omni/core/shapes.h"

namespace omni {
namespace {

OmniConfig checked(OmniConfig config) {
  check_config(config);
  return config;
}

} // namespace

OmniModelImpl::OmniModelImpl(
    OmniConfig options,
    std::shared_ptr<const TextTokenizer> text_tokenizer,
    InitialParameters initial)
    : config(checked(std::move(options))),
      processor(config),
      tokenizer(std::move(text_tokenizer)) {
  if (config.token_space.has_control("eos")) {
    eos_ids = {config.token_space.control("eos")};
  }
  std::optional<LeaveUnset> unset;
  if (initial == InitialParameters::Unset) {
    unset.emplace();
  }
  if (tokenizer && config.token_space.has(Segment::Text)) {
    // Ids beyond would be control ids or codes: a user could type them.
    const IdRange text = config.token_space.range(Segment::Text);
    TORCH_CHECK_VALUE(
        tokenizer->vocab_size() <= text.size(),
        "[model] expected a tokenizer of at most ", text.size(),
        " ids, the text segment of the configuration, got one of ",
        tokenizer->vocab_size(), ". It belongs to another model.");
  }
  if (config.transformer) {
    transformer =
        register_module("transformer", Transformer(*config.transformer, initial));
  }
  if (config.transformer && config.has_drawing_places) {
    const int64_t side = config.image_codec->grid_size();
    const int64_t width = config.transformer->width;
    drawing_places = register_module(
        "drawing_places",
        torch::nn::Embedding(torch::nn::EmbeddingOptions(side * side, width)
                                 ._weight(at::empty({side * side, width}))));
    // As rows of the table.
    fill_normal(drawing_places->weight, 0.5 / std::sqrt(static_cast<double>(width)));
  }
  if (config.vision) {
    vit = register_module("vit", Vit(config.vision->encoder));
    vision_projector =
        register_module("vision_projector", Projector(config.vision->projector));
    if (config.vision->dense_head) {
      dense_head = register_module("dense_head", DenseHead(*config.vision->dense_head));
    }
  }
  if (config.audio) {
    conformer = register_module("conformer", Conformer(config.audio->encoder));
    audio_projector =
        register_module("audio_projector", Projector(config.audio->projector));
  }
  if (config.image_codec) {
    image_codec = register_module("image_codec", ImageCodec(*config.image_codec));
  }
  if (config.speech_codec) {
    speech_codec = register_module("speech_codec", SpeechCodec(*config.speech_codec));
  }
  if (config.vocoder) {
    vocoder = register_module("vocoder", Vocoder(*config.vocoder));
  }
  if (config.weight_format) {
    for (const auto& [map, format] : quantizable(*config.weight_format)) {
      if (initial == InitialParameters::Unset) {
        map.ptr()->expect_quantized(format);
      } else {
        map.ptr()->quantize(format);
      }
    }
    // Gradients end at a quantized weight.
    for (at::Tensor& parameter : parameters()) {
      parameter.set_requires_grad(false);
    }
  }
}

std::vector<OmniModelImpl::Quantizable> OmniModelImpl::quantizable(
    kernels::WeightFormat format) const {
  std::vector<Quantizable> all;
  const auto add = [&](const auto& part, kernels::WeightFormat of_part) {
    if (part) {
      for (const LinearMap& map : part->quantizable()) {
        all.push_back({map, of_part});
      }
    }
  };
  add(transformer, format);
  if (transformer && transformer->head && !speech_codec) {
    all.push_back({transformer->head, kernels::WeightFormat::Int8});
  }
  add(vit, kernels::WeightFormat::Int8);
  add(conformer, kernels::WeightFormat::Int8);
  return all;
}

at::Tensor OmniModelImpl::image_rows(const std::vector<ProcessedImage>& images) {
  std::vector<at::Tensor> patches;
  std::vector<PatchGrid> grids;
  for (const ProcessedImage& image : images) {
    patches.push_back(image.patches);
    grids.push_back(image.grid);
  }
  return vit->forward(at::cat(patches).to(device(), dtype()), grids);
}

ConformerOutput OmniModelImpl::sound_rows(const std::vector<at::Tensor>& mels) {
  int64_t longest = 0;
  std::vector<int64_t> lengths;
  for (const at::Tensor& mel_TM : mels) {
    lengths.push_back(mel_TM.size(0));
    longest = std::max(longest, mel_TM.size(0));
  }
  const at::Tensor batch_BTM = at::zeros(
      {static_cast<int64_t>(mels.size()), longest, mels.front().size(1)},
      mels.front().options());
  for (size_t i = 0; i < mels.size(); ++i) {
    batch_BTM[static_cast<int64_t>(i)].narrow(0, 0, lengths[i]).copy_(mels[i]);
  }
  return conformer->forward(
      batch_BTM.to(device(), dtype()), at::tensor(lengths).to(device()));
}

std::vector<at::Tensor> OmniModelImpl::project_images(
    const std::vector<ProcessedMedia>& items,
    Encoding& encoding) {
  std::vector<ProcessedImage> images;
  std::vector<int64_t> rows_of_item;
  for (const ProcessedMedia& item : items) {
    int64_t num_rows = 0;
    for (const ProcessedImage& image : item.images) {
      images.push_back(image);
      const int64_t merge = config.vision->encoder.merge;
      num_rows += image.grid.num_patches() / (merge * merge);
    }
    rows_of_item.push_back(num_rows);
  }
  if (images.empty()) {
    return std::vector<at::Tensor>(items.size());
  }
  encoding.image_rows = image_rows(images);
  const at::Tensor rows_RD = vision_projector->forward(encoding.image_rows);
  return rows_RD.split_with_sizes(rows_of_item);
}

std::vector<at::Tensor> OmniModelImpl::project_sounds(
    const std::vector<ProcessedMedia>& items,
    Encoding& encoding) {
  std::vector<at::Tensor> mels;
  for (const ProcessedMedia& item : items) {
    if (item.mel.defined()) {
      mels.push_back(item.mel);
    }
  }
  std::vector<at::Tensor> rows(items.size());
  if (mels.empty()) {
    return rows;
  }
  encoding.sound_rows = sound_rows(mels);
  const ConformerOutput& sounds = encoding.sound_rows;
  int64_t sound = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].mel.defined()) {
      const int64_t length = ConformerImpl::num_rows(items[i].mel.size(0));
      rows[i] = audio_projector->forward(sounds.rows[sound].narrow(0, 0, length));
      ++sound;
    }
  }
  return rows;
}

std::vector<EncodedMedia> OmniModelImpl::encode(
    const std::vector<ProcessedMedia>& items) {
  return encode_with_rows(items).media;
}

Encoding OmniModelImpl::encode_with_rows(const std::vector<ProcessedMedia>& items) {
  Encoding encoding;
  encoding.media.resize(items.size());
  if (items.empty()) {
    return encoding;
  }
  const std::vector<at::Tensor> images = project_images(items, encoding);
  const std::vector<at::Tensor> sounds = project_sounds(items, encoding);
  for (size_t i = 0; i < items.size(); ++i) {
    const ProcessedMedia& item = items[i];
    EncodedMedia& encoded = encoding.media[i];
    encoded.positions = item.positions;
    const bool has_images = !item.images.empty();
    const bool has_sound = item.mel.defined();
    if (has_images && has_sound) {
      encoded.rows = at::cat({images[i], sounds[i]})
                         .index_select(0, at::tensor(item.row_order).to(device()));
    } else {
      encoded.rows = has_images ? images[i] : sounds[i];
    }
    TORCH_INTERNAL_ASSERT(encoded.rows.size(0) == item.num_rows);
  }
  return encoding;
}

at::Tensor OmniModelImpl::embed_ids(
    const at::Tensor& ids,
    const at::Tensor& positions) {
  const at::Tensor rows = transformer->embed(ids);
  if (!drawing_places) {
    return rows;
  }
  const int64_t side = config.image_codec->grid_size();
  const IdRange codes = config.token_space.range(Segment::Image);
  const at::Tensor t = positions.select(-1, 0);
  const at::Tensor row = (positions.select(-1, 1) - t).to(at::kLong);
  const at::Tensor column = (positions.select(-1, 2) - t).to(at::kLong);
  const at::Tensor has_place = ids.ge(codes.begin)
                                   .logical_and(ids.lt(codes.end))
                                   .logical_and(row.ge(0))
                                   .logical_and(row.lt(side))
                                   .logical_and(column.ge(0))
                                   .logical_and(column.lt(side));
  const at::Tensor place =
      (row * side + column).masked_fill(has_place.logical_not(), 0);
  return rows +
      at::embedding(drawing_places->weight, place) *
      has_place.unsqueeze(-1).to(rows.scalar_type());
}

at::Tensor OmniModelImpl::embed(
    const TokenSequence& sequence,
    const std::vector<EncodedMedia>& items) {
  TORCH_CHECK_VALUE(
      transformer, "[model] expected a model with a transformer, got \"", config.name,
      "\" without one.");
  const at::Tensor hidden_LD = embed_ids(
      sequence.ids_tensor().to(device()), sequence.positions_tensor().to(device()));
  // One more than the last row used of each item. A span that was cut still ends where
  // its item ends: the rows before it are in the cache.
  std::map<int64_t, int64_t> end_of_item;
  for (const MediaSpan& span : sequence.spans) {
    int64_t& end = end_of_item[span.item];
    end = std::max(end, span.first_row + span.num_rows);
  }
  std::vector<at::Tensor> rows;
  std::vector<int64_t> indices;
  for (const MediaSpan& span : sequence.spans) {
    TORCH_CHECK_INDEX(
        span.item >= 0 && span.item < static_cast<int64_t>(items.size()),
        "[embed] expected rows for item ", span.item, ", got ", items.size(),
        " items.");
    const at::Tensor& rows_RD = items[static_cast<size_t>(span.item)].rows;
    const int64_t end = end_of_item[span.item];
    TORCH_CHECK_VALUE(
        end == rows_RD.size(0) && span.begin + span.num_rows <= sequence.num_tokens(),
        "[embed] item ", span.item, " (", modality_name(span.modality), ") produced ",
        rows_RD.size(0), " rows but the sequence holds ", end,
        " slots for it; the prompt was composed for other media.");
    rows.push_back(rows_RD.narrow(0, span.first_row, span.num_rows));
    for (int64_t i = 0; i < span.num_rows; ++i) {
      indices.push_back(span.begin + i);
    }
  }
  if (rows.empty()) {
    return hidden_LD;
  }
  return kernels::splice_rows(
      hidden_LD, at::cat(rows).to(hidden_LD.scalar_type()),
      at::tensor(indices).to(device()));
}

at::Tensor OmniModelImpl::logits(const at::Tensor& ids) {
  TORCH_CHECK_VALUE(
      transformer, "[model] expected a model with a transformer, got \"", config.name,
      "\" without one.");
  check_shape(ids, {-1, -1}, "model", "ids");
  const at::Tensor positions_BL3 = at::arange(ids.size(1), at::kFloat)
                                       .view({1, -1, 1})
                                       .expand({ids.size(0), ids.size(1), 3})
                                       .to(device());
  const at::Tensor hidden_BLD =
      transformer->forward({transformer->embed(ids), positions_BL3, {}});
  return transformer->logits(hidden_BLD).to(at::kFloat);
}

// Asked for at every id: collecting all parameters would cost a tenth of it.
at::Tensor OmniModelImpl::any_parameter() const {
  if (transformer) {
    return transformer->table->weight;
  }
  const auto all = parameters();
  return all.empty() ? at::empty({0}) : all.front();
}

at::ScalarType OmniModelImpl::dtype() const {
  return any_parameter().scalar_type();
}

at::Device OmniModelImpl::device() const {
  return any_parameter().device();
}

int64_t OmniModelImpl::num_parameters() const {
  int64_t total = 0;
  for (const at::Tensor& parameter : parameters()) {
    total += parameter.numel();
  }
  if (config.weight_format) {
    for (const auto& [map, format] : quantizable(*config.weight_format)) {
      total += map->num_weights();
    }
  }
  return total;
}

} // namespace omni
