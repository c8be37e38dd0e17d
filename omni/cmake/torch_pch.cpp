// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Gives the precompiled header a target to live in.
