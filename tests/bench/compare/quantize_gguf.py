# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""A GGUF file in another format, by llama.cpp's own quantisation.

build/peers/venv/bin/python tests/bench/compare/quantize_gguf.py SOURCE TARGET Q8_0"""

import ctypes
import sys

import llama_cpp
from engine_pipe import NUM_THREADS

# Q4_K as llama.cpp mixes it by default, some matrices in Q6_K.
TYPES = {
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
    "Q4_1": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_1,
    "Q4_K": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
}


def main() -> None:
    source, target, format_name = sys.argv[1:]
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype = TYPES[format_name]
    settings.nthread = NUM_THREADS
    settings.allow_requantize = True
    llama_cpp.llama_backend_init()
    failure = llama_cpp.llama_model_quantize(
        source.encode(), target.encode(), ctypes.byref(settings)
    )
    if failure:
        sys.exit(f"llama_model_quantize ended with {failure}")


if __name__ == "__main__":
    main()
