/// What the programs tell the shell: an exit status and, when they fail, one line that says why.
///
///   if (!config) return refuse("grpcd", config.error());   // "grpcd: --shards: 'two' is not …", status 2
#pragma once

#include <string_view>

#include "ringrpc/status.h"

namespace ringrpc::apps {

enum ExitCode : int {
  exit_ok = 0,
  exit_failure = 1,  ///< it was asked rightly and could not be done
  exit_usage = 2,    ///< a flag or a variable is wrong
};

/// The same failure as one of what runs: of a file, say, that was named rightly and holds wrong things. No
/// mistake of usage any more.
Status at_run_time(Status status);

/// The same, with the `origin` of the file's name in front: "--tls-ca: ...".
Status at_run_time(std::string_view origin, const Status& status);

/// Prints "program: message" on stderr, always as one line and without control bytes, and gives the status
/// that fits: INVALID_ARGUMENT is the user's mistake, everything else a failure.
ExitCode refuse(std::string_view program, const Status& status);

}  // namespace ringrpc::apps
