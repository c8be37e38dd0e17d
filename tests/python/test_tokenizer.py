# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""TextTokenizer: strings to ids and back."""

import json
import multiprocessing
import operator
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import torch

import omni

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@pytest.fixture(params=["tiny_unigram.model", "tiny_bpe.model"])
def tokenizer(request: pytest.FixtureRequest) -> omni.TextTokenizer:
    return omni.TextTokenizer.load(GOLDEN / request.param)


@pytest.mark.parametrize("text", ["hello", "안녕하세요, 세상!", "🎉 ok", "", " two  spaces "])
def test_round_trip(text: str) -> None:
    tokenizer = omni.TextTokenizer.load(GOLDEN / "tiny_unigram.model")
    ids = tokenizer.encode(text)
    assert isinstance(ids, list) and all(0 <= i < tokenizer.vocab_size for i in ids)
    assert tokenizer.decode(ids) == text


def test_ids_may_be_any_numbers(tokenizer: omni.TextTokenizer) -> None:
    ids = tokenizer.encode("hello")
    for kind in (tuple, np.array, torch.tensor):
        assert tokenizer.decode(kind(ids)) == "hello"


@pytest.mark.parametrize("name", ["tiny_unigram.model", "tiny_bpe.model"])
def test_it_equals_sentencepiece(name: str) -> None:
    peer = sentencepiece.SentencePieceProcessor(model_file=str(GOLDEN / name))
    text = "hello world, 안녕"
    assert omni.TextTokenizer.load(GOLDEN / name).encode(text) == peer.encode(text)


def test_bytes_and_special_tokens() -> None:
    tokenizer = omni.TextTokenizer.load(GOLDEN / "tiny_unigram.model")
    assert len(tokenizer) == tokenizer.vocab_size
    assert repr(tokenizer) == f"TextTokenizer({tokenizer.vocab_size} ids)"
    pieces = b"".join(tokenizer.bytes_of(i) for i in tokenizer.encode("안녕"))
    assert pieces.strip().decode() == "안녕"
    for text, id_ in tokenizer.special_tokens.items():
        assert tokenizer.encode(text) != [id_]


def test_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes((GOLDEN / "tiny_bpe.model").read_bytes())
    assert omni.TextTokenizer.load(str(tmp_path)).encode("a") == (
        omni.TextTokenizer.load(GOLDEN / "tiny_bpe.model").encode("a")
    )
    with pytest.raises(OSError, match="none.model"):
        omni.TextTokenizer.load(tmp_path / "none.model")


def test_it_pickles_by_content(tmp_path: Path) -> None:
    """With what a tokenizer_config.json beside it says, and when the files are gone."""
    shutil.copy(GOLDEN / "tiny_unigram.model", tmp_path / "some.model")
    plain = omni.TextTokenizer.load(tmp_path / "some.model")
    added = {"added_tokens_decoder": {"6": {"content": "<sep>", "special": True}}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(added))
    tokenizer = omni.TextTokenizer.load(tmp_path / "some.model")
    assert "<sep>" in tokenizer.special_tokens and "<sep>" not in plain.special_tokens
    for path in tmp_path.iterdir():
        path.unlink()
    for ours in (tokenizer, plain):
        twin = pickle.loads(pickle.dumps(ours))
        assert twin is not ours and twin == ours and hash(twin) == hash(ours)
        assert twin.special_tokens == ours.special_tokens
        assert twin.encode("hello, 안녕") == ours.encode("hello, 안녕")
        assert pickle.loads(pickle.dumps(twin)) == ours
    assert tokenizer != plain
    assert plain == omni.TextTokenizer.load(GOLDEN / "tiny_unigram.model")
    assert plain != omni.TextTokenizer.load(GOLDEN / "tiny_bpe.model") and plain != "text"


def test_that_of_a_model_pickles(model: omni.OmniModel, model_folder: Path) -> None:
    loaded = omni.load(model_folder)
    shutil.rmtree(model_folder)
    given = omni.OmniModel(
        model.config, tokenizer=omni.TextTokenizer.load(GOLDEN / "tiny_unigram.model")
    )
    for one in (model, loaded, given):
        assert pickle.loads(pickle.dumps(one.tokenizer)) == one.tokenizer == model.tokenizer


def test_it_goes_to_other_processes(tokenizer: omni.TextTokenizer) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        ids = pool.submit(operator.methodcaller("encode", "hello"), tokenizer).result()
    assert ids == tokenizer.encode("hello")
