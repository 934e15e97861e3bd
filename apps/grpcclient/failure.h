/// Errors of grpcclient, and how it prints them.
///
///   Outcome<Command> command = parse_command(words);
///   if (!command) return report(command.error());      // "grpcclient: 'lsit' is not a command; …", 64
#pragma once

#include "reflected/failure.h"

namespace ringrpc::grpcclient {

using namespace reflected;  // most of this program uses it

/// Prints "grpcclient: message" and a line for each detail on stderr. Returns the exit status.
int report(const Failure& failure);

}  // namespace ringrpc::grpcclient
