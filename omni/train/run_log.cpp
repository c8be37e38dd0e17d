// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/run_log.h"

#include <nlohmann/json.hpp>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"

namespace omni {
namespace {

using OrderedJson = nlohmann::ordered_json;

void cut(const std::filesystem::path& path, int64_t step) {
  std::ifstream log(path);
  std::string kept;
  for (std::string line; std::getline(log, line);) {
    const OrderedJson json =
        OrderedJson::parse(line, nullptr, false); // the last may be half written
    if (json.is_object() && json.value("step", int64_t{0}) <= step) {
      kept += line + "\n";
    }
  }
  write_file(path, kept);
}

} // namespace

RunLog::RunLog(std::filesystem::path path, int64_t step) {
  if (std::filesystem::exists(path)) {
    cut(path, step);
  }
  stream_.open(path, std::ios::app);
  if (!stream_) {
    throw IoError("train", path.string(), "cannot be written");
  }
}

void RunLog::write(const StepLine& line) {
  const OrderedJson json = {
      {"step", line.step},
      {"losses", line.losses},
      {"figures", line.figures},
      {"gradient_norm", line.gradient_norm},
      {"learning_rate_share", line.learning_rate_share}};
  stream_ << json.dump() << '\n' << std::flush;
}

void RunLog::write_evaluation(
    int64_t step,
    const std::string& name,
    const std::map<std::string, double>& losses,
    const std::map<std::string, double>& figures) {
  const OrderedJson json = {
      {"step", step}, {"evaluated", name}, {"losses", losses}, {"figures", figures}};
  stream_ << json.dump() << '\n' << std::flush;
}

void RunLog::write_note(int64_t step, const std::string& note) {
  const OrderedJson json = {{"step", step}, {"note", note}};
  stream_ << json.dump() << '\n' << std::flush;
}

} // namespace omni
