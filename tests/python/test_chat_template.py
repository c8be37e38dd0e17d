# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""ChatTemplate prints what jinja2 prints as `transformers` sets it up, to the byte."""

import json
import pickle
import re
import unicodedata
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

import chat_template_cases
import chat_template_cases_blocks
import chat_template_cases_filters
import chat_template_models
import chat_template_models_more
import chat_template_models_rest
import chat_template_random
import omni
from chat_template_cases import CONTEXTS
from chat_template_conversations import CONVERSATIONS, SETTINGS, TOKENS
from chat_template_oracle import difference, expected_text

# Of Python and jinja2, about what the templates do on purpose.
pytestmark = [
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def lists_of(module: ModuleType) -> dict[str, list[str]]:
    return {k: v for k, v in vars(module).items() if k.isupper() and isinstance(v, list)}


CASES = lists_of(chat_template_cases) | lists_of(chat_template_cases_blocks)
CASES |= lists_of(chat_template_cases_filters)
MODELS = {
    name: text
    for module in (chat_template_models, chat_template_models_more, chat_template_models_rest)
    for name, text in vars(module).items()
    if name.isupper()
}


@pytest.mark.parametrize("name", CASES)
def test_constructs(name: str) -> None:
    """Also that many of them print something: a list of errors would prove little."""
    differences = [difference(s, v) for s in CASES[name] for v in CONTEXTS.values()]
    wrong = [text for text in differences if text]
    assert not wrong, "\n".join(wrong[:10])
    printed = [s for s in CASES[name] if expected_text(s, CONTEXTS["full"]) is not None]
    assert len(printed) * 3 > len(CASES[name])


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, record_property) -> None:
    num_printed = 0
    for messages in CONVERSATIONS.values():
        for setting in SETTINGS:
            variables = {"messages": messages, **TOKENS, **setting}
            wrong = difference(MODELS[name], variables)
            assert not wrong, wrong
            num_printed += expected_text(MODELS[name], variables) is not None
    record_property("prompts", num_printed)
    assert num_printed >= 12


@pytest.mark.parametrize("seed", range(4))
def test_random_templates(seed: int) -> None:
    templates = chat_template_random.templates(seed, 250)
    wrong, num_printed = [], 0
    for source in templates:
        expected = expected_text(source, chat_template_random.CONTEXT)
        if expected is not None and " at 0x" in expected.lower():
            continue  # an address in Python's memory
        num_printed += expected is not None
        wrong.append(difference(source, chat_template_random.CONTEXT))
    wrong = [text for text in wrong if text]
    assert not wrong, "\n".join(wrong[:10])
    assert num_printed > 50


def test_messages_of_errors() -> None:
    for source, message in {
        "a\n  {{ x.y }}": "line 2, column 7: 'x' is undefined.",
        "{% if t %}": "line 1, column 11: expected {% endif %}, got the end of the template.",
        "{{ raise_exception('no ' ~ 1) }}": "line 1, column 19: no 1.",
        "안{{ {'a': 1}.b.c }}": "line 1, column 15: 'dict object' has no attribute 'b'.",
        "{{ 1 +* 2 }}": 'line 1, column 7: expected an expression, got "*".',
        "{{ 'a' | nope }}": 'line 1, column 10: expected the name of a filter, got "nope".',
        "{{ 1 + 'a' }}": "line 1, column 6: expected values that + takes, got int and str.",
    }.items():
        with pytest.raises(ValueError, match="^" + re.escape(f"[chat_template] {message}") + "$"):
            omni.ChatTemplate(source).render([])


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(1000000000) %}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ 10 ** 100 }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{% set n = namespace(a=[]) %}{% for i in range(999) %}{% set n.a = [n.a] %}{% endfor %}",
        "{% set n = namespace(a='x') %}{% for i in range(99) %}{% set n.a = n.a * 2 %}{% endfor %}",
    ],
)
def test_hostile_templates_end_in_an_error(source: str) -> None:
    with pytest.raises(ValueError, match=r"^\[chat_template\] .*(max_|64 bits)"):
        omni.ChatTemplate(source).render([])


def test_values_of_python() -> None:
    template = omni.ChatTemplate("{{ v }}|{{ v | tojson }}")
    for value in [1, -(2**63), True, 1.5, None, "안", [1, (2,)], {"b": 1, "a": {"z": None}}]:
        assert template.render([], v=value) == expected_text(template.source, {"v": value})
    assert template.render([], v=OrderedDict(b=1, a=2)) == "{'b': 1, 'a': 2}|{\"b\": 1, \"a\": 2}"
    assert omni.ChatTemplate("{{ tools }}{{ messages }}").render([], tools=[1]) == "[1][]"
    with pytest.raises(TypeError, match=r"^\[chat_template\] expected .*, got object\.$"):
        template.render([], v=[object()])
    with pytest.raises(ValueError, match=r"\[chat_template\] expected a whole number .* 64 bits"):
        template.render([], v=2**63)
    nested: list = []
    nested.append(nested)
    with pytest.raises(ValueError, match=r"\[chat_template\] expected values up to .* deep"):
        template.render([], v=nested)


def test_signature_and_threads() -> None:
    template = omni.ChatTemplate(
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{{ bos }}"
    )
    assert repr(template) == f"ChatTemplate({len(template.source)} characters)"
    messages = [{"role": "user", "content": "a"}]
    with ThreadPoolExecutor(4) as pool:
        texts = pool.map(lambda i: template.render(messages * i, bos=str(i)), range(200))
    assert list(texts) == ["<user>a" * i + str(i) for i in range(200)]
    with pytest.raises(TypeError):
        template.render()


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="tables of Unicode 14")
def test_characters_are_those_of_python() -> None:
    """Every code point, through the methods of texts that ask about it or change it."""
    names = "upper lower title capitalize swapcase isalpha isdecimal isdigit isnumeric isspace"
    names += " isupper islower istitle isprintable isalnum"
    template = omni.ChatTemplate(
        "{% for c in chars %}"
        + "".join(f"{{{{ c.{n}() }}}}," for n in names.split())
        + "\n{% endfor %}"
    )
    for begin in range(0, 0x110000, 0x1000):
        codes = [c for c in range(begin, begin + 0x1000) if not 0xD800 <= c < 0xE000]
        if begin >= 0x30000 and begin < 0xE0000:
            continue  # no characters there
        chars = [chr(c) for c in codes]
        expected = [",".join(str(getattr(c, n)()) for n in names.split()) + "," for c in chars]
        assert template.render([], chars=chars) == "".join(line + "\n" for line in expected), begin


def test_a_template_pickles_with_what_its_folder_says(tmp_path: Path) -> None:
    source = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"
    tokens = {"bos_token": {"content": "<s>"}, "additional_special_tokens": ["<a>", "<b>"]}
    config = tmp_path / "tokenizer_config.json"
    config.write_text(json.dumps({"chat_template": source, **tokens}))
    template = omni.read_chat_template(tmp_path)
    defaults = {"bos_token": "<s>", "additional_special_tokens": ["<a>", "<b>"]}
    assert template.defaults == defaults
    config.unlink()
    twin = pickle.loads(pickle.dumps(template))
    assert twin is not template and twin == template and hash(twin) == hash(template)
    assert twin.defaults == defaults
    assert twin.render([{"content": "안"}]) == template.render([{"content": "안"}]) == "<s>안"
    plain = omni.ChatTemplate(source)
    assert plain.defaults == {} and plain != template and plain != source
    assert plain == omni.ChatTemplate(source) == pickle.loads(pickle.dumps(plain))
    assert plain != omni.ChatTemplate("{{ bos_token }}")
