# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""A vision encoder of 0.4e9 weights, as wide and deep as SigLIP so400m: Omni's, and the
tower of Qwen2-VL in transformers with the same weights.

The tower turns queries and keys as ours does; its LayerNorms are made the RMSNorms that
ours has, its activation the plain GELU, and it ends where ours ends, in a last norm."""

import subprocess
import sys
import time
from pathlib import Path

import torch
from engine_pipe import NUM_THREADS, ROOT, loaded, serve
from safetensors.torch import load_file, save_file

FOLDER = ROOT / "build" / "bench" / "weights" / "vit"
SIDE, PATCH, WIDTH, LAYERS, HEADS, MERGE = 32, 14, 1152, 27, 16, 2
INNER = 4 * WIDTH
THETA = 10000.0
run = None  # patches float32 [P, PATCH^2 * 3] -> rows [P, WIDTH]


def patches() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(SIDE * SIDE, PATCH * PATCH * 3, generator=generator)


def operations() -> float:
    block = 4 * WIDTH * WIDTH + 2 * WIDTH * INNER
    of_rows = LAYERS * block + PATCH * PATCH * 3 * WIDTH
    return 2.0 * SIDE**2 * of_rows + 4.0 * LAYERS * SIDE**4 * WIDTH


def write_folder() -> None:
    """Random weights, rounded to bf16. By another process than those that are measured."""
    import omni

    torch.manual_seed(0)
    encoder = {
        "patch_size": PATCH, "width": WIDTH, "num_layers": LAYERS, "num_heads": HEADS,
        "feed_forward_width": INNER, "merge": MERGE, "rotary_theta": THETA,
    }  # fmt: skip
    side = SIDE * PATCH
    processor = {"height": side, "width": side, "patch_size": PATCH, "merge": MERGE}
    projector = {"input_width": MERGE * MERGE * WIDTH, "output_width": 32}
    vision = {"processor": processor, "encoder": encoder, "projector": projector}
    model = omni.OmniModel({"name": "vit", "vision": vision}).to(torch.bfloat16)
    omni.quantize(model, "int8").save(FOLDER.with_name("vit-int8"))
    model.save(FOLDER)


def load_omni(is_quantized: bool) -> None:
    """Quantized: products of 8 bits by 8 bits, weights in a folder of their own."""
    global run
    import omni

    folder = FOLDER.with_name("vit-int8") if is_quantized else FOLDER
    model = omni.load(folder, dtype=torch.bfloat16)
    grid = [(1, SIDE, SIDE)]
    run = lambda x: model.vit(x, grid).reshape(SIDE * SIDE, WIDTH)  # noqa: E731


def their_name(name: str) -> str:
    renamed = (
        ("layers.", "blocks."), ("attention_norm", "norm1"), ("feed_forward_norm", "norm2"),
        ("attention.qkv", "attn.qkv"), ("attention.output", "attn.proj"),
        ("feed_forward.up", "mlp.fc1"), ("feed_forward.down", "mlp.fc2"),
    )  # fmt: skip
    for ours, theirs in renamed:
        name = name.replace(ours, theirs)
    return {"norm.weight": "merger.weight", "patch_embed.weight": "patch_embed.proj.weight"}.get(
        name, name
    )


def load_transformers(is_compiled: bool, dtype: torch.dtype) -> None:
    global run
    from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLVisionConfig
    from transformers.models.qwen2_vl.modeling_qwen2_vl import (
        Qwen2VisionTransformerPretrainedModel as Tower,
    )

    config = Qwen2VLVisionConfig(
        depth=LAYERS, embed_dim=WIDTH, hidden_size=WIDTH, num_heads=HEADS,
        mlp_ratio=INNER // WIDTH, hidden_act="gelu", patch_size=PATCH, temporal_patch_size=1,
        spatial_merge_size=MERGE, attn_implementation="sdpa",
    )  # fmt: skip
    tower = Tower(config)
    for block in tower.blocks:
        block.norm1, block.norm2 = (torch.nn.RMSNorm(WIDTH, 1e-6) for _ in range(2))
    tower.merger = torch.nn.RMSNorm(WIDTH, 1e-6)
    read = load_file(FOLDER / "model.safetensors")
    weights = {
        their_name(k.removeprefix("vit.")): v for k, v in read.items() if k.startswith("vit.")
    }
    weights.pop("patch_embed.bias")  # zeros
    embed = weights["patch_embed.proj.weight"].view(WIDTH, PATCH, PATCH, 3)
    weights["patch_embed.proj.weight"] = embed.permute(0, 3, 1, 2).unsqueeze(2)
    tower.load_state_dict(weights)
    tower = tower.to(dtype).eval()
    grid = torch.tensor([[1, SIDE, SIDE]])
    forward = tower.forward
    if is_compiled:
        from torch._inductor import config as inductor

        inductor.freezing = True
        forward = torch.compile(tower.forward, dynamic=False)
    # Pixels of a patch by colour first, as its processor lays them.
    by_colour = patches().view(-1, PATCH * PATCH, 3).transpose(1, 2).reshape(SIDE * SIDE, -1)
    run = lambda _: forward(by_colour, grid).pooler_output  # noqa: E731


def load(engine: str) -> dict[str, float]:
    torch.set_num_threads(NUM_THREADS)
    torch.set_grad_enabled(False)
    if not (FOLDER.with_name("vit-int8") / "config.json").exists():
        subprocess.run([sys.executable, __file__, "write"], check=True)
    if engine.startswith("omni"):
        return loaded(lambda: load_omni(engine == "omni int8"))
    dtype = torch.float32 if engine.startswith("float32") else torch.bfloat16
    return loaded(lambda: load_transformers(engine == "compiled", dtype))


def answer(path: str) -> dict:
    """Writes the rows, for others to be compared with."""
    save_file({"rows": run(patches()).float().contiguous()}, Path(path))
    return {}


def encode() -> dict:
    given = patches()
    began = time.perf_counter()
    run(given)
    return {"seconds": time.perf_counter() - began, "count": 1}


if sys.argv[1:] == ["write"]:
    write_folder()
elif __name__ == "__main__":
    serve({"load": load, "answer": answer, "encode": encode,
           "operations": lambda: {"operations": operations()}})  # fmt: skip
