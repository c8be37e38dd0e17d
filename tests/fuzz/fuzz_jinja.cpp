// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Any bytes as a chat template: an error or a text, the same one each time.
#include <cstdlib>

#include "omni/conversation/chat_template.h"
#include "omni/core/errors.h"
#include "tests/fuzz/fuzz.h"

namespace omni::fuzz {

std::vector<std::string> seeds() {
  return {
      R"({% for m in messages %}<|{{ m.role }}|>{{ m['content'] | trim }}{% endfor %})",
      R"({%- set ns = namespace(a=[1], b='x') -%}
{%- for i in range(4) recursive %}{% set ns.a = ns.a + [i] %}{{ loop.index ~ ns.b * i }}
{%- if loop.depth < 2 %}{{ loop([1, 2]) }}{% endif %}{% else %}none{%- endfor %}
{{ ns.a[::-1] }}{{ 2 ** 9 // 7 % 5 - -1.5e3 }})",
      R"({% macro m(a, b=2) %}{{ caller(a) }}{{ varargs }}{{ kwargs }}{% endmacro %}
{% call(x) m(1, 3, 4, c=5) %}{{ x }}{% endcall %}{% filter upper | indent %}{{ n }}
{% endfilter %}{% with q = 1 %}{{ q }}{% endwith %}{# c #}{% raw %}{{ }}{% endraw %})",
      R"({{ tools | tojson(indent=2) }}{{ messages | map(attribute='role') | join(',') }}
{{ 'a,b'.split(',') | sort(reverse=true) }}{{ '%5s|%.2f' % ('é', 1.5) }}
{{ '{:>5}{a[0]}'.format(1, a=[2]) }}{{ 'x' if n is odd else none }}
{{ messages | selectattr('role', 'equalto', 'user') | list | length }})",
      R"({{ text | wordwrap(4) }}{{ text | title | truncate(9) }}{{ dict(a=1).items() }}
{{ [3, 1.0, true] | sum }}{{ text | replace('o', '') | center(30) | urlencode }}
{{ 'ΣΑΣ ß' | lower | upper }}{{ '<a>' | e | striptags }}{{ range(9) | batch(2) | list }})"};
}

} // namespace omni::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace omni;
  using Value = TemplateValue;
  ChatTemplateOptions options;
  options.max_steps = 20'000;
  options.max_depth = 50;
  options.max_text_bytes = 100'000;
  options.max_items = 1'000;
  const Value message = Value::dict({{"role", "user"}, {"content", " 안녕 <b>\n"}});
  const Value tools =
      Value::list({Value::dict({{"name", "f"}, {"args", Value::list()}})});
  const ChatTemplate::Variables variables = {
      {"n", Value(3)}, {"text", Value("one two-three\nfour")}, {"f", Value(-0.5)}};
  try {
    const ChatTemplate chat_template(std::string(fuzz::as_bytes(data, size)), options);
    const auto render = [&]() -> std::string {
      try {
        return chat_template.render(
            Value::list({message, message}), true, tools, variables);
      } catch (const ValueError& error) {
        return error.what();
      }
    };
    const std::string text = render();
    const bool has_clock =
        fuzz::as_bytes(data, size).find("strftime") != std::string_view::npos;
    if (!has_clock && render() != text) {
      std::abort();
    }
  } catch (const ValueError&) {
  }
  return 0;
}
