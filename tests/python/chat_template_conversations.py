# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Conversations and settings in which the templates of models are rendered."""

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "도시의 날씨를 알려 준다. Gives the weather <of> a \"city\" & its 'country'.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {
                        "type": "string",
                        "description": "도시 이름 (a rather long description)",
                    },
                    "unit": {"type": "string", "enum": ["c", "f"]},
                    "days": {"type": "array", "items": {"type": "integer"}},
                    "where": {
                        "type": "object",
                        "properties": {
                            "x": {"type": ["number", "integer"]},
                            "y": {"type": "number"},
                        },
                        "required": ["x"],
                    },
                },
                "required": ["city"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "now",
            "description": "The time",
            "parameters": {"type": "object", "properties": {}},
        },
    },
]

CALL = {
    "id": "abc123DEF",
    "type": "function",
    "function": {"name": "get_weather", "arguments": {"city": "서울", "days": [1, 2], "p": 0.5}},
}
NOW = {"id": "xyz987ABC", "type": "function", "function": {"name": "now", "arguments": {}}}

CONVERSATIONS = {
    "question": [{"role": "user", "content": "Hello!"}],
    "system": [
        {"role": "system", "content": " You are terse.\n"},
        {"role": "user", "content": "안녕하세요, 무엇을 할 수 있나요?  "},
    ],
    "turns": [
        {"role": "system", "content": "시스템"},
        {"role": "user", "content": "first\nline"},
        {"role": "assistant", "content": '<think>\n생각\n</think>\n\n대답 "하나" 😀'},
        {"role": "user", "content": "second"},
        {"role": "assistant", "content": "  trimmed?  ", "reasoning_content": "because"},
        {"role": "user", "content": "{{ not a template }} {% if %}"},
    ],
    "tool call": [
        {"role": "user", "content": "서울 날씨?"},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "name": "get_weather", "tool_call_id": "abc123DEF", "content": "맑음 25°"},
        {"role": "assistant", "content": "서울은 맑습니다."},
        {"role": "user", "content": "고마워요"},
    ],
    "two calls": [
        {"role": "system", "content": "Use tools."},
        {"role": "user", "content": "both"},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL, NOW]},
        {
            "role": "tool",
            "content": '{"t": 25}',
            "tool_call_id": "abc123DEF",
            "name": "get_weather",
        },
        {"role": "tool", "content": "12:00", "tool_call_id": "xyz987ABC", "name": "now"},
    ],
    "last answer": [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "<think>\na\n</think>\n\nb"},
    ],
    "parts": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "이 그림은?"},
                {"type": "image", "image": "a.png"},
            ],
        }
    ],
    "odd role": [{"role": "wizard", "content": "abracadabra"}],
    "none": [],
}

SETTINGS = [
    {},
    {"add_generation_prompt": True},
    {"add_generation_prompt": True, "enable_thinking": False, "reasoning_effort": "low"},
    {"add_generation_prompt": True, "enable_thinking": True, "skip_think": False},
    {"tools": TOOLS, "add_generation_prompt": True},
    {"tools": TOOLS, "tools_in_user_message": False, "reasoning_effort": "wild"},
]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "date_string": "01 Jan 2025"}
