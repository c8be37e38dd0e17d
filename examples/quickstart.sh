#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
#
# Installs what is missing, builds, and talks to omni-nano.
#   examples/quickstart.sh             a conversation over examples/media
#   examples/quickstart.sh ARGUMENTS   omni-chat with those arguments
# Environment: OMNI_MODEL, the folder of another model.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/omni/cmake/bootstrap.sh" run
chat=$root/build/bin/omni-chat
[ $# -eq 0 ] || exec "$chat" "$@"

# One program, one loaded model: each line is a turn, each /reset a new conversation.
cd "$root"
"$chat" --receipt --out build/quickstart <<'TURNS'
/image examples/media/word.png
뭐라고 적혀 있어요?
/reset
/image examples/media/scene.png
How many stars are there?
빨간 하트는 어디에 있어요?
/reset
/image examples/media/scene.png
/audio examples/media/question.wav
/speak
/reset
/audio examples/media/korean.wav
뭐라고 말했어요?
/reset
/audio examples/media/english.wav
What was said?
/reset
/audio examples/media/sound.wav
Which sound comes first?
Which sound comes last?
/reset
/video examples/media/clip.mp4
What colour is the shape when it sounds?
/reset
/draw 빨간 원 그려 줘.
/reset
/speak Say: push the small box
TURNS

cat <<'NEXT'

Pictures and sounds are in build/quickstart.
Chat with it yourself:  bash examples/quickstart.sh --receipt
Ask once:               bash examples/quickstart.sh --image PICTURE "What is this?"
Run the tests:          bash tests/run.sh
NEXT
