// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Gives the precompiled header of the tests a source to be made for.
