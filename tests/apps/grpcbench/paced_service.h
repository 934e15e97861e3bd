/// A service that responds after an exact time on its shard's clock, for tests of measurements.
///
///   PacedService service(10ms);
///   service.stall(from, until);     // holds the requests between these times until the end
#pragma once

#include <algorithm>
#include <array>
#include <coroutine>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "ringrpc/service.h"

#include "reactor/shard.h"

namespace ringrpc::grpcbench {

/// Waits to the exact nanosecond; a sleep has a resolution of a millisecond.
class ExactWait final : Alarm, Ready {
 public:
  explicit ExactWait(Instant until) noexcept : shard_(*Shard::current()), until_(until) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept {
    waiting_ = waiting;
    shard_.alarms().arm(*this, until_);
  }
  void await_resume() const noexcept {}

 private:
  void on_alarm() override { shard_.ready().push(*this); }
  void run() override { waiting_.resume(); }

  Shard& shard_;
  Instant until_;
  std::coroutine_handle<> waiting_;
};

class PacedService final : public Service, TurnEnd {
 public:
  explicit PacedService(Nanoseconds takes) noexcept : takes_(takes) {}

  std::string_view service_name() const noexcept override { return "test.v1.Paced"; }
  std::span<const Method> service_methods() const noexcept override {
    static constexpr std::array methods{method<&PacedService::answer>("Answer"),
                                        method<&PacedService::stream>("Stream"),
                                        method<&PacedService::ticks>("Ticks")};
    return methods;
  }

  void stall(Instant from, Instant until) noexcept {
    stall_from_ = from;
    stall_until_ = until;
  }
  /// The number of calls that have begun.
  std::uint64_t started() const noexcept { return started_; }
  /// The same for each connection, by the peer's address.
  const std::map<std::string, std::uint64_t>& started_by_peer() const noexcept { return started_by_peer_; }
  /// The different requests.
  const std::set<std::string>& requests() const noexcept { return requests_; }
  std::uint64_t most_started_in_a_turn() const noexcept { return most_started_in_a_turn_; }

 private:
  Task<Result<RawMessage>> answer(Call& call, RawMessage request) {
    ++started_;
    ++started_by_peer_[std::string(call.peer())];
    requests_.insert(request.bytes);
    Shard::current()->at_turn_end(*this);
    const Instant now = call.now();
    const bool stalled = now >= stall_from_ && now < stall_until_;
    co_await ExactWait((stalled ? stall_until_ : now) + takes_);
    co_return request;
  }

  /// Sends one message at once, and ends the call after the service's time.
  Task<Status> stream(Call& call, RawMessage request, Writer<RawMessage>& out) {
    co_await out.write(request);
    co_await ExactWait(call.now() + takes_);
    co_return Status();
  }

  /// Sends a message each time that the service's time has passed, and never ends the call.
  Task<Status> ticks(Call& call, RawMessage request, Writer<RawMessage>& out) {
    for (;;) {
      co_await ExactWait(call.now() + takes_);
      co_await out.write(request);
    }
  }

  void on_turn_end() override {
    most_started_in_a_turn_ =
        std::max(most_started_in_a_turn_, started_ - std::exchange(started_before_turn_, started_));
  }

  Nanoseconds takes_;
  Instant stall_from_ = never;
  Instant stall_until_ = never;
  std::uint64_t started_ = 0;
  std::map<std::string, std::uint64_t> started_by_peer_;
  std::set<std::string> requests_;
  std::uint64_t started_before_turn_ = 0;
  std::uint64_t most_started_in_a_turn_ = 0;
};

}  // namespace ringrpc::grpcbench
