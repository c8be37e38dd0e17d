// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The precompiled header of the Python module: torch's own pybind11 and its casters.
#pragma once
#include <ATen/ATen.h>
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>
#include <torch/csrc/utils/pybind.h>
