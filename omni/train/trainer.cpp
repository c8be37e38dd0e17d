// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/trainer.h"

#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "omni/core/file_io.h"
#include "omni/core/random.h"
#include "omni/train/autocast.h"
#include "omni/train/batch_loader.h"
#include "omni/train/checkpoint.h"
#include "omni/train/objectives/objectives.h"
#include "omni/train/running_means.h"

namespace omni {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class Run {
 public:
  Run(const TrainConfig& config, const TrainHooks& hooks)
      : config_(config),
        hooks_(hooks),
        checkpoints_(fs::path(config.output) / "checkpoints") {
    if (config.num_threads > 0) {
      at::set_num_threads(static_cast<int>(config.num_threads));
    }
    torch::manual_seed(static_cast<uint64_t>(config.seed));
    fs::create_directories(config.output);
    model_ = build_model(config);
    objective_ = make_objective(config, model_);
    choose_parameters();
  }

  bool run() {
    resume();
    log_.open(fs::path(config_.output) / "log.jsonl", std::ios::app);
    BatchLoader loader(config_, *objective_, state_.step);
    begin_ = Clock::now();
    last_save_ = begin_;
    last_log_ = begin_;
    const int64_t first_step = state_.step;
    while (state_.step < config_.steps) {
      train_step(loader.next());
      if (state_.step % config_.log_every == 0 || state_.step == config_.steps) {
        log_step(first_step);
      }
      const bool is_last = state_.step == config_.steps;
      const bool evaluates = is_last ||
          (config_.evaluate_every > 0 && state_.step % config_.evaluate_every == 0);
      const bool is_best = evaluates && evaluate();
      const bool stops = hooks_.wants_stop && hooks_.wants_stop();
      if (is_best || is_last || stops ||
          seconds_since(last_save_) > config_.checkpoint_every_seconds) {
        save(is_best);
      }
      if (stops && !is_last) {
        tell({.kind = TrainEvent::Kind::Stopped});
        return false;
      }
    }
    finish();
    return true;
  }

 private:
  void choose_parameters() {
    const std::vector<std::string> parts = objective_->trained_parts();
    NamedTensors trained;
    for (const auto& item : model_->named_parameters()) {
      const bool is_trained =
          std::any_of(
              parts.begin(),
              parts.end(),
              [&](const std::string& part) { return item.key().starts_with(part + "."); }) &&
          !matches_any(item.key(), config_.freeze);
      item.value().set_requires_grad(is_trained);
      if (is_trained) {
        trained.emplace_back(item.key(), item.value());
        if (config_.ema_decay > 0.0) {
          average_.emplace_back(item.key(), item.value().detach().clone());
        }
      }
    }
    TORCH_CHECK_VALUE(
        !trained.empty(),
        "[train] expected parameters to train, got none: check `freeze` and that the "
        "model has the parts this objective trains.");
    optimizer_.emplace(std::move(trained), config_.optimizer);
  }

  void resume() {
    const auto newest = checkpoints_.newest();
    if (!newest) {
      tell({.kind = TrainEvent::Kind::Started});
      return;
    }
    const Checkpoint saved = CheckpointFolder::read_state(*newest);
    std::string changed;
    for (const std::string& field : changed_fields(saved.config_json, config_)) {
      changed += (changed.empty() ? "" : ", ") + field;
    }
    TORCH_CHECK_VALUE(
        changed.empty(),
        "[train] ", newest->string(), ": expected the configuration that wrote this "
        "checkpoint, got one with another ", changed,
        ". Undo that, or give another `output` (initialize_from takes the weights along).");
    state_ = saved.state;
    const at::NoGradGuard guard;
    const SafetensorsReader weights(*newest / "weights.safetensors");
    for (const auto& [name, parameter] : optimizer_->parameters()) {
      at::Tensor(parameter).copy_(weights.read(name));
    }
    optimizer_->load_state(SafetensorsReader(*newest / "optimizer.safetensors"));
    if (!average_.empty()) {
      const SafetensorsReader average(*newest / "average.safetensors");
      for (auto& [name, tensor] : average_) {
        tensor.copy_(average.read(name));
      }
    }
    cut_log();
    tell({.kind = TrainEvent::Kind::Resumed});
  }

  // Lines that were logged after the checkpoint will be written again.
  void cut_log() const {
    const fs::path path = fs::path(config_.output) / "log.jsonl";
    if (!fs::exists(path)) {
      return;
    }
    std::ifstream log(path);
    std::string kept;
    for (std::string line; std::getline(log, line);) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      if (!json.is_discarded() && json.value("step", int64_t{0}) <= state_.step) {
        kept += line + "\n";
      }
    }
    write_file(path, kept);
  }

  void train_step(StepBatches batches) {
    const Progress progress{state_.step, config_.steps};
    // Dropout and the like are a function of the step, so that a resumed run repeats it.
    torch::manual_seed(mix_seed(
        static_cast<uint64_t>(config_.seed), static_cast<uint64_t>(state_.step)));
    std::map<std::string, double> counts;
    for (const auto& batch : batches) {
      for (const auto& [name, count] : batch->counts) {
        counts[name] += count;
      }
      num_tokens_ += batch->num_tokens;
    }
    model_->train();
    for (const auto& batch : batches) {
      at::Tensor total;
      {
        const Autocast autocast(config_.precision == "bfloat16");
        const Losses losses = objective_->loss(*batch, progress);
        for (const LossTerm& term : losses.terms) {
          const auto counted = counts.find(term.name);
          const double count = counted == counts.end()
              ? static_cast<double>(batches.size())
              : std::max(counted->second, 1.0);
          const at::Tensor mean = term.sum / count;
          means_.add(term.name, mean * static_cast<double>(batches.size()));
          const auto weight = config_.loss_weights.find(term.name);
          const at::Tensor weighted =
              weight == config_.loss_weights.end() ? mean : mean * weight->second;
          total = total.defined() ? total + weighted : weighted;
        }
        for (const auto& [name, figure] : losses.figures) {
          figures_.add(name, figure);
        }
      }
      total.backward();
    }
    const double share =
        learning_rate_share(config_.schedule, state_.step, config_.steps);
    gradient_norm_ = optimizer_->step(share);
    ++state_.step;
    update_average();
  }

  void update_average() {
    if (average_.empty()) {
      return;
    }
    // A young average follows quickly: min(decay, (1 + n) / (10 + n)).
    const auto n = static_cast<double>(state_.step);
    const double decay = std::min(config_.ema_decay, (1.0 + n) / (10.0 + n));
    const at::NoGradGuard guard;
    for (size_t i = 0; i < average_.size(); ++i) {
      average_[i].second.lerp_(optimizer_->parameters()[i].second, 1.0 - decay);
    }
  }

  void log_step(int64_t first_step) {
    TrainEvent event;
    event.kind = TrainEvent::Kind::Step;
    event.losses = means_.take();
    event.figures = figures_.take();
    event.gradient_norm = gradient_norm_.item<double>();
    event.learning_rate_share =
        learning_rate_share(config_.schedule, state_.step - 1, config_.steps);
    event.tokens_per_second =
        static_cast<double>(num_tokens_) / std::max(seconds_since(last_log_), 1e-9);
    const double per_step = seconds_since(begin_) /
        static_cast<double>(std::max<int64_t>(state_.step - first_step, 1));
    event.seconds_left = per_step * static_cast<double>(config_.steps - state_.step);
    num_tokens_ = 0;
    last_log_ = Clock::now();
    for (const auto& [name, loss] : event.losses) {
      TORCH_CHECK(
          std::isfinite(loss), "[train] the loss `", name, "` is ", loss, " at step ",
          state_.step, ". Lower the learning rate, or go on from a checkpoint before it.");
    }
    write_log({{"losses", event.losses},
               {"figures", event.figures},
               {"gradient_norm", event.gradient_norm},
               {"learning_rate_share", event.learning_rate_share}});
    tell(std::move(event));
  }

  // Returns whether this is the best so far, by the mean of all loss terms and sets.
  bool evaluate() {
    if (config_.evaluate.empty()) {
      return false;
    }
    swap_average();
    model_->eval();
    double sum = 0.0;
    for (const DataSource& source : config_.evaluate) {
      sum += evaluate_set(source);
    }
    swap_average();
    const double loss = sum / static_cast<double>(config_.evaluate.size());
    const bool is_best = !state_.has_best || loss < state_.best_loss;
    if (is_best) {
      state_.best_loss = loss;
      state_.has_best = true;
    }
    return is_best;
  }

  double evaluate_set(const DataSource& source) {
    const at::NoGradGuard guard;
    const Dataset dataset(source.data);
    const int64_t num_samples = std::min(config_.evaluate_samples, dataset.size());
    std::map<std::string, std::pair<double, double>> losses; // sum, count
    std::map<std::string, std::pair<double, double>> figures;
    const Progress progress{config_.steps, config_.steps};
    for (int64_t begin = 0; begin < num_samples; begin += config_.batch_size) {
      std::vector<Sample> samples;
      std::vector<SampleAddress> addresses;
      for (int64_t i = begin; i < std::min(begin + config_.batch_size, num_samples); ++i) {
        samples.push_back(dataset.read(i));
        addresses.push_back({0, i, mix_seed(0, static_cast<uint64_t>(i))});
      }
      const auto batch = objective_->load(samples, addresses, progress, false);
      const Losses result = objective_->loss(*batch, progress);
      for (const LossTerm& term : result.terms) {
        losses[term.name].first += term.sum.item<double>();
        const auto counted = batch->counts.find(term.name);
        losses[term.name].second +=
            counted == batch->counts.end() ? 1.0 : counted->second;
      }
      for (const auto& [name, figure] : result.figures) {
        figures[name].first += figure.item<double>();
        figures[name].second += 1.0;
      }
      for (const auto& [name, figure] : objective_->evaluate(*batch)) {
        figures[name].first += figure * static_cast<double>(samples.size());
        figures[name].second += static_cast<double>(samples.size());
      }
    }
    TrainEvent event;
    event.kind = TrainEvent::Kind::Evaluated;
    event.name = source.name;
    double total = 0.0;
    for (const auto& [name, entry] : losses) {
      event.losses[name] = entry.first / std::max(entry.second, 1.0);
      total += event.losses[name];
    }
    for (const auto& [name, entry] : figures) {
      event.figures[name] = entry.first / std::max(entry.second, 1.0);
    }
    write_log({{"evaluated", source.name},
               {"losses", event.losses},
               {"figures", event.figures}});
    tell(std::move(event));
    return total;
  }

  // The moving average in the model's place, and back.
  void swap_average() {
    const at::NoGradGuard guard;
    for (size_t i = 0; i < average_.size(); ++i) {
      at::Tensor parameter = optimizer_->parameters()[i].second;
      const at::Tensor trained = parameter.detach().clone();
      parameter.copy_(average_[i].second);
      average_[i].second.copy_(trained);
    }
  }

  void save(bool is_best) {
    state_.trained_seconds += seconds_since(last_save_);
    checkpoints_.write(
        {state_,
         train_config_to_json(config_),
         optimizer_->parameters(),
         optimizer_->state(),
         average_},
        config_.keep_checkpoints,
        is_best);
    last_save_ = Clock::now();
    tell({.kind = TrainEvent::Kind::Saved});
  }

  void finish() {
    const fs::path folder = fs::path(config_.output) / "model";
    swap_average();
    model_->save(folder);
    swap_average();
    TrainEvent event;
    event.kind = TrainEvent::Kind::Finished;
    event.name = folder.string();
    tell(std::move(event));
  }

  void write_log(nlohmann::ordered_json line) {
    nlohmann::ordered_json numbered = {{"step", state_.step}};
    numbered.update(line);
    log_ << numbered.dump() << '\n' << std::flush;
  }

  void tell(TrainEvent event) {
    event.step = state_.step;
    event.num_steps = config_.steps;
    if (hooks_.on_event) {
      hooks_.on_event(event);
    }
  }

  const TrainConfig& config_;
  const TrainHooks& hooks_;
  CheckpointFolder checkpoints_;
  OmniModel model_{nullptr};
  std::unique_ptr<Objective> objective_;
  std::optional<Optimizer> optimizer_;
  NamedTensors average_;
  CheckpointState state_;
  std::ofstream log_;
  RunningMeans means_;
  RunningMeans figures_;
  at::Tensor gradient_norm_;
  int64_t num_tokens_ = 0;
  Clock::time_point begin_;
  Clock::time_point last_save_;
  Clock::time_point last_log_;
};

} // namespace

bool train(const TrainConfig& config, const TrainHooks& hooks) {
  return Run(config, hooks).run();
}

} // namespace omni
