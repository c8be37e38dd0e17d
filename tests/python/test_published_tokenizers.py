# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Published folders whose tokenizer.json is not what it claims to be, or not for this model:
a sentence each that names the file, soon and small."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

import omni
from tiny_published_folder import cheaply, refused, refuses, write_folder

Document = dict[str, Any]
Change = Callable[[Document], Any]

HUGE = 10**9


def document() -> Document:
    """A tokenizer of the folder's 16 ids."""
    words = ["a", "b", "</s>", "ab", "c", "abc", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"]
    return {
        "version": "1.0",
        "added_tokens": [{"id": 2, "content": "</s>", "special": True, "normalized": False}],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "BPE",
            "vocab": {word: id_ for id_, word in enumerate(words)},
            "merges": [["a", "b"], ["ab", "c"]],
        },
    }


def write_tokenizer(folder: Path, contents: Document | str | bytes) -> Path:
    write_folder(folder)
    if isinstance(contents, dict):
        contents = json.dumps(contents)
    data = contents if isinstance(contents, bytes) else contents.encode()
    (folder / "tokenizer.json").write_bytes(data)
    return folder


def test_the_tokenizer_itself_loads(tmp_path: Path) -> None:
    with cheaply():
        model = omni.load(write_tokenizer(tmp_path, document()), dtype=torch.float32)
    assert model.tokenizer.encode("abcab") == [5, 3]


def model_with(**settings: Any) -> Change:
    return lambda d: d["model"].update(settings)


def vocabulary_with(**ids: Any) -> Change:
    return lambda d: d["model"]["vocab"].update(ids)


def added(**settings: Any) -> Change:
    """Another added token."""
    token = {"id": 15, "content": "m", "special": False} | settings
    return lambda d: d["added_tokens"].append({k: v for k, v in token.items() if v is not None})


def part(name: str, value: Any) -> Change:
    return lambda d: d.update({name: value})


def without(name: str) -> Change:
    return lambda d: d["model"].pop(name)


def split(pattern: Any) -> Change:
    settings = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    return part("pre_tokenizer", settings)


VOCABULARIES: dict[str, tuple[Change, str]] = {
    "id-twice": (vocabulary_with(b=0), r'one token for each id, got "a" and "b" for 0'),
    "id-negative": (vocabulary_with(b=-1), 'token "b".* from 0 .*got -1'),
    "id-huge": (vocabulary_with(b=HUGE), 'token "b".* got 1000000000'),
    "id-of-65-bits": (vocabulary_with(b=2**64), 'token "b"'),
    "id-fraction": (vocabulary_with(b=1.5), r'token "b".* got 1\.5'),
    "id-text": (vocabulary_with(b="1"), 'token "b".* got a string'),
    "id-list": (vocabulary_with(b=[1]), 'token "b".* got a list'),
    "id-object": (vocabulary_with(b={}), 'token "b".* got an object'),
    "id-null": (vocabulary_with(b=None), 'token "b".* got null'),
    "id-boolean": (vocabulary_with(b=True), 'token "b".* got a boolean'),
    "ids-apart": (vocabulary_with(z=3_000_000), "without gaps, got ids to 3000000"),
    "token-long": (vocabulary_with(**{"z" * 70_000: 16}), "at most 65536 bytes"),
    "vocab-list": (model_with(vocab=["a", "b"]), "vocab"),
    "vocab-text": (model_with(vocab="a"), "vocab"),
    "vocab-none": (without("vocab"), "vocab"),
    "no-tokens": (
        lambda d: d.update(added_tokens=[], model={"type": "BPE", "vocab": {}, "merges": []}),
        "tokens in model.vocab, got none",
    ),
    "added-twice": (added(id=2, content="</s>"), "each added token once"),
    "added-other-id": (added(id=14), r'"l" and "m" for 14'),
    "added-empty": (added(content=""), "1 to 4096 bytes, got 0"),
    "added-long": (added(content="z" * 5000), "1 to 4096 bytes, got 5000"),
    "added-negative": (added(id=-1), r"added_tokens\[1\]\.id.* from 0, got -1"),
    "added-huge": (added(id=HUGE), "ids to 4000000, got 1000000000"),
    "added-no-id": (added(id=None), r"added_tokens\[1\]\.id.* got nothing"),
    "added-no-content": (added(content=None), r"added_tokens\[1\]\.content.* got nothing"),
    "added-flag": (added(special="yes"), r"added_tokens\[1\]\.special.* got \"yes\""),
    "added-object": (part("added_tokens", {"</s>": 2}), "`added_tokens` a list"),
    "added-number": (part("added_tokens", [2]), r"added_tokens\[0\].* an object"),
}
MERGES: dict[str, tuple[Change, str]] = {
    "of-unknown": (model_with(merges=[["a", "nobody"]]), '"nobody" in merge 0'),
    "to-unknown": (model_with(merges=[["a", "b"], ["b", "c"]]), '"bc" in merge 1'),
    "one": (model_with(merges=[["a"]]), "merge 0 .* got 1 strings"),
    "three": (model_with(merges=[["a", "b", "c"]]), "merge 0 .* got more than two"),
    "text-without-space": (model_with(merges=["ab"]), 'merge 0 .* got "ab"'),
    "text-with-two": (model_with(merges=["a b c"]), 'merge 0 .* got "a b c"'),
    "number": (model_with(merges=[3]), "merge 0 "),
    "of-numbers": (model_with(merges=[[0, 1]]), "merge 0 "),
    "object": (model_with(merges={"a": "b"}), "merges"),
    "none": (without("merges"), "merges"),
}
KINDS: dict[str, tuple[Change, str]] = {
    "unigram": (model_with(type="Unigram"), "model BPE, got Unigram"),
    "word-piece": (model_with(type="WordPiece"), "model BPE, got WordPiece"),
    "word-level": (model_with(type="WordLevel"), "model BPE, got WordLevel"),
    "unheard-of": (model_with(type="x" * 100_000), "model BPE, got x"),
    "number": (model_with(type=3), r"model\.type.* a string, got 3"),
    "model-list": (part("model", []), "`model` an object, got a list"),
    "model-none": (lambda d: d.pop("model"), "`model` an object, got nothing"),
    "dropout": (model_with(dropout=0.1), "without dropout"),
    "dropout-text": (model_with(dropout="some"), "dropout"),
    "suffix": (model_with(end_of_word_suffix="</w>"), "without end_of_word_suffix"),
    "prefix": (model_with(continuing_subword_prefix="##"), "without continuing_subword_prefix"),
    "unknown": (model_with(unk_token="<unk>"), 'unk_token in the vocabulary, got "<unk>"'),
    "unknown-id": (model_with(unk_token=0), r"model\.unk_token.* a string, got 0"),
    "fallback-text": (model_with(byte_fallback="yes"), r"model\.byte_fallback"),
    "normalizer": (part("normalizer", {"type": "Nobody"}), "normalizer.*Nobody"),
    "pre-tokenizer": (part("pre_tokenizer", {"type": "Nobody"}), "pre_tokenizer.*Nobody"),
    "decoder": (part("decoder", {"type": "Nobody"}), "decoder.*Nobody"),
    "post-processor": (part("post_processor", {"type": "Nobody"}), "post_processor.*Nobody"),
    "normalizer-text": (part("normalizer", "NFC"), "`normalizer` an object"),
    "pre-tokenizer-list": (part("pre_tokenizer", []), "`pre_tokenizer` an object"),
    "no-type": (part("pre_tokenizer", {}), r"pre_tokenizer.*type"),
    "sequence": (part("decoder", {"type": "Sequence", "decoders": [{"type": "?"}]}), r"\?"),
    "frame": (
        part(
            "post_processor",
            {
                "type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "<x>", "type_id": 0}}],
                "special_tokens": {},
            },
        ),
        "<x>",
    ),
}
PATTERNS: dict[str, tuple[Change, str]] = {
    "open": (split({"Regex": "(a"}), r"regular expression.*\(a"),
    "range": (split({"Regex": "[z-a]"}), r"regular expression.*\[z-a\]"),
    "property": (split({"Regex": r"\p{Nobody}"}), "regular expression.*Nobody"),
    "repeated": (split({"Regex": "(?:a{1000}){1000}{1000}"}), "regular expression"),
    "deep": (split({"Regex": "(" * 5000 + ")" * 5000}), "regular expression"),
    "long": (split({"Regex": "a|" * 500_000}), "regular expression"),
    "code": (split({"Regex": "(?{print 1})"}), "regular expression"),
    "recursive": (split({"Regex": r"(?R)a"}), "regular expression"),
    "number": (split({"Regex": 3}), "Regex.*got 3"),
    "kind": (split({"Glob": "*"}), "pattern"),
    "list": (split(["a"]), "pattern"),
    "empty": (split({"String": ""}), "pattern|String"),
    "behavior": (
        part(
            "pre_tokenizer",
            {"type": "Split", "pattern": {"String": " "}, "behavior": "Exploded", "invert": False},
        ),
        "behavior.*Exploded",
    ),
}


@pytest.mark.parametrize("name", VOCABULARIES)
def test_vocabularies(tmp_path: Path, name: str) -> None:
    refuse_changed(tmp_path, *VOCABULARIES[name])


@pytest.mark.parametrize("name", MERGES)
def test_merges(tmp_path: Path, name: str) -> None:
    refuse_changed(tmp_path, *MERGES[name])


@pytest.mark.parametrize("name", KINDS)
def test_kinds(tmp_path: Path, name: str) -> None:
    refuse_changed(tmp_path, *KINDS[name])


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns(tmp_path: Path, name: str) -> None:
    refuse_changed(tmp_path, *PATTERNS[name])


def refuse_changed(folder: Path, change: Change, message: str) -> None:
    changed = document()
    change(changed)
    refused(write_tokenizer(folder, changed), rf"(?s)tokenizer\.json.*{message}")


@pytest.mark.parametrize("change", (vocabulary_with(z=16), added(id=16, content="<z>")))
def test_ids_beyond_the_model(tmp_path: Path, change: Change) -> None:
    changed = document()
    change(changed)
    refused(write_tokenizer(tmp_path, changed), r"at most 16 ids.* got one of 17\. .*another model")


@pytest.mark.parametrize(
    "pattern", (r"(a+)+$", r"(a|aa)+$", r"(?:a?){30}a{30}$", r"(.*)*\d", r"(?=(a+)+$)")
)
def test_patterns_that_never_end_give_up(tmp_path: Path, pattern: str) -> None:
    changed = document()
    split({"Regex": pattern})(changed)
    model = omni.load(write_tokenizer(tmp_path, changed), dtype=torch.float32)
    for length in (10, 30, 1000, 20_000):
        encode = partial(model.tokenizer.encode, "a" * length + "b!")
        try:
            with cheaply():
                encode()
        except OSError:
            refuses(encode, r"tokenizer\.json.*quick to match")


TEXTS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "not valid JSON at byte"),
    "truncated": (json.dumps(document())[:200], "not valid JSON at byte 201"),
    "list": ("[1, 2]", "no JSON object"),
    "null": ("null", "no JSON object"),
    "nan": ('{"model": NaN}', "not valid JSON at byte"),
    "two": ("{}{}", "not valid JSON at byte 3"),
    "nul": (b'{"model": {}\0}', "not valid JSON at byte 12"),
    "no-utf-8": (b'{"model": {"vocab": {"\xff\xfe": 0}}}', "not valid JSON at byte"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(1000), "not valid JSON at byte"),
    "key-twice": ('{"model": {}, "model": {}}', 'each key once, got "model" twice'),
    "vocab-elsewhere": (
        '{"a": {"vocab": 0}, "model": [{"b": 0}]}', "`model` an object, got a list",
    ),
    "deep": ('{"x": ' + "[" * 100_000, "at most 64 deep"),
    "deep-objects": ('{"x":' * 100_000, "at most 64 deep"),
    # A megabyte, most of it values that nobody asked for.
    "many-values": ('{"x": [' + "0," * 500_000 + "0]}", "`model` an object, got nothing"),
    "many-lists": ('{"x": [' + "[]," * 330_000 + "0]}", "`model` an object, got nothing"),
    "many-keys": (
        '{"x": {' + ",".join(f'"{i}":0' for i in range(100_000)) + "}}",
        "`model` an object, got nothing",
    ),
    "many-added": (
        json.dumps(document() | {"added_tokens": document()["added_tokens"] * 15_000}),
        "each added token once",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_texts(tmp_path: Path, name: str) -> None:
    text, message = TEXTS[name]
    refused(write_tokenizer(tmp_path, text), rf"tokenizer\.json.*{message}")


def test_a_file_without_end(tmp_path: Path) -> None:
    """A terabyte that holds nothing is refused by its size."""
    write_folder(tmp_path)
    with (tmp_path / "tokenizer.json").open("wb") as file:
        file.truncate(1 << 40)
    refused(tmp_path, r"tokenizer\.json.* at most \d+ bytes, got 1099511627776")


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "tokenizer.json").mkdir()
    refused(tmp_path, r"tokenizer\.json: expected .* inside, found neither")
