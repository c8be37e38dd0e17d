# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""How long omni.load() of a published checkpoint takes, and what memory.

    .venv/bin/python tests/bench/load_published.py [--layers 15] [--folder build/load_published]

Writes a llama checkpoint of 2 GB in bfloat16 and four shards (once; its weights are one
block of random numbers, again and again), reads it through, so that the machine holds its
pages, and loads it in a fresh process for each dtype.

`own` and `mapped` memory are those of process_memory.py, `both` the most of all together
(VmHWM), of which the kernel may take the mapped part back. The bounds: 2 s in bfloat16, and
own memory of at most the weights in the dtype asked for and a tenth."""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch
from process_memory import Peak, forget_peak, memory_bytes
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2]
NUM_SHARDS = 4
MAX_SECONDS = 2.0
MAX_MEMORY = 1.1  # of the weights
CONFIG = {
    "model_type": "llama",
    "hidden_act": "silu",
    "vocab_size": 32000,
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "eos_token_id": 2,
}


def shapes(config: dict) -> dict[str, tuple[int, ...]]:
    width, inner, vocab = (config[f"{n}_size"] for n in ("hidden", "intermediate", "vocab"))
    of_keys = width // config["num_attention_heads"] * config["num_key_value_heads"]
    made = {"model.embed_tokens.weight": (vocab, width)}
    for layer in range(config["num_hidden_layers"]):
        base = f"model.layers.{layer}."
        made |= {
            f"{base}input_layernorm.weight": (width,),
            f"{base}self_attn.q_proj.weight": (width, width),
            f"{base}self_attn.k_proj.weight": (of_keys, width),
            f"{base}self_attn.v_proj.weight": (of_keys, width),
            f"{base}self_attn.o_proj.weight": (width, width),
            f"{base}post_attention_layernorm.weight": (width,),
            f"{base}mlp.gate_proj.weight": (inner, width),
            f"{base}mlp.up_proj.weight": (inner, width),
            f"{base}mlp.down_proj.weight": (width, inner),
        }
    return made | {"model.norm.weight": (width,), "lm_head.weight": (vocab, width)}


def write_checkpoint(folder: Path, num_layers: int) -> None:
    config = CONFIG | {"num_hidden_layers": num_layers}
    folder.mkdir(parents=True, exist_ok=True)
    made = shapes(config)
    longest = max(torch.Size(shape).numel() for shape in made.values())
    generator = torch.Generator().manual_seed(0)
    block = torch.randn(longest, generator=generator).mul_(0.02).to(torch.bfloat16)
    names, weight_map = list(made), {}
    for shard in range(NUM_SHARDS):
        begin, end = (len(names) * (shard + k) // NUM_SHARDS for k in (0, 1))
        file = f"model-{shard + 1:05}-of-{NUM_SHARDS:05}.safetensors"
        weight_map |= dict.fromkeys(names[begin:end], file)
        tensors = {n: block[: torch.Size(made[n]).numel()].view(made[n]) for n in names[begin:end]}
        save_file({n: t.clone() for n, t in tensors.items()}, folder / file)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps(config))


def read_through(folder: Path) -> int:
    """Bytes of the shards, all of which the machine then holds."""
    size = 0
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb", buffering=0) as file:
            while piece := file.read(1 << 24):
                size += len(piece)
    return size


def measure(folder: Path, dtype: str) -> dict[str, float]:
    """In a process of its own: see main()."""
    import omni

    mapped_before, all_before = memory_bytes("RssFile"), memory_bytes("VmRSS")
    forget_peak()
    with Peak() as loading:
        began, began_cpu = time.perf_counter(), time.process_time()
        model = omni.load(folder, dtype=dtype)
        seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    mapped, both = memory_bytes("RssFile") - mapped_before, memory_bytes("VmHWM") - all_before
    with Peak() as passing, torch.no_grad():
        began = time.perf_counter()
        model.logits(torch.arange(8).view(1, -1))
        first_pass = time.perf_counter() - began
    return {
        "seconds": seconds,
        "cpu": cpu,
        "own": loading.own_bytes,
        "mapped": mapped,
        "both": both,
        "first_pass": first_pass,
        "own_after": loading.own_bytes + passing.own_bytes,
        "mapped_after": memory_bytes("RssFile") - mapped_before,
    }


def report(dtype: str, weights: int, found: dict[str, float]) -> list[str]:
    """Prints a line; returns what is out of bounds."""
    gib = {k: found[k] / 2**30 for k in ("own", "mapped", "both", "own_after", "mapped_after")}
    print(
        f"{dtype:<9} load {found['seconds']:6.2f} s ({found['cpu']:.2f} s of processor), own "
        f"{gib['own']:5.2f}, mapped {gib['mapped']:5.2f}, both {gib['both']:5.2f} GiB; first pass "
        f"{found['first_pass']:5.2f} s, then own {gib['own_after']:5.2f}, "
        f"mapped {gib['mapped_after']:5.2f} GiB",
        flush=True,
    )
    bytes_used = weights * (2 if dtype == "float32" else 1)
    wrong = []
    if dtype == "bfloat16" and found["seconds"] > MAX_SECONDS:
        wrong.append(f"{dtype}: loading took {found['seconds']:.2f} s, {MAX_SECONDS} s are allowed")
    if found["own"] > MAX_MEMORY * bytes_used:
        wrong.append(f"{dtype}: own memory {found['own'] / bytes_used:.2f} of the weights")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "load_published")
    parser.add_argument("--layers", type=int, default=15)
    parser.add_argument("--measure", choices=("bfloat16", "float32"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.folder, options.measure)))
        return 0
    index = options.folder / "model.safetensors.index.json"
    if (
        not index.exists()
        or json.loads((options.folder / "config.json").read_text())["num_hidden_layers"]
        != options.layers
    ):
        write_checkpoint(options.folder, options.layers)
    weights = read_through(options.folder)
    print(f"{weights / 1e9:.2f} GB of weights in {NUM_SHARDS} shards", flush=True)
    wrong = []
    for dtype in ("bfloat16", "float32"):
        command = [sys.executable, __file__, "--folder", options.folder, "--measure", dtype]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stderr)
            return 1
        wrong += report(dtype, weights, json.loads(done.stdout))
    print("\n".join(wrong) or "within bounds")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
