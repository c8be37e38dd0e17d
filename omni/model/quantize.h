// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A model whose large weights take few bits: less memory, and faster where reading
// weights is what takes the time (one answer at a time). Made on the CPU; for inference
// there and on CUDA.
#pragma once

#include "kernels/weight_format.h"
#include "omni/model/omni_model.h"
#include "omni/model/weight_formats.h"

namespace omni {

// A copy with the weights of OmniModelImpl::quantizable() in few bits, those of the
// transformer's layers in `format`, Int8 or Int4; all else keeps its values and dtype.
// It saves and loads like any model, without a gradient. Throws ValueError for a model
// without transformer and encoders, of quantized weights or of some that are not
// finite; NotImplementedError for one that is not on the CPU.
[[nodiscard]] OmniModel quantize(const OmniModel& model, kernels::WeightFormat format);

} // namespace omni
