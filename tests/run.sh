#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
#
# Sets up, builds with warnings as errors and runs every test. The last line says
# `N passed, M failed`.
#   tests/run.sh              everything
#   tests/run.sh --sanitize   what does without torch (parsers; CUDA kernels, by emulation)
#                             under address and UB sanitizers
#   tests/run.sh --gpu        the ops and the captured step on a CUDA device, and the
#                             bandwidth that the ops reach
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
give_up() { echo "0 passed, 1 failed"; exit 1; }
# `prepare` and `test` put a CMake into .venv where the system's is too old.
set_up() {
  bash omni/cmake/bootstrap.sh "$1" || give_up
  [ ! -x .venv/bin/cmake ] || PATH=$root/.venv/bin:$PATH
}

case "${1:-}" in
  --help) sed -n '5,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
  --sanitize)
    set_up prepare
    cmake -S . -B build/sanitize -G Ninja -DOMNI_SANITIZE=address,undefined >/dev/null &&
      ninja -C build/sanitize || give_up
    results=build/sanitize/results
    mkdir -p "$results"
    rm -f "$results/ctest.xml"
    ctest --test-dir build/sanitize -j "$(nproc)" --output-on-failure \
      --output-junit "$root/$results/ctest.xml" >"$results/ctest.log" 2>&1
    grep -A 40 -E '\*\*\*(Failed|Exception|Timeout)' "$results/ctest.log" | head -n 200
    exec .venv/bin/python tests/support/count_results.py "$results/ctest.xml" ;;
  --gpu)
    set_up prepare
    .venv/bin/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || {
      echo "[run] expected a CUDA device for --gpu, got none." >&2
      give_up
    }
    cmake -S . -B build/gpu -G Ninja -DOMNI_CUDA=ON >/dev/null &&
      ninja -C build/gpu omni_kernels_cuda tests_kernels_cuda_device tests_generate ||
      give_up
    results=build/gpu/results tests=build/gpu/bin/tests_kernels_cuda_device
    mkdir -p "$results"
    rm -f "$results"/*.xml
    "$tests" --reporter junit --out "$results/device.xml"
    build/gpu/bin/tests_generate '[.device]' --reporter junit --out "$results/graph.xml"
    "$tests" '[.bandwidth]' | grep 'GB/s'
    exec .venv/bin/python tests/support/count_results.py \
      "$results/device.xml" "$results/graph.xml" ;;
  "") ;;
  *) echo "expected --sanitize, --gpu or nothing, got $1" >&2; exit 2 ;;
esac

set_up test
results=build/results
rm -rf "$results"
mkdir -p "$results"
# Both at once: pytest keeps one core busy, CTest the others. One intra-op thread a
# process: CTest runs as many tests as it has cores.
cores=$(nproc)
OMP_NUM_THREADS=1 ctest --test-dir build -j $((cores > 1 ? cores - 1 : 1)) \
  --output-on-failure --timeout 300 --output-junit "$root/$results/ctest.xml" \
  >"$results/ctest.log" 2>&1 &
.venv/bin/python -m pytest -q tests/python tests/style \
  --junit-xml="$results/pytest.xml" 2>&1 | tail -n 60
wait
grep -B 2 -A 40 -E '^(FAILED|.*error:)' "$results/ctest.log" | head -n 300
exec .venv/bin/python tests/support/count_results.py "$results/ctest.xml" "$results/pytest.xml"
