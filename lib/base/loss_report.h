/// Warnings in the log about lines that another file has lost.
///
///   LossReport losses("access log /var/log/calls");
///   losses.add(loss, "could not be written (No space left on device)");
///   // access log /var/log/calls: 3 log lines were lost between … and …: they could not be written (No space …)
///
/// Their rate is limited (base/log_quota.h). Losses in between are added to the next warning.
#pragma once

#include <string>
#include <string_view>

#include "base/log_loss.h"
#include "base/log_quota.h"

namespace ringrpc {

class LossReport {
 public:
  explicit LossReport(std::string name);
  LossReport(const LossReport&) = delete;
  LossReport& operator=(const LossReport&) = delete;
  /// Reports what is left.
  ~LossReport();

  void add(const LogLoss& loss, std::string_view cause);

 private:
  void report() noexcept;

  const std::string name_;
  std::string cause_;  // of the latest loss
  LogLoss loss_;       // not reported yet
  LogQuota quota_;
};

}  // namespace ringrpc
