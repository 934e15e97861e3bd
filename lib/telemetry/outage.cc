#include "telemetry/outage.h"

#include <string>
#include <utility>

#include "ringrpc/log.h"

namespace ringrpc::telemetry {

void Outage::failed(std::string_view why, Instant now) {
  last_failure_ = now;
  if (std::exchange(state_, State::under_way) == State::under_way) return;
  log::warn("telemetry: {} are not exported to {}: {}; no further warning until they are",
            log::Field("signal", signal_), log::Field("target", target_), why);
}

void Outage::succeeded(std::uint64_t lost, Instant now) {
  if (state_ == State::under_way) {
    if (now - last_failure_ < calm) return;
    state_ = State::none;
    const std::uint64_t meanwhile = lost - lost_before_;
    log::info("telemetry: {} are exported to {} again{}", log::Field("signal", signal_),
              log::Field("target", target_),
              meanwhile > 0 ? "; " + std::to_string(meanwhile) + " were lost" : "");
  }
  lost_before_ = lost;
}

}  // namespace ringrpc::telemetry
