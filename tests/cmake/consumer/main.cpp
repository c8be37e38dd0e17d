// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <omni/omni.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: consumer MODEL PICTURE\n";
    return 2;
  }
  omni::Chat chat(omni::load(argv[1]));
  const omni::Reply reply = chat.send(
      {omni::read_image(argv[2]), "What is written there?"}, {.max_text_tokens = 8});
  std::cout << reply.text << '\n' << omni::describe(reply.receipt.at(0)) << '\n';
}
