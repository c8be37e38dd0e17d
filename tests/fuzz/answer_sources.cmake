# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
# What reads the text of answers, and its tests; included by CMakeLists.txt beside it.
add_sources(parsers omni
  conversation/template_json.cpp conversation/typed_special_tokens.cpp
  families/answer_format.cpp generate/answer_reader.cpp generate/pending_text.cpp
  generate/tool_call_syntax.cpp)
add_sources(tests_parsers tests
  conversation/typed_special_tokens_test.cpp generate/answer_reader_test.cpp)
