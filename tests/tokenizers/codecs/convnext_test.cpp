// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/convnext.h"

#include <torch/torch.h>

#include "tests/support/catch.h"

namespace omni {

TEST_CASE("a ConvNeXt block reaches exactly context_frames to either side") {
  at::manual_seed(3);
  ConvNext block(ConvNextOptions{.width = 6, .inner_width = 12, .kernel_size = 5});
  const torch::NoGradGuard no_grad;
  const at::Tensor x = at::randn({1, 15, 6});
  at::Tensor changed = x.clone();
  changed[0][7] += 1.0;
  const at::Tensor difference = (block(changed) - block(x)).abs().amax(2).squeeze(0);
  for (int64_t t = 0; t < 15; ++t) {
    CAPTURE(t);
    const bool is_inside = std::abs(t - 7) <= block->context_frames();
    CHECK((difference[t].item<float>() > 0.0F) == is_inside);
  }
}

} // namespace omni
