// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// make_tiny_model FOLDER: saves the tiny model for tests of programs. Its most likely
// answers never end by themselves nor begin to draw, so that they are as long as a test
// asks for, and its context is long enough for an answer to be interrupted.
#include <ATen/core/grad_mode.h>

#include <iostream>

#include "omni/core/file_io.h"
#include "tests/support/tiny_model.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_tiny_model FOLDER\n";
    return 2;
  }
  omni::OmniModel model = omni::testing::make_tiny_model();
  const at::NoGradGuard guard;
  for (const char* control : {"eos", "draw_begin"}) {
    const int64_t id = model->config.token_space.control(control);
    model->transformer->table->weight[id].zero_();
  }
  model->save(argv[1]);
  const std::filesystem::path folder = argv[1];
  std::string config = omni::read_file(folder / "config.json");
  const std::string limit = "\"max_positions\": 512";
  const size_t found = config.find(limit);
  if (found == std::string::npos) {
    std::cerr << "expected " << limit << " in config.json\n";
    return 1;
  }
  config.replace(found, limit.size(), "\"max_positions\": 60000");
  omni::write_file(folder / "config.json", config);
  omni::write_file(
      folder / "examples.txt", "  Ask tiny for anything; it knows nothing.\n");
  return 0;
}
