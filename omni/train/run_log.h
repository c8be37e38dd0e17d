// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// log.jsonl of a run: one JSON object a line. A resumed run cuts off what was logged
// after its checkpoint, so that the file reads as if it had never stopped.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace omni {

class RunLog {
 public:
  // Lines of steps after `step` are removed; new ones are added behind.
  RunLog(std::filesystem::path path, int64_t step);

  struct StepLine {
    int64_t step = 0;
    const std::map<std::string, double>& losses;
    const std::map<std::string, double>& figures;
    double gradient_norm = 0.0;
    double learning_rate_share = 0.0;
  };
  void write(const StepLine& line);
  void write_evaluation(
      int64_t step,
      const std::string& name,
      const std::map<std::string, double>& losses,
      const std::map<std::string, double>& figures);
  // A sentence for whoever reads the log.
  void write_note(int64_t step, const std::string& note);

 private:
  std::ofstream stream_;
};

} // namespace omni
