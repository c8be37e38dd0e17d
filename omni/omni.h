// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The umbrella header: everything a program that uses Omni needs.
#pragma once

#include "encoders/media/audio_io.h"
#include "encoders/media/image_io.h"
#include "encoders/media/media_budget.h"
#include "encoders/media/video_io.h"
#include "omni/chat/chat.h"
#include "omni/chat/receipt.h"
#include "omni/conversation/chat_template.h"
#include "omni/conversation/chat_template_file.h"
#include "omni/conversation/message.h"
#include "omni/core/errors.h"
#include "omni/core/media.h"
#include "omni/core/precision.h"
#include "omni/generate/batch_generator.h"
#include "omni/generate/event.h"
#include "omni/generate/generator.h"
#include "omni/model/model_folder.h"
#include "omni/model/omni_model.h"
#include "omni/model/quantize.h"
#include "omni/model/sampling_options.h"
#include "omni/train/train_config.h"
#include "omni/train/trainer.h"
#include "tokenizers/text/text_tokenizer.h"
#include "tokenizers/token_space.h"
