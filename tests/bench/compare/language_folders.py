# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The weights that language engines run, each as a checkpoint folder and as GGUF files.

SmolLM2-135M-Instruct is what published_weights.py brings; a llama of 1.1e9 random weights
is made on the spot. Both formats hold the same numbers: GGUF is written from the folder by
write_gguf.py, and quantised from there by llama.cpp itself."""

import functools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from engine_pipe import ROOT, environment
from load_published import CONFIG, read_through, shapes
from peers import PYTHON
from published_weights import FOLDER as FOLDER_OF_PUBLISHED
from published_weights import SMOLLM2, member_of, smollm2
from safetensors.torch import save_file
from stored_bytes import of_folder, quantized_folder

FOLDER = ROOT / "build" / "bench" / "weights"
BIG = CONFIG | {"num_hidden_layers": 16}
BITS_PER_WEIGHT = {
    "float32": 32.0, "bf16": 16.0, "int8": 8.5, "int4": 4.5,
    "BF16": 16.0, "F16": 16.0, "Q8_0": 8.5, "Q4_0": 4.5, "Q4_1": 5.0, "Q4_K": 4.5,
}  # fmt: skip
FLOATING_BYTES = {"float32": 4, "bf16": 2}
EMBEDDINGS = ("model.embed_tokens.weight", "token_embd.weight")
NOTE_ON_SMOLLM2 = (
    f"the weights of SmolLM2 are those of {SMOLLM2[0]}, which were in Q4_1 (4 bits, a scale and "
    "a minimum for each 32): formats like it, as int4 and Q4_1, lose next to nothing on them, "
    "and Q4_0 loses more than on weights that never were in 4 bits"
)


@dataclass(frozen=True)
class LanguageFolder:
    name: str
    path: Path
    tokenizer: Path | None = None  # a GGUF file that holds it
    notes: tuple[str, ...] = ()

    @property
    def config(self) -> dict:
        return json.loads((self.path / "config.json").read_text())

    def num_weights(self, with_head: bool = True) -> int:
        """Of the matrices that one id passes through."""
        of_head = self.config["vocab_size"] * self.config["hidden_size"]
        made = shapes(self.config)
        blocks = sum(
            torch.Size(shape).numel() for name, shape in made.items() if ".layers." in name
        )
        return blocks + (of_head if with_head else 0)

    def stored(self, format_name: str) -> dict[str, int]:
        """Bytes of the tensors by name: in a GGUF file, a folder of few bits, or this one."""
        if format_name in FLOATING_BYTES:
            return of_folder(self.path, FLOATING_BYTES[format_name])
        if format_name.startswith("int"):
            return of_folder(quantized_folder(self.path, format_name))
        return stored_in_gguf(self.gguf(format_name))

    def decode_bytes(self, format_name: str, context: float, cache_bits: int) -> float:
        """Read from memory for one id: the weights as they are stored, of an embedding that
        is not the head a row at most, and the cache."""
        config = self.config
        is_tied = config.get("tie_word_embeddings", False)
        weights = sum(
            size
            for name, size in self.stored(format_name).items()
            if is_tied or name not in EMBEDDINGS
        )
        of_head = config["hidden_size"] // config["num_attention_heads"]
        row = 2 * config["num_key_value_heads"] * of_head * config["num_hidden_layers"]
        return weights + cache_bits / 8 * row * context

    def prefill_operations(self, length: int) -> float:
        """Multiplications and additions of `length` ids, of which the last gets logits."""
        config = self.config
        head = config["vocab_size"] * config["hidden_size"]
        seen = length * (length + 1) / 2 * config["num_hidden_layers"] * config["hidden_size"]
        return 2.0 * (self.num_weights(with_head=False) * length + head) + 4.0 * seen

    def gguf(self, format_name: str) -> Path:
        """The file of a format; made the first time."""
        target = FOLDER / f"{self.name}-{format_name}.gguf"
        if target.exists():
            return target
        FOLDER.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".part")
        if format_name in ("F32", "F16", "BF16"):
            of_tokenizer = [self.tokenizer] if self.tokenizer else []
            run_peer("write_gguf.py", self.path, unfinished, format_name, *of_tokenizer)
        else:
            whole = "BF16" if self.config["dtype"] == "bfloat16" else "F32"
            run_peer("quantize_gguf.py", self.gguf(whole), unfinished, format_name)
        unfinished.rename(target)
        return target


@functools.cache
def stored_in_gguf(path: Path) -> dict[str, int]:
    return json.loads(run_peer("stored_bytes.py", path))


def run_peer(script: str, *arguments: str | Path) -> str:
    """What it prints."""
    command = [PYTHON, Path(__file__).with_name(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    if done.returncode:
        words = done.stderr.strip().splitlines() or ["it said nothing"]
        raise OSError(f"{script}: {words[-1][:200]}")
    return done.stdout


def write_big(folder: Path) -> None:
    """Weights of their own for every matrix: one taken for another changes the logits."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for name, shape in shapes(BIG).items():
        values = torch.randn(shape, generator=generator).mul_(0.02)
        tensors[name] = (values + 1.0 if "norm" in name else values).to(torch.bfloat16)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = BIG | {"architectures": ["LlamaForCausalLM"], "dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config))


def small_folder() -> LanguageFolder:
    tokenizer = member_of(*SMOLLM2, FOLDER_OF_PUBLISHED)
    folder = LanguageFolder("smollm2", smollm2(), tokenizer, (NOTE_ON_SMOLLM2,))
    read_through(folder.path)
    return folder


def big_folder() -> LanguageFolder:
    path = FOLDER / "llama-1b"
    if not (path / "config.json").exists():
        print("writing a llama of 1.1e9 random weights", flush=True)
        write_big(path)
    read_through(path)
    return LanguageFolder("llama-1b", path)


if __name__ == "__main__":
    for made in (small_folder(), big_folder()):
        print(made.path, f"{made.num_weights() / 1e6:.1f} M weights an id", file=sys.stderr)
