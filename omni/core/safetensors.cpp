// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/safetensors.h"

#include <ATen/Functions.h>
#include <c10/util/Exception.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "omni/core/json.h"

namespace omni {
namespace {

namespace fs = std::filesystem;

constexpr std::pair<const char*, at::ScalarType> kDtypes[] = {
    {"BOOL", at::kBool}, {"U8", at::kByte},       {"I8", at::kChar},
    {"I16", at::kShort}, {"I32", at::kInt},       {"I64", at::kLong},
    {"F16", at::kHalf},  {"BF16", at::kBFloat16}, {"F32", at::kFloat},
    {"F64", at::kDouble}};

at::ScalarType stored_dtype(const std::string& name) {
  for (const auto& [known, dtype] : kDtypes) {
    if (name == known) {
      return dtype;
    }
  }
  TORCH_INTERNAL_ASSERT(false, "the header was checked");
}

// A bool of any other byte is undefined behaviour wherever it is read.
void check_bools(const std::string& name, std::string_view bytes) {
  const auto wrong =
      std::ranges::find_if(bytes, [](char byte) { return byte != 0 && byte != 1; });
  if (wrong != bytes.end()) {
    throw IoError(
        "safetensors", "tensor \"" + name + "\"",
        "expected 0 or 1 in a BOOL, got " +
            std::to_string(static_cast<unsigned char>(*wrong)) + ".");
  }
}

} // namespace

// A file's bytes, unmapped when the last tensor over them is gone.
class SafetensorsReader::Mapping {
 public:
  explicit Mapping(const fs::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (descriptor < 0 || ::fstat(descriptor, &status) != 0) {
      const std::string cause = std::strerror(errno);
      if (descriptor >= 0) {
        ::close(descriptor);
      }
      throw IoError("safetensors", path.string(), cause);
    }
    if (!S_ISREG(status.st_mode)) {
      ::close(descriptor);
      throw IoError("safetensors", path.string(), "is not a file");
    }
    size_ = status.st_size;
    if (size_ > 0) {
      data_ = ::mmap(
          nullptr, static_cast<size_t>(size_),
          PROT_READ | PROT_WRITE, // a written page becomes a copy, never the file's
          MAP_PRIVATE | MAP_NORESERVE, descriptor, 0);
    }
    ::close(descriptor);
    if (data_ == MAP_FAILED) {
      throw IoError("safetensors", path.string(), std::strerror(errno));
    }
  }
  ~Mapping() {
    if (data_ != nullptr) {
      ::munmap(data_, static_cast<size_t>(size_));
    }
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  [[nodiscard]] std::string_view bytes() const {
    return {static_cast<const char*>(data_), static_cast<size_t>(size_)};
  }
  [[nodiscard]] char* at(int64_t offset) const {
    return static_cast<char*>(data_) + offset;
  }

 private:
  void* data_ = nullptr;
  int64_t size_ = 0;
};

SafetensorsReader::SafetensorsReader(const fs::path& path) {
  std::error_code error;
  if (path.filename().string().ends_with(".index.json")) {
    add_index(path);
    return;
  }
  if (!fs::is_directory(path, error)) {
    add_file(path);
    return;
  }
  const fs::path index = path / "model.safetensors.index.json";
  const fs::path single = path / "model.safetensors";
  if (fs::exists(index, error)) {
    add_index(index);
  } else if (fs::exists(single, error)) {
    add_file(single);
  } else {
    throw IoError(
        "safetensors", path.string(),
        "expected model.safetensors or model.safetensors.index.json inside, found "
        "neither.");
  }
}

std::shared_ptr<const SafetensorsReader::Mapping> SafetensorsReader::add_file(
    const fs::path& path) {
  auto mapping = std::make_shared<const Mapping>(path);
  const std::string_view bytes = mapping->bytes();
  const auto size = static_cast<int64_t>(bytes.size());
  const int64_t length =
      safetensors_header_bytes(bytes.substr(0, 8), size, path.string());
  SafetensorsHeader header = parse_safetensors_header(
      bytes.substr(8, static_cast<size_t>(length)), size, path.string());
  for (auto& [name, entry] : header.tensors) {
    if (!tensors_.emplace(name, std::move(entry)).second) {
      throw IoError(
          "safetensors", path.string(),
          "tensor \"" + name + "\" is already in another shard.");
    }
    mapping_of_.emplace(name, mapping);
  }
  metadata_.merge(header.metadata);
  return mapping;
}

void SafetensorsReader::add_index(const fs::path& path) {
  const auto fail = [&](const std::string& cause) {
    throw IoError("safetensors", path.string(), cause + ".");
  };
  const Json index = read_json(path, "safetensors");
  const auto weight_map = index.is_object() ? index.find("weight_map") : index.end();
  if (weight_map == index.end() || !weight_map->is_object()) {
    fail("expected a `weight_map` of tensor names to files");
  }
  std::map<std::string, std::string> shard_of;
  for (const auto& [name, shard] : weight_map->items()) {
    if (!shard.is_string()) {
      fail(
          "expected a file name for tensor \"" + name + "\", got " + shard.type_name());
    }
    shard_of[name] = shard.get<std::string>();
  }
  std::set<std::string> shards;
  for (const auto& [name, shard] : shard_of) {
    const bool is_inside =
        fs::path(shard).filename() == shard && shard != "." && shard != "..";
    if (shard.empty() || !is_inside || shard.find('\0') != shard.npos) {
      fail(
          "tensor \"" + name + "\" points to " + nlohmann::json(shard).dump() +
          ", which is not a file of this folder");
    }
    shards.insert(shard);
  }
  for (const std::string& shard : shards) {
    const fs::path file = path.parent_path() / shard;
    if (!fs::exists(file)) {
      fail("the shard " + shard + " is missing");
    }
    const auto mapping = add_file(file);
    for (const auto& [name, of] : mapping_of_) {
      const auto expected = shard_of.find(name);
      if (of == mapping && (expected == shard_of.end() || expected->second != shard)) {
        fail(
            "tensor \"" + name + "\" is in " + shard +
            ", where the index does not put it");
      }
    }
  }
  for (const auto& [name, shard] : shard_of) {
    if (!has(name)) {
      fail("tensor \"" + name + "\" is not in " + shard + ", where the index puts it");
    }
  }
}

at::Tensor SafetensorsReader::read(const std::string& name) const {
  const auto found = tensors_.find(name);
  TORCH_CHECK_INDEX(
      found != tensors_.end(),
      "[safetensors] expected the name of a tensor in the file, got \"", name, "\".");
  const TensorEntry& entry = found->second;
  const at::ScalarType dtype = stored_dtype(entry.dtype);
  const std::shared_ptr<const Mapping>& mapping = mapping_of_.at(name);
  char* data = mapping->at(entry.begin);
  if (entry.begin == entry.end) {
    return at::empty(entry.shape, dtype);
  }
  if (dtype == at::kBool) {
    check_bools(name, mapping->bytes().substr(entry.begin, entry.end - entry.begin));
  }
  const auto alignment = c10::elementSize(dtype);
  if (reinterpret_cast<uintptr_t>(data) % alignment != 0) {
    at::Tensor copy = at::empty(entry.shape, dtype);
    std::memcpy(
        copy.mutable_data_ptr(), data, static_cast<size_t>(entry.end - entry.begin));
    return copy;
  }
  return at::from_blob(
      data, entry.shape, [mapping](void*) {}, at::TensorOptions().dtype(dtype));
}

} // namespace omni
