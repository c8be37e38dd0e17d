// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/families/answer_format.h"

namespace omni {

std::vector<std::string> AnswerFormat::marks() const {
  std::vector<std::string> all = separators;
  for (const std::string& mark :
       {reasoning_begin, reasoning_end, call_begin, call_end, call_name,
        call_arguments}) {
    if (!mark.empty()) {
      all.push_back(mark);
    }
  }
  return all;
}

} // namespace omni
