// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include <numeric>

#include "kernels/cuda/sample.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

struct Request {
  SampleRow row; // the places of its ids and ranges are filled in
  std::vector<SeenId> seen = {};
  std::vector<AllowedRange> allowed = {};
};

SampleRow row_of(int vocab, float temperature, double uniform = 0.0) {
  SampleRow row;
  row.vocab = vocab;
  row.temperature = temperature;
  row.uniform = uniform;
  return row;
}

// All requests in one launch; the logits of one after another.
template <int kCapacity, typename T>
std::vector<int64_t> sample(
    const std::vector<T>& logits,
    std::vector<Request> requests) {
  std::vector<SampleRow> rows;
  std::vector<SeenId> seen;
  std::vector<AllowedRange> allowed;
  int64_t begin = 0;
  int largest = 0;
  for (Request& request : requests) {
    request.row.begin = request.row.scores_begin = begin;
    begin += request.row.vocab;
    largest = std::max(largest, request.row.vocab);
    request.row.seen_begin = static_cast<int64_t>(seen.size());
    request.row.num_seen = static_cast<int64_t>(request.seen.size());
    seen.insert(seen.end(), request.seen.begin(), request.seen.end());
    request.row.allowed_begin = static_cast<int64_t>(allowed.size());
    request.row.num_allowed = static_cast<int64_t>(request.allowed.size());
    allowed.insert(allowed.end(), request.allowed.begin(), request.allowed.end());
    rows.push_back(request.row);
  }
  REQUIRE(begin == static_cast<int64_t>(logits.size()));
  return in_every_order([&](ThreadOrder order) {
    Buffer<T> logits_in(logits);
    Buffer<SampleRow> rows_in(rows);
    Buffer<SeenId> seen_in(seen);
    Buffer<int64_t> ids(rows.size());
    Buffer<AllowedRange> allowed_in(allowed);
    Buffer<float> scores(logits.size());
    const Sample<T> args{
        logits_in.data(),
        rows_in.data(),
        seen_in.data(),
        allowed_in.data(),
        scores.data(),
        ids.data(),
        static_cast<int>(rows.size())};
    run_kernel(sample_launch<kCapacity>(args, largest), order, [&] {
      sample_kernel<kCapacity>(args);
    });
    return ids.values();
  });
}

// The weights in float64 of what the options leave, by sorting.
template <typename T>
std::vector<double> twin(const T* logits, const Request& request) {
  const SampleRow& row = request.row;
  std::vector<double> scores(row.vocab);
  std::transform(
      logits, logits + row.vocab, scores.begin(), [](T x) { return to_double(x); });
  for (const SeenId& seen : request.seen) {
    const double x = scores[seen.id];
    scores[seen.id] = x < 0 ? x * row.repetition_penalty : x / row.repetition_penalty;
    if (seen.count > 0) {
      scores[seen.id] -= row.presence_penalty + seen.count * row.frequency_penalty;
    }
  }
  for (int i = 0; i < row.vocab && !request.allowed.empty(); ++i) {
    const bool is_allowed = std::any_of(
        request.allowed.begin(), request.allowed.end(),
        [&](const AllowedRange& r) { return i >= r.begin && i < r.end; });
    scores[i] = is_allowed ? scores[i] : -INFINITY;
  }
  std::vector<int> order(row.vocab);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(
      order.begin(), order.end(), [&](int a, int b) { return scores[a] > scores[b]; });
  const double largest = scores[order[0]];
  std::vector<double> weights(row.vocab, 0.0);
  const double least =
      row.top_k > 0 && row.top_k < row.vocab ? scores[order[row.top_k - 1]] : -INFINITY;
  double total = 0.0;
  for (int i = 0; i < row.vocab; ++i) {
    if (scores[i] >= least) {
      weights[i] = std::exp((scores[i] - largest) / row.temperature);
    }
    total += weights[i];
  }
  double before = 0.0;
  for (const int id : order) {
    const double weight = weights[id];
    if (row.top_p < 1.0 && before > 0.0 && before >= row.top_p * total) {
      weights[id] = 0.0;
    }
    before += weight;
  }
  for (double& weight : weights) {
    weight = weight < row.min_p ? 0.0 : weight;
  }
  return weights;
}

// The number falls into the id's part of the cumulative weights, but for float32.
template <typename T>
void check_draw(const T* logits, const Request& request, int64_t id) {
  const std::vector<double> weights = twin(logits, request);
  REQUIRE(id >= 0);
  REQUIRE(id < request.row.vocab);
  REQUIRE(weights[id] > 0.0);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const double before = std::accumulate(weights.begin(), weights.begin() + id, 0.0);
  CHECK(before / total <= request.row.uniform + 1e-6);
  CHECK((before + weights[id]) / total > request.row.uniform - 1e-6);
}

template <int kCapacity, typename T>
void check_options(int vocab) {
  CAPTURE(vocab, kCapacity);
  std::vector<Request> requests;
  std::mt19937_64 random(vocab);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  for (const int top_k : {0, 1, 5, 50}) {
    for (const double top_p : {1.0, 0.9, 0.3}) {
      const size_t i = requests.size();
      Request request{row_of(vocab, i % 2 == 0 ? 0.7f : 3.0f, uniform(random))};
      request.row.top_k = top_k;
      request.row.top_p = top_p;
      request.row.min_p = i % 5 < 2 ? 0.05f : 0.0f;
      if (i % 3 == 0) {
        request.row.repetition_penalty = i % 2 == 0 ? 1.5f : 1.0f;
        request.row.presence_penalty = i % 4 == 0 ? 0.0 : 0.75;
        request.row.frequency_penalty = i % 4 == 3 ? -0.5 : 0.25;
        request.seen = {{vocab - 1, 3}};
        if (vocab > 2) {
          request.seen.insert(request.seen.end(), {{0, 1}, {vocab / 2, 2}});
        }
        if (vocab > 8) { // of a prompt
          request.seen.insert(request.seen.end(), {{1, 0}, {vocab / 4, 0}});
        }
      }
      if (i % 4 == 1) {
        request.allowed = {{vocab / 3, vocab}, {0, (vocab + 7) / 8}};
      }
      requests.push_back(request);
    }
  }
  const auto logits = random_values<T>(requests.size() * vocab, vocab + 1, 3.0f);
  const auto ids = sample<kCapacity>(logits, requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    CAPTURE(i);
    check_draw(logits.data() + i * vocab, requests[i], ids[i]);
  }
}

TEST_CASE("CUDA draws near the largest, from shared memory, follow all options") {
  check_options<kSampleCapacity, float>(1);
  check_options<kSampleCapacity, float>(160);
  check_options<kSampleCapacity, Bf16>(33); // many equal logits
  check_options<kSampleCapacity, Bf16>(130);
}

TEST_CASE("CUDA draws from more entries than shared memory holds follow all options") {
  check_options<16, float>(7);
  check_options<16, float>(160);
  check_options<16, Bf16>(33);
  check_options<16, Bf16>(130);
}

// One id far ahead of 300 that are lost to float32 one by one, but not together.
TEST_CASE("CUDA draws reach what top-k, top-p and min-p leave far from the largest") {
  std::vector<float> logits(301, -12.5f);
  logits[0] = 0.0f;
  std::vector<Request> requests(3, Request{row_of(301, 1.0f, 0.9999)});
  requests[0].row.top_k = 150;
  requests[1].row.top_p = 0.99999;
  requests[2].row.min_p = 1e-6f;
  std::vector<float> rows;
  for (size_t i = 0; i < requests.size(); ++i) {
    rows.insert(rows.end(), logits.begin(), logits.end());
  }
  const auto ids = sample<kSampleCapacity>(rows, requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    CAPTURE(i);
    CHECK(ids[i] > 0);
    check_draw(logits.data(), requests[i], ids[i]);
  }
}

TEST_CASE("CUDA draws of a large vocabulary use all warps") {
  const int vocab = 4500;
  std::vector<Request> requests;
  for (int i = 0; i < 2; ++i) {
    requests.push_back({row_of(vocab, 1.0f, 0.35 + 0.5 * i)});
    requests.back().row.top_p = i % 2 == 0 ? 1.0 : 0.95;
  }
  const auto logits = random_values<float>(requests.size() * vocab, 3, 2.0f);
  const auto ids = sample<kSampleCapacity>(logits, requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    check_draw(logits.data() + i * vocab, requests[i], ids[i]);
  }
}

TEST_CASE("CUDA rows of different vocabularies are drawn by one launch") {
  const std::vector<int> vocabs = {3, 64, 1, 257, 600};
  std::vector<Request> requests;
  size_t size = 0;
  for (const int vocab : vocabs) {
    requests.push_back({row_of(vocab, 1.3f, 0.77)});
    requests.back().row.top_k = 20;
    size += vocab;
  }
  const auto logits = random_values<float>(size, 9);
  const auto ids = sample<kSampleCapacity>(logits, requests);
  size_t begin = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    check_draw(logits.data() + begin, requests[i], ids[i]);
    begin += vocabs[i];
  }
}

TEST_CASE("A CUDA draw of no rows leaves nothing") {
  CHECK(sample<16>(std::vector<float>(), {}).empty());
  CHECK(sample<kSampleCapacity>(std::vector<Bf16>(), {}).empty());
}

TEST_CASE("Without temperature CUDA takes the lowest of the most likely ids") {
  const auto first = [](std::vector<float> logits, std::vector<AllowedRange> allowed) {
    Request request{row_of(static_cast<int>(logits.size()), 0.0f)};
    request.allowed = std::move(allowed);
    return sample<16>(logits, {request})[0];
  };
  std::vector<float> logits(300, 1.0f);
  CHECK(first(logits, {}) == 0);
  logits[70] = logits[200] = 2.0f;
  CHECK(first(logits, {}) == 70);
  CHECK(first(logits, {{71, 300}}) == 200);
  CHECK(first({-5.0f}, {}) == 0);
}

TEST_CASE("CUDA penalties are subtracted once and by count, after that on repetition") {
  Request request{row_of(4, 0.0f)};
  request.row.repetition_penalty = 2.0f;
  request.row.presence_penalty = 0.5;
  request.row.frequency_penalty = 0.25;
  request.seen = {{0, 1}, {1, 3}, {2, 1}};
  // 4 / 2 - 0.75 = 1.25, 5 / 2 - 1.25 = 1.25, -0.25 * 2 - 0.75 = -1.25.
  const auto first = [&](float last) {
    return sample<16>(std::vector<float>{4.0f, 5.0f, -0.25f, last}, {request})[0];
  };
  CHECK(first(1.26f) == 3);
  CHECK(first(1.24f) == 0);
  request.seen[1].count = 0; // of the prompt: 5 / 2
  CHECK(first(2.51f) == 3);
  CHECK(first(2.49f) == 1);
  request.allowed = {{2, 4}};
  CHECK(first(-1.26f) == 2);
  CHECK(first(-1.24f) == 3);
}

TEST_CASE("A CUDA nucleus keeps of equal ids the lower ones") {
  // Four ids of one quarter: half the mass is the first two.
  for (const double uniform : {0.0, 0.49, 0.51, 0.999999}) {
    Request request{row_of(4, 1.0f, uniform)};
    request.row.top_p = 0.5;
    const std::vector<float> logits(4, 0.25f);
    CHECK(sample<16>(logits, {request})[0] == (uniform < 0.5 ? 0 : 1));
    CHECK(sample<2>(logits, {request})[0] == (uniform < 0.5 ? 0 : 1));
  }
}

TEST_CASE("CUDA top-k keeps what equals the k-th, zeros of both signs alike") {
  Request request{row_of(4, 1.0f, 0.99)};
  request.row.top_k = 1;
  CHECK(sample<16>(std::vector<float>{0.0f, -1.0f, 0.0f, -0.0f}, {request})[0] == 3);
}

TEST_CASE("CUDA rows without a choice say so") {
  const std::vector<float> bad = {1.0f,      NAN,      2.0f, -INFINITY, -INFINITY,
                                  -INFINITY, INFINITY, 0.0f, 1.0f};
  for (const float temperature : {0.0f, 1.0f}) {
    const Request request{row_of(3, temperature)};
    CHECK(
        sample<16>(bad, {request, request, request}) ==
        std::vector<int64_t>{
            kSampleFoundNan, kSampleFoundNothing, kSampleFoundNothing});
  }
  // A NaN that is not allowed does no harm.
  Request request{row_of(3, 1.0f)};
  request.allowed = {{2, 3}};
  CHECK(sample<16>(std::vector<float>{1.0f, NAN, 0.0f}, {request})[0] == 2);
}

TEST_CASE("CUDA draws at the ends of temperature stay in range") {
  const std::vector<float> logits = {0.5f, 3.0f, 3.0f, -2.0f};
  CHECK(sample<16>(logits, {{row_of(4, 1e-40f, 0.9)}})[0] == 2);
  CHECK(sample<16>(logits, {{row_of(4, 1e38f, 0.9)}})[0] == 3);
  CHECK(sample<16>(logits, {{row_of(4, 1.0f, std::nextafter(1.0, 0.0))}})[0] == 3);
}

} // namespace
} // namespace omni::testing
