# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Calls of tools in conversation: a model without a mark for them, and what they are named."""

import json

import pytest
import torch

import omni
from chat_template_models_more import MISTRAL
from scripted_checkpoint import byte_tokenizer, save_scripted, save_weather_model, tiny_config

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
CALL = '{"name": "weather", "parameters": {"city": "서울"}}'
TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{{ 'tools\n' if tools else '\n' }}"
)


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama")
    tokenizer = byte_tokenizer([CALL])
    config = tiny_config("llama", tokenizer.get_vocab_size() + 8)
    save_scripted(folder, config, tokenizer, TEMPLATE, [["Ċ", CALL]])
    return omni.load(folder, dtype=torch.float32)


def test_json_is_a_call_where_tools_were_given(llama):
    reply = omni.Chat(llama, tools=TOOLS).send("서울은?")
    (call,) = reply.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "서울"})
    assert reply.text == ""


def test_json_is_an_answer_where_no_tools_were_given(llama):
    reply = omni.Chat(llama).send("서울은?")
    assert (reply.text, reply.tool_calls) == (CALL, [])


def test_calls_of_a_conversation_have_different_names(tmp_path):
    save_weather_model(tmp_path)
    chat = omni.Chat(omni.load(tmp_path, dtype=torch.float32), tools=TOOLS)
    ids = []
    for _ in range(3):
        (call,) = chat.send("날씨는?").tool_calls
        ids.append(call.id)
    assert ids == ["call00000", "call00001", "call00002"]
    chat.undo()
    assert chat.send("날씨는?").tool_calls[0].id == "call00002"  # free again
    chat.reset()
    assert chat.send("날씨는?").tool_calls[0].id == "call00000"


def test_templates_that_demand_nine_letters_take_the_names(tmp_path):
    save_weather_model(tmp_path)
    (call,) = omni.Chat(omni.load(tmp_path, dtype=torch.float32)).send("날씨는?").tool_calls
    message = {"role": "assistant", "tool_calls": [{"id": call.id, "function": {"name": "f"}}]}
    result = {"role": "tool", "content": "21", "tool_call_id": call.id}
    messages = [{"role": "user", "content": "a"}, message, result]
    template = omni.ChatTemplate(MISTRAL)
    text = template.render(messages, bos_token="<s>", eos_token="</s>")
    assert f'"id": "{call.id}"' in text and f'"call_id": "{call.id}"' in text
