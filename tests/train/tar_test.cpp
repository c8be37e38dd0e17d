// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Archives that are not what they should be. Torch-free: compiles alone, for
// sanitizers. What tar programs write is read in dataset_test.cpp.
#include "omni/train/tar.h"

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/tar_bytes.h"

namespace omni {
namespace {

using namespace std::string_literals;
using test::pax_record;
using test::tar_end;
using test::tar_member;

std::vector<TarEntry> list(const std::string& bytes) {
  const test::TemporaryFolder folder;
  write_file(folder / "a.tar", bytes);
  return list_tar(folder / "a.tar");
}

std::string only_name(const std::string& bytes) {
  const std::vector<TarEntry> entries = list(bytes);
  REQUIRE(entries.size() == 1);
  return entries[0].name;
}

TEST_CASE("files of an archive are listed by name, place and size") {
  const std::string bytes = tar_member({"a.json", "{}"}) +
      tar_member({"folder/", "", '5'}) +
      tar_member({"folder/b.bin", std::string(600, 'b')}) +
      tar_member({"old", "x", '\0'}) + tar_member({"empty", ""});
  for (const std::string& end : {tar_end(), ""s}) {
    const std::vector<TarEntry> entries = list(bytes + end);
    REQUIRE(entries.size() == 4);
    CHECK(entries[0].name == "a.json");
    CHECK(entries[1].name == "folder/b.bin");
    CHECK(entries[1].size == 600);
    CHECK(bytes[static_cast<size_t>(entries[1].begin)] == 'b');
    CHECK(entries[2].name == "old");
    CHECK(entries[3].size == 0);
  }
  CHECK(list("").empty());
  CHECK(list(tar_end() + tar_member({"behind", "x"})).empty());
}

TEST_CASE("long names are those of the file that follows") {
  const std::string name(300, 'n');
  const std::string file = tar_member({"short", "x"});
  const auto pax = [](const std::string& content) {
    return tar_member({"pax", content, 'x'});
  };
  CHECK(only_name(tar_member({"././@LongLink", name + '\0', 'L'}) + file) == name);
  CHECK(only_name(pax(pax_record("path", name)) + file) == name);
  CHECK(
      only_name(pax(pax_record("mtime", "1.5") + pax_record("path", name)) + file) ==
      name);
  CHECK(only_name(pax(pax_record("mtime", "1.5")) + file) == "short");
  // What holds for all files says nothing about this one.
  CHECK(only_name(tar_member({"g", pax_record("path", name), 'g'}) + file) == "short");
  for (const char* broken : {"", "\n", " ", "12", "\n 9 path=x\n", "9 path=x"}) {
    CAPTURE(broken);
    CHECK(only_name(pax(broken) + file) == "short");
  }
  const auto two = list(tar_member({"L", name, 'L'}) + file + file);
  REQUIRE(two.size() == 2);
  CHECK(two[1].name == "short");
}

TEST_CASE("archives that do not hold together are refused by what is wrong") {
  const std::string good = tar_member({"a.json", "{}"});
  const auto check = [](const std::string& bytes, const std::string& cause) {
    CAPTURE(cause);
    CHECK_THROWS_AS(list(bytes), IoError);
    CHECK_THROWS_WITH(list(bytes), omni::testing::Contains(cause));
  };
  std::string flipped = good;
  flipped[3] ^= 1;
  check(flipped, "checksum is wrong at byte 0");
  check(good + flipped, "checksum is wrong at byte 1024");
  check(good.substr(0, 513), "beyond the archive"); // within its content
  const auto with_size = [](const std::string& field) {
    return tar_member({"a", "x", '0', field});
  };
  CHECK(list(with_size("\x80\0\0\0\0\0\0\0\0\0\0\1"s)).size() == 1);
  for (const std::string& size :
       {"77777777777\0"s, "0000000000x\0"s, "-0000000001\0"s,
        "\x80\0\0\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s, // the largest of 64 bits
        "\x80\0\0\1\0\0\0\0\0\0\0\1"s, // more than 64 bits
        std::string(12, '\xFF')}) { // -1
    check(with_size(size), "beyond the archive");
  }
  check(
      tar_member({"L", std::string(5000, 'n'), 'L'}) + good, "longer than 4096 bytes");
  for (const char* name : {"/etc/passwd", "../a.json", "a/../../b", ".."}) {
    check(tar_member({name, "x"}), "leaves the archive");
    check(tar_member({"L", name, 'L'}) + good, "leaves the archive");
    check(
        tar_member({"x", pax_record("path", name), 'x'}) + good, "leaves the archive");
  }
  CHECK_NOTHROW(list(tar_member({"..a/b..", "x"})));
  CHECK_THROWS_WITH(
      list_tar("/no/such.tar"), omni::testing::Contains("cannot be opened"));
}

} // namespace
} // namespace omni
