// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// The smallest program: one question about one picture.
#include <omni/omni.h>

#include <iostream>

#include "examples/error_message.h"

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::cerr << "usage: omni-minimal PICTURE QUESTION [MODEL]\n";
    return 2;
  }
  omni::Chat chat(argc > 3 ? omni::load(argv[3]) : omni::load());
  const omni::Reply reply = chat.send({omni::read_image(argv[1]), argv[2]});
  std::cout << reply.text << '\n';
} catch (const std::exception& error) {
  std::cerr << message_of(error) << '\n';
  return 1;
}
