/// Why grpcclient did not do what it was asked, and how it says so.
///
///   Outcome<Command> command = parse_command(words);
///   if (!command) return report(command.error());      // "grpcclient: 'lsit' is not a command; …", 64
#pragma once

#include "reflected/failure.h"

namespace ringrpc::grpcclient {

using namespace reflected;  // names of what is asked and called; this program is about little else

/// Prints "grpcclient: message" on stderr as one line, a line for each detail, and gives the exit status.
int report(const Failure& failure);

}  // namespace ringrpc::grpcclient
