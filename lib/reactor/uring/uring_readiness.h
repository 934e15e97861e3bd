/// A wait for the readiness of a descriptor on the ring: one poll.
#pragma once

#include "reactor/io.h"
#include "reactor/uring/uring_ring.h"

namespace ringrpc::uring {

class ReadinessState final : public Resident {
 public:
  ReadinessState(Ring& ring, Readiness::Handler& handler) noexcept : ring_(ring), handler_(handler) {}

  void start(int descriptor, short events);

 private:
  void cancel_all() override;
  void on_done(int result, unsigned flags);
  void on_cancelled(int, unsigned) { ended(); }

  Ring& ring_;
  Readiness::Handler& handler_;
  OperationOf<ReadinessState, &ReadinessState::on_done> done_{*this};
  OperationOf<ReadinessState, &ReadinessState::on_cancelled> cancelled_{*this};
};

/// The handle.
class UringReadiness final : public Readiness {
 public:
  explicit UringReadiness(ReadinessState& state) noexcept : state_(state) {}
  ~UringReadiness() override { state_.abandon(); }

 private:
  ReadinessState& state_;
};

}  // namespace ringrpc::uring
