# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""jinja2 set up as `transformers` sets it up for chat templates, to compare with."""

import json
from datetime import datetime
from typing import Any

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

import omni


class Generation(Extension):
    """{% generation %}: marks what a model is taught; prints its body."""

    tags = {"generation"}

    def parse(self, parser: Any) -> jinja2.nodes.CallBlock:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_print"), [], [], body).set_lineno(line)

    def _print(self, caller: Any) -> str:
        return caller()


def tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def raise_exception(message: str) -> None:
    raise jinja2.exceptions.TemplateError(message)


def make_environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment


ENVIRONMENT = make_environment()


def expected_text(source: str, variables: dict) -> str | None:
    """What jinja2 prints; None where it raises anything."""
    try:
        return ENVIRONMENT.from_string(source).render(**variables)
    except Exception:
        return None


def our_text(source: str, variables: dict) -> str | None:
    try:
        return omni.ChatTemplate(source).render(**{"messages": [], "tools": None} | variables)
    except ValueError as error:
        assert str(error).startswith("[chat_template] "), error
        return None


def difference(source: str, variables: dict) -> str:
    """Empty where both print the same or both raise."""
    variables = {"messages": [], "tools": None, "add_generation_prompt": False} | variables
    expected, ours = expected_text(source, variables), our_text(source, variables)
    return "" if expected == ours else f"{source!r}\n  jinja2 {expected!r}\n  ours   {ours!r}"
