# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Tokenizers of every published kind, trained here, and lines of text that are hard on
them. The same for a seed everywhere."""

import json
import random
from collections.abc import Iterator

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

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
SUPER_BPE = (  # EXAONE 4.5, K-EXAONE
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
    r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK3 = (  # one after the other, each within the pieces of the last
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
)
KINDS = (
    "gpt2", "qwen2", "llama3", "super_bpe", "o200k", "digits", "deepseek3", "metaspace", "llama2"
)  # fmt: skip

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
ADDED = [
    AddedToken("<tool_call>", normalized=False),
    AddedToken("<mask>", lstrip=True, special=True, normalized=False),
    AddedToken("<tail>", rstrip=True, normalized=False),
    AddedToken("<both>", lstrip=True, rstrip=True, normalized=False),
    AddedToken("word", single_word=True, normalized=False),
    AddedToken("정규", normalized=True),
]


def byte_level(pattern: str | None, **options: bool) -> pre_tokenizers.PreTokenizer:
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None, **options)
    if pattern is None:
        return last
    split = pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False)
    return pre_tokenizers.Sequence([split, last])


def untrained(kind: str) -> tuple[Tokenizer, list[str]]:
    """The tokenizer and the tokens its training begins with."""
    if kind in ("metaspace", "llama2"):
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        first = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
        if kind == "metaspace":
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
            tokenizer.decoder = decoders.Sequence(
                [decoders.Metaspace(prepend_scheme="first"), decoders.ByteFallback()]
            )
        else:
            tokenizer.normalizer = normalizers.Sequence(
                [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
            )
            steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
            tokenizer.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)])
        return tokenizer, first
    tokenizer = Tokenizer(models.BPE(ignore_merges=kind == "llama3"))
    patterns = {"qwen2": QWEN2, "llama3": LLAMA3, "super_bpe": SUPER_BPE, "o200k": O200K}
    tokenizer.pre_tokenizer = byte_level(patterns.get(kind))
    if kind == "digits":
        digits = pre_tokenizers.Digits(individual_digits=True)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, tokenizer.pre_tokenizer])
    if kind == "deepseek3":
        splits = [pre_tokenizers.Split(Regex(p), behavior="isolated") for p in DEEPSEEK3]
        last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, last])
    if kind in ("qwen2", "super_bpe"):
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=kind == "gpt2")
    return tokenizer, []


def trained(kind: str, vocab_size: int = 3000) -> Tokenizer:
    tokenizer, first = untrained(kind)
    is_bytes = kind not in ("metaspace", "llama2")
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=first,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if is_bytes else [],
        limit_alphabet=256 if is_bytes else 600,
        show_progress=False,
        max_token_length=40,
    )
    tokenizer.train_from_iterator(training_lines(), trainer)
    # Byte tokens are no added tokens in published files.
    document = json.loads(tokenizer.to_str())
    document["added_tokens"] = [t for t in document["added_tokens"] if t["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.add_tokens(ADDED)
    return tokenizer


def training_lines() -> list[str]:
    """Without tokens: text would merge to them, which ours never lets it."""
    lines = (line.decode(errors="replace") for line in sample_lines(7, 4000))
    return [line for line in lines if not any(token in line for token in TOKENS)]


WORDS = (
    "안녕하세요 세상 무엇이 보이나요 빨간 원이 파란 네모 왼쪽에 있어요 그림을 그려 줘 노래 소리 "
    "어디에서 왔습니까 함께 갑시다 뷁 쀍 똠방각하 the of and to in that model reads text pictures "
    "sound answer Don't WE'LL she's I'VE they're it'd Hello HELLO hello123 3.14159 1,000,000 "
    "2026-11-28 日本語 テキスト ひらがな 中文字符 模型 ภาษาไทย العربية עברית हिन्दी ελληνικά "
    "русский naïve café Ångström ﬁn ＡＢＣ １２３ ① Ⅷ ½ x² ſtraße İstanbul word words "
    "sword 정규 정규화"
).split()
CODE = [
    "for (int i = 0; i < n; ++i) {\n\tx[i] += \"y\";\n}",
    "def f(x: int) -> str:\n    return f\"{x!r}\"  # comment\n",
    "<div class='a'>&nbsp;</div>", "https://example.org/a/b?c=d#e", "a/b//c/\n", "///\r\n",
    "SELECT * FROM t WHERE a >= 1;", "\\frac{1}{2}", "#include <vector>", "!!!???...", "——「」",
]  # fmt: skip
MARKS = [
    "e\u0301", "a\u0323\u0302", "\u1112\u1161\u11ab", "\u1100\u1161", "각\u11a8", "가\u11a8",
    "ㅋㅋㅋ", "ㅠㅠ", "ㄳ", "ﾊﾟ", "か\u3099", "\u0344", "\u2126", "\u212b", "\ufb1d", "한\u0301",
    "👩‍👩‍👧‍👦", "👍🏽", "🇰🇷", "❤️", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "\u200b", "\u200d", "\ufeff", "\ufffd",
    "\u180e", "\u0085", "\u00a0", "\u2028", "\u3000", "\u202f", "\x00", "\x1c", "\x7f", "▁", "▁▁",
    "<0x41>", "Ġ", "Ċ", "'ſ", "'S", "’s", "'", "\u0e33", "\u0f73", "\u09c7\u09be",
]  # fmt: skip
SPACES = [" ", "  ", "   ", " " * 17, "\t", "\n", "\r\n", "\n\n", " \n", "\n ", "\r", "\x0b", ""]
TOKENS = SPECIAL + [token.content for token in ADDED] + ["<s>", "</s>", "<unk>"]
RANGES = [
    (0xAC00, 0xD7A3), (0x1100, 0x11FF), (0x3130, 0x318F), (0x3040, 0x30FF), (0x4E00, 0x9FFF),
    (0x20, 0x7E), (0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x620, 0x6FF),
    (0xE00, 0xE7F), (0x900, 0x97F), (0x2000, 0x206F), (0x1F300, 0x1F6FF), (0x1D400, 0x1D7FF),
]  # fmt: skip


def piece(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.62:
        return rng.choice(WORDS)
    if kind < 0.70:
        return rng.choice(MARKS)
    if kind < 0.75:
        return rng.choice(CODE)
    if kind < 0.83:
        first, last = rng.choice(RANGES)
        return "".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 6)))
    if kind < 0.88:
        return rng.choice(TOKENS)
    if kind < 0.92:
        return str(rng.randint(0, 10 ** rng.randint(1, 9)))
    return rng.choice(SPACES)


def sample_lines(seed: int, count: int) -> Iterator[bytes]:
    """UTF-8 with a broken byte here and there."""
    rng = random.Random(seed)
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 9)):
            parts.append(piece(rng))
            if rng.random() < 0.6:
                parts.append(rng.choice(SPACES) if rng.random() < 0.3 else " ")
        line = bytearray("".join(parts).encode())
        if line and rng.random() < 0.08:
            line[rng.randrange(len(line))] = rng.randrange(256)
        yield bytes(line)


def random_lines(seed: int, count: int) -> Iterator[bytes]:
    """Any bytes at all."""
    rng = random.Random(seed)
    for _ in range(count):
        yield rng.randbytes(rng.randint(0, 24))
