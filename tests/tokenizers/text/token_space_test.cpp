// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/token_space.h"

#include <stdexcept>

#include "omni/core/errors.h"
#include "tests/support/catch.h"

namespace omni {
namespace {

using omni::testing::Contains;
using Segments = std::map<Segment, IdRange>;

TokenSpace nano() {
  return TokenSpace(
      100,
      {{Segment::Text, {0, 40}},
       {Segment::Control, {40, 50}},
       {Segment::Spelling, {50, 60}},
       {Segment::Image, {60, 80}},
       {Segment::Speech, {80, 95}}},
      {{"bos", 1}, {"eos", 2}, {"pad", 2}, {"draw_begin", 45}});
}

TEST_CASE("an id belongs to the segment it falls in") {
  const TokenSpace space = nano();
  CHECK(space.segment_of(0) == Segment::Text);
  CHECK(space.segment_of(39) == Segment::Text);
  CHECK(space.segment_of(40) == Segment::Control);
  CHECK(space.segment_of(59) == Segment::Spelling);
  CHECK(space.segment_of(60) == Segment::Image);
  CHECK(space.segment_of(94) == Segment::Speech);
  CHECK(space.range(Segment::Image).size() == 20);
  CHECK(space.vocab_size() == 100);
}

TEST_CASE("control ids inside text and padding count as control") {
  const TokenSpace space = nano();
  CHECK(space.segment_of(2) == Segment::Control);
  CHECK(space.segment_of(99) == Segment::Control);
  CHECK(space.control("pad") == 2);
  CHECK(space.has_control("eos"));
  CHECK_FALSE(space.has_control("speech_end"));
}

TEST_CASE("what a model lacks is an error that names it") {
  const TokenSpace text(10, {{Segment::Text, {0, 10}}}, {});
  CHECK_FALSE(text.has(Segment::Image));
  CHECK_THROWS_WITH(
      text.range(Segment::Image),
      "[token_space] expected a model with the segment `image`, got one without.");
  CHECK_THROWS_AS(text.control("eos"), ValueError);
  CHECK_THROWS_WITH(text.control("eos"), Contains("`eos`"));
}

TEST_CASE("ids outside the token space are index errors") {
  CHECK_THROWS_AS(nano().segment_of(100), std::out_of_range);
  CHECK_THROWS_WITH(
      nano().segment_of(-1), "[token_space] expected an id in [0, 100), got -1.");
  CHECK_THROWS_AS(TokenSpace().segment_of(0), std::out_of_range);
}

TEST_CASE("segments that cannot be are rejected") {
  const auto error = [](int64_t size, Segments segments, ControlIds ids) {
    try {
      const TokenSpace space(size, std::move(segments), std::move(ids));
    } catch (const ValueError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK_THAT(error(0, {}, {}), Contains("at least 1 id, got 0"));
  CHECK_THAT(
      error(10, {{Segment::Text, {0, 11}}}, {}),
      Contains("`text`") && Contains("[0, 11)"));
  CHECK_THAT(error(10, {{Segment::Text, {-1, 5}}}, {}), Contains("[-1, 5)"));
  CHECK_THAT(error(10, {{Segment::Text, {5, 5}}}, {}), Contains("[5, 5)"));
  CHECK_THAT(error(10, {{Segment::Text, {6, 5}}}, {}), Contains("[6, 5)"));
  CHECK_THAT(
      error(10, {{Segment::Text, {0, 5}}, {Segment::Image, {4, 8}}}, {}),
      Contains("`text` [0, 5) and `image` [4, 8)"));
  CHECK_THAT(
      error(10, {{Segment::Text, {0, 10}}, {Segment::Speech, {2, 3}}}, {}),
      Contains("apart"));
  CHECK_THAT(error(10, {{Segment::Text, {0, 5}}}, {{"eos", 10}}), Contains("`eos`"));
  CHECK_THAT(error(10, {{Segment::Text, {0, 5}}}, {{"eos", -1}}), Contains("got -1"));
  CHECK_THAT(
      error(10, {{Segment::Image, {0, 5}}}, {{"eos", 3}}), Contains("image segment"));
  CHECK(error(10, {{Segment::Text, {0, 5}}, {Segment::Image, {5, 10}}}, {{"eos", 1}})
            .empty());
}

TEST_CASE("segment names are pairs") {
  for (const Segment segment :
       {Segment::Text, Segment::Control, Segment::Spelling, Segment::Image,
        Segment::Speech}) {
    CHECK(segment_from_name(segment_name(segment)) == segment);
  }
  CHECK_THROWS_WITH(
      segment_from_name("video"),
      "[token_space] expected a segment text, control, spelling, image or speech, got "
      "\"video\".");
}

} // namespace
} // namespace omni
