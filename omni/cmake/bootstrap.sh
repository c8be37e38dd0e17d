#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
#
# Sets up what Omni needs and builds it: system packages, .venv/ with torch, a static
# SentencePiece, and build/. Run by examples/quickstart.sh and tests/run.sh.
#   bootstrap.sh run             what omni-chat and omni-train need
#   bootstrap.sh test            also what the tests need, with warnings as errors
#   bootstrap.sh prepare         what the tests need, but builds nothing
#   bootstrap.sh sentencepiece   SentencePiece alone, with the pip of OMNI_PYTHON
# Environment: OMNI_JOBS (parallel compilers), OMNI_TORCH_VERSION (default 2.15.0),
# OMNI_PYTHON (for sentencepiece; default the first python3 on PATH).
set -euo pipefail

purpose=${1:-run}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
torch_version=${OMNI_TORCH_VERSION:-2.15.0}
sentencepiece_version=0.2.1

say() { printf '\033[2m[omni] %s\033[0m\n' "$*" >&2; }
fail() { printf '[omni] %s\n' "$*" >&2; exit 1; }
# at_least VERSION WANTED: no version at all is older than every other.
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

case "$purpose" in
  run | test | prepare | sentencepiece) ;;
  *) fail "expected run, test, prepare or sentencepiece, got $purpose." ;;
esac

# --- System packages -------------------------------------------------------------
packages=(build-essential cmake ninja-build pkg-config ccache mold python3-venv
  libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libswresample-dev
  libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev libturbojpeg0-dev
  nlohmann-json3-dev libcli11-dev libedit-dev libxxhash-dev
  libpcre2-dev libutf8proc-dev)
if [ "$purpose" != run ]; then
  packages+=(python3-dev catch2 ffmpeg espeak-ng libespeak-ng1 flite pocketsphinx
    pocketsphinx-en-us fonts-nanum fonts-dejavu-core)
fi

# One call for all of them: it is the slowest thing a later start does.
missing_packages() {
  local installed package
  installed=" $(dpkg-query -W -f='${binary:Package} ${db:Status-Status}\n' \
    "${packages[@]}" 2>/dev/null |
    sed -nE 's/^([^ :]+)(:[^ ]+)? installed$/\1/p' | tr '\n' ' ' || true) "
  for package in "${packages[@]}"; do
    [[ $installed == *" $package "* ]] || echo "$package"
  done
}

install_packages() {
  command -v dpkg-query >/dev/null ||
    fail "expected Debian 12 or Ubuntu (apt), got another system. Install by your own means: ${packages[*]}"
  local missing as_root=()
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo -n)
    else
      fail "system packages are missing and this user may not install them. Run:
  sudo apt-get install -y ${missing[*]}"
    fi
  fi
  say "installing ${#missing[@]} system packages"
  "${as_root[@]}" apt-get update -qq >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

check_ffmpeg() {
  local version
  version=$(pkg-config --modversion libavformat 2>/dev/null || true)
  at_least "$version" 59.27 ||
    fail "expected libavformat 59.27 or newer (FFmpeg 5.1), got ${version:-none}. Debian 12, Ubuntu 24.04 and what came after them have it; elsewhere build FFmpeg and name its lib/pkgconfig in PKG_CONFIG_PATH."
}

# --- Python ----------------------------------------------------------------------
find_python() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11 python3.10; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "expected Python 3.10 or newer, found none. Install python3."
}

install_python() {
  [ -x .venv/bin/python ] || "$(find_python)" -m venv .venv
  local wanted="torch==$torch_version numpy pillow" stamp=.venv/installed-run
  if [ "$purpose" = run ]; then
    # The tests' packages are these and more.
    [[ $(cat .venv/installed-test 2>/dev/null) == "$wanted "* ]] && return
  else
    stamp=.venv/installed-test
    wanted="$wanted $(tr '\n' ' ' <tests/requirements.txt)"
  fi
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    say "installing Python packages into .venv (torch is large)"
    # shellcheck disable=SC2086
    .venv/bin/python -m pip install -q --disable-pip-version-check $wanted >&2
    rm -f .venv/installed-*
    printf '%s' "$wanted" >"$stamp"
  fi
}

# --- CMake -----------------------------------------------------------------------
cmake_version() { { cmake --version 2>/dev/null || true; } | sed -nE '1s/^cmake version //p'; }

# An older system's CMake is helped out by one that pip puts into .venv.
provide_cmake() {
  local found
  found=$(cmake_version)
  at_least "$found" 3.24 && return
  PATH=$root/.venv/bin:$PATH
  if [ ! -x .venv/bin/cmake ]; then
    say "installing a newer CMake into .venv (expected 3.24 or newer, got ${found:-none})"
    .venv/bin/python -m pip install -q --disable-pip-version-check 'cmake>=3.24,<4' >&2 || true
  fi
  hash -r
  at_least "$(cmake_version)" 3.24 ||
    fail "expected CMake 3.24 or newer, got ${found:-none}, and pip has none for this machine. Install one of https://cmake.org/download and put it first on PATH."
}

# --- SentencePiece ---------------------------------------------------------------
# download_sentencepiece PYTHON FOLDER. Within pip's build isolation PYTHONPATH hides the
# pip of PYTHON; one without a pip lends a virtual environment that has one.
download_sentencepiece() {
  local python=$1 outside=(env -u PYTHONPATH -u PYTHONHOME -u PYTHONNOUSERSITE) download
  if ! "${outside[@]}" "$python" -m pip --version >/dev/null 2>&1; then
    "${outside[@]}" "$python" -m venv "$2/env"
    python=$2/env/bin/python
  fi
  download=("${outside[@]}" "$python" -m pip download -q --disable-pip-version-check
    --no-deps --no-binary :all: -d "$2" "sentencepiece==$sentencepiece_version")
  # pip asks the source for its name with setuptools: the one there, or else a fresh one.
  "${download[@]}" --no-build-isolation >/dev/null 2>&1 || "${download[@]}" >&2
}

# install_sentencepiece PYTHON
install_sentencepiece() {
  local prefix=.venv/sentencepiece
  [ -f "$prefix/lib/libsentencepiece.a" ] && return
  say "building SentencePiece $sentencepiece_version"
  local program work
  for program in cmake ninja c++; do
    command -v "$program" >/dev/null ||
      fail "expected $program on PATH, found none. Run:
  sudo apt-get install -y build-essential cmake ninja-build"
  done
  work=$(mktemp -d)
  download_sentencepiece "$1" "$work"
  tar -xf "$work"/sentencepiece-*.tar.gz -C "$work" --strip-components=1
  cmake -S "$work/sentencepiece" -B "$work/build" -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DCMAKE_CXX_VISIBILITY_PRESET=hidden -DSPM_ENABLE_SHARED=OFF \
    -DSPM_ENABLE_TCMALLOC=OFF >"$work/log" 2>&1 &&
    ninja -C "$work/build" -j "${OMNI_JOBS:-$(nproc)}" sentencepiece-static \
      >>"$work/log" 2>&1 ||
    { tail -n 30 "$work/log" >&2; fail "SentencePiece did not build."; }
  mkdir -p "$prefix/lib" "$prefix/include"
  cp "$work/sentencepiece/src/sentencepiece_processor.h" "$prefix/include/"
  cp "$work/build/src/libsentencepiece.a" "$prefix/lib/"
  rm -rf "$work"
}

# --- Build -----------------------------------------------------------------------
build() {
  local targets=(omni-chat omni-train) options=(-DOMNI_TESTS=OFF -DOMNI_PYTHON=OFF)
  if [ "$purpose" = test ]; then
    targets=(all)
    options=(-DOMNI_TESTS=ON -DOMNI_PYTHON=ON -DOMNI_WERROR=ON)
  elif [ "$(c++ -dumpversion | cut -d. -f1)" = 12 ]; then
    # With the compiler that the tests are known to pass with, both purposes compile
    # alike, so that the second build takes the objects of the first.
    options+=(-DOMNI_WERROR=ON)
  fi
  # `run` takes a build as it is: the one of the tests has both programs too.
  if [ ! -f build/build.ninja ] || [ "$purpose" = test ]; then
    cmake -S . -B build -G Ninja "${options[@]}" >build.log 2>&1 ||
      { cat build.log >&2; rm -f build.log; fail "CMake could not configure the build."; }
    mv build.log build/configure.log
  fi
  [ -x build/bin/omni-chat ] || say "building (about ten minutes the first time)"
  local output
  if [ -t 2 ]; then
    ninja -C build -j "${OMNI_JOBS:-$(nproc)}" "${targets[@]}" >&2
  else
    output=$(ninja -C build -j "${OMNI_JOBS:-$(nproc)}" "${targets[@]}" 2>&1) ||
      { printf '%s\n' "$output" | tail -n 60 >&2; fail "the build failed."; }
  fi
}

# `.venv/bin/python -c "import omni"` works from any folder.
link_python_package() {
  local packages
  packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  echo "$root/build/python" >"$packages/omni_checkout.pth"
}

if [ "$purpose" = sentencepiece ]; then
  install_sentencepiece "${OMNI_PYTHON:-$(find_python)}"
  exit
fi
install_packages
check_ffmpeg
install_python
provide_cmake
install_sentencepiece .venv/bin/python
[ "$purpose" = run ] || link_python_package
[ "$purpose" = prepare ] || build
