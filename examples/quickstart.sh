#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
#
# Installs what is missing, builds, and talks to omni-nano.
#   examples/quickstart.sh             a scripted conversation over examples/media
#   examples/quickstart.sh ARGUMENTS   omni-chat with those arguments
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/omni/cmake/bootstrap.sh" run
chat=$root/build/bin/omni-chat
[ $# -gt 0 ] && exec "$chat" "$@"

if [ ! -f "$root/omni/nano/model.safetensors" ]; then
  echo "omni-nano's weights are not part of this version: train them as examples/nano"
  echo "describes, or give a model of your own:"
  echo "  bash examples/quickstart.sh --model DIR"
  exit 1
fi
media=$root/examples/media
out=$root/build/quickstart
ask() {
  printf '\n> %s\n' "$*"
  "$chat" --receipt --out "$out" "$@"
}
ask --image "$media/word.png" "뭐라고 적혀 있어요?"
ask --audio "$media/korean.wav" "뭐라고 말했어요?"
ask --audio "$media/english.wav" "What was said?"
ask --video "$media/clip.mp4" "Which sound does it make?"
ask --draw "빨간 원을 그려 줘."
ask --speak "Say: push the small box"
printf '\nChat with it yourself: bash examples/quickstart.sh --receipt\n'
