#include "reflected/failure.h"

namespace ringrpc::reflected {
namespace {

/// The remedy for a failure that arose on this side of the connection; empty if the message suffices.
std::string_view remedy(Cause cause) {
  switch (cause) {
    case Cause::unparsable_message:
      return "; has the server another version of the .proto file?";
    case Cause::message_too_large:
      return "; --max-message-size allows larger ones";
    case Cause::metadata_too_large:
      return "; --max-header-list-size allows more bytes, --max-header-fields more fields";
    case Cause::out_of_memory:
      return "; raise the memory limit of this process (ulimit -v, or its container's)";
    case Cause::no_descriptors:
      return "; raise the limit of open files (ulimit -n)";
    case Cause::unknown_name:
      return "; is the name spelled correctly?";
    case Cause::lookup_failed:
      return "; is the name spelled correctly, and can a DNS server be reached? An IP address needs none";
    case Cause::absent:
      return "; has a server been started with that path?";
    case Cause::refused:
      return "; is a server listening there?";
    case Cause::unresponsive:
      return "; is the address correct? Does a firewall drop packets? --connect-timeout allows more time";
    case Cause::no_tls:
      return "; if the server uses plaintext, leave out tls+ and the TLS flags";
    case Cause::tls:
      return ", or give --tls or --tls-ca";
    case Cause::untrusted:
      return "; --tls-ca FILE names the CAs to trust";
    case Cause::misnamed:
      return "; --tls-server-name NAME sets the name that the certificate must have";
    case Cause::certificate_wanted:
      return "; give one with --tls-cert and --tls-key";
    case Cause::method_timeout:
      return "; a longer timeout of the method in --service-config allows more time";
    case Cause::no_http2:  // the message has it
    case Cause::other:
      break;
  }
  return {};
}

/// True if the call took longer than the caller allowed.
bool late(const Status& status) {
  return status.code() == Code::DEADLINE_EXCEEDED && status.initiator() == Initiator::library &&
         status.cause() != Cause::method_timeout;
}

/// True if the call reached no server.
bool unreached(const Status& status) {
  return status.code() == Code::UNAVAILABLE && status.initiator() == Initiator::library;
}

}  // namespace

std::string with_remedy(const Status& status) {
  if (status.message().empty()) return "the server gave no reason";
  return std::string(status.message()).append(remedy(status.cause()));
}

Failure call_failure(std::string_view called, const Status& status) {
  std::string text;
  if (!unreached(status)) text.append(called).append(": ").append(name(status.code())).append(": ");
  text.append(with_remedy(status));
  if (late(status)) text.append("; --deadline allows more time");
  return {static_cast<int>(status.code()), std::move(text)};
}

}  // namespace ringrpc::reflected
