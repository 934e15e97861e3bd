/// Why a server could not be asked or called by names and JSON: one line for people and an exit status for
/// scripts.
///
///   Outcome<MethodName> name = parse_method(word);
///   if (!name) return report(name.error());      // "'Echo' is not a method; write …", 64
///
/// A call that failed gives the number of its gRPC code, 1 to 16; the rest lies above, where sysexits.h has
/// it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/status.h"

namespace ringrpc::reflected {

enum ExitStatus : std::uint8_t {
  exit_usage = 64,      ///< a flag, a word or a variable is wrong
  exit_data = 65,       ///< the data is not JSON or does not fit the message
  exit_not_found = 66,  ///< the server describes no such service, method or symbol
  exit_system = 71,     ///< a file cannot be read or holds wrong things, or this machine refused something
  exit_output = 74,     ///< what was to be printed could not be
  exit_protocol = 76,   ///< what the server describes or answers makes no sense
};

/// (It has a constructor because g++ 12 destroys an aggregate twice that is made among the arguments of a
/// call which is awaited.)
struct Failure {
  Failure(int exit_with, std::string what) noexcept : exit_status(exit_with), message(std::move(what)) {}

  int exit_status;
  std::string message;
  std::vector<std::string> details;  ///< shown on lines of their own
};

template <class T>
using Outcome = std::expected<T, Failure>;

[[nodiscard]] inline std::unexpected<Failure> give_up(int exit_status, std::string message) {
  return std::unexpected(Failure(exit_status, std::move(message)));
}

/// The message of a call that failed, with the remedy of its cause.
std::string with_remedy(const Status& status);

/// A call that failed: what was called, the code's name and the message; only the cause where there was no
/// connection. With a remedy where we know one.
Failure call_failure(std::string_view called, const Status& status);

}  // namespace ringrpc::reflected
