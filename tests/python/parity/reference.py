# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""What families are held against: the classes of `transformers`, and our twin of VAETKI."""

from pathlib import Path

import torch
import transformers
from tiny_checkpoints import Case
from vaetki_twin import Vaetki


def build_reference(case: Case, seed: int = 0) -> torch.nn.Module:
    """The class of the case with weights that make every part matter, float32."""
    if case.family == "vaetki":
        model = Vaetki(case.config).eval()
    else:
        config = transformers.AutoConfig.for_model(case.family, **case.config)
        config._attn_implementation = "eager"
        model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if "inv_freq" in name or not value.is_floating_point():
                continue
            noise = torch.randn(value.shape, generator=generator)
            if "e_score_correction_bias" in name or name.endswith("bias"):
                value.copy_(0.3 * noise)
            elif value.dim() == 1:  # a norm
                value.copy_(0.3 * noise + (0.0 if case.family == "vaetki" else 1.0))
            elif "embed_tokens" in name:
                value.copy_(noise)
            else:
                value.copy_(noise / value.shape[-1] ** 0.5)
    return model


def read_reference(case: Case, folder: Path, dtype: torch.dtype = torch.float32) -> torch.nn.Module:
    if case.family == "vaetki":
        return Vaetki.from_pretrained(folder, case.config).to_dtype(dtype).eval()
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation="eager", dtype=dtype
    ).eval()


def save_reference(model: torch.nn.Module, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder


def reference_logits(model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    return model(input_ids=ids, use_cache=False).logits


def greedy(
    model: torch.nn.Module, ids: torch.Tensor, count: int, repetition_penalty: float = 1.0
) -> list[int]:
    """The most likely ids one after the other, each from a whole forward pass."""
    penalise = transformers.RepetitionPenaltyLogitsProcessor(penalty=repetition_penalty)
    sequence = ids
    for _ in range(count):
        with torch.no_grad():
            logits = reference_logits(model, sequence)[:, -1]
        chosen = penalise(sequence, logits).argmax(-1, keepdim=True)
        sequence = torch.cat([sequence, chosen], dim=1)
    return sequence[0, ids.shape[1] :].tolist()
