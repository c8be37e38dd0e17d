// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/safetensors.h"

#include <ATen/ATen.h>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace omni {
namespace {

namespace fs = std::filesystem;
using omni::testing::Contains;
using namespace std::string_literals;

NamedTensors every_dtype() {
  NamedTensors tensors;
  for (const at::ScalarType dtype :
       {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf,
        at::kBFloat16, at::kFloat, at::kDouble}) {
    const at::Tensor values = at::arange(15, at::kFloat).reshape({3, 5}) - 3;
    tensors.emplace_back(
        "t." + std::string(at::toString(dtype)),
        dtype == at::kBool       ? values > 2
            : dtype == at::kByte ? values.abs().to(dtype)
                                 : values.to(dtype));
  }
  tensors.emplace_back("scalar", at::scalar_tensor(2.5, at::kFloat));
  tensors.emplace_back("empty", at::empty({0, 4}, at::kDouble));
  tensors.emplace_back("strided", at::arange(12, at::kFloat).reshape({3, 4}).t());
  return tensors;
}

// A file of this header and data, its length as it should be.
void write_raw(const fs::path& path, const std::string& json, const std::string& data) {
  std::string length(8, '\0');
  for (size_t i = 0; i < 4; ++i) {
    length[i] = static_cast<char>(json.size() >> (8 * i) & 0xFF);
  }
  write_file(path, length + json + data);
}

void check_equal(const SafetensorsReader& reader, const NamedTensors& tensors) {
  CHECK(reader.tensors().size() == tensors.size());
  for (const auto& [name, tensor] : tensors) {
    INFO(name);
    const at::Tensor read = reader.read(name);
    CHECK(read.scalar_type() == tensor.scalar_type());
    CHECK(read.sizes() == tensor.sizes());
    CHECK(read.is_contiguous());
    CHECK(at::equal(read, tensor));
    CHECK(reader.tensors().at(name).shape == tensor.sizes().vec());
  }
}

TEST_CASE("tensors of every dtype come back as they were") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path / "x.safetensors";
  const std::map<std::string, std::string> metadata = {{"format", "pt"}, {"é\"", "\n"}};
  write_safetensors(path, every_dtype(), metadata);
  const SafetensorsReader reader(path);
  check_equal(reader, every_dtype());
  CHECK(reader.metadata() == metadata);
  CHECK(reader.has("scalar"));
  CHECK_FALSE(reader.has("other"));
  CHECK_THROWS_AS(reader.read("other"), c10::IndexError);
  CHECK_THROWS_WITH(reader.read("other"), Contains("got \"other\""));
}

TEST_CASE("the bytes are those the format describes") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path / "x.safetensors";
  write_safetensors(
      path, {{"b", at::tensor({1, 2}, at::kByte)}, {"a", at::tensor({1.0F, -2.0F})}});
  const std::string bytes = read_file(path);
  const std::string json = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                           R"("b":{"dtype":"U8","shape":[2],"data_offsets":[8,10]}})";
  const size_t padded = (8 + json.size() + 63) / 64 * 64;
  CHECK(static_cast<unsigned char>(bytes[0]) == padded - 8);
  CHECK(bytes.substr(8, json.size()) == json);
  CHECK(
      bytes.substr(8 + json.size(), padded - 8 - json.size()) ==
      std::string(padded - 8 - json.size(), ' '));
  CHECK(bytes.substr(padded) == "\0\0\x80\x3F\0\0\0\xC0\x01\x02"s);
}

TEST_CASE("aligned tensors are not copied and outlive reader and file") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path / "x.safetensors";
  write_safetensors(path, every_dtype());
  at::Tensor first;
  {
    const SafetensorsReader reader(path);
    first = reader.read("t.Float");
    CHECK(reader.read("t.Float").const_data_ptr() == first.const_data_ptr());
    // Sorted by width, so that even odd counts leave every dtype aligned.
    CHECK(
        reader.read("t.Double").const_data_ptr() ==
        reader.read("t.Double").const_data_ptr());
  }
  fs::remove(path);
  CHECK(first.sum().item<float>() == Approx(60.0));
  CHECK(first.view({15})[14].item<float>() == 11.0F);
}

TEST_CASE(
    "tensors of whole multiples of 64 bytes begin at one, whatever is beside them") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path / "x.safetensors";
  const NamedTensors tensors = {
      {"odd", at::ones({3})},
      {"panels", at::ones({5, 64}, at::kByte)},
      {"one", at::ones({1}, at::kDouble)},
      {"wide", at::ones({32}, at::kBFloat16)},
      {"byte", at::ones({7}, at::kByte)},
      {"more", at::ones({128}, at::kByte)}};
  write_safetensors(path, tensors);
  const SafetensorsReader reader(path);
  check_equal(reader, tensors);
  for (const auto& [name, tensor] : tensors) {
    INFO(name);
    const int64_t alignment =
        tensor.nbytes() % 64 == 0 ? 64 : static_cast<int64_t>(tensor.element_size());
    CHECK(reader.tensors().at(name).begin % alignment == 0);
  }
}

TEST_CASE("misaligned tensors are copied") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path / "x.safetensors";
  write_raw(
      path,
      R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
      R"("a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})",
      "\x07\0\0\x80\x3F"s);
  const SafetensorsReader reader(path);
  const at::Tensor a = reader.read("a");
  CHECK(a.item<float>() == 1.0F);
  CHECK(reinterpret_cast<uintptr_t>(a.const_data_ptr()) % 4 == 0);
  CHECK(a.const_data_ptr() != reader.read("a").const_data_ptr());
  CHECK(reader.read("b").item<uint8_t>() == 7);
}

TEST_CASE("a bool that is neither 0 nor 1 is refused") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path / "x.safetensors";
  write_raw(
      path, R"({"flag":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})",
      "\x00\x01\x02"s);
  CHECK_THROWS_WITH(
      SafetensorsReader(path).read("flag"), Contains("\"flag\"") && Contains("got 2"));
}

TEST_CASE("files that are not safetensors say so") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path / "x.safetensors";
  CHECK_THROWS_AS(SafetensorsReader(path), IoError);
  CHECK_THROWS_WITH(SafetensorsReader(path), Contains("x.safetensors"));
  for (const std::string& bytes :
       {""s, "abc"s, "\x80\x02}q\0."s, std::string(1000, 'x'), std::string(8, '\0')}) {
    write_file(path, bytes);
    CHECK_THROWS_AS(SafetensorsReader(path), IoError);
  }
  write_safetensors(path, every_dtype());
  const std::string whole = read_file(path);
  for (const size_t size :
       {whole.size() - 1, whole.size() / 2, size_t{100}, size_t{9}}) {
    write_file(path, whole.substr(0, size));
    CHECK_THROWS_AS(SafetensorsReader(path), IoError);
  }
  write_file(path, whole + "x");
  CHECK_THROWS_WITH(SafetensorsReader(path), Contains("1 trailing bytes"));
  CHECK_THROWS_WITH(
      SafetensorsReader(folder.path),
      Contains("expected model.safetensors or model.safetensors.index.json inside"));
}

TEST_CASE("writing refuses what the format cannot hold") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path / "x.safetensors";
  const at::Tensor x = at::ones({2});
  CHECK_THROWS_AS(write_safetensors(path, {{"a", x}, {"a", x}}), c10::ValueError);
  CHECK_THROWS_AS(write_safetensors(path, {{"__metadata__", x}}), c10::ValueError);
  CHECK_THROWS_AS(write_safetensors(path, {{"a", at::Tensor()}}), c10::ValueError);
  CHECK_THROWS_AS(
      write_safetensors(path, {{"a", x.to(at::kComplexFloat)}}), c10::TypeError);
  CHECK_THROWS_AS(
      write_safetensors_folder(folder.path, {{"a", x}}, 0), c10::ValueError);
  CHECK(fs::is_empty(folder.path));
}

TEST_CASE("a folder is one file or shards with an index") {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path / "new" / "model";
  write_safetensors_folder(path, every_dtype(), 1 << 20);
  CHECK(fs::exists(path / "model.safetensors"));
  check_equal(SafetensorsReader(path), every_dtype());

  write_safetensors_folder(path, every_dtype(), 100);
  CHECK_FALSE(fs::exists(path / "model.safetensors"));
  CHECK(fs::exists(path / "model.safetensors.index.json"));
  size_t num_shards = 0;
  for (const fs::directory_entry& file : fs::directory_iterator(path)) {
    num_shards += file.path().extension() == ".safetensors" ? 1 : 0;
  }
  CHECK(num_shards > 3);
  check_equal(SafetensorsReader(path), every_dtype());
  check_equal(SafetensorsReader(path / "model.safetensors.index.json"), every_dtype());

  write_safetensors_folder(path, every_dtype(), 1 << 20);
  CHECK(std::distance(fs::directory_iterator(path), fs::directory_iterator()) == 1);
  check_equal(SafetensorsReader(path), every_dtype());
}

TEST_CASE("an index that lies is refused") {
  const test::TemporaryFolder folder;
  const fs::path index = folder.path / "model.safetensors.index.json";
  const at::Tensor x = at::ones({2});
  write_safetensors(folder.path / "1.safetensors", {{"a", x}, {"b", x}});
  write_safetensors(folder.path / "2.safetensors", {{"c", x}});
  write_safetensors(folder.path / "twice.safetensors", {{"a", x}});
  struct Case {
    std::string json;
    std::string cause;
  };
  const std::string ab = R"("a": "1.safetensors", "b": "1.safetensors")";
  const Case cases[] = {
      {"[]", "expected a `weight_map`"},
      {"{}", "expected a `weight_map`"},
      {R"({"weight_map": []})", "expected a `weight_map`"},
      {R"({"weight_map": {"a": 1}})", "a file name for tensor \"a\", got number"},
      {R"({"weight_map": {"a": "../1.safetensors"}})", "not a file of this folder"},
      {R"({"weight_map": {"a": "/etc/passwd"}})", "not a file of this folder"},
      {R"({"weight_map": {"a": "x/1.safetensors"}})", "not a file of this folder"},
      {R"({"weight_map": {"a": ".."}})", "not a file of this folder"},
      {R"({"weight_map": {"a": "."}})", "not a file of this folder"},
      {R"({"weight_map": {"a": ""}})", "not a file of this folder"},
      {R"({"weight_map": {"a": "1.safetensors\u0000x"}})", "not a file of this folder"},
      {R"({"weight_map": {"a": "3.safetensors"}})",
       "the shard 3.safetensors is missing"},
      {R"({"weight_map": {"a": "1.safetensors"}})", "\"b\" is in 1.safetensors"},
      {R"({"weight_map": {)" + ab + R"(, "c": "1.safetensors"}})",
       "\"c\" is not in 1.safetensors"},
      {R"({"weight_map": {)" + ab + R"(, "c": "2.safetensors", "d": "2.safetensors"}})",
       "\"d\" is not in 2.safetensors"},
      {R"({"weight_map": {)" + ab + R"(, "d": "twice.safetensors"}})",
       "tensor \"a\" is already in another shard"},
      {R"({"weight_map": {)" + ab + R"(, "a": "2.safetensors"}})", "occurs twice"},
      {R"({"weight_map": {"b": "2.safetensors", "c": "2.safetensors"}})",
       "\"b\" is not in 2.safetensors"},
  };
  for (const Case& c : cases) {
    INFO(c.json);
    write_file(index, c.json);
    CHECK_THROWS_AS(SafetensorsReader(folder.path), IoError);
    CHECK_THROWS_WITH(SafetensorsReader(folder.path), Contains(c.cause));
  }
  write_file(index, R"({"weight_map": {)" + ab + R"(, "c": "2.safetensors"}})");
  CHECK(SafetensorsReader(folder.path).tensors().size() == 3);
}

} // namespace
} // namespace omni
