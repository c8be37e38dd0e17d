# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Messages and tools as the field's chat APIs write them, as values of the extension."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from . import _omni

KEYS = ("role", "content", "reasoning_content", "tool_calls", "name", "tool_call_id")
EXPECTED_CONTENT = 'expected content as a text or a list of parts {"type": "text", "text": ...}'


def json_of_tools(tools: Sequence[Mapping[str, Any]] | None) -> str:
    """JSON text; empty without tools."""
    return json.dumps(list(tools), ensure_ascii=False) if tools else ""


def message_of(message: _omni.Message | Mapping[str, Any]) -> _omni.Message:
    """A Message of a dict; ValueError for a key that no message has."""
    if isinstance(message, _omni.Message):
        return message
    unknown = [key for key in message if key not in KEYS]
    if unknown or "role" not in message:
        raise ValueError(
            f"[compose] expected messages with the keys {', '.join(KEYS)}, of which role is "
            f"always there, got {', '.join(map(repr, message))}."
        )
    return _omni.Message(
        message["role"],
        _parts_of(message.get("content")),
        reasoning=message.get("reasoning_content") or "",
        tool_calls=[_call_of(call) for call in message.get("tool_calls") or ()],
        tool_name=message.get("name") or "",
        tool_call_id=message.get("tool_call_id") or "",
    )


def _parts_of(content: Any) -> list[Any]:
    parts = content if isinstance(content, list | tuple) else [content]
    return [part for part in map(_part_of, parts) if part != ""]


def _part_of(part: Any) -> Any:
    """A text, or a medium that the extension says more of."""
    if part is None:
        return ""
    if isinstance(part, str | _omni.Image | _omni.Waveform | _omni.VideoClip):
        return part
    if not isinstance(part, Mapping):
        raise TypeError(f"[compose] {EXPECTED_CONTENT}, got {type(part).__name__}.")
    kind = part.get("type")
    if kind != "text":
        raise TypeError(
            f"[compose] {EXPECTED_CONTENT}, got a part of the type {kind!r}. Pictures, sounds "
            'and clips go to omni.Chat: chat.send(omni.read_image("cat.png"), "...").'
        )
    if not isinstance(part.get("text"), str):
        raise TypeError(
            f"[compose] {EXPECTED_CONTENT}, got a text part whose `text` is "
            f"{type(part.get('text')).__name__}."
        )
    return part["text"]


def _call_of(call: _omni.ToolCall | Mapping[str, Any]) -> _omni.ToolCall:
    if isinstance(call, _omni.ToolCall):
        return call
    function = call.get("function", call) if isinstance(call, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str) or not name:
        raise ValueError(
            '[compose] expected tool calls as {"function": {"name": ..., "arguments": {...}}} '
            f"with the name of a function, got {call!r:.200}."
        )
    arguments = function.get("arguments")
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return _omni.ToolCall(name=name, arguments=arguments, id=call.get("id") or "")
