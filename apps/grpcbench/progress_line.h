/// The line on a terminal that shows the progress of a run.
///
///   ProgressLine line(STDERR_FILENO, plan);
///   run_load(plan, signals, [&](const RunSoFar& so_far) { line.show(so_far); });
///   line.erase();
#pragma once

#include <string>

#include "grpcbench/plan.h"
#include "grpcbench/run.h"

namespace ringrpc::grpcbench {

class ProgressLine {
 public:
  /// Writes to `descriptor` only if it is a terminal. `plan` must outlive the line.
  ProgressLine(int descriptor, const Plan& plan);

  void show(const RunSoFar& so_far);
  /// Removes the line from the terminal.
  void erase();

  /// The text that `show` writes: "12 s of 30 s   1,234,567 calls   52,312/s   3 failed".
  static std::string text(const Plan& plan, const RunSoFar& before, const RunSoFar& now);

 private:
  const Plan& plan_;
  int descriptor_;
  bool terminal_;
  bool shown_ = false;
  RunSoFar before_;  // about a second ago, for the rate
};

}  // namespace ringrpc::grpcbench
