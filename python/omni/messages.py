# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Messages and tools as the field's chat APIs write them, as values of the extension."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from . import _omni

KEYS = ("role", "content", "reasoning_content", "tool_calls", "name", "tool_call_id")


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
    content = message.get("content") or ""
    return _omni.Message(
        message["role"],
        [content] if content else [],
        reasoning=message.get("reasoning_content") or "",
        tool_calls=[_call_of(call) for call in message.get("tool_calls") or ()],
        tool_name=message.get("name") or "",
        tool_call_id=message.get("tool_call_id") or "",
    )


def _call_of(call: _omni.ToolCall | Mapping[str, Any]) -> _omni.ToolCall:
    if isinstance(call, _omni.ToolCall):
        return call
    function = call.get("function", call)
    arguments = function.get("arguments", {})
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return _omni.ToolCall(name=function["name"], arguments=arguments, id=call.get("id") or "")
