# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
# The readers of tokenizer files and their tests.
add_sources(parsers tokenizers
  token_space.cpp text/added_tokens.cpp text/aligned_text.cpp text/bpe_merges.cpp
  text/bpe_model.cpp text/bpe_word.cpp text/byte_level.cpp text/json_tokenizer.cpp
  text/json_vocabulary.cpp text/metaspace.cpp text/pattern_class.cpp
  text/pattern_translation.cpp text/pre_tokenizer.cpp text/protobuf_fields.cpp
  text/sentencepiece_charsmap.cpp text/sentencepiece_model_check.cpp
  text/sentencepiece_tokenizer.cpp text/special_matcher.cpp text/spelling.cpp
  text/split_behavior.cpp text/text_encoder.cpp text/text_frame.cpp text/text_normalizer.cpp
  text/text_pattern.cpp text/text_stream.cpp text/text_tokenizer.cpp text/token_decoder.cpp
  text/token_table.cpp text/tokenizer_input.cpp
  text/tokenizer_json_file.cpp text/unicode_form.cpp
  text/unicode_properties.cpp text/utf8.cpp text/utf8_stream.cpp)
add_sources(parsers tests/tokenizers/text
  model_bytes.cpp text_samples.cpp tokenizer_documents.cpp)
add_sources(tests_parsers tests/tokenizers/text
  added_tokens_test.cpp bpe_word_test.cpp hostile_tokenizer_json_test.cpp
  json_tokenizer_test.cpp pre_tokenizer_test.cpp text_hostile_model_test.cpp
  text_normalizer_test.cpp text_pattern_test.cpp text_spelling_test.cpp text_tokenizer_test.cpp
  text_utf8_test.cpp token_decoder_test.cpp token_space_test.cpp)
