// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Samples from folders and archives, and the order in which they come.
#include "omni/train/dataset.h"

#include <cstdlib>
#include <fstream>
#include <set>

#include "omni/core/file_io.h"
#include "omni/train/data_order.h"
#include "omni/train/packing.h"
#include "omni/train/tar.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace omni {
namespace {

namespace fs = std::filesystem;

std::string text_sample(const std::string& text) {
  return R"({"messages": [{"role": "user", "content": ")" + text + R"("}]})";
}

void run(const std::string& command) {
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

// Names that need more than the 100 bytes of a plain header, and more than 256.
std::vector<std::string> long_names() {
  std::string deep;
  for (int i = 0; i < 6; ++i) {
    deep += std::string(50, static_cast<char>('a' + i)) + "/";
  }
  return {"short", std::string(120, 'n'), deep + "한글-" + std::string(40, 'z')};
}

// Writes the samples, makes a tar of them with `command` in their folder, reads it.
void check_archive(const std::string& command) {
  const test::TemporaryFolder folder;
  const auto names = long_names();
  for (const std::string& name : names) {
    const fs::path path = folder.path / "in" / (name + ".json");
    fs::create_directories(path.parent_path());
    write_file(path, text_sample(name.substr(0, 5)));
    fs::path media = path;
    write_file(media.replace_extension(".0.txt"), std::string(700, 'm'));
  }
  run("cd " + (folder.path / "in").string() + " && " + command);
  const Dataset dataset(folder / "out.tar");
  REQUIRE(dataset.size() == 3);
  std::set<std::string> texts;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const Sample sample = dataset.read(i);
    texts.insert(sample.messages[0].parts[0].text);
    const auto found = std::find_if(names.begin(), names.end(), [&](const auto& name) {
      return sample.key.ends_with(name);
    });
    CHECK(found != names.end());
  }
  CHECK(texts == std::set<std::string>{"short", "nnnnn", "aaaaa"});
  for (const TarEntry& entry : list_tar(folder / "out.tar")) {
    CHECK(entry.begin % 512 == 0);
    CHECK((entry.size == 700) == entry.name.ends_with(".txt"));
  }
}

TEST_CASE("archives of the system's tar are read, in each of its formats") {
  for (const char* format : {"gnu", "pax", "posix"}) {
    INFO(format);
    check_archive(
        std::string("tar --sort=name --format=") + format + " -cf ../out.tar .");
  }
}

TEST_CASE("archives of Python's tarfile are read, in each of its formats") {
  for (const char* format : {"GNU_FORMAT", "PAX_FORMAT"}) {
    INFO(format);
    check_archive(
        std::string(
            "python3 -c \"import os, tarfile\nt = tarfile.open('../out.tar', 'w', "
            "format=tarfile.") +
        format +
        ")\nfor p, d, f in sorted(os.walk('.')):\n"
        "    for n in sorted(f): t.add(os.path.join(p, n)[2:])\nt.close()\"");
  }
}

TEST_CASE("two sets may hold shards and samples of the same name") {
  const test::TemporaryFolder folder;
  std::set<std::string> keys;
  for (const char* set : {"one", "two"}) {
    fs::create_directories(folder / set);
    write_file(folder.path / set / "s.json", text_sample(set));
    run("cd " + (folder / set).string() + " && tar -cf 0000.tar s.json && rm s.json");
    const Dataset dataset(folder / set);
    REQUIRE(dataset.size() == 1);
    const Sample sample = dataset.read(0);
    CHECK(sample.messages[0].parts[0].text == set);
    keys.insert(sample.key);
  }
  CHECK(keys.size() == 2); // what codes are cached by
}

TEST_CASE("an outline is the sample without the contents of its media") {
  const test::TemporaryFolder folder;
  write_file(folder / "a.json", R"({"kind": "k", "messages": [{"role": "user",
    "content": [{"type": "audio", "file": "0.wav", "transcript": "ab"}]}]})");
  write_file(folder / "a.0.wav", "bytes");
  write_file(folder / "b.json", text_sample("none"));
  Dataset dataset(folder.path);
  CHECK(dataset.read(0).messages[0].parts[0].bytes == "bytes");
  const Sample outline = dataset.read_outline(0);
  CHECK(outline.kind == "k");
  CHECK(outline.messages[0].parts[0].bytes.empty());
  CHECK(outline.messages[0].parts[0].transcript == "ab");
  CHECK(
      dataset.keep_only([](const Sample& sample) { return sample.kind == "k"; }) == 1);
  CHECK(dataset.size() == 1);
  CHECK(dataset.read(0).kind == "k");
  const std::string digest = dataset.digest();
  write_file(folder / "b.json", text_sample("more"));
  dataset = Dataset(folder.path);
  CHECK(dataset.digest() != digest);
  static_cast<void>(
      dataset.keep_only([](const Sample& sample) { return sample.kind == "k"; }));
  CHECK(dataset.digest() == digest); // of what is used
}

TEST_CASE("the digest of a set follows its files, not their place") {
  const test::TemporaryFolder a;
  const test::TemporaryFolder b;
  const auto digest = [](const test::TemporaryFolder& folder) {
    return Dataset(folder.path).digest();
  };
  for (const auto* folder : {&a, &b}) {
    write_file(*folder / "s.json", text_sample("same"));
    write_file(*folder / "s.0.png", std::string(9000, 'p'));
  }
  const std::string first = digest(a);
  CHECK(digest(b) == first);
  CHECK(Dataset(b.path / "").digest() == first);
  SECTION("other JSON of the same size") {
    write_file(b / "s.json", text_sample("game"));
    CHECK(digest(b) != first);
  }
  SECTION("another end of a file of the same size") {
    write_file(b / "s.0.png", std::string(8999, 'p') + 'q');
    CHECK(digest(b) != first);
  }
  SECTION("a longer file") {
    write_file(b / "s.0.png", std::string(9001, 'p'));
    CHECK(digest(b) != first);
  }
  SECTION("another name of a sample, or of a file") {
    fs::rename(a / "s.0.png", a / "s.1.png");
    CHECK(digest(a) != first);
    fs::rename(b / "s.json", b / "t.json");
    fs::rename(b / "s.0.png", b / "t.0.png");
    CHECK(digest(b) != first);
  }
  SECTION("another date, and a file of no sample") {
    fs::last_write_time(b / "s.json", fs::file_time_type::clock::now());
    write_file(b / "README.txt", "two samples");
    CHECK(digest(b) == first);
  }
}

TEST_CASE("the digest of an archive follows its files, not its dates and owners") {
  const test::TemporaryFolder folder;
  const auto digest = [&](const std::string& text, const std::string& options) {
    write_file(folder / "s.json", text_sample(text));
    write_file(folder / "s.0.txt", text);
    run("cd " + folder.path.string() + " && tar " + options +
        " -cf a.tar s.0.txt s.json && rm s.0.txt s.json");
    const std::string digest = Dataset(folder / "a.tar").digest();
    fs::remove(folder / "a.tar");
    return digest;
  };
  const std::string first = digest("same", "");
  CHECK(digest("same", "--owner=7 --mtime=@0 --format=pax") == first);
  CHECK(digest("game", "") != first);
}

TEST_CASE("of many media the digest reads the beginnings") {
  const test::TemporaryFolder folder;
  constexpr int64_t kNumSamples = 9;
  constexpr int64_t kBytes = int64_t{9} << 20; // sparse: 81 MiB in all
  for (int64_t i = 0; i < kNumSamples; ++i) {
    const std::string key = std::to_string(i);
    write_file(folder / (key + ".json"), text_sample(key));
    write_file(folder / (key + ".bin"), "begins");
    fs::resize_file(folder / (key + ".bin"), kBytes);
  }
  const auto digest_with = [&](int64_t offset) {
    std::fstream file(
        folder / "4.bin", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file.put('x');
    file.close();
    return Dataset(folder.path).digest();
  };
  const std::string first = Dataset(folder.path).digest();
  CHECK(digest_with(kBytes - 1) == first);
  CHECK(digest_with(int64_t{5} << 20) != first);
}

TEST_CASE("samples that do not hold together are refused by name") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(Dataset(folder.path), omni::testing::Contains("found none"));
  write_file(folder.path / "a.json", R"({"messages": [
    {"role": "user", "content": [{"type": "image", "file": "0.png"}]}]})");
  const Dataset dataset(folder.path);
  REQUIRE(dataset.size() == 1);
  CHECK_THROWS_WITH(dataset.read(0), omni::testing::Contains("0.png"));
  CHECK_THROWS_WITH(dataset.read(1), omni::testing::Contains("[0, 1)"));
  write_file(folder.path / "broken.tar", std::string(1024, 'x'));
  CHECK_THROWS_WITH(Dataset(folder.path), omni::testing::Contains("checksum"));
}

TEST_CASE("data order is a permutation every epoch and a function of its number") {
  for (const int64_t size : {1, 2, 7, 64, 1000}) {
    std::set<int64_t> seen;
    for (int64_t i = 0; i < size; ++i) {
      const int64_t index = permuted_index(i, size, 42);
      CHECK(index >= 0);
      CHECK(index < size);
      seen.insert(index);
    }
    CHECK(static_cast<int64_t>(seen.size()) == size);
  }
  DataOrder a({10, 30}, {1.0, 3.0}, 7);
  DataOrder b({10, 30}, {1.0, 3.0}, 7);
  for (int i = 0; i < 25; ++i) {
    static_cast<void>(a.next());
  }
  b.seek(25);
  int64_t of_second = 0;
  for (int i = 0; i < 400; ++i) {
    const SampleAddress x = a.next();
    const SampleAddress y = b.next();
    CHECK(x.dataset == y.dataset);
    CHECK(x.index == y.index);
    CHECK(x.seed == y.seed);
    of_second += x.dataset;
  }
  CHECK(of_second > 260);
  CHECK(of_second < 340);
}

TEST_CASE("packing fills rows and never splits a sequence") {
  const auto rows = pack_sequences({5, 9, 3, 12, 4, 1}, 12);
  std::set<int64_t> seen;
  const std::vector<int64_t> lengths = {5, 9, 3, 12, 4, 1};
  for (const auto& row : rows) {
    int64_t used = 0;
    for (const int64_t i : row) {
      used += lengths[static_cast<size_t>(i)];
      CHECK(seen.insert(i).second);
    }
    CHECK(used <= 12);
  }
  CHECK(seen.size() == 6);
  CHECK(rows.size() == 3);
}

} // namespace
} // namespace omni
