// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/trainer.h"

#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <chrono>
#include <cmath>

#include "omni/core/precision.h"
#include "omni/core/random.h"
#include "omni/train/checkpoint.h"
#include "omni/train/evaluation.h"
#include "omni/train/gradients.h"
#include "omni/train/moving_average.h"
#include "omni/train/name_patterns.h"
#include "omni/train/objectives/objectives.h"
#include "omni/train/run_inputs.h"
#include "omni/train/run_log.h"

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
    workers_.emplace(std::min(config.parallel_batches, config.micro_batches));
    torch::manual_seed(static_cast<uint64_t>(config.seed));
    fs::create_directories(config.output);
    model_ = build_model(config);
    objective_ = make_objective(config, model_);
    TORCH_CHECK_VALUE(
        config.parallel_batches <= 1 || !model_->conformer ||
            model_->conformer->options.dropout == 0.0,
        "[train] expected `parallel_batches` 1 with dropout, got ",
        config.parallel_batches, ": which batch draws first would depend on timing.");
    choose_parameters();
    datasets_ = open(config.train, true);
    evaluation_sets_ = open(config.evaluate, false);
    evaluated_ = digest_evaluated(config, evaluation_sets_);
    check_loss_weights();
  }

  bool run() {
    const std::string note = resume();
    checkpoints_.repair();
    log_.emplace(fs::path(config_.output) / "log.jsonl", state_.step);
    if (!note.empty()) {
      log_->write_note(state_.step, note);
    }
    BatchLoader loader(config_, datasets_, *objective_, state_.step);
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
    std::vector<std::string> names;
    std::vector<std::string> matrices;
    for (const auto& item : model_->named_parameters()) {
      const std::string& name = item.key();
      names.push_back(name);
      if (item.value().dim() == 2) {
        matrices.push_back(name);
      }
      const bool is_trained =
          std::any_of(
              parts.begin(), parts.end(),
              [&](const std::string& part) { return name.starts_with(part + "."); }) &&
          !matches_any(name, config_.freeze);
      item.value().set_requires_grad(is_trained);
      if (is_trained) {
        trained.emplace_back(name, item.value());
      }
    }
    check_patterns(config_.freeze, names, "freeze", "parameters");
    check_patterns(config_.optimizer.muon, matrices, "optimizer.muon", "matrices");
    for (const RateGroup& group : config_.optimizer.groups) {
      check_patterns({group.pattern}, names, "optimizer.groups", "parameters");
    }
    TORCH_CHECK_VALUE(
        !trained.empty(),
        "[train] expected parameters to train, got none: check `freeze` and that the "
        "model has the parts this objective trains.");
    average_.emplace(config_.ema_decay, trained);
    optimizer_.emplace(std::move(trained), config_.optimizer, compute_dtype(config_));
  }

  // Data sets with the samples that the objective can use.
  std::vector<Dataset> open(const std::vector<DataSource>& sources, bool is_training) {
    const std::string needs = objective_->needs(is_training);
    std::vector<Dataset> datasets;
    for (const DataSource& source : sources) {
      Dataset& dataset = datasets.emplace_back(source.data);
      if (needs.empty()) {
        continue;
      }
      const int64_t num_left_out = dataset.keep_only([&](const Sample& sample) {
        return objective_->has_needed(sample, is_training);
      });
      TORCH_CHECK_VALUE(
          dataset.size() > 0, "[train] ", source.data, ": expected samples with ",
          needs, " for the objective ", config_.objective, ", found none among ",
          num_left_out, ".");
      if (num_left_out > 0) {
        tell(
            {.kind = TrainEvent::Kind::LeftOut,
             .name = source.data,
             .needs = needs,
             .num_left_out = num_left_out});
      }
    }
    return datasets;
  }

  // Names in `loss_weights` that no batch must have are checked here, the others when
  // the first batch is there.
  void check_loss_weights() {
    constexpr int64_t kFirstLook = 64; // samples of each set
    const auto remove_known = [&](const std::vector<std::string>& known) {
      for (const std::string& name : known) {
        unseen_weights_.erase(name);
      }
    };
    for (const auto& [name, weight] : config_.loss_weights) {
      unseen_weights_.insert(name);
    }
    if (!unseen_weights_.empty()) {
      remove_known(objective_->rare_terms(datasets_, kFirstLook));
    }
    if (!unseen_weights_.empty()) {
      rare_terms_ =
          objective_->rare_terms(datasets_, std::numeric_limits<int64_t>::max());
      remove_known(rare_terms_);
    }
  }

  void check_loss_weights(const StepLosses& losses) {
    std::vector<std::string> known = rare_terms_;
    for (const auto& [name, mean] : losses.means) {
      known.push_back(name);
      unseen_weights_.erase(name);
    }
    if (!unseen_weights_.empty()) {
      fail_unmatched(*unseen_weights_.begin(), known, "loss_weights", "loss terms");
    }
  }

  // Returns a sentence on what is not as it was; empty: all is.
  std::string resume() {
    state_.inputs =
        digest_inputs(config_, *model_, datasets_, optimizer_->parameters());
    state_.environment = run_environment();
    const auto newest = checkpoints_.newest();
    if (!newest) {
      tell({.kind = TrainEvent::Kind::Started, .precision = precision()});
      return {};
    }
    Checkpoint saved = CheckpointFolder::read_state(*newest);
    check_same_run(*newest, saved, config_, state_);
    // One of before may lack these.
    saved.state.inputs = state_.inputs;
    saved.state.environment = state_.environment;
    state_ = saved.state;
    means_.load_state(state_.losses);
    figures_.load_state(state_.figures);
    const at::NoGradGuard guard;
    const SafetensorsReader weights(*newest / "weights.safetensors");
    for (const auto& [name, parameter] : optimizer_->parameters()) {
      at::Tensor(parameter).copy_(weights.read(name));
    }
    optimizer_->load_state(SafetensorsReader(*newest / "optimizer.safetensors"));
    if (!average_->tensors().empty()) {
      const SafetensorsReader average(*newest / "average.safetensors");
      for (const auto& [name, tensor] : average_->tensors()) {
        at::Tensor(tensor).copy_(average.read(name));
      }
    }
    const std::string note = forget_other_best(saved);
    tell({.kind = TrainEvent::Kind::Resumed, .name = note, .precision = precision()});
    return note;
  }

  [[nodiscard]] std::string precision() const {
    return dtype_name(compute_dtype(config_));
  }

  // Losses of other samples cannot be compared.
  std::string forget_other_best(const Checkpoint& saved) {
    if (!state_.has_best || config_.evaluate.empty()) {
      return {};
    }
    state_.has_best = evaluates_the_same(saved, config_, evaluated_);
    state_.evaluated = evaluated_;
    return state_.has_best
        ? ""
        : "what is evaluated changed: the best checkpoint so far is forgotten";
  }

  void train_step(StepBatches batches) {
    const Progress progress{state_.step, config_.steps};
    // Dropout and the like are a function of the step, so that a resumed run repeats
    // it.
    torch::manual_seed(mix_seed(
        static_cast<uint64_t>(config_.seed), static_cast<uint64_t>(state_.step)));
    for (const auto& batch : batches) {
      num_tokens_ += batch->num_tokens;
    }
    model_->train();
    const StepLosses losses = differentiate(
        *objective_, batches, progress, config_, optimizer_->parameters(), *workers_);
    if (!unseen_weights_.empty()) {
      check_loss_weights(losses);
    }
    for (const auto& [name, mean] : losses.means) {
      means_.add(name, mean);
    }
    for (const auto& [name, figure] : losses.figures) {
      figures_.add(name, figure);
    }
    if (losses.num_without_gradient > 0) {
      figures_.add_count("batches_without_gradient", losses.num_without_gradient);
    }
    gradient_norm_ = optimizer_->step(
        learning_rate_share(config_.schedule, state_.step, config_.steps), *workers_);
    ++state_.step;
    if (gradient_norm_.is_cpu()) { // elsewhere that would wait for the device
      check_finite();
    }
    average_->update(state_.step);
  }

  // Before anything is written that a run could not go on from.
  void check_finite() const {
    const auto norm = gradient_norm_.item<double>();
    TORCH_CHECK(
        std::isfinite(norm), "[train] the norm of the gradients is ", norm, " at step ",
        state_.step,
        ". Lower the learning rate; the last checkpoint is from before it.");
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
          state_.step,
          ". Lower the learning rate, or go on from a checkpoint before it.");
    }
    log_->write(
        {state_.step, event.losses, event.figures, event.gradient_norm,
         event.learning_rate_share});
    tell(std::move(event));
  }

  // Returns whether this is the best so far, by the mean of all loss terms and sets.
  bool evaluate() {
    if (config_.evaluate.empty()) {
      return false;
    }
    average_->swap();
    model_->eval();
    double sum = 0.0;
    for (size_t i = 0; i < evaluation_sets_.size(); ++i) {
      const EvaluationMeans means = evaluate_set(
          *objective_, evaluation_sets_[i], config_.evaluate_samples,
          config_.batch_size);
      sum += means.total();
      TrainEvent event;
      event.kind = TrainEvent::Kind::Evaluated;
      event.name = config_.evaluate[i].name;
      event.losses = means.losses;
      event.figures = means.figures;
      log_->write_evaluation(state_.step, event.name, event.losses, event.figures);
      tell(std::move(event));
    }
    average_->swap();
    const double loss = sum / static_cast<double>(evaluation_sets_.size());
    const bool is_best = !state_.has_best || loss < state_.best_loss;
    if (is_best) {
      state_.best_loss = loss;
      state_.has_best = true;
      state_.evaluated = evaluated_;
    }
    return is_best;
  }

  void save(bool is_best) {
    check_finite();
    state_.trained_seconds += seconds_since(last_save_);
    state_.losses = means_.state();
    state_.figures = figures_.state();
    checkpoints_.write(
        {state_, train_config_to_json(config_), optimizer_->parameters(),
         optimizer_->state(), average_->tensors()},
        config_.keep_checkpoints, is_best);
    last_save_ = Clock::now();
    tell({.kind = TrainEvent::Kind::Saved});
  }

  void finish() {
    const fs::path folder = fs::path(config_.output) / "model";
    average_->swap();
    model_->save(folder);
    average_->swap();
    tell({.kind = TrainEvent::Kind::Finished, .name = folder.string()});
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
  std::optional<WorkerThreads> workers_;
  OmniModel model_{nullptr};
  std::unique_ptr<Objective> objective_;
  std::vector<Dataset> datasets_; // of config_.train
  std::vector<Dataset> evaluation_sets_; // of config_.evaluate
  std::string evaluated_; // digest of what is evaluated of them
  std::optional<Optimizer> optimizer_;
  std::optional<MovingAverage> average_;
  CheckpointState state_;
  std::optional<RunLog> log_;
  RunningMeans means_;
  RunningMeans figures_;
  std::set<std::string> unseen_weights_; // of loss terms not met yet
  std::vector<std::string> rare_terms_; // read when a weight has not been met
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
