# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Templates after the formats of the remaining families."""

K_EXAONE = r"""
{%- set names = {'system': '<|system|>\n', 'user': '<|user|>\n', 'assistant': '<|assistant|>\n', 'tool': '<|tool|>\n'} %}
{%- set end = '<|endofturn|>\n' %}
{%- set thinks = enable_thinking if enable_thinking is defined else true %}
{%- set state = namespace(last_user=-1, tools=tools or [], open=false) %}
{%- for message in messages if message.role == 'user' %}
    {%- set state.last_user = messages.index(message) if messages.index is defined else loop.index0 %}
{%- endfor %}
{%- macro declared() -%}
    # Tools
    {%- for tool in state.tools %}
        {{- '\n<tool>' ~ tool | tojson(ensure_ascii=false) | safe ~ '</tool>' }}
    {%- endfor %}
{%- endmacro %}
{%- macro called(call) -%}
    {%- set function = call.function or call -%}
    <tool_call>{"name": {{ function.name | tojson }}, "arguments": {{ function.arguments if function.arguments is string else function.arguments | tojson(ensure_ascii=false) }}}</tool_call>
{%- endmacro %}
{%- for message in messages %}
    {%- if message.role not in names %}
        {{- raise_exception('no role ' ~ message.role) }}
    {%- endif %}
    {%- if loop.first and (message.role == 'system' or state.tools) %}
        {{- names.system }}
        {%- if message.role == 'system' %}
            {{- message.content }}
            {%- if state.tools %}{{ '\n\n' }}{% endif %}
        {%- endif %}
        {%- if state.tools %}{{ declared() }}{% endif %}
        {{- end }}
        {%- if message.role == 'system' %}{% continue %}{% endif %}
    {%- endif %}
    {%- if message.role == 'tool' %}
        {%- if not state.open %}{{ names.tool }}{% endif %}
        {%- set state.open = loop.nextitem is defined and loop.nextitem.role == 'tool' %}
        {{- '<tool_result>' ~ message.content ~ '</tool_result>' ~ ('\n' if state.open else end) }}
        {%- continue %}
    {%- endif %}
    {{- names[message.role] }}
    {%- if message.role == 'assistant' %}
        {%- set thought, _, answer = (message.content or '').rpartition('</think>') %}
        {%- if thinks and loop.index0 > state.last_user %}
            {{- '<think>\n' ~ (message.reasoning_content or thought.removeprefix('<think>')) | trim ~ '\n</think>\n\n' }}
        {%- else %}
            {{- '<think>\n\n</think>\n\n' }}
        {%- endif %}
        {{- answer | trim }}
        {%- for call in message.tool_calls or [] %}
            {%- if answer or not loop.first %}{{ '\n' }}{% endif %}
            {{- called(call) }}
        {%- endfor %}
    {%- elif message.content is string %}
        {{- message.content }}
    {%- else %}
        {%- for part in message.content %}
            {{- part.text if part.type == 'text' else '<vision>' ~ part.type ~ '</vision>\n' }}
        {%- endfor %}
    {%- endif %}
    {{- end }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- names.assistant ~ ('<think>\n' if thinks else '<think>\n\n</think>\n\n') }}
{%- endif %}
"""

DEEPSEEK_V3 = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% set ns = namespace(system='', is_tool=false, is_first=true, outputs_open=false) %}"
    "{%- for message in messages %}{%- if message['role'] == 'system' %}"
    "{%- set ns.system = ns.system + ('' if ns.is_first else '\\n\\n') + message['content'] %}"
    "{%- set ns.is_first = false %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system }}"
    "{%- for message in messages %}"
    "{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}"
    "{{ '<｜User｜>' + message['content'] }}{%- endif %}"
    "{%- if message['role'] == 'assistant' and message['tool_calls'] %}{%- set ns.is_tool = false -%}"
    "{%- for call in message['tool_calls'] %}"
    "{%- if loop.first %}{{ '<｜Assistant｜>' + (message['content'] or '') + '<｜tool▁calls▁begin｜>' }}"
    "{%- else %}{{ '\\n' }}{%- endif %}"
    "{{ '<｜tool▁call▁begin｜>' + call['type'] + '<｜tool▁sep｜>' + call['function']['name'] + '\\n```json\\n' }}"
    "{{- call['function']['arguments'] | tojson }}{{ '\\n```<｜tool▁call▁end｜>' }}"
    "{%- endfor %}{{ '<｜tool▁calls▁end｜><｜end▁of▁sentence｜>' }}"
    "{%- elif message['role'] == 'assistant' %}"
    "{%- if ns.is_tool %}{{ '<｜tool▁outputs▁end｜>' + message['content'] + '<｜end▁of▁sentence｜>' }}"
    "{%- set ns.is_tool = false %}{%- else %}{% set content = message['content'] %}"
    "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{ '<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>' }}{%- endif %}{%- endif %}"
    "{%- if message['role'] == 'tool' %}"
    "{{ ('\\n' if ns.is_tool else '<｜tool▁outputs▁begin｜>') + '<｜tool▁output▁begin｜>' }}"
    "{{- message['content'] + '<｜tool▁output▁end｜>' }}{%- set ns.is_tool = true -%}{%- endif %}"
    "{%- endfor -%}{% if ns.is_tool %}{{ '<｜tool▁outputs▁end｜>' }}{% endif %}"
    "{% if add_generation_prompt and not ns.is_tool %}{{ '<｜Assistant｜>' }}{% endif %}"
)

GRANITE = r"""{%- if messages and messages[0]['role'] == 'system' %}
    {%- set system_message, rest = messages[0]['content'], messages[1:] %}
{%- else %}
    {%- set system_message = "Knowledge Cutoff Date: April 2024.\nToday's Date: " + strftime_now('%B %d, %Y') + ".\nYou are Granite." %}
    {%- if tools and documents %}
        {%- set system_message = system_message + ' You have tools and documents.' %}
    {%- elif tools %}
        {%- set system_message = system_message + ' Answer with <|tool_call|> and a JSON list of the tools used.' %}
    {%- elif thinking or enable_thinking %}
        {%- set system_message = system_message + ' Think first.' %}
    {%- endif %}
    {%- set rest = messages %}
{%- endif %}
{{- '<|start_of_role|>system<|end_of_role|>' + system_message + '<|end_of_text|>\n' }}
{%- if tools %}
    {{- '<|start_of_role|>available_tools<|end_of_role|>' }}
    {{- tools | map(attribute='function') | list | tojson(indent=4) }}
    {{- '<|end_of_text|>\n' }}
{%- endif %}
{%- for document in documents or [] %}
    {{- '<|start_of_role|>document {"document_id": ' ~ (document.doc_id or loop.index) ~ '}<|end_of_role|>\n' ~ document.text ~ '<|end_of_text|>\n' }}
{%- endfor %}
{%- for message in rest %}
    {%- set role = {'tool': 'tool_response'}.get(message['role'], message['role']) %}
    {{- '<|start_of_role|>' + role + '<|end_of_role|>' }}
    {%- if message.tool_calls %}
        {{- message['content'] or '' }}<|tool_call|>[
        {%- for call in message.tool_calls %}
            {{- {'name': call.function.name, 'arguments': call.function.arguments} | tojson }}
            {%- if not loop.last %}, {% endif %}
        {%- endfor %}]
    {%- elif message['content'] is string %}
        {{- message['content'] }}
    {%- else %}
        {{- message['content'] | selectattr('type', 'equalto', 'text') | map(attribute='text') | join('\n') }}
    {%- endif %}
    {{- '<|end_of_text|>\n' }}
    {%- if loop.last and add_generation_prompt %}
        {{- '<|start_of_role|>assistant' }}
        {%- if controls %}{{ ' ' + controls | tojson }}{% endif %}
        {{- '<|end_of_role|>' }}
    {%- endif %}
{%- endfor %}"""

VAETKI = r"""
{%- macro turn(role, text, closes=true) -%}
    {{ '<|START|><|role_' ~ role ~ '|>' ~ text ~ ('<|END|>\n' if closes else '') }}
{%- endmacro -%}
{%- set thinks = (enable_thinking | default(true)) and not tools -%}
{%- set lead = messages | selectattr('role', 'eq', 'system') | map(attribute='content') | join('\n') -%}
{%- if tools -%}
    {%- set lead -%}
{{ lead }}{{ '\n\n' if lead else '' }}# 도구
{% for tool in tools %}
{{ loop.index }}. {{ (tool['function'] if 'function' in tool else tool) | tojson(ensure_ascii=False, separators=(',', ':')) }}
{% endfor %}
    {%- endset -%}
{%- endif -%}
{%- if lead | trim %}{{ turn('system', lead | trim) }}{% endif -%}
{%- for message in messages | rejectattr('role', 'eq', 'system') -%}
    {%- set text = message.content if message.content is string else (message.content or []) | map(attribute='text', default='<|image|>') | join -%}
    {%- if message.role == 'assistant' -%}
        {%- set text = text.split('</think>') | last | trim -%}
        {%- set ns = namespace(text=text) -%}
        {%- for call in message.tool_calls or [] -%}
            {%- set ns.text = ns.text ~ '\n<tool_call>' ~ call.function | tojson(sort_keys=true) ~ '</tool_call>' -%}
        {%- endfor -%}
        {{ turn('assistant', ns.text) }}
    {%- elif message.role == 'tool' -%}
        {{ turn('tool', '<tool_response>' ~ text ~ '</tool_response>') }}
    {%- elif message.role == 'user' -%}
        {{ turn('user', text) }}
    {%- else -%}
        {{ raise_exception('role %s is none of ours' % message.role) }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ turn('assistant', '<think>\n' if thinks else '<think>\n\n</think>\n\n', false) }}
{%- endif -%}
"""
