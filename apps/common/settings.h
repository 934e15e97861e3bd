/// Settings that several of the programs have. Where they are said in other words, the help is given.
///
///   line.add(log_level("Logging", values.log_level));
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "ringrpc/io_backend.h"
#include "ringrpc/log.h"

#include "common/setting.h"

namespace ringrpc::apps {

/// `--log-level`, `LOG_LEVEL`.
Setting log_level(
    std::string group, log::Level& target,
    std::string help = "What the library logs to stderr: trace, debug, info, warn, error or off");

/// `--io`, `RINGRPC_IO`.
Setting io_backend(std::string group, IoBackend& target, std::string help);

/// `--max-header-list-size`.
Setting max_header_list_size(std::string group, std::size_t& target, std::string help);

/// `--spin-us`, `RINGRPC_SPIN_US`.
Setting spin_us(std::string group, std::uint32_t& target, std::string help);

}  // namespace ringrpc::apps
