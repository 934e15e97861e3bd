/// Settings that several programs have. `help` is a parameter if its text differs between them.
///
///   line.add(log_level("Logging", values.log_level));
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "ringrpc/io_backend.h"
#include "ringrpc/log.h"

#include "common/origins.h"
#include "common/setting.h"

namespace ringrpc::apps {

/// `--log-level`, `LOG_LEVEL`.
Setting log_level(
    std::string group, log::Level& target,
    std::string help =
        "Least severe level that the library logs to stderr: trace, debug, info, warn, error or off");

/// `--log-format`, `LOG_FORMAT`.
Setting log_format(std::string group, log::Format& target);

/// `--allow-tls-key-log`.
Setting allow_tls_key_log(std::string group, bool& target);
/// The file that SSLKEYLOGFILE names, if `allowed`; with a warning in the log, because it exposes all
/// connections. Empty for none.
std::string tls_key_log(bool allowed);

/// `--io`, `RINGRPC_IO`.
Setting io_backend(std::string group, IoBackend& target, std::string help);

/// `--max-header-list-size`.
Setting max_header_list_size(std::string group, std::size_t& target, std::string help);

/// `--max-header-fields`.
Setting max_header_fields(std::string group, std::uint32_t& target, std::string help);

/// `--spin-us`, `RINGRPC_SPIN_US`.
Setting spin(std::string group, std::chrono::microseconds& target, std::string help);

/// Fails with INVALID_ARGUMENT if only one of `tls-cert` and `tls-key` is given.
Status check_certificate_pair(const std::string& certificate, const std::string& key, const Origins& origins);

}  // namespace ringrpc::apps
