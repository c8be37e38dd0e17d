// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// The precompiled header of the tests.
#pragma once
#include "omni/cmake/torch_pch.h"
#include "tests/support/catch.h"
