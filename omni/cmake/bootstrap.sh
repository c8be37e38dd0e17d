#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
#
# Sets up what Omni needs and builds it: system packages, .venv/ with torch, a static
# SentencePiece, and build/. Sourced or run by examples/quickstart.sh and tests/run.sh.
#   bootstrap.sh [run|test]   test also installs what the tests need
set -euo pipefail
