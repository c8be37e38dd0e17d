// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Checks that a bad file is refused as it must be: by an IoError that names the file
// and the cause, in less than 100 ms of processor time and 2 s by the clock (which a
// wait shows in, and other programs too), and without asking for much memory.
#pragma once

#include <string>
#include <vector>

namespace omni::test {

enum class Reader { Image, Audio, Video };

struct BadFile {
  std::string name; // of the file, with its (possibly lying) extension
  std::string bytes;
  std::string cause; // a part of the message
};

// Once as a file and once as bytes in memory.
void check_refused(Reader reader, const std::vector<BadFile>& files);
// Paths that lead to no file: nowhere, a folder, a pipe that nobody writes to, a
// device.
void check_no_file_refused(Reader reader);

} // namespace omni::test
