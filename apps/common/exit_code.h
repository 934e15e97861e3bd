/// Exit statuses of the programs, and the one line that they print when they fail.
///
///   if (!config) return refuse("grpcd", config.error());   // "grpcd: --shards: 'two' is not …", status 2
#pragma once

#include <string_view>

#include "ringrpc/status.h"

namespace ringrpc::apps {

enum ExitCode : int {
  exit_ok = 0,
  exit_failure = 1,  ///< the command was correct and failed
  exit_usage = 2,    ///< a flag or a variable is wrong
};

/// Turns INVALID_ARGUMENT into FAILED_PRECONDITION, so that `refuse` reports a failure instead of a usage
/// error. An example is a mistake in a file that a correct flag names.
Status at_run_time(Status status);

/// The same, with the `origin` of the file's path in front: "--tls-ca: ...".
Status at_run_time(std::string_view origin, const Status& status);

/// Prints "program: message" on stderr, as one line without control bytes; as a record of the log if that has
/// log::Format::json. Returns exit_usage for INVALID_ARGUMENT and exit_failure for every other code.
ExitCode refuse(std::string_view program, const Status& status);

}  // namespace ringrpc::apps
