#include "ringrpc/status.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <new>

namespace ringrpc {

namespace {

constexpr std::array<std::string_view, 17> code_names = {
    "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
};

Code code_from_errno(int error) noexcept {
  switch (error) {
    case EACCES:
    case EPERM:
      return Code::PERMISSION_DENIED;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
      return Code::RESOURCE_EXHAUSTED;
    case EADDRINUSE:
      return Code::ALREADY_EXISTS;
    case EINVAL:
      return Code::INVALID_ARGUMENT;
    case ENOENT:
      return Code::NOT_FOUND;
    case ECANCELED:
      return Code::CANCELLED;
    default:
      return Code::UNAVAILABLE;
  }
}

Cause cause_from_errno(int error) noexcept {
  switch (error) {
    case EMFILE:
    case ENFILE:
      return Cause::no_descriptors;
    case ENOENT:
      return Cause::absent;
    case ECONNREFUSED:
      return Cause::refused;
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
      return Cause::unresponsive;
    default:
      return Cause::other;
  }
}

bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }

/// The system's description of `error`. It begins in lower case, to follow a colon, unless it begins with
/// an acronym.
std::string describe_errno(int error) {
  const char* known = strerrordesc_np(error);
  if (!known) return "error " + std::to_string(error);
  std::string words = known;
  if (words.size() > 1 && is_upper(words[0]) && !is_upper(words[1]))
    words[0] = static_cast<char>(words[0] | 0x20);
  return words;
}

/// The result of `make`, or null if there is no memory for it: a failure without its message is still a
/// failure.
template <class Make>
auto if_memory(Make make) noexcept -> decltype(make()) {
  try {
    return make();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

std::string_view name(Code code) noexcept {
  const auto number = static_cast<std::size_t>(code);
  return number < code_names.size() ? code_names[number] : "UNKNOWN";
}

std::optional<Code> code_from_number(std::uint32_t number) noexcept {
  if (number >= code_names.size()) return std::nullopt;
  return static_cast<Code>(number);
}

Status::Status(Code code, std::string message, Initiator initiator) noexcept : code_(code) {
  if (ok()) return;
  initiator_ = initiator;
  if (!message.empty())
    text_ = if_memory([&] { return std::make_unique<Text>(Text{std::move(message), {}}); });
}

Status::Status(Code code, const char* message, Initiator initiator) noexcept : code_(code) {
  if (ok()) return;
  initiator_ = initiator;
  if (*message != '\0') text_ = if_memory([&] { return std::make_unique<Text>(Text{message, {}}); });
}

Status::Status(const Status& other) noexcept
    : code_(other.code_), initiator_(other.initiator_), cause_(other.cause_) {
  if (other.text_) text_ = if_memory([&] { return std::make_unique<Text>(*other.text_); });
}

Status& Status::operator=(const Status& other) noexcept { return *this = Status(other); }

std::string_view Status::message() const noexcept {
  if (text_) return text_->message;
  return cause_ == Cause::out_of_memory ? "out of memory" : "";
}

std::string_view Status::details() const noexcept { return text_ ? std::string_view(text_->details) : ""; }

Status Status::with_details(std::string details) && {
  if (!ok() && !details.empty()) {
    if (!text_) text_ = std::make_unique<Text>();
    text_->details = std::move(details);
  }
  return std::move(*this);
}

Status Status::with_cause(Cause cause) && {
  if (!ok()) cause_ = cause;
  return std::move(*this);
}

std::string Status::to_string() const {
  std::string text(name(code_));
  if (!message().empty()) text.append(": ").append(message());
  return text;
}

std::unexpected<Status> fail(Status failure) {
  if (failure.ok()) return fail(Code::INTERNAL, "OK was returned as a failure");
  return std::unexpected(std::move(failure));
}

Status out_of_memory() noexcept {
  return Status(Code::RESOURCE_EXHAUSTED, "", Initiator::library).with_cause(Cause::out_of_memory);
}

Status from_errno(std::string_view what, int error, Initiator initiator) {
  std::string message(what);
  message.append(": ").append(describe_errno(error));
  return Status(code_from_errno(error), std::move(message), initiator).with_cause(cause_from_errno(error));
}

}  // namespace ringrpc
