#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
#
# test_other_torch.sh CMAKE BUILD: configures the consumer against folders that hold no
# LibTorch, LibTorch one folder deeper (as a wheel unpacks), and another version of it.
set -euo pipefail

cmake=$1 build=$2
sources=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
prefix=$build/consumer/prefix
work=$build/consumer/other_torch
rm -rf "$work"
mkdir -p "$work"
config=$(find "$prefix" -name OmniConfig.cmake)
torch=$(sed -nE 's|.*EXISTS "(.*)/lib"\)|\1|p' "$config")
fail() { cat "$work/log"; echo "$*" >&2; exit 1; }
configure() {
  rm -rf "$work/build"
  "$cmake" -S "$sources/tests/cmake/consumer" -B "$work/build" -G Ninja \
    "-DCMAKE_PREFIX_PATH=$prefix" "-DOMNI_TORCH_ROOT=$1" >"$work/log" 2>&1
}

mkdir -p "$work/wheel"
ln -s "$torch" "$work/wheel/torch"
configure "$work/wheel" || fail "expected LibTorch to be found in an unpacked wheel"

configure "$work" && fail "expected a folder without LibTorch to be refused"
grep -q "no LibTorch at '$work'" "$work/log" || fail "expected the folder to be named"

# The same libraries under headers that say another version.
mkdir -p "$work/old/include/torch/headeronly" "$work/old/include/ATen"
ln -s "$torch/lib" "$work/old/lib"
touch "$work/old/include/ATen/ATen.h"
sed 's/TORCH_VERSION_MINOR .*/TORCH_VERSION_MINOR 3/' \
  "$torch/include/torch/headeronly/version.h" >"$work/old/include/torch/headeronly/version.h"
configure "$work/old" && fail "expected another version of LibTorch to be refused"
tr '\n' ' ' <"$work/log" | tr -s ' ' | grep -q 'which this Omni was built with, got 2\.3\.' ||
  fail "expected both versions to be named"
