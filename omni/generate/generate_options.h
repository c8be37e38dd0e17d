// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How ids are computed, whatever is sampled from them.
#pragma once

namespace omni {

struct GenerateOptions {
  // An id that follows one computed before goes through the transformer at addresses
  // that stay (omni/transformer/static_step.h): on a CUDA device recorded once in a
  // CUDA graph and replayed, which saves the launches of some hundred kernels an id. It
  // is recorded at the first such id, and again when the cache has grown. On the CPU
  // the same step runs without a recording, so that answers can be compared; it is
  // slower there. Prompts, several ids at once, and models with latent attention or
  // experts are computed as without it.
  bool captures_decode = false;
};

} // namespace omni
