// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/sequence_builder.h"

#include <ATen/ATen.h>

#include "tests/support/catch.h"

namespace omni {
namespace {

using omni::testing::Contains;
using Position = std::array<float, 3>;
using Positions = std::vector<Position>;

// Text [0, 10), control [10, 20), image codes [20, 30).
TokenSpace make_space() {
  return TokenSpace(
      30,
      {{Segment::Text, {0, 10}},
       {Segment::Control, {10, 20}},
       {Segment::Image, {20, 30}}},
      {{"bos", 10}, {"image_slot", 11}, {"draw_begin", 12}, {"draw_end", 13}});
}

} // namespace

TEST_CASE("text moves all three axes together") {
  SequenceBuilder builder(make_space(), 2);
  builder.push_control("bos");
  builder.push({3, 4});
  CHECK(builder.sequence().ids == std::vector<int64_t>{10, 3, 4});
  CHECK((builder.sequence().positions == Positions{{0, 0, 0}, {1, 1, 1}, {2, 2, 2}}));
  CHECK(builder.sequence().next_position() == 3);
  CHECK_THROWS_WITH(builder.push_control("eos"), Contains("eos"));
}

TEST_CASE("media rows lie where they say, and text goes on after the furthest") {
  SequenceBuilder builder(make_space(), 2);
  builder.push({1, 2});
  builder.push_media(
      Modality::Video, 5, 11,
      at::tensor({0.0, 0.0, 3.0, 6.25, 6.25, 7.25, 1.0, 1.0, 1.0}).view({3, 3}));
  builder.push(3);
  const TokenSequence& sequence = builder.sequence();
  CHECK(sequence.ids == std::vector<int64_t>{1, 2, 11, 11, 11, 3});
  CHECK(
      (sequence.positions ==
       Positions{
           {0, 0, 0},
           {1, 1, 1},
           {2, 2, 5},
           {8.25, 8.25, 9.25},
           {3, 3, 3},
           {10, 10, 10}}));
  REQUIRE(sequence.spans.size() == 1);
  CHECK(sequence.spans[0].modality == Modality::Video);
  CHECK(sequence.spans[0].item == 5);
  CHECK(sequence.spans[0].begin == 2);
  CHECK(sequence.spans[0].num_rows == 3);
  CHECK_THROWS_WITH(
      builder.push_media(Modality::Image, 0, 11, at::zeros({3, 2})),
      Contains("[sequence_builder] expected `row_positions` [-1, 3], got [3, 2]"));
}

TEST_CASE("drawn codes lie on their grid at one time") {
  SequenceBuilder builder(make_space(), 3);
  builder.push({1, 12});
  for (int64_t code = 0; code < 5; ++code) {
    builder.push(20 + code);
  }
  builder.push({13, 2});
  CHECK(
      (builder.sequence().positions ==
       Positions{
           {0, 0, 0},
           {1, 1, 1},
           {2, 2, 2},
           {2, 2, 3},
           {2, 2, 4},
           {2, 3, 2},
           {2, 3, 3},
           {5, 5, 5},
           {6, 6, 6}}));
  // A code outside a drawing is an id like any other.
  builder.push({21, 22});
  CHECK(builder.sequence().positions.back() == Position{8, 8, 8});
  // A second drawing has a grid of its own.
  builder.push({12, 20, 21});
  CHECK(builder.sequence().positions.back() == Position{10, 10, 11});
}

TEST_CASE("a sequence can be gone on with") {
  SequenceBuilder whole(make_space(), 2);
  whole.push({1, 12, 20, 21, 22, 23, 13});
  SequenceBuilder first(make_space(), 2);
  first.push({1, 12, 20, 21, 22, 23, 13});
  whole.push({4, 12, 25});
  SequenceBuilder second(make_space(), 2, first.take());
  second.push({4, 12, 25});
  CHECK(second.sequence().ids == whole.sequence().ids);
  CHECK((second.sequence().positions == whole.sequence().positions));
}

TEST_CASE("a tail keeps what is left of its spans") {
  SequenceBuilder builder(make_space(), 2);
  builder.push({1, 2});
  builder.push_media(Modality::Image, 0, 11, at::zeros({4, 3}));
  builder.push(3);
  builder.push_media(Modality::Audio, 1, 11, at::zeros({2, 3}));
  const TokenSequence& sequence = builder.sequence();
  const TokenSequence tail = sequence.from(4);
  CHECK(tail.ids == std::vector<int64_t>{11, 11, 3, 11, 11});
  REQUIRE(tail.spans.size() == 2);
  CHECK(tail.spans[0].begin == 0);
  CHECK(tail.spans[0].num_rows == 2);
  CHECK(tail.spans[0].first_row == 2);
  CHECK(tail.spans[1].begin == 3);
  CHECK(tail.spans[1].first_row == 0);
  CHECK(sequence.from(6).spans.size() == 1); // the first is behind
  CHECK(sequence.from(9).num_tokens() == 0);
  CHECK(tail.from(1).spans[0].first_row == 3); // a tail of a tail
  CHECK_THROWS_WITH(
      sequence.from(10),
      Contains("[token_sequence] expected a begin in [0, 9], got 10."));
  CHECK_THROWS_WITH(sequence.from(-1), Contains("got -1"));
}

TEST_CASE("a sequence as tensors, and modalities by name") {
  SequenceBuilder builder(make_space(), 2);
  builder.push({1, 2});
  CHECK(at::equal(builder.sequence().ids_tensor(), at::tensor({1, 2}, at::kLong)));
  CHECK(at::equal(
      builder.sequence().positions_tensor(),
      at::tensor({0, 0, 0, 1, 1, 1}, at::kFloat).view({2, 3})));
  CHECK(TokenSequence().positions_tensor().sizes() == at::IntArrayRef({0, 3}));
  CHECK(TokenSequence().next_position() == 0);
  for (const Modality modality :
       {Modality::Text, Modality::Image, Modality::Audio, Modality::Video,
        Modality::Speech}) {
    CHECK(modality_from_name(modality_name(modality)) == modality);
  }
  CHECK_THROWS_WITH(
      modality_from_name("smell"),
      Contains("[modality] expected one of text, image, audio, video, speech, got "
               "\"smell\""));
}

} // namespace omni
