/// What the interop programs share: gRPC's flags, a shard on the calling thread, and how they report.
///
///   CLI::App flags("…");
///   const TlsFlag tls(flags);
///   if (Result<bool> go = parse(flags, count, arguments); !go) return report("interop_server", go.error());
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string_view>

#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc::interop {

/// Adds `--use_tls`, which gRPC's drivers always give. These programs speak plaintext: true is refused.
void add_plaintext_flag(CLI::App& flags);

/// Reads `--flag=value` and `--flag value`. False when help was asked for and printed; INVALID_ARGUMENT names
/// the flag at fault.
Result<bool> parse(CLI::App& flags, int count, char** arguments);

/// Says on standard error why the program ends, and gives its exit status: 0 for OK, else 1.
int report(std::string_view program, const Status& status);

/// Runs `script` to its end on a shard of the calling thread. Channels that it makes must end with it.
Status run_on_shard(const std::function<Task<Status>()>& script);

}  // namespace ringrpc::interop
