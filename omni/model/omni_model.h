// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One model: the transformer with its encoders and codecs, wired once. Any part may be
// absent (a folder that holds only a codec is an OmniModel too). Media rows come from
// `encode`, a whole sequence becomes transformer rows by `embed`. Inference is
// thread-safe as long as nobody changes parameters.
#pragma once

#include <torch/nn.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "omni/model/media_processor.h"
#include "omni/model/omni_config.h"
#include "omni/model/sampling_options.h"
#include "omni/model/token_sequence.h"
#include "omni/transformer/transformer.h"
#include "tokenizers/text/text_tokenizer.h"

namespace omni {

struct PublishedModel;

// Rows of media items, and of the encoders before their projectors.
struct Encoding {
  std::vector<EncodedMedia> media; // one for each item
  at::Tensor image_rows; // [R, vision width] of all pictures and frames, in order
  ConformerOutput sound_rows; // of all items with sound, padded
};

class OmniModelImpl : public torch::nn::Module {
 public:
  // `tokenizer` may be null for a model without a transformer. `initial` Unset: for
  // load(), which writes over all parameters at once.
  OmniModelImpl(
      OmniConfig config,
      std::shared_ptr<const TextTokenizer> tokenizer,
      InitialParameters initial = InitialParameters::Random);

  // Rows of media items, one batch per encoder: all pictures and frames together, all
  // sounds together.
  std::vector<EncodedMedia> encode(const std::vector<ProcessedMedia>& items);
  // The same with the encoders' own rows, which supervised side heads read.
  Encoding encode_with_rows(const std::vector<ProcessedMedia>& items);
  // Rows [..., D] of the table for ids int64 [...]. Codes of a drawing know their row
  // and column: y - t and x - t of their positions float32 [..., 3].
  at::Tensor embed_ids(const at::Tensor& ids, const at::Tensor& positions);
  // Rows [L, D] of a sequence: table rows, with media rows written over their slots.
  // Throws ValueError naming the item and both counts when they disagree.
  at::Tensor embed(
      const TokenSequence& sequence,
      const std::vector<EncodedMedia>& items);
  // Logits float32 [B, L, V] of text-like ids int64 [B, L]; gradients flow.
  at::Tensor logits(const at::Tensor& ids);
  // Encoder rows before the projector, for supervised side heads: of pictures
  // [R, vision width] in order, and of sounds padded [B, T', E] with lengths.
  at::Tensor image_rows(const std::vector<ProcessedImage>& images);
  ConformerOutput sound_rows(const std::vector<at::Tensor>& mels);

  // Writes config.json, model.safetensors, the tokenizer (with chat template and
  // examples.txt beside it, if any) and generation_config.json.
  // Sharded when larger than `max_shard_bytes`. Atomic a file.
  void save(
      const std::filesystem::path& folder,
      int64_t max_shard_bytes = int64_t{4} << 30);

  // The file that save() copies beside the weights.
  void set_tokenizer_path(std::filesystem::path path) {
    tokenizer_path_ = std::move(path);
  }
  // Empty for a tokenizer that came from no file.
  [[nodiscard]] const std::filesystem::path& tokenizer_path() const {
    return tokenizer_path_;
  }

  [[nodiscard]] at::ScalarType dtype() const;
  [[nodiscard]] at::Device device() const;
  [[nodiscard]] int64_t num_parameters() const;

  // A map whose weight may be stored in few bits, and in how many.
  struct Quantizable {
    LinearMap map;
    kernels::WeightFormat format;
  };
  // The large products of the transformer's layers, in `format`; in 8 bits its head, if
  // that is not the table and makes no speech (4 bits would cost the most there), and
  // the encoders: they multiply many rows at once, of which 8 bits are the fastest, and
  // weigh little.
  [[nodiscard]] std::vector<Quantizable> quantizable(
      kernels::WeightFormat format) const;

  const OmniConfig config;
  const MediaProcessor processor;
  std::shared_ptr<const TextTokenizer> tokenizer;
  SamplingOptions sampling_defaults; // of generation_config.json
  std::vector<int64_t> eos_ids; // any of them ends an answer
  // What the folder was, if it was a published checkpoint: save() writes it back so.
  std::shared_ptr<const PublishedModel> published;
  std::vector<std::string> unused_tensors; // of that checkpoint, which we do not run
  Transformer transformer{nullptr};
  torch::nn::Embedding drawing_places{nullptr}; // weight [grid_size^2, D]
  Vit vit{nullptr};
  Projector vision_projector{nullptr};
  DenseHead dense_head{nullptr};
  Conformer conformer{nullptr};
  Projector audio_projector{nullptr};
  ImageCodec image_codec{nullptr};
  SpeechCodec speech_codec{nullptr};
  Vocoder vocoder{nullptr};

 private:
  std::vector<at::Tensor> project_images(
      const std::vector<ProcessedMedia>& items,
      Encoding& encoding);
  std::vector<at::Tensor> project_sounds(
      const std::vector<ProcessedMedia>& items,
      Encoding& encoding);

  [[nodiscard]] at::Tensor any_parameter() const;

  std::filesystem::path tokenizer_path_;
};
TORCH_MODULE(OmniModel);

struct LoadOptions {
  std::optional<at::ScalarType> dtype; // none: what precision.h says of this CPU
  at::Device device = at::kCPU;
};

// A model folder: config.json, model.safetensors (or an index and shards, mapped
// without a copy where the dtype allows), tokenizer. Ours, or a published checkpoint of
// a family in omni/families/families.h. Reports all missing, unexpected and mis-shaped
// tensors in one ValueError.
[[nodiscard]] OmniModel load(
    const std::filesystem::path& folder,
    const LoadOptions& options = {});
// The embedded omni-nano.
[[nodiscard]] OmniModel load();

// Copies the tensors of the parts named (e.g. "vit", "image_codec") from a model
// folder; throws ValueError when a part is absent there or shaped otherwise.
void load_parts(
    OmniModel& model,
    const std::filesystem::path& folder,
    const std::vector<std::string>& parts);

} // namespace omni
