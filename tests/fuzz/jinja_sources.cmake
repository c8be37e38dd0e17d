# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
# The interpreter of chat templates and its tests; included by CMakeLists.txt beside it.
add_sources(parsers omni/conversation chat_template.cpp chat_template_file.cpp)
add_sources(parsers omni/conversation/jinja
  access.cpp arithmetic.cpp calls.cpp compare.cpp container_methods.cpp expressions.cpp
  filters.cpp filters_layout.cpp filters_markup.cpp filters_number.cpp filters_order.cpp
  filters_selection.cpp filters_sequence.cpp filters_text.cpp format.cpp
  format_braces.cpp format_numbers.cpp globals.cpp interpreter.cpp iteration.cpp json.cpp
  lexer.cpp literal.cpp macro.cpp number_text.cpp object.cpp parser.cpp
  parser_expressions.cpp parser_postfix.cpp parser_statements.cpp print.cpp runtime.cpp
  scopes.cpp statements.cpp symbols.cpp syntax.cpp tests.cpp text_change.cpp
  text_search.cpp text_split.cpp unicode.cpp unicode_tables.cpp value.cpp)
add_sources(tests_parsers tests/conversation
  chat_template_file_test.cpp chat_template_hostile_test.cpp chat_template_test.cpp
  jinja_value_test.cpp)
