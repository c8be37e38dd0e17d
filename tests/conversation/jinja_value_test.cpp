// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/value.h"

#include "tests/support/catch.h"

#include "omni/conversation/jinja/unicode.h"
#include "omni/core/errors.h"

using namespace omni;
using Value = TemplateValue;

TEST_CASE("Values know their kind, their depth and their weight") {
  REQUIRE(Value().kind() == Value::Kind::None);
  REQUIRE(Value(true).kind() == Value::Kind::Bool);
  REQUIRE(Value(uint8_t{7}).as_int() == 7);
  REQUIRE(Value("안녕").num_characters() == 2);
  const Value list = Value::list({1, Value::tuple({2, 3}), Value::dict({{"a", 4}})});
  REQUIRE(list.depth() == 2);
  REQUIRE(list.weight() == 1 + 1 + 3 + 3);
  REQUIRE(Value(std::string(160, 'x')).weight() == 11);
}

TEST_CASE("The weight of shared parts is counted, and has an end") {
  Value value = Value::list({1});
  for (int i = 0; i < 100; ++i) {
    value = Value::list({value, value});
  }
  REQUIRE(value.depth() == 101);
  REQUIRE(value.weight() == int64_t{1} << 40);
}

TEST_CASE("Dicts keep their order and find equal keys") {
  Value::Entries entries;
  for (int i = 0; i < 1000; ++i) {
    entries.emplace_back("k" + std::to_string(i), i);
  }
  entries.emplace_back("k5", -5);
  entries.emplace_back(1, "one");
  entries.emplace_back(Value::tuple({1, "x"}), "tuple");
  const Value dict = Value::dict(std::move(entries));
  REQUIRE(dict.as_dict().size() == 1002);
  REQUIRE(dict.as_dict().entries()[5].second.as_int() == -5);
  REQUIRE(dict.as_dict().find_text("k999")->as_int() == 999);
  REQUIRE(dict.as_dict().find(Value(1.0))->as_text() == "one");
  REQUIRE(dict.as_dict().find(Value(true))->as_text() == "one");
  REQUIRE(dict.as_dict().find(Value::tuple({1.0, "x"}))->as_text() == "tuple");
  REQUIRE(dict.as_dict().find_text("zz") == nullptr);
  REQUIRE(dict.as_dict().find(Value::list()) == nullptr);
  REQUIRE_THROWS_AS(Value::dict({{Value::list(), 1}}), ValueError);
}

TEST_CASE("Characters change their case as in Python") {
  REQUIRE(to_upper("straße ŉ ﬁ ǆ 안") == "STRASSE ʼN FI Ǆ 안");
  REQUIRE(to_lower("ΑΣ ΑΣΑ Σ İ") == "ας ασα σ i̇");
  REQUIRE(to_capitalized("ǆA") == "ǅa");
  REQUIRE(to_titles("they're x1y") == "They'Re X1Y");
  REQUIRE(is_alphabetic(U'안'));
  REQUIRE_FALSE(is_printable(U'\u200b'));
  REQUIRE(is_upper(U'Ⅷ'));
  REQUIRE(is_lower(U'ª'));
  REQUIRE_FALSE(is_lower(U'ǅ'));
}
