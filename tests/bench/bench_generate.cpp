// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// bench_generate CONFIG.json TOKENIZER [THREADS]: a model with random weights, saved
// and loaded; then ms an id of decoding, a question about a picture, a picture drawn
// with guidance, and speech, in float32 and bf16. Prints seconds of the wall clock and
// of the processor; on a busy machine only the second says something.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/utils.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>

#include "omni/chat/chat.h"
#include "omni/conversation/composer.h"
#include "omni/generate/assembler.h"
#include "tests/support/temporary_folder.h"

namespace {

using namespace omni;

struct Spent {
  double wall = 0.0, processor = 0.0; // seconds
};

Spent time_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t ticks = std::clock();
  work();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  return {wall.count(), static_cast<double>(std::clock() - ticks) / CLOCKS_PER_SEC};
}

void print(const char* what, Spent spent) {
  std::printf(
      "  %-44s %8.3f s wall %8.3f s processor\n", what, spent.wall, spent.processor);
  std::fflush(stdout);
}

Image make_picture() {
  return {at::randint(0, 255, {64, 64, 3}).to(at::kByte), "picture"};
}

void bench_decoding(const OmniModel& model) {
  const c10::InferenceMode guard;
  KvCache cache(
      *model->config.transformer, {.capacity_tokens = 512, .dtype = model->dtype()});
  Transformer transformer = model->transformer;
  constexpr int64_t kPrompt = 100, kIds = 200;
  const auto run = [&](int64_t length) {
    const at::Tensor ids = at::zeros({1, length}, at::kLong);
    const at::Tensor hidden = transformer->forward(
        {transformer->embed(ids), at::zeros({1, length, 3}), {}}, cache);
    return transformer->logits(hidden.narrow(1, length - 1, 1));
  };
  run(kPrompt);
  const Spent spent = time_of([&] {
    for (int64_t i = 0; i < kIds; ++i) {
      run(1);
    }
  });
  std::printf(
      "  %-44s %8.3f ms wall %7.3f ms processor\n", "one id (transformer and head)",
      spent.wall * 1e3 / kIds, spent.processor * 1e3 / kIds);
}

void bench_answers(const OmniModel& model) {
  Chat chat(model);
  SamplingOptions sampling;
  sampling.max_text_tokens = 16;
  sampling.max_images = 0;
  const auto ask = [&] {
    chat.reset();
    const Reply reply = chat.send({make_picture(), "무엇이 보이나요?"}, sampling);
    return reply.usage;
  };
  ask();
  Usage usage;
  print("a question about a picture", time_of([&] { usage = ask(); }));
  std::printf(
      "    (%ld ids in, %ld out)\n", static_cast<long>(usage.prompt_tokens),
      static_cast<long>(usage.answer_tokens));
  sampling.modalities = {Modality::Image};
  sampling.image_guidance_scale = 3.0;
  const auto draw = [&] {
    chat.reset();
    chat.send({"그려 줘: 빨간 원"}, sampling);
  };
  draw();
  print("a picture with guidance", time_of(draw));
}

// Ten words of five letters; codes as long as the generator lets them be.
void bench_speech(const OmniModel& model) {
  const TokenSpace& space = model->config.token_space;
  const std::vector<std::vector<int64_t>> words(
      10, std::vector<int64_t>(5, space.range(Segment::Spelling).begin + 40));
  Generator generator(model);
  double seconds = 0.0;
  const auto speak = [&] {
    const c10::InferenceMode guard;
    const Composer composer(model);
    Composition prompt =
        composer.compose({{Role::User, {std::string("말해 줘")}, {}}}, true);
    SequenceBuilder builder(space, 8, std::move(prompt.sequence));
    KvCache cache(
        *model->config.transformer, {.capacity_tokens = 512, .dtype = model->dtype()});
    Assembler assembler(model, {}, {});
    GenerateRequest request;
    request.sampling.max_text_tokens = 0;
    request.sampling.max_speech_codes = 200;
    request.sampling.modalities = {Modality::Text, Modality::Speech};
    request.spell_words = [&](const std::vector<int64_t>&) { return words; };
    request.on_id = [&](int64_t id) {
      return assembler.push(id) ? Step::Continue : Step::Cancel;
    };
    generator.run(builder, cache, {}, request);
    assembler.finish();
    seconds = assembler.answer().speech->duration_seconds();
  };
  speak();
  const Spent spent = time_of(speak);
  print("speech", spent);
  std::printf(
      "    (%.2f s of sound: %.2f of real time by the wall clock, %.2f by the "
      "processor's)\n",
      seconds, spent.wall / seconds, spent.processor / seconds);
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::printf("usage: bench_generate CONFIG.json TOKENIZER [THREADS]\n");
    return 2;
  }
  at::set_num_threads(argc > 3 ? std::atoi(argv[3]) : 1);
  torch::manual_seed(0);
  const test::TemporaryFolder folder;
  {
    OmniModel model{nullptr};
    const OmniConfig config = read_config(argv[1]);
    auto tokenizer = TextTokenizer::load(argv[2]);
    print("building with random weights", time_of([&] {
            model = OmniModel(config, tokenizer);
          }));
    model->set_tokenizer_path(argv[2]);
    print("saving", time_of([&] { model->save(folder.path); }));
    std::printf(
        "  %.2f M parameters\n", static_cast<double>(model->num_parameters()) * 1e-6);
  }
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    std::printf("%s, %d thread(s)\n", at::toString(dtype), at::get_num_threads());
    OmniModel model{nullptr};
    print("loading", time_of([&] { model = load(folder.path, {.dtype = dtype}); }));
    bench_decoding(model);
    bench_answers(model);
    bench_speech(model);
  }
}
