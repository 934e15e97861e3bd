#include "grpcclient/failure.h"

#include <doctest/doctest.h>

#include "apps/captured_stderr.h"

namespace ringrpc::grpcclient {
namespace {

TEST_CASE("a failed call exits with the number of its code, and no other error uses these numbers") {
  for (std::uint32_t number = 1; number <= 16; ++number)
    CHECK(call_failure("a.B/C", Status(*code_from_number(number), "why")).exit_status ==
          static_cast<int>(number));
  for (const reflected::ExitStatus other :
       {exit_usage, exit_data, reflected::exit_not_found, exit_system, exit_output, exit_protocol})
    CHECK(other > 16);
}

TEST_CASE("the error for a server's status names the method, the code and the message") {
  CHECK(call_failure("a.B/C", Status(Code::NOT_FOUND, "no key", Initiator::peer)).message ==
        "a.B/C: NOT_FOUND: no key");
  CHECK(call_failure("a.B/C", Status(Code::NOT_FOUND, "", Initiator::peer)).message ==
        "a.B/C: NOT_FOUND: the server gave no reason");
  CHECK(
      call_failure("a.B/C", Status(Code::UNAVAILABLE, "connect to the database", Initiator::peer)).message ==
      "a.B/C: UNAVAILABLE: connect to the database");
}

TEST_CASE("without a connection the error has only the cause and the remedy") {
  const auto message = [](const char* text, Cause cause) {
    return call_failure("a.B/C", Status(Code::UNAVAILABLE, text, Initiator::library).with_cause(cause))
        .message;
  };
  CHECK(message("connect 127.0.0.1:1: connection refused", Cause::refused) ==
        "connect 127.0.0.1:1: connection refused; is a server listening there?");
  CHECK(message("resolve nowhere: no such host", Cause::unknown_name) ==
        "resolve nowhere: no such host; is the name spelled correctly?");
  CHECK(message("127.0.0.1:1: the connection ended", Cause::other) == "127.0.0.1:1: the connection ended");
}

TEST_CASE("the remedy follows from the cause, not from the message") {
  const auto remedy = [](Cause cause) {
    const Status status = Status(Code::UNAVAILABLE, "connect x: why", Initiator::library).with_cause(cause);
    return call_failure("a.B/C", status).message.substr(std::string_view("connect x: why").size());
  };
  CHECK(remedy(Cause::other).empty());
  CHECK(remedy(Cause::no_descriptors).contains("ulimit -n"));
  CHECK(remedy(Cause::absent).contains("path"));
  CHECK(remedy(Cause::unresponsive).contains("--connect-timeout"));
  CHECK(remedy(Cause::lookup_failed).contains("DNS"));
  CHECK(remedy(Cause::no_http2).empty());  // the library gives it
  CHECK(remedy(Cause::tls).contains("--tls"));
  CHECK(remedy(Cause::no_tls).contains("plaintext"));
  CHECK(remedy(Cause::untrusted).contains("--tls-ca"));
  CHECK(remedy(Cause::misnamed).contains("--tls-server-name"));
  CHECK(remedy(Cause::certificate_wanted).contains("--tls-cert"));
  const Status large = Status(Code::RESOURCE_EXHAUSTED, "too much", Initiator::peer);
  CHECK(call_failure("a.B/C", large).message == "a.B/C: RESOURCE_EXHAUSTED: too much");
  CHECK(call_failure("a.B/C", Status(large).with_cause(Cause::message_too_large)).message ==
        "a.B/C: RESOURCE_EXHAUSTED: too much; --max-message-size allows larger ones");
  CHECK(remedy(Cause::metadata_too_large).contains("--max-header-list-size"));
  CHECK(remedy(Cause::metadata_too_large).contains("--max-header-fields"));
  const Status late(Code::DEADLINE_EXCEEDED, "too late", Initiator::library);
  CHECK(call_failure("a.B/C", late).message ==
        "a.B/C: DEADLINE_EXCEEDED: too late; --deadline allows more time");
  CHECK(call_failure("a.B/C", Status(late).with_cause(Cause::method_timeout)).message ==
        "a.B/C: DEADLINE_EXCEEDED: too late; a longer timeout of the method in --service-config allows more "
        "time");
}

TEST_CASE("a report is one line, and one for each detail, for any text of the server") {
  Failure failure(5, "no\nway\x1b[31m\x7f");
  failure.details = {"{\"a\":1}"};
  const apps::CapturedStderr captured;
  CHECK(report(failure) == 5);
  CHECK(captured.text() == "grpcclient: no\\x0away\\x1b[31m\\x7f\n  detail: {\"a\":1}\n");
}

}  // namespace
}  // namespace ringrpc::grpcclient
