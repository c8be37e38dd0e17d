# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""tokenizer.json: ids, ranges and texts are those of the `tokenizers` library, for every
published kind of pre-tokenizer, on lines that are hard on both."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

import omni
from tokenizer_samples import (
    KINDS,
    LLAMA3,
    QWEN2,
    SPECIAL,
    SUPER_BPE,
    random_lines,
    sample_lines,
    trained,
    training_lines,
)

NUM_LINES = 14_000  # of each kind, with and without special tokens parsed
NUM_RANDOM = 1_000


def ours(theirs: Tokenizer, folder: Path) -> omni.TextTokenizer:
    path = folder / "tokenizer.json"
    theirs.save(str(path))
    return omni.TextTokenizer.load(path)


def assert_equal(
    theirs: Tokenizer, tokenizer: omni.TextTokenizer, lines: list[str], allow_special: bool
) -> None:
    """Ids and ranges of each line."""
    theirs.encode_special_tokens = not allow_special
    expected = theirs.encode_batch(lines, add_special_tokens=False)
    for line, encoding in zip(lines, expected, strict=True):
        ids, ranges = tokenizer.encode_with_ranges(line, allow_special)
        if ids != encoding.ids or ranges != encoding.offsets:
            raise AssertionError(
                f"{line!r}: expected {list(zip(encoding.ids, encoding.offsets, strict=True))}, "
                f"got {list(zip(ids, ranges, strict=True))}"
            )


@pytest.mark.parametrize("kind", KINDS)
def test_ids_ranges_and_texts_equal_those_of_tokenizers(
    kind: str, tmp_path: Path, record_property
) -> None:
    theirs = trained(kind)
    tokenizer = ours(theirs, tmp_path)
    assert len(tokenizer) == theirs.get_vocab_size()
    raw = [*sample_lines(1, NUM_LINES), *random_lines(2, NUM_RANDOM)]
    lines = [line.decode(errors="replace") for line in raw]
    for allow_special in (True, False):
        assert_equal(theirs, tokenizer, lines, allow_special)
    # Bytes that are no UTF-8 become what Python makes of them.
    for line, text in zip(raw[:2000] + raw[-NUM_RANDOM:], lines[:2000] + lines[-NUM_RANDOM:],
                          strict=True):  # fmt: skip
        assert tokenizer.encode(line) == tokenizer.encode(text)
    for line in lines[: NUM_LINES // 4]:
        ids = tokenizer.encode(line, allow_special=True)
        assert tokenizer.decode(ids) == theirs.decode(ids, skip_special_tokens=False), line
        assert tokenizer.decode(ids, skip_special=True) == theirs.decode(ids), line
    record_property("lines", len(lines))


@pytest.mark.parametrize("kind", ["gpt2", "qwen2", "llama3"])
def test_any_ids_decode_as_in_tokenizers(kind: str, tmp_path: Path) -> None:
    theirs = trained(kind)
    tokenizer = ours(theirs, tmp_path)
    for seed in range(2000):
        ids = [int.from_bytes(line[:2], "big") % len(tokenizer)
               for line in random_lines(seed, 12) if len(line) > 1]  # fmt: skip
        assert tokenizer.decode(ids, skip_special=True) == theirs.decode(ids)


def test_special_tokens_come_from_text_only_when_allowed(tmp_path: Path) -> None:
    tokenizer = ours(trained("qwen2"), tmp_path)
    text = "<|im_start|>안녕<|im_end|><tool_call>"
    special = tokenizer.special_tokens
    assert set(SPECIAL) < set(special)
    allowed = tokenizer.encode(text, allow_special=True)
    assert allowed[0] == special["<|im_start|>"] and special["<|im_end|>"] in allowed
    plain = tokenizer.encode(text)
    assert not set(plain) & set(special.values())
    assert plain[-1] == allowed[-1]  # <tool_call> is added, but not special
    assert tokenizer.decode(plain) == tokenizer.decode(allowed) == text


def with_normalizer(*parts: normalizers.Normalizer) -> Callable[[Tokenizer], None]:
    def change(tokenizer: Tokenizer) -> None:
        tokenizer.normalizer = normalizers.Sequence(list(parts))

    return change


def with_pre_tokenizer(*parts: pre_tokenizers.PreTokenizer) -> Callable[[Tokenizer], None]:
    def change(tokenizer: Tokenizer) -> None:
        last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*parts, last])

    return change


def split(pattern: str | Regex, behavior: str, invert: bool = False) -> Callable[..., None]:
    return with_pre_tokenizer(pre_tokenizers.Split(pattern, behavior, invert))


BEHAVIORS = ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")
CHANGES = {
    "nfc": with_normalizer(normalizers.NFC()),
    "nfd": with_normalizer(normalizers.NFD()),
    "nfkc": with_normalizer(normalizers.NFKC()),
    "nfkd": with_normalizer(normalizers.NFKD()),
    "lowercase": with_normalizer(normalizers.NFC(), normalizers.Lowercase()),
    "prepend": with_normalizer(normalizers.Prepend("__")),
    "replace": with_normalizer(normalizers.Replace("the", "ab")),
    "delete": with_normalizer(normalizers.Replace(Regex(r"[aeiou]+|\s{2,}"), "")),
    "strip": with_normalizer(normalizers.Strip()),
    "strip_left": with_normalizer(normalizers.Strip(left=True, right=False)),
    "digits": with_pre_tokenizer(pre_tokenizers.Digits(individual_digits=False)),
    "punctuation": with_pre_tokenizer(pre_tokenizers.Punctuation("merged_with_next")),
    "whitespace": with_pre_tokenizer(pre_tokenizers.Whitespace()),
    "whitespace_split": with_pre_tokenizer(pre_tokenizers.WhitespaceSplit()),
    "metaspace": with_pre_tokenizer(pre_tokenizers.Metaspace(prepend_scheme="first")),
    "metaspace_whole": with_pre_tokenizer(pre_tokenizers.Metaspace(split=False)),
    "text_pattern": split(" ", "merged_with_next"),
    **{f"split_{name}": split(Regex(r"\s|[a-e]+"), name) for name in BEHAVIORS},
    **{f"inverted_{name}": split(Regex(QWEN2), name, True) for name in BEHAVIORS},
    "word_escapes": split(Regex(r"\b\w+|\h+|\S\D"), "isolated"),
    "anchors": split(Regex(r"^.|.$|(?m:a.)"), "isolated"),
    "possessive": split(Regex(r"\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]*+"), "isolated"),
    "scripts": split(Regex(r"[\p{Han}\p{Hangul}]+|\p{^L}|\p{Lowercase_Letter}+"), "isolated"),
    "super_bpe_twice": split(Regex(SUPER_BPE + "|" + LLAMA3), "contiguous"),
}  # fmt: skip


@pytest.fixture(scope="module")
def base() -> str:
    return trained("gpt2").to_str()


@pytest.mark.parametrize("change", CHANGES)
def test_every_part_equals_that_of_tokenizers(change: str, base: str, tmp_path: Path) -> None:
    theirs = Tokenizer.from_str(base)
    CHANGES[change](theirs)
    lines = [line.decode(errors="replace") for line in sample_lines(3, 1500)]
    assert_equal(theirs, ours(theirs, tmp_path), lines, allow_special=True)


def test_a_byte_level_prefix_space(base: str, tmp_path: Path) -> None:
    theirs = Tokenizer.from_str(base)
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    theirs.post_processor = processors.ByteLevel(trim_offsets=True)
    lines = [line.decode(errors="replace") for line in sample_lines(4, 1500)]
    assert_equal(theirs, ours(theirs, tmp_path), lines, allow_special=True)


@pytest.mark.parametrize("scheme", ["always", "first", "never"])
@pytest.mark.parametrize("fuse", [True, False])
def test_unknown_characters(scheme: str, fuse: bool, tmp_path: Path) -> None:
    theirs = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=fuse))
    theirs.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    theirs.decoder = decoders.Metaspace(prepend_scheme=scheme)
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<unk>"], limit_alphabet=80, show_progress=False
    )
    theirs.train_from_iterator(training_lines()[:1000], trainer)
    theirs.add_tokens([AddedToken("the", lstrip=True), AddedToken("안녕", rstrip=True)])
    tokenizer = ours(theirs, tmp_path)
    lines = [line.decode(errors="replace") for line in sample_lines(5, 1500)]
    assert_equal(theirs, tokenizer, lines, allow_special=True)
    for line in lines:
        ids = tokenizer.encode(line)
        assert tokenizer.decode(ids) == theirs.decode(ids, skip_special_tokens=False)


def test_the_frame_makes_the_ids_of_a_whole_text(base: str, tmp_path: Path) -> None:
    theirs = Tokenizer.from_str(base)
    special = [(token, theirs.token_to_id(token)) for token in SPECIAL]
    theirs.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single=f"{SPECIAL[1]} $A {SPECIAL[2]} {SPECIAL[0]}", special_tokens=special
            ),
        ]
    )
    tokenizer = ours(theirs, tmp_path)
    before, after = tokenizer.frame
    assert before + tokenizer.encode("안녕") + after == theirs.encode("안녕").ids
    assert ours(Tokenizer.from_str(base), tmp_path).frame == ([], [])


def test_old_files_spell_merges_as_text(base: str, tmp_path: Path) -> None:
    document = json.loads(base)
    assert isinstance(document["model"]["merges"][0], list)
    document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    del document["model"]["type"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "new.json").write_text(base, encoding="utf-8")
    new = omni.TextTokenizer.load(tmp_path / "new.json")
    old = omni.TextTokenizer.load(tmp_path)
    assert old.encode("안녕하세요 the answer") == new.encode("안녕하세요 the answer")


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text('{"model": {"type": "Unigram", "vocab": [["a", 0.5]]}}')
    with pytest.raises(ValueError, match=r"tokenizer\.json: expected model BPE, got Unigram"):
        omni.TextTokenizer.load(path)
    path.write_text('{"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}}')
    with pytest.raises(OSError, match=r"tokenizer\.json: expected the id of token \"a\""):
        omni.TextTokenizer.load(tmp_path)
