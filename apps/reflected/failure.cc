#include "reflected/failure.h"

namespace ringrpc::reflected {
namespace {

/// What helps against a failure that arose on this side of the connection; empty where the cause says enough.
std::string_view remedy(const Status& status) {
  const std::string_view message = status.message();
  if (message.starts_with("received a message of ")) return "; --max-message-size is the receiver's limit";
  if (status.initiator() != Initiator::library) return {};
  if (message.starts_with("connect ")) return "; is a server listening there?";
  if (message.starts_with("resolve ")) return "; is the name spelled rightly?";
  if (status.code() == Code::DEADLINE_EXCEEDED) return "; --deadline allows more time";
  return {};
}

/// Whether no server took the call.
bool unreached(const Status& status) {
  return status.code() == Code::UNAVAILABLE && status.initiator() == Initiator::library;
}

}  // namespace

Failure call_failure(std::string_view called, const Status& status) {
  std::string text;
  if (!unreached(status)) text.append(called).append(": ").append(name(status.code())).append(": ");
  text.append(status.message().empty() ? "the server gave no reason" : status.message())
      .append(remedy(status));
  return {static_cast<int>(status.code()), std::move(text)};
}

}  // namespace ringrpc::reflected
