# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Every family gives what the class of `transformers` gives, from the same folder."""

import pytest
import torch
from reference import build_reference, greedy, read_reference, reference_logits, save_reference
from safetensors.torch import load_file
from tiny_checkpoints import CASES, Case

import omni

LENGTH = 80  # longer than every window and every original context
TOLERANCE = 1e-4  # of the range of the reference


def ids_of(case: Case, batch: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.randint(0, case.config["vocab_size"], (batch, length), generator=generator)


def assert_close(ours: torch.Tensor, theirs: torch.Tensor, what: str) -> None:
    scale = (theirs.max() - theirs.min()).item()
    difference = (ours - theirs).abs().max().item()
    assert difference <= TOLERANCE * scale, f"{what}: {difference:.3g} of a range of {scale:.3g}"


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request) -> Case:
    return request.param


@pytest.fixture(scope="module")
def reference(case: Case) -> torch.nn.Module:
    return build_reference(case)


@pytest.fixture(scope="module")
def folder(case: Case, reference: torch.nn.Module, tmp_path_factory):
    return save_reference(reference, tmp_path_factory.mktemp(str(case)))


@pytest.fixture(scope="module")
def model(folder) -> omni.OmniModel:
    return omni.load(folder, dtype=torch.float32)


def test_logits(case, reference, model) -> None:
    ids = ids_of(case, 2, LENGTH)
    with torch.no_grad():
        ours, theirs = model.logits(ids), reference_logits(reference, ids)
    assert_close(ours, theirs, "logits")


def test_greedy_ids_with_a_cache(case, reference, model) -> None:
    prompt = ids_of(case, 1, 12)
    ours = model.generate(prompt[0], max_new_tokens=64, temperature=0.0).tolist()
    assert ours == greedy(reference, prompt, 64)


def test_gradients(case, reference, folder, model, tmp_path) -> None:
    ids = ids_of(case, 2, LENGTH)

    def loss(logits: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())

    reference.zero_grad()
    loss(reference_logits(reference, ids)).backward()
    model.zero_grad()
    loss(model.logits(ids)).backward()
    # Written under the published names, ours can be laid beside theirs.
    twin = omni.load(folder, dtype=torch.float32)
    with torch.no_grad():
        for target, source in zip(twin.parameters(), model.parameters(), strict=True):
            target.copy_(source.grad if source.grad is not None else torch.zeros_like(source))
    twin.save(tmp_path / "gradients")
    ours = load_file(tmp_path / "gradients" / "model.safetensors")
    checked = 0
    for name, value in reference.named_parameters():
        if value.grad is None:
            continue
        for stored, theirs in stored_as(name, value.grad).items():
            assert_close(ours[stored], theirs, stored)
            checked += 1
    assert checked > 10


def stored_as(name: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
    """A parameter under the names that published checkpoints give its pieces."""
    name = name.replace("mlp.post_mlp_layernorm", "post_mlp_layernorm")
    if name.endswith("experts.gate_up_proj"):
        base = name.removesuffix("gate_up_proj")
        gate, up = value.chunk(2, dim=1)
        return {
            f"{base}{e}.{kind}_proj.weight": part[e]
            for kind, part in (("gate", gate), ("up", up))
            for e in range(len(value))
        }
    if name.endswith("experts.down_proj"):
        base = name.removesuffix("down_proj")
        return {f"{base}{e}.down_proj.weight": value[e] for e in range(len(value))}
    return {name: value}


def test_what_we_save_is_read_by_transformers(case, reference, model, tmp_path) -> None:
    model.save(tmp_path)
    loaded = read_reference(case, tmp_path)
    ids = ids_of(case, 1, 20)
    with torch.no_grad():
        assert torch.equal(reference_logits(loaded, ids), reference_logits(reference, ids))
    again = omni.load(tmp_path, dtype=torch.float32)
    with torch.no_grad():
        assert torch.equal(again.logits(ids), model.logits(ids))
