# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""A real checkpoint beside `transformers`, in float32: SmolLM2-135M-Instruct.

    .venv/bin/python tests/bench/published_parity.py [--folder build/published] [--write]

20 prompts in English and Korean, 64 greedy ids each, have to be equal; the perplexity of
2,000 ids of this project's own texts within 0.01 %; ids of hard lines those of `tokenizers`
(of Whisper's tokenizer too); prompts of the chat template those of `transformers`. --write
puts the table into omni/families/README.md. Downloads about 150 MB the first time."""

import argparse
import math
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from published_weights import FOLDER, ROOT, smollm2, whisper_tokenizer
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.path += [str(ROOT / "tests/python"), str(ROOT / "tests/python/parity")]

from make_matrix import README, replaced, table  # noqa: E402

import omni  # noqa: E402
from chat_template_conversations import CONVERSATIONS, SETTINGS  # noqa: E402
from tokenizer_samples import random_lines, sample_lines  # noqa: E402

MARKS = ("<!-- smollm2: begin (published_parity.py) -->", "<!-- smollm2: end -->")
NUM_NEW = 64
NUM_TEXT = 2000
MAX_PERPLEXITY = 1e-4  # of it, apart
NUM_LINES = 20_000
PROMPTS = (
    "What is the capital of France?",
    "Write a short poem about the sea.",
    "Explain why the sky is blue to a child.",
    "List three fruits that are red.",
    "Translate 'good morning' into Spanish.",
    "How many legs does a spider have, and why?",
    "Write a Python function that adds two numbers.",
    "Summarise: The cat sat on the mat because it was warm there.",
    "What comes next: 2, 4, 8, 16?",
    "Tell me a story that begins with a lost key.",
    "Name a planet that has rings.",
    "Correct this sentence: She go to school yesterday.",
    "안녕하세요, 무엇을 도와줄 수 있나요?",
    "대한민국의 수도는 어디입니까?",
    "하늘이 왜 파란지 짧게 설명해 주세요.",
    "빨간 과일 세 가지를 말해 줘.",
    "바다에 대한 짧은 시를 써 줘.",
    "'고맙습니다'를 영어로 옮기면 무엇인가요?",
    "1부터 10까지 더하면 얼마인가요?",
    "오늘 저녁에 먹을 음식을 추천해 줘.",
)


@dataclass(frozen=True)
class Check:
    what: str
    size: str
    found: str
    passed: bool

    def row(self) -> list[str]:
        return [self.what, self.size, self.found if self.passed else f"**failed**: {self.found}"]


def texts() -> str:
    """What this project says about itself, and the prompts above."""
    files = ("README.md", "omni/nano/MODEL_CARD.md", "CHANGELOG.md")
    own = [(ROOT / name).read_text(encoding="utf-8") for name in files]
    return "\n\n".join(["\n".join(PROMPTS[12:]), *own])


def mean_loss(logits: torch.Tensor, ids: torch.Tensor) -> float:
    return torch.nn.functional.cross_entropy(logits[0, :-1].double(), ids[0, 1:]).item()


def check_greedy(ours: omni.OmniModel, theirs: torch.nn.Module) -> Check:
    equal, count, closest = 0, 0, math.inf
    for prompt in PROMPTS:
        messages = [{"role": "user", "content": prompt}]
        text = ours.chat_template.render(messages, add_generation_prompt=True)
        ids = ours.tokenizer.encode(text, allow_special=True)
        expected = theirs.generate(
            torch.tensor([ids]), max_new_tokens=NUM_NEW, do_sample=False,
            output_logits=True, return_dict_in_generate=True,
        )  # fmt: skip
        wanted = expected.sequences[0, len(ids) :].tolist()
        got = ours.generate(ids, max_new_tokens=NUM_NEW, temperature=0.0).tolist()
        best = torch.cat(expected.logits).topk(2).values
        closest = min(closest, (best[:, 0] - best[:, 1]).min().item())
        equal += got == wanted
        count += len(wanted)
        if got != wanted:
            print(f"{prompt!r}\n  omni         {got}\n  transformers {wanted}")
    found = f"{equal} of {len(PROMPTS)} equal (best two logits at least {closest:.1e} apart)"
    return Check("greedy ids", f"{len(PROMPTS)} prompts, {count} ids", found, equal == len(PROMPTS))


def check_perplexity(
    name: str, ours: omni.OmniModel, theirs: torch.nn.Module, limit: float
) -> Check:
    ids = torch.tensor([ours.tokenizer.encode(texts())[:NUM_TEXT]])
    assert ids.shape[1] == NUM_TEXT
    with torch.no_grad():
        got, wanted = (
            math.exp(mean_loss(logits, ids)) for logits in (ours.logits(ids), theirs(ids).logits)
        )
    apart = abs(got - wanted) / wanted
    found = f"{got:.4f}, transformers {wanted:.4f} ({apart:.1e} apart)"
    return Check(f"perplexity, {name}", f"{NUM_TEXT:,} ids", found, apart <= limit)


def hard_lines() -> Iterator[str]:
    for line in [*sample_lines(11, NUM_LINES), *random_lines(12, 1000)]:
        yield line.decode(errors="replace")
    yield from texts().splitlines(keepends=True)


def check_tokenizer(name: str, path: Path) -> Check:
    ours, theirs = omni.TextTokenizer.load(path), Tokenizer.from_file(str(path))
    lines, wrong = list(hard_lines()), 0
    special = list(ours.special_tokens)
    rng = random.Random(0)
    lines += [line[: len(line) // 2] + rng.choice(special) + line for line in lines[:1000]]
    for allow_special in (False, True):
        theirs.encode_special_tokens = not allow_special
        expected = theirs.encode_batch(lines, add_special_tokens=False)
        for line, encoding in zip(lines, expected, strict=True):
            got = ours.encode(line, allow_special=allow_special)
            is_equal = got == encoding.ids and ours.decode(got) == theirs.decode(
                encoding.ids, skip_special_tokens=False
            )
            wrong += not is_equal
            if not is_equal and wrong <= 5:
                print(f"{name}: {line!r}\n  omni       {got}\n  tokenizers {encoding.ids}")
    return Check(f"tokenizer, {name}", f"{2 * len(lines):,} lines", f"{wrong} differ", wrong == 0)


def check_template(folder: Path, ours: omni.OmniModel) -> Check:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    count, wrong = 0, 0
    for messages in filter(None, CONVERSATIONS.values()):  # transformers takes no empty one
        for setting in SETTINGS:
            expected = printed(
                lambda m=messages, s=setting: tokenizer.apply_chat_template(m, tokenize=False, **s)
            )
            got = printed(lambda m=messages, s=setting: ours.chat_template.render(m, **s))
            count += expected is not None
            wrong += got != expected
            if got != expected:
                print(f"{messages} {setting}\n  omni         {got!r}\n  transformers {expected!r}")
    found = f"{wrong} differ"
    return Check("chat template", f"{count} prompts", found, wrong == 0 and count >= 12)


def printed(render: Callable[[], str]) -> str | None:
    """None where the template refuses."""
    try:
        return render()
    except Exception:  # jinja2's, Python's own or ours
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--write", action="store_true", help="the table into README.md")
    options = parser.parse_args()
    folder, whisper = smollm2(options.folder), whisper_tokenizer(options.folder)
    checks = []
    for name, dtype, limit in (
        ("float32", torch.float32, MAX_PERPLEXITY),
        ("bf16", torch.bfloat16, 2e-3),  # rounding on both sides; neither is the truth
    ):
        ours = omni.load(folder, dtype=dtype)
        theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
        if dtype == torch.float32:
            checks.append(check_greedy(ours, theirs))
            checks.append(check_template(folder, ours))
        checks.append(check_perplexity(name, ours, theirs, limit))
    checks.append(check_tokenizer("SmolLM2", folder / "tokenizer.json"))
    checks.append(check_tokenizer("Whisper tiny.en", whisper))
    content = table(["SmolLM2-135M-Instruct", "over", "found"], [check.row() for check in checks])
    print(content)
    if options.write:
        text = README.read_text(encoding="utf-8")
        README.write_text(replaced(text, content, MARKS), encoding="utf-8")
    return 0 if all(check.passed for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
