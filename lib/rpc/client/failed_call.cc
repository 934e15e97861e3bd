#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "ringrpc/client_call.h"

namespace ringrpc {
namespace {

class FailedCall final : public ClientCall {
 public:
  explicit FailedCall(Status status) noexcept : status_(std::move(status)) {}

  bool message_ready() override { return true; }
  std::optional<Pieces> take_message() override { return std::nullopt; }
  bool message_compressed() const noexcept override { return false; }
  void reject_message(std::string_view) override {}
  void wait_message(Waiter*) override {}
  std::span<std::uint8_t> reserve_message(std::size_t, bool) override { return {}; }
  std::span<std::uint8_t> reserve_more() override { return {}; }
  bool commit_message() override { return false; }
  bool writable() const override { return true; }
  void wait_writable(Waiter*) override {}
  void fail_call(const Status&) override {}
  void writes_done() override {}
  bool queued() const noexcept override { return false; }
  bool has_initial_metadata() const noexcept override { return true; }
  void wait_initial_metadata(Waiter*) override {}
  const ResponseMetadata& response_metadata() const noexcept override { return metadata_; }
  std::string_view peer() const noexcept override { return {}; }
  bool finished() const noexcept override { return true; }
  void wait_finished(Waiter*) override {}
  Status take_status() override { return std::move(status_); }
  void cancel() override {}

 private:
  ResponseMetadata metadata_;
  Status status_;
};

}  // namespace

std::unique_ptr<ClientCall> failed_call(Status status) {
  return std::make_unique<FailedCall>(std::move(status));
}

void detail::StatusGiven::status_given_before() {
  throw std::logic_error("finish() has given the call's status before: keep it, because it is given once");
}

std::unexpected<Status> unimplemented(std::string_view path) {
  return fail(Code::UNIMPLEMENTED, "the stub does not override " + std::string(path), Initiator::application);
}

}  // namespace ringrpc
