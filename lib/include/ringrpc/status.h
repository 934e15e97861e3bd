/// The outcome of a call or an operation, as a value.
///
///   Result<Feature> find(Point where) {
///     if (!inside(where)) return fail(Code::OUT_OF_RANGE, "latitude must be within [-90, 90]");
///     ...
///   }
///
/// The codes are gRPC's 17 (https://grpc.io/docs/guides/status-codes/). ringrpc reports failures as values:
/// a function that can fail returns Status or Result<T>. Both may be used from any thread, but one object
/// by one thread at a time.
#pragma once

#include "ringrpc/compiler.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ringrpc/export.h"

namespace ringrpc {

/// gRPC's status codes; the numbers are those on the wire.
enum class Code : std::uint8_t {
  OK = 0,
  CANCELLED = 1,
  UNKNOWN = 2,
  INVALID_ARGUMENT = 3,
  DEADLINE_EXCEEDED = 4,
  NOT_FOUND = 5,
  ALREADY_EXISTS = 6,
  PERMISSION_DENIED = 7,
  RESOURCE_EXHAUSTED = 8,
  FAILED_PRECONDITION = 9,
  ABORTED = 10,
  OUT_OF_RANGE = 11,
  UNIMPLEMENTED = 12,
  INTERNAL = 13,
  UNAVAILABLE = 14,
  DATA_LOSS = 15,
  UNAUTHENTICATED = 16,
};

/// The name in gRPC's documents, "NOT_FOUND"; "UNKNOWN" for a number outside the 17.
RINGRPC_EXPORT std::string_view name(Code code) noexcept;

/// The code of that number, or nothing.
RINGRPC_EXPORT std::optional<Code> code_from_number(std::uint32_t number) noexcept;

/// The origin of a failure: the application's code, the peer, or this library.
enum class Initiator : std::uint8_t { application, peer, library };

/// The cause of a failure, for programs that know a remedy which the code alone does not suggest. It stays
/// in this process: the wire carries only codes. The causes of failed connects are in the order of
/// progress.
enum class Cause : std::uint8_t {
  other,
  message_too_large,   ///< a received message exceeds this side's limit
  unparsable_message,  ///< a received message is not of the method's type
  metadata_too_large,  ///< received headers or trailers exceed this side's limit
  out_of_memory,       ///< the system gives this process no more memory
  no_descriptors,      ///< too many files are open, in this process or on this machine
  unknown_name,        ///< no address is known for the name
  lookup_failed,       ///< the resolver did not respond
  absent,              ///< the file or unix socket does not exist
  refused,             ///< no server listens on the address
  unresponsive,        ///< nothing responded in time, or there is no route
  no_http2,            ///< the peer closed, was silent or sent something else instead of HTTP/2
  no_tls,              ///< the peer closed, was silent or sent something else instead of TLS
  tls,                 ///< the peer speaks TLS, and this side does not
  untrusted,           ///< no trusted CA signed the peer's certificate
  misnamed,            ///< the peer's certificate is for other names
  certificate_wanted,  ///< the peer requires a certificate of this side
  method_timeout,      ///< the timeout of the method in the service config is over, before the caller's
};

/// A code, a message for people and optional details. OK has only the code and never allocates.
class [[nodiscard]] RINGRPC_EXPORT Status {
 public:
  /// OK.
  Status() noexcept = default;

  /// A failure; with Code::OK the message is dropped. `message` should name the cause and the remedy in one
  /// line; the wire carries at most 4 KiB of it. The message is dropped too if there is no memory for it.
  Status(Code code, std::string message, Initiator initiator = Initiator::application) noexcept;
  /// The same with a literal.
  Status(Code code, const char* message, Initiator initiator = Initiator::application) noexcept;

  /// Lets functions that return Status use `return fail(...)` too.
  Status(std::unexpected<Status>&& failure) noexcept : Status(std::move(failure).error()) {}

  /// A copy lacks its message and details if there is no memory for them.
  Status(const Status& other) noexcept;
  Status(Status&& other) noexcept = default;
  /// As the copy does.
  Status& operator=(const Status& other) noexcept;
  Status& operator=(Status&& other) noexcept = default;
  ~Status() = default;

  bool ok() const noexcept { return code_ == Code::OK; }       ///< true unless it is a failure
  Code code() const noexcept { return code_; }                 ///< the kind of failure
  Initiator initiator() const noexcept { return initiator_; }  ///< the side that made it

  /// Valid until this status is changed or destroyed.
  std::string_view message() const noexcept;

  /// A serialized google.rpc.Status, as `grpc-status-details-bin` carries it; empty when there is none.
  /// Valid until this status is changed or destroyed.
  std::string_view details() const noexcept;

  /// The reason, where the library knows a more exact one than the code.
  Cause cause() const noexcept { return cause_; }

  /// The same failure with details attached; no effect on OK.
  Status with_details(std::string details) &&;

  /// The same failure with its cause named; no effect on OK.
  Status with_cause(Cause cause) &&;

  /// "NOT_FOUND: no key named 7c1e"; "OK".
  std::string to_string() const;

 private:
  struct Text {
    std::string message;
    std::string details;
  };

  Code code_ = Code::OK;
  Initiator initiator_ = Initiator::application;
  Cause cause_ = Cause::other;
  std::unique_ptr<Text> text_;
};

/// A value, or the status of the failure.
template <class T>
using Result = std::expected<T, Status>;

namespace detail {

/// The outcome of work that runs elsewhere: Status for void, Result<T> for T; Status and Result stay as
/// they are.
template <class T>
struct ResultOf {
  using type = Result<T>;
};
template <class T>
struct ResultOf<Result<T>> {
  using type = Result<T>;
};
template <>
struct ResultOf<Status> {
  using type = Status;
};
template <>
struct ResultOf<void> {
  using type = Status;
};

}  // namespace detail

/// A failure to return from a function of Result<T> or Status.
[[nodiscard]] inline std::unexpected<Status> fail(Code code, std::string message,
                                                  Initiator initiator = Initiator::application) {
  return std::unexpected(Status(code, std::move(message), initiator));
}
/// The same; a failure without memory for its message has none.
[[nodiscard]] inline std::unexpected<Status> fail(Code code, const char* message,
                                                  Initiator initiator = Initiator::application) {
  return std::unexpected(Status(code, message, initiator));
}
/// The same with a status that is there already, such as that of another call. OK is none to return as a failure: it
/// becomes INTERNAL.
[[nodiscard]] RINGRPC_EXPORT std::unexpected<Status> fail(Status failure);

/// RESOURCE_EXHAUSTED, "out of memory", with Cause::out_of_memory. Neither it nor its copy allocates.
RINGRPC_EXPORT Status out_of_memory() noexcept;

namespace detail {

/// Turns the exception that is being handled into a status: out_of_memory() for std::bad_alloc, else
/// INTERNAL, "`who` threw" with the exception's text.
RINGRPC_EXPORT Status thrown_status(std::string_view who) noexcept;

}  // namespace detail

/// A failed system call as a status: "bind 127.0.0.1:50051: address already in use". The code follows
/// `error` (an errno value): PERMISSION_DENIED for EACCES and EPERM; RESOURCE_EXHAUSTED for EMFILE, ENFILE,
/// ENOMEM and ENOBUFS; ALREADY_EXISTS for EADDRINUSE; INVALID_ARGUMENT for EINVAL; NOT_FOUND for ENOENT;
/// CANCELLED for ECANCELED; UNAVAILABLE for the rest. The cause is set for EMFILE, ENFILE, ENOENT,
/// ECONNREFUSED and the errors of an unreachable peer.
RINGRPC_EXPORT Status from_errno(std::string_view what, int error, Initiator initiator = Initiator::library);

}  // namespace ringrpc
