#include "ringrpc/status.h"

#include <cerrno>
#include <doctest/doctest.h>

#include "base/thread_failure.h"

namespace ringrpc {
namespace {

// For the messages of doctest's failed comparisons.
std::string text(const Status& status) { return status.to_string(); }

TEST_CASE("a default status is OK and empty") {
  const Status status;
  CHECK(status.ok());
  CHECK(status.code() == Code::OK);
  CHECK(status.message().empty());
  CHECK(status.details().empty());
  CHECK(text(status) == "OK");
}

TEST_CASE("OK takes neither message, details nor an initiator") {
  const Status status = Status(Code::OK, "all is well", Initiator::peer).with_details("detail");
  CHECK(status.ok());
  CHECK(status.message().empty());
  CHECK(status.details().empty());
  CHECK(status.initiator() == Initiator::application);
}

TEST_CASE("a status that is there already is returned by fail") {
  const auto get = [](Status status) -> Result<int> { return fail(std::move(status)); };
  CHECK(text(get(Status(Code::NOT_FOUND, "none", Initiator::peer)).error()) == "NOT_FOUND: none");
  CHECK(get(Status(Code::NOT_FOUND, "none", Initiator::peer)).error().initiator() == Initiator::peer);
  CHECK(text(get(Status()).error()) == "INTERNAL: OK was returned as a failure");
}

TEST_CASE("a failure carries its code, message, initiator and details") {
  const Status status =
      Status(Code::NOT_FOUND, "no key named 7c1e", Initiator::peer).with_details({"\0\x01", 2});
  CHECK_FALSE(status.ok());
  CHECK(status.code() == Code::NOT_FOUND);
  CHECK(status.message() == "no key named 7c1e");
  CHECK(status.initiator() == Initiator::peer);
  CHECK(status.details() == std::string_view("\0\x01", 2));
  CHECK(text(status) == "NOT_FOUND: no key named 7c1e");
}

TEST_CASE("the status for out of memory needs no memory") {
  const Status status = out_of_memory();
  CHECK(status.cause() == Cause::out_of_memory);
  CHECK(text(status) == "RESOURCE_EXHAUSTED: out of memory");
  CHECK(text(Status(status)) == text(status));
}

TEST_CASE("a failure without a message prints its code alone and may still have details") {
  const Status status = Status(Code::ABORTED, "").with_details("detail");
  CHECK(text(status) == "ABORTED");
  CHECK(status.details() == "detail");
}

TEST_CASE("a copy is independent of its original") {
  Status original(Code::INTERNAL, "first");
  Status copy = original;
  original = Status(Code::ABORTED, "second");
  CHECK(text(copy) == "INTERNAL: first");
  CHECK(text(original) == "ABORTED: second");

  copy = original;
  CHECK(text(copy) == "ABORTED: second");
  const Status& itself = copy;
  copy = itself;
  CHECK(text(copy) == "ABORTED: second");
  copy = Status();
  CHECK(copy.ok());
  CHECK(copy.message().empty());
}

TEST_CASE("fail returns from functions of Result and of Status alike") {
  const auto result = []() -> Result<int> {
    return fail(Code::OUT_OF_RANGE, "too far", Initiator::library);
  }();
  REQUIRE_FALSE(result);
  CHECK(text(result.error()) == "OUT_OF_RANGE: too far");
  CHECK(result.error().initiator() == Initiator::library);

  const auto status = []() -> Status { return fail(Code::OUT_OF_RANGE, "too far"); }();
  CHECK(text(status) == "OUT_OF_RANGE: too far");
  CHECK(status.initiator() == Initiator::application);
}

TEST_CASE("codes are numbered and named as on the wire") {
  constexpr std::string_view names[] = {
      "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED",
  };
  for (std::uint32_t number = 0; number < 17; ++number) {
    const std::optional<Code> code = code_from_number(number);
    REQUIRE(code);
    CHECK(static_cast<std::uint32_t>(*code) == number);
    CHECK(name(*code) == names[number]);
  }
  CHECK_FALSE(code_from_number(17));
  CHECK_FALSE(code_from_number(256 + 5));
  CHECK(name(static_cast<Code>(200)) == "UNKNOWN");
}

TEST_CASE("an errno value becomes a status with the operation and the cause") {
  const Status status = from_errno("bind 127.0.0.1:50051", EADDRINUSE);
  CHECK(text(status) == "ALREADY_EXISTS: bind 127.0.0.1:50051: address already in use");
  CHECK(status.initiator() == Initiator::library);
  CHECK(from_errno("read", ECONNRESET, Initiator::peer).initiator() == Initiator::peer);
}

TEST_CASE("a cause is carried along, and stays with copies; OK has none") {
  const Status status = Status(Code::UNAVAILABLE, "gone").with_cause(Cause::refused);
  const Status copy = status;
  CHECK(copy.cause() == Cause::refused);
  CHECK(Status(Code::UNAVAILABLE, "gone").cause() == Cause::other);
  CHECK(Status().with_cause(Cause::refused).cause() == Cause::other);
  CHECK(from_errno("connect", ECONNREFUSED).cause() == Cause::refused);
  CHECK(from_errno("socket", EMFILE).cause() == Cause::no_descriptors);
  CHECK(from_errno("connect", EHOSTUNREACH).cause() == Cause::unresponsive);
  CHECK(from_errno("connect", ENOENT).cause() == Cause::absent);
  CHECK(from_errno("connect", EPROTO).cause() == Cause::other);
}

TEST_CASE("errno values map to codes") {
  const std::pair<int, Code> table[] = {
      {EACCES, Code::PERMISSION_DENIED},  {EPERM, Code::PERMISSION_DENIED},
      {EMFILE, Code::RESOURCE_EXHAUSTED}, {ENFILE, Code::RESOURCE_EXHAUSTED},
      {ENOMEM, Code::RESOURCE_EXHAUSTED}, {ENOBUFS, Code::RESOURCE_EXHAUSTED},
      {EADDRINUSE, Code::ALREADY_EXISTS}, {EINVAL, Code::INVALID_ARGUMENT},
      {ENOENT, Code::NOT_FOUND},          {ECANCELED, Code::CANCELLED},
      {ECONNREFUSED, Code::UNAVAILABLE},  {ETIMEDOUT, Code::UNAVAILABLE},
  };
  for (const auto& [error, code] : table) {
    CAPTURE(error);
    CHECK(from_errno("call", error).code() == code);
  }
}

TEST_CASE("an unknown errno value is named by its number") {
  CHECK(from_errno("call", 99999).message() == "call: error 99999");
}

TEST_CASE("a thread that cannot be started names the limit to raise") {
  const Status status = thread_failure("cannot start a thread", EAGAIN);
  CHECK(status.code() == Code::RESOURCE_EXHAUSTED);
  CHECK(status.message() ==
        "cannot start a thread: Resource temporarily unavailable; raise the limit of threads (ulimit -u, or "
        "LimitNPROC= and TasksMax= under systemd)");
  CHECK(thread_failure("x", ENOMEM).message() == "x: Cannot allocate memory");
}

}  // namespace
}  // namespace ringrpc
