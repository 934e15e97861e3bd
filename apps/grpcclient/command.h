/// What grpcclient is asked to do, from the words on its command line.
///
///   Outcome<Command> command = parse_command({"call", "[::1]:50051", "echo.v1.EchoService/Echo"});
///
/// An address may stand after the command and has a colon or begins with `tls+`, as nothing else does here;
/// so it can be left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "grpcclient/failure.h"

namespace ringrpc::grpcclient {

struct Command {
  enum class Kind : std::uint8_t { demo, list, describe, call };

  Kind kind = Kind::demo;
  std::optional<std::string> address;  ///< when one was among the words
  std::string symbol;                  ///< the service, method or symbol; empty for none
};

/// Without words it is the demo. A failure says what is missing or too much.
Outcome<Command> parse_command(const std::vector<std::string>& words);

}  // namespace ringrpc::grpcclient
