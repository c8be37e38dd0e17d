# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Published folders whose chat template is none, never ends or prints without end: a sentence
each, soon and small."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import omni
from tiny_published_folder import cheaply, refuses

MESSAGES = [{"role": "user", "content": "안녕"}]


def write_template(folder: Path, source: str | bytes) -> Path:
    data = source if isinstance(source, bytes) else source.encode()
    (folder / "chat_template.jinja").write_bytes(data)
    return folder


def write_config(folder: Path, contents: Any) -> Path:
    text = contents if isinstance(contents, str) else json.dumps(contents)
    (folder / "tokenizer_config.json").write_text(text)
    return folder


NO_TEMPLATES: dict[str, tuple[str | bytes, str]] = {
    "open-if": ("{% if messages %}", r"line 1, column \d+: expected {% endif %}"),
    "open-for": ("{% for m in messages %}", "expected {% endfor %}"),
    "open-print": ("a\n\n{{ messages", "line 3"),
    "open-comment": ("{# never", "line 1"),
    "open-raw": ("{% raw %} never", "line 1"),
    "stray-end": ("{% endif %}", "line 1"),
    "unknown-tag": ("{% import 'x' as y %}", "line 1.*import"),
    "unknown-filter": ("{{ messages | evil }}", "line 1.*evil"),
    "unknown-test": ("{{ messages is evil }}", "line 1.*evil"),
    "deep-parentheses": ("{{ " + "(" * 100_000 + "1" + ")" * 100_000 + " }}", "max_depth"),
    "deep-blocks": ("{% if 1 %}" * 8000 + "{% endif %}" * 8000, "max_depth"),
    "deep-lists": ("{{ " + "[" * 100_000 + "]" * 100_000 + " }}", "max_depth"),
    "deep-not": ("{{ " + "not " * 50_000 + "1 }}", "max_depth"),
    "deep-else": ("{{ " + "1 if 0 else " * 15_000 + "1 }}", "max_depth"),
    "large": ("a" * 300_000, r"at most \d+ bytes.*got 300000|up to \d+ bytes.*got 300000"),
    "picture": (b"\x89PNG\r\n\x1a\n{{" + bytes(1000), "line|UTF-8"),
}


@pytest.mark.parametrize("name", NO_TEMPLATES)
def test_no_templates(tmp_path: Path, name: str) -> None:
    source, message = NO_TEMPLATES[name]
    read = partial(omni.read_chat_template, write_template(tmp_path, source))
    refuses(read, rf"(?s)chat_template\.jinja.*{message}")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """As Python reads them: the template prints a replacement character, or is refused."""
    folder = write_template(tmp_path, b"{{ 'a' }}\xff\xfe")
    with cheaply():
        try:
            text = omni.read_chat_template(folder).render(MESSAGES)
        except ValueError as error:
            assert "chat_template.jinja" in str(error) and "UTF-8" in str(error)
        else:
            assert text == "a\ufffd\ufffd"


def test_a_template_without_end(tmp_path: Path) -> None:
    """A terabyte that holds nothing is refused by its size."""
    with (tmp_path / "chat_template.jinja").open("wb") as file:
        file.truncate(1 << 40)
    read = partial(omni.read_chat_template, tmp_path)
    refuses(read, r"chat_template\.jinja.* at most \d+ bytes, got 1099511627776")


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").mkdir()
    refuses(partial(omni.read_chat_template, tmp_path), r"chat_template\.jinja.* is not a file")


NEVER_END = {
    "range": "{% for i in range(10 ** 12) %}{% endfor %}",
    "loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "recursive-loop": "{% for m in messages recursive %}{{ loop(messages) }}{% endfor %}",
    "macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "macros": "{% macro a(n) %}{{ b(n) }}{% endmacro %}{% macro b(n) %}{{ a(n) }}{{ a(n) }}"
    "{% endmacro %}{{ a(1) }}",
    "tree-of-calls": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}"
    "{% endmacro %}{{ m(60) }}",
    "caller": "{% macro m() %}{{ caller() }}{{ caller() }}{% endmacro %}"
    + "{% call m() %}" * 60 + "{% endcall %}" * 60,
    "product": "{{ 'a' * 10 ** 12 }}",
    "list-product": "{{ [0] * 10 ** 12 }}",
    "doubling": "{% set n = namespace(t='ab') %}{% for i in range(60) %}"
    "{% set n.t = n.t + n.t %}{% endfor %}{{ n.t }}",
    "doubling-lists": "{% set n = namespace(t=[1]) %}{% for i in range(60) %}"
    "{% set n.t = n.t + n.t %}{% endfor %}{{ n.t }}",
    "nesting": "{% set n = namespace(t=[]) %}{% for i in range(99999) %}"
    "{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.t }}",
    "shared": "{% set n = namespace(t=['x' * 100]) %}{% for i in range(60) %}"
    "{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.t | tojson }}",
    "printing": "{% for i in range(99999) %}" + "x" * 10_000 + "{% endfor %}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "padding": "{{ '%1000000000d' % 1 }}",
    "braces": "{{ '{:>1000000000}'.format(1) }}",
    "center": "{{ 'a' | center(1000000000) }}",
    "indent": "{{ ('a\\n' * 10000) | indent(1000000) }}",
    "json-indent": "{{ [[[1]]] | tojson(indent=1000000000) }}",
    "join": "{{ range(99999) | join('x' * 100000) }}",
    "replace": "{{ ('a' * 100000) | replace('a', 'b' * 100000) }}",
    "wrap": "{{ ('a' * 100000) | wordwrap(1, wrapstring='x' * 1000) }}",
    "slice": "{{ range(10) | slice(100000000) | list }}",
    "batch": "{{ [1] | batch(100000000, 0) | list }}",
    "cycle": "{% for i in range(10 ** 9) %}{{ loop.cycle(*range(99999)) }}{% endfor %}",
}  # fmt: skip


@pytest.mark.parametrize("name", NEVER_END)
def test_templates_that_never_end(tmp_path: Path, name: str) -> None:
    template = omni.read_chat_template(write_template(tmp_path, NEVER_END[name]))
    refuses(partial(template.render, MESSAGES), r"^\[chat_template\] .*(max_|64 bits)")


CONFIGS: dict[str, tuple[Any, str]] = {
    "number": ({"chat_template": 3}, "`chat_template` a text, or a list"),
    "object": ({"chat_template": {"default": "a"}}, "`chat_template` a text, or a list"),
    "no-default": (
        {"chat_template": [{"name": "rag", "template": "a"}]}, '`chat_template` .*"default"'
    ),
    "no-name": ({"chat_template": [{"template": "a"}]}, "`chat_template` a text, or a list"),
    "template-number": (
        {"chat_template": [{"name": "default", "template": 1}]}, "`chat_template` a text"
    ),
    "no-template": ({"chat_template": "{% if %}"}, "line 1"),
    "large": ({"chat_template": "a" * 300_000}, r"up to \d+ bytes.*got 300000"),
    "token-number": ({"chat_template": "a", "bos_token": 3}, "`bos_token` a text"),
    "token-list": ({"chat_template": "a", "eos_token": ["a"]}, "`eos_token` a text"),
    "token-empty": ({"chat_template": "a", "pad_token": {}}, "`pad_token` a text"),
    "more-tokens": (
        {"chat_template": "a", "additional_special_tokens": "x"},
        "`additional_special_tokens` a list",
    ),
    "list": ([], "expected an object"),
    "empty": ("", "not valid JSON at byte"),
    "truncated": ('{"chat_template": "a', "not valid JSON"),
    "twice": ('{"chat_template": "a", "chat_template": "b"}', "occurs twice"),
    "deep": ('{"x": ' + "[" * 100_000, "nested deeper"),
    "many": ('{"x": [' + "0," * 4_100_000 + "0]}", "more than 1000000 values"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_tokenizer_configs(tmp_path: Path, name: str) -> None:
    contents, message = CONFIGS[name]
    read = partial(omni.read_chat_template, write_config(tmp_path, contents))
    refuses(read, rf"tokenizer_config\.json.*{message}")
