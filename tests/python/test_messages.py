# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Messages as the field's chat APIs write them: parts of text, calls of tools."""

from typing import Any

import pytest
import torch

import omni
from omni.messages import message_of

HELLO = {"type": "text", "text": "안녕"}


def content(value: Any) -> list[Any]:
    return message_of({"role": "user", "content": value}).parts


def test_parts_of_text_are_the_text(model: omni.OmniModel) -> None:
    assert content([HELLO, {"type": "text", "text": "?"}]) == ["안녕", "?"]
    assert content((HELLO,)) == content(["안녕"]) == content("안녕") == ["안녕"]
    assert content([]) == content(None) == content("") == content([HELLO | {"text": ""}]) == []
    whole = model.compose([{"role": "user", "content": "안녕"}])
    assert torch.equal(model.compose([{"role": "user", "content": [HELLO]}]), whole)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "cat.png"}},
        {"type": "input_audio"},
        {"image": "cat.png"},
    ],
    ids=["image", "audio", "untyped"],
)
def test_parts_of_media_are_refused_by_their_type(part: dict[str, Any]) -> None:
    kind = repr(part.get("type"))
    with pytest.raises(TypeError, match=rf"\[compose\] .*type {kind}\. .*omni\.Chat: chat\.send"):
        content([HELLO, part])


@pytest.mark.parametrize("value", [3, {"type": "text", "text": None}, {"type": "text"}], ids=repr)
def test_other_content_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"\[compose\] expected content as a text or a list of"):
        content(value)
    with pytest.raises(TypeError, match=r"\[compose\] expected content as a text or a list of"):
        content([value])


def test_media_values_are_the_models_to_refuse(model: omni.OmniModel, picture: omni.Image) -> None:
    assert content([picture, "what?"]) == [picture, "what?"]
    with pytest.raises(TypeError, match=r"\[compose\] expected messages of text, got media\."):
        model.compose([{"role": "user", "content": [picture]}])


def calls(*values: Any) -> list[omni.ToolCall]:
    return message_of({"role": "assistant", "content": None, "tool_calls": values}).tool_calls


def test_calls_are_read_with_and_without_arguments() -> None:
    assert calls({"function": {"name": "f", "arguments": None}})[0].arguments == "{}"
    assert calls({"name": "f"})[0].arguments == "{}"
    assert calls({"name": "f", "arguments": '{"a": 1}'})[0].arguments == '{"a": 1}'
    (call,) = calls({"id": "1", "function": {"name": "f", "arguments": {"a": "나"}}})
    assert (call.name, call.arguments, call.id) == ("f", '{"a": "나"}', "1")
    assert calls(call) == [call]


@pytest.mark.parametrize(
    "call",
    [{"function": {"arguments": {}}}, {"name": ""}, {"name": 3}, {"function": None}, "f"],
    ids=repr,
)
def test_calls_without_a_name_are_refused(call: Any) -> None:
    with pytest.raises(ValueError, match=r"\[compose\] expected tool calls as .*got ") as caught:
        calls(call)
    assert repr(call) in str(caught.value)
