// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/cpu_quota.h"

#include <fstream>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace omni::kernels::cpu {
namespace {

// Control groups as the system shows them, and the file that names the process's own.
class GroupTree {
 public:
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = folder_ / ("cgroup/" + name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void make_group(const std::string& name) const {
    std::filesystem::create_directories(folder_ / ("cgroup/" + name));
  }
  void limit_version_1(const std::string& group, const std::string& quota) const {
    write("cpu" + group + "/cpu.cfs_quota_us", quota + "\n");
    write("cpu" + group + "/cpu.cfs_period_us", "100000\n");
  }
  void put_process(const std::string& lines) const {
    std::ofstream(folder_ / "self") << lines;
  }
  [[nodiscard]] std::optional<double> quota() const {
    return cpu_quota(folder_ / "cgroup", folder_ / "self");
  }

 private:
  test::TemporaryFolder folder_;
};

constexpr const char* kNested = "0::/user.slice/job.scope\n";

} // namespace

TEST_CASE("the quota of a nested group of version 2 holds") {
  const GroupTree tree;
  tree.put_process(kNested);
  tree.write("user.slice/job.scope/cpu.max", "150000 100000\n");
  CHECK(tree.quota() == 1.5);
  tree.write("user.slice/cpu.max", "max 100000\n");
  CHECK(tree.quota() == 1.5);
}

TEST_CASE("the lowest quota up to the root holds") {
  const GroupTree tree;
  tree.put_process(kNested);
  tree.write("user.slice/job.scope/cpu.max", "400000 100000\n");
  tree.write("user.slice/cpu.max", "100000 50000\n");
  tree.write("other.slice/cpu.max", "10000 100000\n"); // not this process's
  CHECK(tree.quota() == 2.0);
  tree.write("cpu.max", "50000 100000\n");
  CHECK(tree.quota() == 0.5);
  tree.write("user.slice/job.scope/cpu.max", "20000 100000\n");
  CHECK(tree.quota() == 0.2);
}

TEST_CASE("without a number there is no quota") {
  const GroupTree tree;
  tree.put_process(kNested);
  tree.write("user.slice/job.scope/cpu.max", "max 100000\n");
  CHECK_FALSE(tree.quota());
  tree.write("cpu.max", "max 100000\n");
  CHECK_FALSE(tree.quota());
}

TEST_CASE("the group of version 1 is that of the controller cpu") {
  const GroupTree tree;
  tree.put_process("5:cpuset:/other\n3:cpuacct,cpu:/docker/a:b\n1:name=systemd:/x\n");
  tree.limit_version_1("", "-1");
  tree.limit_version_1("/other", "10000");
  tree.limit_version_1("/docker/a:b", "-1");
  CHECK_FALSE(tree.quota());
  tree.limit_version_1("/docker", "300000");
  CHECK(tree.quota() == 3.0);
  tree.limit_version_1("/docker/a:b", "250000");
  CHECK(tree.quota() == 2.5);
}

TEST_CASE("with both versions the lower quota holds") {
  const GroupTree tree;
  tree.put_process("1:cpu:/a\n0::/b\n");
  tree.limit_version_1("/a", "200000");
  tree.write("b/cpu.max", "300000 100000");
  CHECK(tree.quota() == 2.0);
  tree.write("b/cpu.max", "100000 100000");
  CHECK(tree.quota() == 1.0);
}

TEST_CASE("a group that is not to be seen below the mount leaves that of the root") {
  const GroupTree tree;
  tree.write("cpu.max", "200000 100000\n");
  tree.write("system.slice/cpu.max", "10000 100000\n"); // by chance of that name
  for (const char* group :
       {"/system.slice/docker-1.scope", "/../..", "/system.slice/..", "/", "",
        "/gone (deleted)"}) {
    INFO(group);
    tree.put_process(std::string("0::") + group + "\n");
    CHECK(tree.quota() == 2.0);
  }
  const GroupTree first;
  first.limit_version_1("", "150000");
  first.put_process("2:cpu,cpuacct:/docker/1\n");
  CHECK(first.quota() == 1.5);
}

TEST_CASE("files that make no sense are no limit") {
  const GroupTree tree;
  tree.put_process(kNested);
  for (const char* text :
       {"", "max", "150000", "150000 ", "fast 100000", "100000 slow", "100000 0",
        "0 100000", "-1 100000", "100000 -100000", "nan 100000", "\n\n"}) {
    INFO(text);
    tree.write("user.slice/job.scope/cpu.max", text);
    CHECK_FALSE(tree.quota());
  }
  tree.limit_version_1("", "");
  CHECK_FALSE(tree.quota());
  tree.make_group("user.slice/cpu.max"); // a folder
  CHECK_FALSE(tree.quota());
  tree.write("cpu.max", "100000 100000");
  for (const char* lines : {"", "\n", "0", "0:", "0:/", ":", "::", "cpu:/", "0::"}) {
    INFO(lines);
    tree.put_process(lines);
    CHECK(tree.quota() == 1.0);
  }
}

TEST_CASE("without files there is no quota") {
  const GroupTree tree;
  CHECK_FALSE(tree.quota());
  tree.write("cpu.max", "100000 100000");
  CHECK(tree.quota() == 1.0); // the process's group unknown
}

} // namespace omni::kernels::cpu
