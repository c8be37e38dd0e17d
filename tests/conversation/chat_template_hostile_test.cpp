// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Templates that would run forever, fill the memory or the stack. Each ends in an error
// that names the limit.
#include "tests/support/catch.h"

#include "omni/conversation/chat_template.h"
#include "omni/core/errors.h"

using namespace omni;
using Value = TemplateValue;

namespace {

std::string times(const std::string& text, size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i) {
    all += text;
  }
  return all;
}

std::string error_of(
    const std::string& source,
    const ChatTemplateOptions& options = {}) {
  try {
    const std::string text =
        ChatTemplate(source, options).render(ChatTemplate::Variables());
    return "printed " + std::to_string(text.size()) + " bytes";
  } catch (const ValueError& error) {
    return error.what();
  }
}

const std::string kLoop = "{% for i in range(100000) %}";
const std::string kNamespace = "{% set ns = namespace(x=[1], s='x') %}";

} // namespace

TEST_CASE("Hostile templates end at the limit of steps") {
  const std::string source = GENERATE(
      kLoop + kLoop + "{% endfor %}{% endfor %}",
      kLoop + "{{ range(100000) | sum }}{% endfor %}",
      kLoop + "{{ 5 in range(100000) }}{{ range(100000) | list | sort }}{% endfor %}",
      kNamespace +
          "{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
          "{{ ns.x }}",
      kNamespace +
          "{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
          "{{ ns.x | tojson }}",
      kNamespace +
          "{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
          "{{ ns.x == [ns.x] or ns.x == ns.x[0:] }}{{ ns.x < ns.x[0:] }}",
      kNamespace +
          "{% for i in range(60) %}{% set ns.x = (ns.x, ns.x, 1) %}{% endfor %}"
          "{% set d = {ns.x: 1} %}",
      "{% set s = 'ab' * 1000000 %}" + kLoop + "{{ s.find('ba' * 9000) }}{% endfor %}",
      "{% set s = 'ab' * 1000000 %}" + kLoop + "{{ s[i] }}{{ s.upper() }}{% endfor %}",
      "{% set s = ['ab' * 9999] * 99 %}" + kLoop + "{{ s | sort }}{% endfor %}",
      "{% macro m() %}{{ m }}{% endmacro %}" + kLoop +
          "{{ m() }}{{ namespace() }}"
          "{% endfor %}",
      kLoop + "{% for j in 'abc' %}{{ loop.index }}{% endfor %}{% endfor %}");
  const std::string error = error_of(source);
  INFO(source << "\n" << error);
  const bool names_limit = error.find("max_steps") != std::string::npos ||
      error.find("not change") != std::string::npos;
  REQUIRE(names_limit);
}

TEST_CASE("Hostile templates end at the limit of depth") {
  const std::string source = GENERATE(
      "{{ " + times("(", 100000) + "1" + times(")", 100000) + " }}",
      "{{ " + times("[", 100000) + times("]", 100000) + " }}",
      "{{ " + times("not ", 50000) + "1 }}", "{{ " + times("-", 100000) + "1 }}",
      "{{ 1" + times(" + 1", 50000) + " }}", "{{ 1" + times("|abs", 50000) + " }}",
      "{{ x" + times(".x", 100000) + " }}", "{{ x" + times("()", 100000) + " }}",
      "{{ 1" + times(" if 1", 50000) + " }}", times("{% if 1 %}", 20000),
      times("{% for i in x %}", 10000), times("{% filter upper %}", 10000),
      "{% set " + times("(", 100000) + times(")", 100000) + " %}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
      "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      kNamespace + kLoop + "{% set ns.x = [ns.x] %}{% endfor %}",
      kNamespace + kLoop + "{% set ns.x = {'a': ns.x} %}{% endfor %}",
      kNamespace + kLoop + "{% set ns.x = ns.x | map('string') %}{% endfor %}",
      kNamespace + kLoop +
          "{% set ns.x = ns.x.copy %}{% set ns.x = [ns.x] %}{% endfor %}",
      kNamespace + "{% set ns.x = range(100000) %}" + kLoop +
          "{% for y in ns.x %}{% set ns.x = loop | batch(1) %}{% break %}"
          "{% endfor %}{% endfor %}",
      kNamespace + "{% set ns.x = ns %}{{ ns }}");
  const std::string error = error_of(source);
  INFO(source.substr(0, 200) << "\n" << error);
  REQUIRE(error.find("max_depth") != std::string::npos);
}

TEST_CASE("Hostile templates end at the limits of texts, lists and numbers") {
  const auto [source, limit] = GENERATE(table<std::string, std::string>({
      {"{{ 'a' * 1000000000 }}", "max_text_bytes"},
      {"{{ 'abc' * 9223372036854775807 }}", "max_text_bytes"},
      {"{{ ('a' * 4500000) ~ ('a' * 4500000) }}", "max_text_bytes"},
      {"{{ 'a'.center(1000000000) }}", "max_text_bytes"},
      {"{{ '%1000000000d' % 1 }}", "max_text_bytes"},
      {"{{ '%.1000000000f' % 1.5 }}", "max_text_bytes"},
      {"{{ '{:1000000000}'.format('a') }}", "max_text_bytes"},
      {"{{ 'a'.zfill(2000000000) }}", "max_text_bytes"},
      {"{{ '\\t'.expandtabs(2000000000) }}", "max_text_bytes"},
      {"{{ 'a' | indent(1000000000) }}", "max_text_bytes"},
      {"{{ [1] | tojson(indent=1000000000) }}", "max_text_bytes"},
      {"{{ ('a' * 9999).replace('', 'b' * 9999) }}", "max_text_bytes"},
      {"{{ (['a' * 9999] * 9999) | join }}", "max_text_bytes"},
      {"{% set s = 'a' * 4500000 %}{{ s }}{{ s }}", "max_text_bytes"},
      {"{{ [0] * 1000000000 }}", "max_items"},
      {"{{ range(1000000000) }}", "max_items"},
      {"{{ range(-9223372036854775807, 9223372036854775807) }}", "max_items"},
      {"{{ ('a' * 200000) | list }}", "max_items"},
      {"{{ [1] | batch(1000000000, 0) | list }}", "max_items"},
      {"{{ [1] | slice(1000000000) | list }}", "max_items"},
      {"{{ 10 ** 1000000000 }}", "64 bits"},
      {"{{ 9223372036854775808 }}", "64 bits"},
      {"{{ (-9223372036854775807 - 1) // -1 }}", "64 bits"},
      {"{{ -(-9223372036854775807 - 1) }}", "64 bits"},
      {"{{ strftime_now('%1000000000d') }}", "1000 bytes"},
  }));
  const std::string error = error_of(source);
  INFO(source << "\n" << error);
  REQUIRE(error.find(limit) != std::string::npos);
}

TEST_CASE("A source that is too large is refused before it is read") {
  REQUIRE(
      error_of(std::string(300'000, 'x')) ==
      "[chat_template] expected a template up to 262144 bytes (max_source_bytes), got "
      "300000.");
  std::string names;
  for (int i = 0; i < 300; ++i) {
    names += "{% set n" + std::to_string(i) + " = 1 %}";
  }
  REQUIRE(error_of(names).find("up to 256 names") != std::string::npos);
}

TEST_CASE("Macros, loops and conditions may outlive their scopes") {
  const auto print = [](const std::string& source) {
    return ChatTemplate(source).render(ChatTemplate::Variables());
  };
  REQUIRE(
      print("{% set ns = namespace() %}{% for i in [1, 2] %}{% set k = i * 10 %}"
            "{% macro m() %}{{ k }}{% endmacro %}{% set ns.m = m %}{% endfor %}"
            "{{ ns.m() }}") == "20");
  REQUIRE(
      print(
          "{% set ns = namespace() %}{% macro f(limit) %}{% for i in [1, 2, 3] if i > "
          "limit %}{% set ns.rest = loop %}{{ i }}{% break %}{% endfor %}{% endmacro %}"
          "{{ f(1) }}{% for i, l in ns.rest %}{{ i }}{% endfor %}") == "23");
  // A macro in the frame that it reads, a namespace in itself: circles that must end.
  REQUIRE(
      print("{% set ns = namespace() %}{% set ns.ns = ns %}{% macro m() %}{{ m }}"
            "{% endmacro %}{% set ns.l = [m, ns] %}ok") == "ok");
}

TEST_CASE("Long conversations pay for their own steps") {
  Value::Items messages(
      20000, Value::dict({{"role", "user"}, {"content", "a short question"}}));
  ChatTemplateOptions options;
  options.max_steps = 1000;
  const ChatTemplate chat_template(
      "{% for m in messages %}{% if m.role == 'user' and m.content is string %}"
      "{{ '<|user|>' + m.content | trim + '\\n' }}{% endif %}{% endfor %}",
      options);
  REQUIRE(chat_template.render(Value::list(messages)).size() == 20000 * 25);
}
