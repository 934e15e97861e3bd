/// Errors of grpcclient, and how it prints them.
///
///   Outcome<Command> command = parse_command(words);
///   if (!command) return report(command.error());      // "grpcclient: 'lsit' is not a command; …", 64
#pragma once

#include "reflected/failure.h"

namespace ringrpc::grpcclient {

using reflected::call_failure;
using reflected::exit_data;
using reflected::exit_output;
using reflected::exit_protocol;
using reflected::exit_system;
using reflected::exit_usage;
using reflected::fail_with;
using reflected::Failure;
using reflected::Outcome;

/// Prints "grpcclient: message" and a line for each detail on stderr. Returns the exit status.
int report(const Failure& failure);

}  // namespace ringrpc::grpcclient
