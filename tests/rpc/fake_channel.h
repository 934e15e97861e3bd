/// A Channel whose calls the test answers, in place of the library's: link fake_channel.cc, whose definitions
/// come before the library's.
///
///   FakeCalls calls;
///   Channel channel("fake:1");
///   auto task = stub.Echo(request);
///   task.start();
///   calls.last().receive(response);
///   calls.last().finish(Status());
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/channel.h"

#include "rpc/fake_call.h"

namespace ringrpc {

/// What the client asked for and the test answers. Outlives the client's own hold of the call.
class FakeClientCall final : public FakeMessages<ClientCall> {
 public:
  FakeClientCall(std::string_view path, MethodKind kind, Nanoseconds timeout)
      : path_(path), kind_(kind), timeout_(timeout) {}

  const std::string& path() const noexcept { return path_; }
  MethodKind kind() const noexcept { return kind_; }
  Nanoseconds timeout() const noexcept { return timeout_; }
  bool writes_were_done() const noexcept { return writes_done_; }
  bool cancelled() const noexcept { return cancelled_; }

  /// The server ends the call.
  void finish(Status status) {
    status_ = std::move(status);
    finished_ = true;
    receive_end();
    wake(answer_waiter_);
    wake(finish_waiter_);
  }

  void writes_done() override { writes_done_ = true; }
  bool answered() const noexcept override { return finished_; }
  void wait_answered(Waiter* waiter) override { answer_waiter_ = waiter; }
  bool finished() const noexcept override { return finished_; }
  void wait_finished(Waiter* waiter) override { finish_waiter_ = waiter; }
  Status take_status() override { return std::move(status_); }
  void cancel() override { cancelled_ = true; }

 private:
  std::string path_;
  MethodKind kind_;
  Nanoseconds timeout_;
  bool writes_done_ = false;
  bool cancelled_ = false;
  bool finished_ = false;
  Status status_;
  Waiter* answer_waiter_ = nullptr;
  Waiter* finish_waiter_ = nullptr;
};

/// The calls that fake channels have begun while this lives. One at a time.
class FakeCalls {
 public:
  FakeCalls();
  FakeCalls(const FakeCalls&) = delete;
  FakeCalls& operator=(const FakeCalls&) = delete;
  ~FakeCalls();

  /// The call begun last; there must be one.
  FakeClientCall& last() { return *calls_.back(); }
  void add(std::shared_ptr<FakeClientCall> call) { calls_.push_back(std::move(call)); }

 private:
  std::vector<std::shared_ptr<FakeClientCall>> calls_;
};

}  // namespace ringrpc
