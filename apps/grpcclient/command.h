/// The command of grpcclient, parsed from its positional arguments.
///
///   Outcome<Command> command = parse_command({"call", "[::1]:50051", "echo.v1.EchoService/Echo"});
///
/// The address after the command is optional. Only an address contains a colon or begins with `tls+`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "grpcclient/failure.h"

namespace ringrpc::grpcclient {

struct Command {
  enum class Kind : std::uint8_t { demo, list, describe, call, health };

  Kind kind = Kind::list;
  std::optional<std::string> address;
  std::string symbol;  ///< the service, method or symbol; empty for none
};

/// An error says which argument is missing, wrong or too many.
Outcome<Command> parse_command(const std::vector<std::string>& words);

}  // namespace ringrpc::grpcclient
