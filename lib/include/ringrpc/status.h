/// Why a call or an operation failed, as a value.
///
///   Result<Feature> find(Point where) {
///     if (!inside(where)) return fail(Code::OUT_OF_RANGE, "latitude must be within [-90, 90]");
///     ...
///   }
///
/// The codes are gRPC's 17 (https://grpc.io/docs/guides/status-codes/). Nothing in ringrpc throws across a
/// layer: a function that can fail returns Status or Result<T>. Both are plain values and may be used from
/// any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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

/// The name as the documents write it, "NOT_FOUND"; "UNKNOWN" for a number outside the 17.
std::string_view name(Code code) noexcept;

/// The code with that number; nothing when there is none.
std::optional<Code> code_from_number(std::uint32_t number) noexcept;

/// Who caused a failure: the code of the application, the peer, or this library.
enum class Initiator : std::uint8_t { application, peer, library };

/// What went wrong, where a program may know a remedy that the code does not tell. It stays in this process:
/// the wire carries codes alone. Those of connecting are in the order of how far it came.
enum class Cause : std::uint8_t {
  other,
  message_too_large,   ///< a received message is beyond this side's limit
  metadata_too_large,  ///< received headers or trailers are beyond this side's limit
  out_of_memory,       ///< this process gets no more memory from the system
  no_descriptors,      ///< too many files are open, in this process or on this machine
  unknown_name,        ///< no address is known for the name
  lookup_failed,       ///< the resolver gave no answer
  absent,              ///< the file or unix socket is not there
  refused,             ///< nobody listens on the address
  unanswered,          ///< nothing came back in time, or there is no way there
  no_http2,            ///< the peer closed, was silent or said something else where HTTP/2 was to begin
  no_tls,              ///< the peer closed, was silent or said something else where TLS was to begin
  tls,                 ///< the peer speaks TLS, and this side does not
  untrusted,           ///< nobody who is believed signed the peer's certificate
  misnamed,            ///< the peer's certificate is for other names
  certificate_wanted,  ///< the peer wants a certificate of this side
};

/// A code, a message for people and optional details. OK carries neither and costs one word.
class [[nodiscard]] Status {
 public:
  /// OK.
  Status() noexcept = default;

  /// A failure; with Code::OK the message is dropped. `message` should name the cause and the remedy in one
  /// line; the wire carries 4 KiB of it. Where there is no memory to keep it in, the status goes without.
  Status(Code code, std::string message, Initiator initiator = Initiator::application) noexcept;
  /// The same of a literal.
  Status(Code code, const char* message, Initiator initiator = Initiator::application) noexcept;

  /// So that `return fail(...)` serves functions that return Status as well.
  Status(std::unexpected<Status>&& failure) noexcept : Status(std::move(failure).error()) {}

  /// A copy goes without its message and details where there is no memory for them.
  Status(const Status& other) noexcept;
  Status(Status&& other) noexcept = default;
  Status& operator=(const Status& other) noexcept;
  Status& operator=(Status&& other) noexcept = default;
  ~Status() = default;

  bool ok() const noexcept { return code_ == Code::OK; }
  Code code() const noexcept { return code_; }
  Initiator initiator() const noexcept { return initiator_; }

  /// Valid until this status is changed or destroyed.
  std::string_view message() const noexcept;

  /// A serialized google.rpc.Status as `grpc-status-details-bin` carries it; empty when there is none.
  std::string_view details() const noexcept;

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

/// A value or why there is none.
template <class T>
using Result = std::expected<T, Status>;

namespace detail {

/// How work done elsewhere gives its value: nothing becomes Status, a value Result; Status and Result stay.
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
[[nodiscard]] inline std::unexpected<Status> fail(Code code, const char* message,
                                                  Initiator initiator = Initiator::application) {
  return std::unexpected(Status(code, message, initiator));
}

/// RESOURCE_EXHAUSTED, "out of memory", by Cause::out_of_memory. Needs no memory, nor does a copy.
Status out_of_memory() noexcept;

/// A failed system call as a status: "bind 127.0.0.1:50051: address already in use".
/// The code follows `error` (an errno value): EACCES and EPERM PERMISSION_DENIED, EMFILE, ENFILE, ENOMEM and
/// ENOBUFS RESOURCE_EXHAUSTED, EADDRINUSE ALREADY_EXISTS, EINVAL INVALID_ARGUMENT, ENOENT NOT_FOUND,
/// ECANCELED CANCELLED, the rest UNAVAILABLE. EMFILE, ENFILE, ENOENT, ECONNREFUSED and what tells of a peer
/// that cannot be reached name their cause.
Status from_errno(std::string_view what, int error, Initiator initiator = Initiator::library);

}  // namespace ringrpc
