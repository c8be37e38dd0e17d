# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""More templates after the formats of published models."""

HYPERCLOVA_X = r"""
{%- if messages[0].role != "system" %}
  {{- '<|im_start|>tool_list\n' }}
  {%- if tools %}{{- tools | tojson(ensure_ascii=False) }}{%- else %}{{- '[]' }}{%- endif %}
  {{- '<|im_end|>\n<|im_start|>system\n- AI 언어모델의 이름은 "CLOVA X"이며 네이버에서 만들었다.\n- 오늘은 ' + strftime_now("%Y년 %m월 %d일") + '이다.<|im_end|>\n' }}
{%- endif %}
{%- macro render_arguments(arguments) %}
  {%- for key, value in arguments.items() -%}
    {{ '<arg_key>' ~ key ~ '</arg_key>\n<arg_value>' ~ (value if value is string else value | tojson) ~ '</arg_value>\n' }}
  {%- endfor %}
{%- endmacro %}
{%- for message in messages %}
  {%- if message.role == 'assistant' and message.tool_calls %}
    {{- '<|im_start|>assistant\n' }}
    {%- for call in message.tool_calls %}
      {%- set function = call.function if call.function is defined else call %}
      {{- '<tool_call>' + function.name + '\n' }}{{ render_arguments(function.arguments) }}{{ '</tool_call>' }}
      {%- if not loop.last %}{{ '\n' }}{% endif %}
    {%- endfor %}
    {{- '<|im_end|>\n' }}
  {%- elif message.role == 'tool' %}
    {{- '<|im_start|>tool\n<tool_response>' + message.get('name', '') + '\n' + message.content + '\n</tool_response><|im_end|>\n' }}
  {%- elif message.content is string %}
    {{- '<|im_start|>' + message.role + '\n' + message.content.split('</think>')[-1] | trim + '<|im_end|>\n' }}
  {%- else %}
    {{- '<|im_start|>' + message.role + '\n' }}
    {%- for part in message.content or [] %}
      {%- if part['type'] == 'text' %}{{- part['text'] }}{%- elif part.type in ('image', 'image_url') %}{{- '<|IMAGE_PAD|>' }}{%- endif %}
    {%- endfor %}
    {{- '<|im_end|>\n' }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
  {{- '<|im_start|>assistant\n' ~ ('<think>\n' if enable_thinking is defined and enable_thinking else '<think>\n\n</think>\n\n') }}
{%- endif %}
"""

SOLAR = r"""
{%- set ns = namespace(system='', effort=reasoning_effort | default('high')) -%}
{%- macro turn(role, tag='content') -%}
  <|begin|>{{ role }}<|{{ tag }}|>{{ caller() }}<|end|>
{%- endmacro -%}
{%- if ns.effort not in ['low', 'minimal', 'medium', 'high'] -%}
  {{ raise_exception('Unknown reasoning_effort: ' + ns.effort) }}
{%- endif -%}
{%- for message in messages if message.role == 'system' -%}
  {%- set ns.system = ns.system + ('\n\n' if not loop.first else '') + message.content -%}
{%- endfor -%}
{%- call turn('system') -%}
  ## Provider\nToday is {{ strftime_now('%B %d, %Y') }}.
  {%- if ns.system %}

{{ ns.system }}{% endif %}
  {%- if tools %}

## Tools
<tools>
{% for tool in tools %}{{ (tool.function or tool) | tojson(indent=2) | indent(2) }}
{% endfor %}</tools>{% endif %}
{%- endcall -%}
{%- for message in messages | rejectattr('role', 'equalto', 'system') -%}
  {%- if message.role == 'user' -%}
    {%- call turn('user') %}{{ message.content }}{% endcall -%}
  {%- elif message.role == 'assistant' -%}
    {%- generation -%}
    {%- if message.reasoning_content -%}
      {%- call turn('assistant', 'think') %}{{ message.reasoning_content }}{% endcall -%}
    {%- endif -%}
    {%- if message.tool_calls -%}
      <|begin|>assistant<|tool_calls|>
      {%- for call in message.tool_calls -%}
        <|tool_call:begin|>{{ call.id | default('call_%03d' | format(loop.index)) }}<|tool_call:name|>{{ call.function.name }}<|tool_call:args|>{{ call.function.arguments | tojson(sort_keys=true) }}<|tool_call:end|>
      {%- endfor -%}
      <|calls|>
    {%- else -%}
      <|begin|>assistant<|content|>{{ message.content }}<|flush|>
    {%- endif -%}
    {%- endgeneration -%}
  {%- elif message.role == 'tool' -%}
    {%- if loop.previtem is not defined or loop.previtem.role != 'tool' -%}<|begin|>tool<|tool_response|>{%- endif -%}
    {{ message.content }}
    {%- if loop.nextitem is defined and loop.nextitem.role == 'tool' -%}{{ '\n' }}{%- else -%}<|end|>{%- endif -%}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
  <|begin|>assistant{% if ns.effort in ['low', 'minimal'] %}<|think|><|end|><|begin|>assistant{% endif %}
{%- endif -%}
"""

A_X = """{%- if tools is iterable and tools | length > 0 %}
    {{- '<|im_start|><|system|>' }}
    {{- '당신은 도구 호출 기능을 갖춘 유용한 도우미입니다. 아래의 도구를 쓸 수 있습니다.\\n\\n' }}
    {%- for t in tools %}
        {{- t | tojson() }}
        {%- if not loop.last %}{{- '\\n' }}{% endif %}
    {%- endfor %}
    {{- '<|im_end|>' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'system' %}
<|im_start|><|system|>{{ message.content }}<|im_end|>
{%- elif message.role == 'user' %}
<|im_start|><|user|>{{ message.content }}<|im_end|>
{%- elif message.role == 'assistant' %}
<|im_start|><|assistant|>
{%- if message.content %}{{ message.content }}{% endif %}
{%- for tool_call in message.tool_calls | default([]) %}
<tool_call>{{ {'name': tool_call.function.name, 'arguments': tool_call.function.arguments} | tojson }}</tool_call>
{%- endfor %}<|im_end|>
{%- elif message.role == 'tool' %}
<|im_start|><|extra_id_13|><tool_output>{{ message.content }}</tool_output><|im_end|>
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
<|im_start|><|assistant|>
{%- endif %}
"""

MISTRAL = r"""
{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}
                        {{- ", " }}
                    {%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}
                    {{- ", " }}
                {%- else %}
                    {{- "]" }}
                {%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\n\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}
            {{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id|length != 9 %}
                {{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}
            {%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
            {%- if not loop.last %}
                {{- ", " }}
            {%- else %}
                {{- "]" + eos_token }}
            {%- endif %}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message["role"] == "tool_results" or message["role"] == "tool" %}
        {%- set content = message.content.content if message.content is mapping and message.content.content is defined else message.content %}
        {{- '[TOOL_RESULTS] {"content": ' + content|string + ", " }}
        {{- '"call_id": "' + message.tool_call_id|default('none') + '"}[/TOOL_RESULTS]' }}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported, with the exception of an initial optional system message!") }}
    {%- endif %}
{%- endfor %}
"""

SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
    "Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + "
    "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\n' }}{% endif %}"
)

TYPE_SCRIPT_TOOLS = r"""
{%- macro type_of(spec, required, level=0) -%}
  {%- if spec.enum is defined -%}
    {{ spec.enum | map('tojson') | join(' | ') }}
  {%- elif spec.type is sequence and spec.type is not string -%}
    {{ spec.type | map('replace', 'integer', 'number') | unique | join(' | ') }}
  {%- elif spec.type == 'array' -%}
    {{ type_of(spec['items'], [], level) }}[]
  {%- elif spec.type == 'object' and spec.properties -%}
    {
{% for name, property in spec.properties | dictsort %}
{{ '  ' * (level + 1) }}{{ name }}{{ '?' if name not in (spec.required or []) }}: {{ type_of(property, spec.required or [], level + 1) }},{% if property.description %} // {{ property.description | truncate(24) }}{% endif %}

{% endfor %}
{{ '  ' * level }}}
  {%- elif spec.type in ('integer', 'number') -%}
    number
  {%- else -%}
    {{ spec.type | default('any', true) }}
  {%- endif -%}
{%- endmacro -%}
{% for tool in tools or [] -%}
{%- set function = tool.function -%}
// {{ function.description | wordwrap(40) | replace('\n', '\n// ') }}
type {{ function.name }} = (_: {{ type_of(function.parameters, []) }}) => any;
{% else -%}
no tools
{% endfor -%}
{% for message in messages %}{{ loop.index }}/{{ loop.length }} {{ '%-9s' | format(message.role) }}|{{ (message.content or '-') | string | upper | truncate(30, true) }}
{% endfor %}
"""
