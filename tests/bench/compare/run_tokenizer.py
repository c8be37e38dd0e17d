# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Text to ids by SmolLM2's tokenizer.json: Omni, and the package tokenizers, one thread."""

import os
import sys
import time
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"
from engine_pipe import loaded, serve  # noqa: E402

sys.path.append(str(Path(__file__).resolve().parents[1]))
encode = None
text = ""


def write_text(to: str, num_bytes: int) -> None:
    """Of made-up words in Korean and English; needs the packages of the main environment."""
    from tokenizer_twin import made_up_text

    Path(to).write_text(made_up_text(num_bytes, 2), encoding="utf-8")


def load(engine: str, path: str, text_file: str) -> dict[str, float]:
    def run() -> None:
        global encode
        if engine == "omni":
            import omni

            encode = omni.TextTokenizer.load(path).encode
        else:
            from tokenizers import Tokenizer

            # Without the places of ids in the text, which ours does not make either.
            tokenizer = Tokenizer.from_file(path)
            encode = lambda text: tokenizer.encode_batch_fast([text])[0].ids  # noqa: E731

    global text
    text = Path(text_file).read_text(encoding="utf-8")
    return loaded(run)


def digest() -> dict:
    """Of all ids, which have to agree."""
    import hashlib

    ids = encode(text)
    return {"digest": hashlib.sha256(repr(ids).encode()).hexdigest(), "count": len(ids)}


def run_once() -> dict:
    began = time.perf_counter()
    encode(text)
    return {"seconds": time.perf_counter() - began, "count": len(text.encode()) / 1e6}


if __name__ == "__main__":
    serve({"write_text": write_text, "load": load, "digest": digest, "encode": run_once})
