# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The C++ transformer beside a decoder written here from the definitions, plain PyTorch
in float64: every switch of transformer_config.h, alone and as published models combine
them. Logits, every gradient and greedy decoding."""

import copy
import json
import shutil
from pathlib import Path

import pytest
import torch

import omni
from decoder_twin import Twin, random_weights

TOKENIZER = Path(__file__).resolve().parents[1] / "golden" / "tiny_unigram.model"
NUM_TEXT_IDS = omni.TextTokenizer.load(TOKENIZER).vocab_size
CONTROLS = ("bos", "eos", "pad", "null", "user", "assistant", "system")

# Parts of the reference's largest value: float32 against float64, and how far at least a
# switch must move the reference for the comparison to mean something.
TOLERANCE = 1e-4
LEAST_CHANGE = 1e-2

PLAIN_LAYER = {
    "num_heads": 4,
    "num_kv_heads": 4,
    "head_width": 8,
    "has_qkv_bias": False,
    "has_output_bias": False,
    "has_qk_norm": False,
    "sliding_window": 0,
    "attention_scale": 0.0,
    "rotary": {
        "kind": "half_rotation",
        "theta": 10000.0,
        "rotary_width": 0,
        "axis_layout": "one_axis",
        "axis_sections": [],
        "position_scale": 1.0,
    },
    "feed_forward_width": 40,
    "has_feed_forward_bias": False,
    "norm_placement": "pre",
}
PLAIN = {
    "vocab_size": NUM_TEXT_IDS + len(CONTROLS),
    "width": 32,
    "layers": [PLAIN_LAYER, PLAIN_LAYER],
    "norm_eps": 1e-6,
    "norm_weight_offset": 0.0,
    "has_tied_head": True,
    "embedding_multiplier": 1.0,
    "residual_multiplier": 1.0,
    "logits_multiplier": 1.0,
    "max_positions": 512,
}
NOT_SWITCHES = {"vocab_size", "max_positions"}


def rotary(**changes) -> dict:
    return {"rotary": changes}


def axes(layout: str, *sections: int) -> dict:
    return rotary(axis_layout=layout, axis_sections=list(sections))


def of_layers(*changes: dict) -> dict:
    return {"layers": list(changes)}


# Changes to the plain configuration, each of which must show in the logits. What is a
# layer's goes to both layers, unless of_layers() says which.
SINGLE = [
    {"width": 48},
    {"norm_eps": 0.3},
    {"norm_weight_offset": 1.0},
    {"has_tied_head": False},
    {"embedding_multiplier": 5.5},
    {"residual_multiplier": 0.4},
    {"logits_multiplier": 0.125},
    {"num_heads": 8},
    {"num_kv_heads": 2},
    {"num_kv_heads": 1},
    {"head_width": 12},
    {"has_qkv_bias": True},
    {"has_output_bias": True},
    {"has_qk_norm": True},
    {"sliding_window": 5},
    {"sliding_window": 1},
    {"attention_scale": 1.0},
    {"feed_forward_width": 56},
    {"has_feed_forward_bias": True},
    {"norm_placement": "post"},
    {"norm_placement": "sandwich"},
    {"norm_placement": "pre_with_feed_forward_post"},
    rotary(kind="none"),
    rotary(kind="interleaved_pairs"),
    rotary(theta=50.0),
    rotary(rotary_width=4),
    rotary(position_scale=0.25),
    axes("sectioned", 2, 1, 1),
    axes("sectioned", 0, 1, 3),
    axes("interleaved", 2, 1, 1),
    of_layers({}, {"sliding_window": 3}),
    of_layers({"num_kv_heads": 1}, {"num_heads": 2, "num_kv_heads": 2, "head_width": 20}),
    of_layers({"feed_forward_width": 24}, {"norm_placement": "sandwich"}),
    of_layers({"rotary": {"theta": 50.0}}, {"rotary": {"kind": "none"}}),
    of_layers({"has_qk_norm": True}, {"has_qkv_bias": True, "attention_scale": 0.9}),
]
PUBLISHED = {
    "biases_and_sections": [
        {"num_kv_heads": 2}, {"has_qkv_bias": True}, axes("sectioned", 1, 2, 1),
        {"has_tied_head": False}, rotary(theta=1e3),
    ],
    "interleaved_axes": [
        {"num_kv_heads": 2}, {"head_width": 16, **axes("interleaved", 4, 2, 2)},
        {"has_qk_norm": True}, rotary(theta=500.0), {"has_tied_head": False},
    ],
    "sandwich_local_global": [
        {"num_kv_heads": 1}, {"norm_placement": "sandwich"}, {"norm_weight_offset": 1.0},
        {"embedding_multiplier": 32**0.5}, {"has_qk_norm": True}, {"attention_scale": 0.25},
        of_layers({"sliding_window": 6}, {"rotary": {"theta": 1e6, "position_scale": 0.125}}),
    ],
    "all_multipliers": [
        {"embedding_multiplier": 3.0}, {"residual_multiplier": 0.3},
        {"logits_multiplier": 0.25}, {"attention_scale": 0.7}, {"num_kv_heads": 2},
    ],
    "partial_pairs": [
        rotary(kind="interleaved_pairs"), rotary(rotary_width=4), {"has_qkv_bias": True},
        {"num_kv_heads": 2}, {"norm_placement": "sandwich"},
    ],
    "sections_of_part": [
        {"head_width": 16, **rotary(rotary_width=12, **axes("sectioned", 2, 1, 3)["rotary"])},
        rotary(kind="interleaved_pairs"), {"has_qk_norm": True},
    ],
    "post_norms": [
        {"norm_placement": "post"}, {"has_qk_norm": True}, {"residual_multiplier": 0.6},
    ],
    "alternating_rotation": [
        of_layers({}, {"rotary": {"kind": "none"}}), {"num_kv_heads": 1},
        {"norm_placement": "pre_with_feed_forward_post"}, {"norm_weight_offset": 1.0},
    ],
    "qk_norm_without_rotation": [rotary(kind="none"), {"has_qk_norm": True}],
    "everything": [
        {"width": 48}, {"norm_eps": 0.1}, {"norm_weight_offset": 0.5},
        {"has_tied_head": False}, {"embedding_multiplier": 2.0},
        {"residual_multiplier": 0.5}, {"logits_multiplier": 0.5}, {"num_kv_heads": 2},
        {"has_qkv_bias": True}, {"has_output_bias": True}, {"has_feed_forward_bias": True},
        {"has_qk_norm": True}, {"sliding_window": 7}, {"attention_scale": 0.6},
        {"norm_placement": "sandwich"},
        {"head_width": 20, **rotary(rotary_width=16, **axes("interleaved", 4, 2, 2)["rotary"])},
        rotary(theta=100.0), rotary(position_scale=0.5),
        of_layers({"rotary": {"kind": "interleaved_pairs"}}, {"feed_forward_width": 24}),
    ],
}  # fmt: skip
CASES = {json.dumps(change).replace('"', ""): [change] for change in SINGLE} | PUBLISHED


def config_of(changes: list[dict]) -> dict:
    def change_layer(layer: dict, change: dict) -> None:
        layer["rotary"] |= change.get("rotary", {})
        layer |= {key: value for key, value in change.items() if key != "rotary"}

    config = PLAIN | {"layers": [copy.deepcopy(PLAIN_LAYER) for _ in PLAIN["layers"]]}
    for change in changes:
        config |= {k: v for k, v in change.items() if k in PLAIN and k != "layers"}
        of_all = {k: v for k, v in change.items() if k in PLAIN_LAYER}
        own = change.get("layers", [{} for _ in config["layers"]])
        for layer, of_one in zip(config["layers"], own, strict=True):
            change_layer(layer, of_all)
            change_layer(layer, of_one)
    return config


def load_model(config: dict, folder: Path) -> omni.OmniModel:
    """The C++ model of a folder written by hand."""
    header, data = {}, b""
    for name, value in random_weights(config).items():
        raw = value.numpy().tobytes()
        offsets = [len(data), len(data) + len(raw)]
        shape = list(value.shape)
        header[f"transformer.{name}"] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    space = {
        "vocab_size": config["vocab_size"],
        "segments": {"text": [0, NUM_TEXT_IDS], "control": [NUM_TEXT_IDS, config["vocab_size"]]},
        "control_ids": {role: NUM_TEXT_IDS + i for i, role in enumerate(CONTROLS)},
    }
    whole = {"name": "twin", "transformer": config, "token_space": space}
    (folder / "config.json").write_text(json.dumps(whole), encoding="utf-8")
    shutil.copy(TOKENIZER, folder / "tokenizer.model")
    return omni.load(folder, dtype=torch.float32)


def text_positions(length: int) -> torch.Tensor:
    return torch.arange(length, dtype=torch.float32).view(-1, 1).expand(-1, 3)


def media_positions(length: int) -> torch.Tensor:
    """(t, y, x) float32 [L, 3], each axis with steps of its own."""
    torch.manual_seed(5)
    return torch.cumsum(torch.rand(length, 3) * torch.tensor([1.0, 2.0, 3.0]), 0)


def random_ids(*shape: int) -> torch.Tensor:
    torch.manual_seed(6)
    return torch.randint(0, PLAIN["vocab_size"], shape)


def assert_near(got: torch.Tensor, expected: torch.Tensor, name: str) -> None:
    assert got.shape == expected.shape, name
    largest = expected.abs().max().item()
    difference = (got.double() - expected).abs().max().item()
    assert largest > 0.0 and difference <= TOLERANCE * largest, (name, difference, largest)


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def changes(request: pytest.FixtureRequest) -> list[dict]:
    return request.param


def test_logits_of_ids(changes: list[dict], tmp_path: Path) -> None:
    config = config_of(changes)
    ids = random_ids(2, 20)
    twin = Twin(config)
    expected = torch.stack([twin.logits(twin.embed(row), text_positions(20)) for row in ids])
    assert_near(load_model(config, tmp_path).logits(ids), expected, "logits")


def test_every_change_moves_the_logits(changes: list[dict]) -> None:
    ids = random_ids(20)

    def logits(some: list[dict]) -> torch.Tensor:
        twin = Twin(config_of(some))
        return twin.logits(twin.embed(ids), media_positions(20))

    expected = logits(changes)
    for i, change in enumerate(changes):
        without = logits(changes[:i] + changes[i + 1 :])
        moved = (without - expected).abs().max() / expected.abs().max()
        assert moved > LEAST_CHANGE, change


def test_gradients_of_packed_rows(changes: list[dict], tmp_path: Path) -> None:
    """Two segments and padding in one row, positions of media, rows that are no ids'."""
    config = config_of(changes)
    model, twin = load_model(config, tmp_path), Twin(config)
    ids, targets, positions = random_ids(20), random_ids(20).flip(0), media_positions(20)
    media = torch.randn(20, config["width"])
    spans = [(0, 13), (13, 18)]
    segments = torch.tensor([0] * 13 + [1] * 5 + [-1] * 2).view(1, -1)

    media_got = media.clone().requires_grad_()
    rows = model.transformer.embed(ids.view(1, -1)) + media_got
    hidden = model.transformer(rows, positions.unsqueeze(0), segments)
    got = model.transformer.logits(hidden)[0, :18]
    torch.nn.functional.cross_entropy(got, targets[:18]).backward()

    media_expected = media.double().requires_grad_()
    rows = twin.embed(ids) + media_expected
    expected = torch.cat([twin.logits(rows[b:e], positions[b:e]) for b, e in spans])
    torch.nn.functional.cross_entropy(expected, targets[:18]).backward()

    assert_near(got, expected, "logits")
    assert_near(media_got.grad, media_expected.grad, "media rows")
    parameters = dict(model.transformer.named_parameters())
    assert parameters.keys() == twin.weights.keys()
    for name, parameter in parameters.items():
        assert_near(parameter.grad, twin.weights[name].grad, name)


def test_greedy_decoding(changes: list[dict], tmp_path: Path) -> None:
    """Rows that come one by one, over the cache: each id is the twin's best."""
    config = config_of(changes)
    prompt = random_ids(9) % NUM_TEXT_IDS
    answer = load_model(config, tmp_path).generate(prompt, max_new_tokens=20)
    assert len(answer) > 0
    ids = torch.cat([prompt, answer])
    twin = Twin(config)
    logits = twin.logits(twin.embed(ids), text_positions(len(ids)))[len(prompt) - 1 : -1]
    best = logits[:, :NUM_TEXT_IDS].max(-1).values
    chosen = logits.gather(1, answer.view(-1, 1)).squeeze(1)
    assert (chosen >= best - TOLERANCE * logits.abs().max()).all()


@pytest.mark.parametrize("name", ["everything", "interleaved_axes", "sandwich_local_global"])
def test_long_rows(name: str, tmp_path: Path) -> None:
    """More rows than one tile of attention holds."""
    config = config_of(PUBLISHED[name])
    ids = random_ids(1, 300)
    twin = Twin(config)
    expected = twin.logits(twin.embed(ids[0]), text_positions(300))
    assert_near(load_model(config, tmp_path).logits(ids)[0], expected, "logits")


def test_every_field_is_a_switch_here(tmp_path: Path) -> None:
    """A field that is new in C++ must come into the twin; but for the other kind of
    attention, experts and scaled frequencies, which tests/python/parity holds to others."""
    known = load_model(config_of([]), tmp_path).config["transformer"]
    layer = known["layers"][0]
    assert known.keys() == PLAIN.keys()
    assert layer["attention"] == "grouped_query"
    assert layer.keys() - {"repeat", "attention"} == PLAIN_LAYER.keys()
    assert layer["rotary"].keys() == PLAIN_LAYER["rotary"].keys()
    switched = set().union(*SINGLE, *(change.get("rotary", {}) for change in SINGLE))
    fields = {*PLAIN, *PLAIN_LAYER, *PLAIN_LAYER["rotary"]}
    assert switched == fields - NOT_SWITCHES
