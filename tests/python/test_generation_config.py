# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""generation_config.json of published folders: what it limits, and that it is kept."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import omni
from chat_template_models import QWEN3
from scripted_checkpoint import CLOSED, byte_tokenizer, save_scripted, tiny_config
from tiny_published_folder import write_folder

SETTINGS: dict[str, Any] = {
    "bos_token_id": 1,
    "cache_implementation": "hybrid",
    "do_sample": False,
    "eos_token_id": [2, 3],
    "max_new_tokens": 2048,
    "pad_token_id": 0,
    "temperature": 0.7,
    "top_k": 20,
    "transformers_version": "4.51.0",
}


def loaded(folder: Path, settings: dict[str, Any]) -> omni.OmniModel:
    write_folder(folder)
    (folder / "generation_config.json").write_text(json.dumps(settings, indent=4))
    return omni.load(folder, dtype=torch.float32)


def saved(model: omni.OmniModel, folder: Path) -> dict[str, Any]:
    model.save(folder)
    return json.loads((folder / "generation_config.json").read_text())


def test_it_is_saved_as_it_came(tmp_path: Path) -> None:
    model = loaded(tmp_path, SETTINGS)
    assert (model.sampling_defaults.temperature, model.sampling_defaults.top_k) == (0.0, 20)
    model.save(tmp_path / "twin")
    before, after = (f / "generation_config.json" for f in (tmp_path, tmp_path / "twin"))
    assert after.read_bytes() == before.read_bytes()


def test_other_sampling_is_written_into_it(tmp_path: Path) -> None:
    model = loaded(tmp_path, SETTINGS)
    model.sampling_defaults = omni.SamplingOptions(temperature=0.5, max_text_tokens=9)
    after = saved(model, tmp_path / "twin")
    changed = {"do_sample": True, "temperature": 0.5, "top_k": 0, "max_new_tokens": 9}
    assert after == SETTINGS | changed
    twin = omni.load(tmp_path / "twin").sampling_defaults
    assert twin == omni.SamplingOptions(temperature=0.5, max_text_tokens=9, top_k=0)


def test_a_folder_without_one_gets_what_ends_answers(tmp_path: Path) -> None:
    model = omni.load(write_folder(tmp_path), dtype=torch.float32)
    ids = model.eos_ids
    assert saved(model, tmp_path / "twin").get("eos_token_id", []) == (
        ids[0] if len(ids) == 1 else ids
    )


@pytest.fixture
def scripted(tmp_path: Path) -> Path:
    """Says "one two<|endoftext|>three" after its template."""
    words = ["one", " two", "three", CLOSED]
    tokenizer = byte_tokenizer(words)
    config = tiny_config("qwen3", tokenizer.get_vocab_size() + 8)
    script = [CLOSED, "one", " two", "<|endoftext|>", "three"]
    save_scripted(tmp_path, config, tokenizer, QWEN3, [script])
    return tmp_path


def test_its_limit_of_text_is_that_of_answers(scripted: Path) -> None:
    def said(model: omni.OmniModel, **options: Any) -> tuple[str, str]:
        reply = omni.Chat(model, thinks=False).send("a", **options)
        return reply.text, reply.stop_reason

    whole = "one twothree"
    assert said(omni.load(scripted)) == (whole, "end_of_turn")
    path = scripted / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"max_new_tokens": 1}))
    model = omni.load(scripted)
    assert said(model) == ("one", "length")
    assert said(model, max_text_tokens=2) == ("one two", "length")
    # What is generated in ids has a limit of its own.
    prompt = model.compose([{"role": "user", "content": "a"}], thinks=False)
    assert len(model.generate(prompt, max_new_tokens=3)) == 3


def test_a_special_token_may_be_a_stop_string(scripted: Path) -> None:
    model = omni.load(scripted)
    stop = {"stop": ["<|endoftext|>"]}
    reply = omni.Chat(model, thinks=False).send("a", **stop)
    assert (reply.text, reply.stop_reason) == ("one two", "stop_string")
    prompt = model.compose([{"role": "user", "content": "a"}], thinks=False)
    end = model.tokenizer.special_tokens["<|endoftext|>"]
    for answer in (model.generate(prompt, **stop), *model.generate([prompt, prompt], **stop)):
        assert model.tokenizer.decode(answer) == "one two<|endoftext|>"
        assert answer[-1] == end
    assert len(model.generate(prompt)) == 5
