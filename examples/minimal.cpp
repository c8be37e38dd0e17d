// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// The smallest program: one question about one picture.
#include <omni/omni.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: minimal PICTURE QUESTION\n";
    return 2;
  }
  omni::Chat chat(omni::load());
  const omni::Reply reply = chat.send({omni::read_image(argv[1]), argv[2]});
  std::cout << reply.text << '\n';
}
