// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/chat_template.h"

#include <thread>
#include "tests/support/catch.h"

#include "omni/core/errors.h"

using namespace omni;
using Value = TemplateValue;

namespace {

Value message(const char* role, const char* content) {
  return Value::dict({{"role", role}, {"content", content}});
}

std::string render(
    const std::string& source,
    const ChatTemplate::Variables& given = {}) {
  return ChatTemplate(source).render(given);
}

std::string error_of(const std::string& source) {
  try {
    return "printed " + render(source);
  } catch (const ValueError& error) {
    return error.what();
  }
}

} // namespace

TEST_CASE("A conversation becomes a prompt") {
  const ChatTemplate chat_template(
      "{% for message in messages %}\n"
      "  {{- '<|im_start|>' + message.role + '\\n' + message['content'] | trim }}\n"
      "  {{- '<|im_end|>\\n' }}\n"
      "{%- endfor %}\n"
      "{%- if tools %}{{ tools | length }}{% endif %}\n"
      "{%- if add_generation_prompt %}{{ bos ~ '<|im_start|>assistant\\n' }}{% endif "
      "%}");
  const Value messages =
      Value::list({message("system", " 시스템 "), message("user", "안녕")});
  REQUIRE(
      chat_template.render(messages) ==
      "<|im_start|>system\n시스템<|im_end|>\n<|im_start|>user\n안녕<|im_end|>\n");
  REQUIRE(
      chat_template.render(
          Value::list(), true, Value::list({1, 2}), {{"bos", "<s>"}}) ==
      "2<s><|im_start|>assistant\n");
}

TEST_CASE("Templates print what Python prints") {
  // Compared with jinja2 at length by tests/python/test_chat_template.py.
  const auto [source, text] = GENERATE(table<std::string, std::string>({
      {"{{ [1, 'a', none, true, 2.0, {'k': (1,)}] }}",
       "[1, 'a', None, True, 2.0, {'k': (1,)}]"},
      {"{{ 7 // -2 }} {{ -7 % 3 }} {{ 1 / 4 }} {{ 2 ** -1 }} {{ 1e16 }}",
       "-4 2 0.25 0.5 1e+16"},
      {"{{ '안녕하세요'[1:-1] }}{{ 'abc'[::-1] }}", "녕하세cba"},
      {"{{ {'b': 1, 'a': '한'} | tojson }}", "{\"b\": 1, \"a\": \"한\"}"},
      {"{{ missing }}{{ missing is defined }}", "False"},
      {"a\n  {%- if 1 %}\n  b\n  {% endif %}\nc\n", "a  b\nc"},
      {"{% for a, b in {'x': 1}.items() %}{{ loop.last }}{{ a }}{{ b }}{% endfor %}",
       "Truex1"},
      {"{% macro m(a, b=2) %}{{ a }}{{ b }}{{ caller() }}{% endmacro %}"
       "{% call m(1) %}c{% endcall %}",
       "12c"},
      {"{% set ns = namespace(n=0) %}{% for i in [1, 2] %}{% set ns.n = ns.n + i %}"
       "{% set n = i %}{% endfor %}{{ ns.n }}{{ n }}",
       "3"},
      {"{% for i in [1, 2, 3] %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}"
       "{% endfor %}{% generation %}g{% endgeneration %}{% raw %}{{ }}{% endraw %}",
       "13g{{ }}"},
  }));
  REQUIRE(render(source) == text);
}

TEST_CASE("A name assigned first holds nothing before") {
  const ChatTemplate::Variables given = {{"n", 5}};
  REQUIRE(render("{{ n }}{% set n = 1 %}{{ n }}", given) == "51");
  const std::string loop = "{% for i in [1] %}{{ n }}{% endfor %}";
  REQUIRE(render(loop, given) == "5");
  REQUIRE(render(loop + "{% set n = 1 %}", given).empty());
  REQUIRE(render("{% if 0 %}{% set n = 1 %}{% endif %}{{ n }}", given) == "5");
}

TEST_CASE("Errors name the line and the column") {
  const auto [source, text] = GENERATE(table<std::string, std::string>({
      {"a\n안녕 {{ x.y }}", "line 2, column 8: 'x' is undefined."},
      {"{{ {}.a.b }}", "line 1, column 8: 'dict object' has no attribute 'a'."},
      {"{% if 1 %}",
       "line 1, column 11: expected {% endif %}, got the end of the "
       "template."},
      {"\n{{ 'a }}", "line 2, column 4: expected a text to end in ', got no end."},
      {"{% nope %}",
       "line 1, column 4: expected a tag among for, if, set, macro, call, "
       "filter, with, print, generation, break, continue, raw, got "
       "\"nope\"."},
      {"{{ 1 // 0 }}", "line 1, column 6: expected a divisor other than 0, got 0."},
      {"{{ [].append(1) }}",
       "line 1, column 13: expected no use of the attribute 'append' of a list, which "
       "templates may not change or look into."},
      {"{{ raise_exception('Roles must alternate!') }}",
       "line 1, column 19: Roles must alternate!"},
      {"{{ {[]: 1} }}",
       "line 1, column 4: expected a key of a dict that does not "
       "change, got one of type list."},
      {"{{ 9223372036854775807 + 1 }}",
       "line 1, column 24: expected whole numbers within 64 bits, got a larger one."},
      {"{% for a, b in [[1]] %}{% endfor %}",
       "line 1, column 8: expected 2 values to assign, got 1."},
      {"{% break %}",
       "line 1, column 4: expected break and continue inside of a loop."},
      {"{{ (1] }}", "line 1, column 6: expected \")\", got \"]\"."},
  }));
  REQUIRE(error_of(source) == "[chat_template] " + text);
}

TEST_CASE("The date is that of the options") {
  ChatTemplateOptions options;
  options.now = std::chrono::sys_days(std::chrono::January / 2 / 2024) +
      std::chrono::hours(12) + std::chrono::microseconds(42);
  const ChatTemplate chat_template("{{ strftime_now('%Y %b %f%z|%%') }}", options);
  REQUIRE(chat_template.render(ChatTemplate::Variables()) == "2024 Jan 000042|%");
}

TEST_CASE("A template renders in several threads at once") {
  const ChatTemplate chat_template(
      "{% for i in range(50) %}{{ n }}{{ loop.index }}{% endfor %}");
  std::vector<std::string> texts(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < texts.size(); ++i) {
    threads.emplace_back([&, i] {
      texts[i] = chat_template.render({{"n", Value(static_cast<int64_t>(i))}});
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    REQUIRE(texts[i].substr(0, 4) == std::to_string(i) + "1" + std::to_string(i) + "2");
    REQUIRE(texts[i].size() == 50 + 9 + 2 * 41);
  }
}

TEST_CASE("Invalid UTF-8 prints as the replacement character") {
  REQUIRE(render("{{ s }}{{ s | length }}", {{"s", "a\xFF\xEC"}}) == "a\uFFFD\uFFFD3");
  REQUIRE(render("\xFF{{ 1 }}") == "\uFFFD1");
}
