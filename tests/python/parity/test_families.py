# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Every family gives what the class of `transformers` gives, from the same folder."""

import json
import shutil

import torch
from comparison import LENGTH, TOLERANCE, difference_of, ids_of
from reference import greedy, read_reference, reference_logits
from safetensors.torch import load_file

import omni

# What `transformers` renames between a checkpoint and its model.
PUBLISHED_AS = {
    "mlp.post_mlp_layernorm": "post_mlp_layernorm",
    "self_attn.q_gate_proj": "self_attn.q_b_proj",
    "layernorm.mlp.fc1": "layernorm.W_down",
    "layernorm.mlp.fc2": "layernorm.W_up",
}


def test_logits(case, reference, model, record_property) -> None:
    ids = ids_of(case, 2, LENGTH)
    with torch.no_grad():
        ours, theirs = model.logits(ids), reference_logits(reference, ids)
    difference = difference_of(ours, theirs)
    record_property("difference", difference)
    assert difference <= TOLERANCE


def test_greedy_ids(case, reference, model, record_property) -> None:
    """Ours one by one through the cache, theirs each from a whole pass."""
    prompt = ids_of(case, 1, 12)
    ours = model.generate(prompt[0], max_new_tokens=64, temperature=0.0).tolist()
    record_property("ids", len(ours))
    assert ours == greedy(reference, prompt, 64)


def test_greedy_ids_with_a_repetition_penalty(case, reference, model) -> None:
    """It falls on the ids of the prompt too."""
    prompt = ids_of(case, 1, 12)
    for penalty in (1.3, 0.8):
        sampling = {"max_new_tokens": 24, "temperature": 0.0, "repetition_penalty": penalty}
        ours = model.generate(prompt[0], **sampling).tolist()
        assert ours == greedy(reference, prompt, 24, penalty)


def test_cache(case, folder, tmp_path, record_property) -> None:
    """What is chosen one by one through the cache is best in a whole pass over it too: from
    a short prompt, and from one longer than what a sliding layer keeps (its window and the
    slack of 256), after which its cache slides at every id."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 512}))
    model = omni.load(tmp_path, dtype=torch.float32)
    largest, count = 0.0, 0
    for prompt_length in (1, 300):
        prompt = ids_of(case, 1, prompt_length)
        chosen = model.generate(prompt[0], max_new_tokens=100, temperature=0.0)
        sequence = torch.cat([prompt, chosen[None]], dim=1)
        with torch.no_grad():
            logits = model.logits(sequence)[0, prompt_length - 1 : -1]
        shortfall = logits.amax(-1) - logits.gather(-1, chosen[:, None]).squeeze(-1)
        largest = max(largest, (shortfall.max() / (logits.max() - logits.min())).item())
        count += len(chosen)
    record_property("ids", count)
    record_property("difference", largest)
    assert count == 200
    # Two ids this close may change places by rounding alone.
    assert largest <= 1e-5


def test_gradients(case, reference, folder, model, tmp_path, record_property) -> None:
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
    differences = {
        stored: difference_of(ours[stored], theirs)
        for name, value in reference.named_parameters()
        if value.grad is not None
        for stored, theirs in stored_as(name, value.grad).items()
    }
    record_property("difference", max(differences.values()))
    wrong = {name: share for name, share in differences.items() if not share <= TOLERANCE}
    assert not wrong
    assert len(differences) > 10


def stored_as(name: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
    """A parameter under the names that published checkpoints give its pieces."""
    for held, published in PUBLISHED_AS.items():
        name = name.replace(held, published)
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


def test_in_few_bits_it_computes_nearly_the_same_and_is_stored_so(case, model, tmp_path) -> None:
    ids = ids_of(case, 1, 20)
    with torch.no_grad():
        expected = model.logits(ids)
    quantized = omni.quantize(model, "int8")
    got = quantized.logits(ids)
    error = ((got - expected).norm() / expected.norm()).item()
    assert 1e-4 < error < 0.1
    assert quantized.num_parameters == model.num_parameters
    quantized.save(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    # What stays floating beside the table and norms: routers, and maps read by columns.
    large = [
        name
        for name, value in stored.items()
        if value.dim() > 1 and value.dtype != torch.uint8 and ".mlp.experts." in name
    ]
    assert not large
    loaded = omni.load(tmp_path, dtype=torch.float32)
    assert torch.equal(loaded.logits(ids), got)
    steps = loaded.generate(ids[0], max_new_tokens=4, temperature=0.0).tolist()
    whole = loaded.logits([ids[0].tolist() + steps])[0]
    for place, id_ in enumerate(steps, start=19):
        assert whole[place, id_] >= whole[place].max() - 0.05 * whole[place].std()
