// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/gradients.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "omni/train/autocast.h"

namespace omni {
namespace {

// What one micro-batch adds to a step.
struct Share {
  std::vector<std::pair<std::string, at::Tensor>> means;
  std::map<std::string, at::Tensor> figures;
  std::vector<at::Tensor> grads; // all undefined without has_gradient
  bool has_gradient = false;
};

class StepDifferentiation {
 public:
  StepDifferentiation(
      Objective& objective,
      const StepBatches& batches,
      const Progress& progress,
      const TrainConfig& config,
      const NamedTensors& named)
      : objective_(objective), batches_(batches), progress_(progress), config_(config) {
    for (const auto& batch : batches) {
      for (const auto& [name, count] : batch->counts) {
        counts_[name] += count;
      }
    }
    for (const auto& [name, count] : counts_) {
      scales_[name] = weight_of(name) / std::max(count, 1.0);
    }
    for (const auto& batch : batches) {
      batch->scales = scales_;
    }
    for (const auto& [name, parameter] : named) {
      parameters_.push_back(parameter);
    }
  }

  Share share(size_t index) const {
    Share share;
    const at::Tensor total = weighted_loss(*batches_[index], share);
    share.has_gradient = total.defined() && total.requires_grad();
    if (share.has_gradient) {
      share.grads = torch::autograd::grad(
          {total}, parameters_, {}, std::nullopt,
          /*create_graph=*/false,
          /*allow_unused=*/true);
    } else {
      share.grads.resize(parameters_.size());
    }
    return share;
  }

  StepLosses add_up(std::vector<Share> shares) {
    const at::NoGradGuard guard;
    StepLosses step;
    for (Share& share : shares) {
      step.num_without_gradient += share.has_gradient ? 0 : 1;
      for (const auto& [name, mean] : share.means) {
        at::Tensor& sum = step.means[name];
        sum = sum.defined() ? sum + mean : mean;
      }
      step.figures.insert(
          step.figures.end(), share.figures.begin(), share.figures.end());
      for (size_t i = 0; i < parameters_.size(); ++i) {
        at::Tensor& sum = parameters_[i].mutable_grad();
        if (!sum.defined()) {
          sum = std::move(share.grads[i]);
        } else if (share.grads[i].defined()) {
          sum.add_(share.grads[i]);
        }
      }
    }
    return step;
  }

 private:
  // Undefined for a batch in which there is nothing to learn.
  at::Tensor weighted_loss(const Batch& batch, Share& share) const {
    const Autocast autocast(compute_dtype(config_) == at::kBFloat16);
    Losses losses = objective_.loss(batch, progress_);
    at::Tensor total = losses.scaled;
    for (const LossTerm& term : losses.terms) {
      const auto counted = counts_.find(term.name);
      const double count = counted == counts_.end()
          ? static_cast<double>(batches_.size())
          : std::max(counted->second, 1.0);
      share.means.emplace_back(term.name, term.sum.detach() / count);
      if (!term.is_scaled) {
        const at::Tensor scaled = term.sum * (weight_of(term.name) / count);
        total = total.defined() ? total + scaled : scaled;
      }
    }
    share.figures = std::move(losses.figures);
    return total;
  }

  double weight_of(const std::string& name) const {
    const auto weight = config_.loss_weights.find(name);
    return weight == config_.loss_weights.end() ? 1.0 : weight->second;
  }

  Objective& objective_;
  const StepBatches& batches_;
  const Progress& progress_;
  const TrainConfig& config_;
  std::map<std::string, double> counts_;
  std::map<std::string, double> scales_;
  std::vector<at::Tensor> parameters_;
};

} // namespace

StepLosses differentiate(
    Objective& objective,
    const StepBatches& batches,
    const Progress& progress,
    const TrainConfig& config,
    const NamedTensors& parameters,
    WorkerThreads& workers) {
  StepDifferentiation step(objective, batches, progress, config, parameters);
  std::vector<Share> shares(batches.size());
  workers.run(static_cast<int64_t>(batches.size()), [&](int64_t i) {
    shares[static_cast<size_t>(i)] = step.share(static_cast<size_t>(i));
  });
  return step.add_up(std::move(shares));
}

} // namespace omni
