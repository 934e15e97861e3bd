#include "base/loss_report.h"

#include <chrono>
#include <utility>

#include "ringrpc/log.h"

namespace ringrpc {

LossReport::LossReport(std::string name) : name_(std::move(name)) {}

LossReport::~LossReport() {
  if (loss_.count > 0) report();
}

void LossReport::add(const LogLoss& loss, std::string_view cause) {
  loss_.merge(loss);
  cause_ = cause;
  if (quota_.take(std::chrono::steady_clock::now())) report();
}

void LossReport::report() noexcept try {
  log::warn("{}: {}", name_, std::exchange(loss_, {}).words(cause_));
} catch (...) {
  // Out of memory: only the count of all lost lines remains.
}

}  // namespace ringrpc
