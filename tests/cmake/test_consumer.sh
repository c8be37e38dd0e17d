#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
#
# test_consumer.sh CMAKE BUILD MAKE_TINY_MODEL: installs the package, looks through its
# headers, builds tests/cmake/consumer with it and runs one chat turn.
set -euo pipefail

cmake=$1 build=$2 make_tiny_model=$3
sources=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$build/consumer
prefix=$work/prefix
rm -rf "$work"
fail() { echo "$*" >&2; exit 1; }

"$cmake" --install "$build" --component omni --prefix "$prefix" >"$work.log" 2>&1 ||
  { cat "$work.log"; fail "the package does not install"; }
mv "$work.log" "$work/install.log"

# No installed header shows what only our sources use, and none includes one that stays
# behind.
headers=$prefix/include/omni
found=$(grep -rlE 'nlohmann|libav|opencv2|turbojpeg|pybind11|sentencepiece_processor|pcre2|utf8proc|<cuda' "$headers" || true)
[ -z "$found" ] || fail "these headers show another library: $found"
grep -rhoE '#include "[^"]+"' "$headers" | sort -u | cut -d'"' -f2 |
  while read -r included; do
    [ -f "$headers/$included" ] || fail "$included is included but not installed"
  done
[ -f "$headers/omni/omni.h" ] || fail "omni/omni.h is not installed"

launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
"$cmake" -S "$sources/tests/cmake/consumer" -B "$work/build" -G Ninja \
  "-DCMAKE_PREFIX_PATH=$prefix" "${launcher[@]}" "${@:4}"
"$cmake" --build "$work/build"

"$make_tiny_model" "$work/model"
answer=$("$work/build/consumer" "$work/model" "$sources/examples/media/word.png")
printf '%s\n' "$answer"
grep -q 'image .*word.png, 64x64, tokens \[' <<<"$answer" ||
  fail "expected the receipt of word.png"
