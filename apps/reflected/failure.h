/// The failure of a command: one line for people and an exit status for scripts.
///
///   Outcome<MethodName> name = parse_method(word);
///   if (!name) return report(name.error());      // "'Echo' is not a method; write …", 64
///
/// The exit status of a failed call is its gRPC code, 1 to 16. The others are from sysexits.h.
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
  exit_usage = 64,      ///< a flag, an argument or a variable is wrong
  exit_data = 65,       ///< the data is not JSON or does not fit the message
  exit_not_found = 66,  ///< the server or the files describe no such service, method or symbol
  exit_system = 71,     ///< a file cannot be read or has invalid content, or the system refused something
  exit_output = 74,     ///< the output could not be written
  exit_protocol = 76,   ///< the server's descriptors or responses are invalid
};

struct Failure {
  int exit_status;
  std::string message;
  std::vector<std::string> details{};  ///< shown on lines of their own
};

template <class T>
using Outcome = std::expected<T, Failure>;

[[nodiscard]] inline std::unexpected<Failure> fail_with(int exit_status, std::string message) {
  return std::unexpected(Failure(exit_status, std::move(message)));
}

/// The message of a failed call, with a remedy if one is known.
std::string with_remedy(const Status& status);

/// The failure of a call: the method, the name of the code, the message and a remedy. Without a connection,
/// only the message and the remedy.
Failure call_failure(std::string_view called, const Status& status);

}  // namespace ringrpc::reflected
