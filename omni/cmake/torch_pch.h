// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The precompiled header of every layer that uses LibTorch. Sources still name what
// they include; this only keeps torch from being parsed again for each of them.
#pragma once
#include <ATen/ATen.h>
#include <torch/autograd.h>
#include <torch/library.h>
#include <torch/nn.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>
