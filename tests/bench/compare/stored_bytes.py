# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What files of weights hold, by the names of the tensors, in bytes.

    build/peers/venv/bin/python tests/bench/compare/stored_bytes.py FILE.gguf

prints that of a GGUF file as JSON."""

import json
import math
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FLOATING = ("F32", "F16", "BF16")


def quantized_folder(path: str | Path, format_name: str) -> Path:
    """Where run_omni.py saves the weights of a folder in few bits."""
    return ROOT / "build" / "bench" / "weights" / f"omni-{Path(path).name}-{format_name}"


def of_folder(folder: str | Path, floating_bytes: int | None = None) -> dict[str, int]:
    """Of its safetensors; entries that are floating of another size, or as they are."""
    found = {}
    for path in Path(folder).glob("*.safetensors"):
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        header.pop("__metadata__", None)
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            is_converted = floating_bytes is not None and entry["dtype"] in FLOATING
            count = math.prod(entry["shape"])
            found[name] = count * floating_bytes if is_converted else end - begin
    return found


def of_gguf(path: str) -> dict[str, int]:
    import gguf

    return {tensor.name: int(tensor.n_bytes) for tensor in gguf.GGUFReader(path).tensors}


if __name__ == "__main__":
    print(json.dumps(of_gguf(sys.argv[1])))
