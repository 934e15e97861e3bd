#include "common/settings.h"

#include <utility>
#include <vector>

namespace ringrpc::apps {

Setting log_level(std::string group, log::Level& target, std::string help) {
  std::vector<std::pair<std::string, log::Level>> levels;
  for (const log::Level level : log::levels) levels.emplace_back(log::name(level), level);
  return choice<log::Level>({.name = "log-level",
                             .environment = "LOG_LEVEL",
                             .group = std::move(group),
                             .placeholder = "LEVEL",
                             .help = std::move(help)},
                            target, levels);
}

Setting io_backend(std::string group, IoBackend& target, std::string help) {
  return choice<IoBackend>(
      {.name = "io",
       .environment = "RINGRPC_IO",
       .group = std::move(group),
       .placeholder = "KIND",
       .help = std::move(help)},
      target, {{"auto", IoBackend::automatic}, {"uring", IoBackend::uring}, {"epoll", IoBackend::epoll}});
}

Setting max_header_list_size(std::string group, std::size_t& target, std::string help) {
  return size({.name = "max-header-list-size",
               .group = std::move(group),
               .placeholder = "BYTES",
               .help = std::move(help) + ", 1K to 64K; each header counts 32 bytes extra"},
              target, {1 << 10, 64 << 10});
}

Setting spin_us(std::string group, std::uint32_t& target, std::string help) {
  return number({.name = "spin-us",
                 .environment = "RINGRPC_SPIN_US",
                 .group = std::move(group),
                 .placeholder = "N",
                 .help = std::move(help)},
                target, {0, 1000});
}

Status check_certificate_pair(const std::string& certificate, const std::string& key,
                              const Origins& origins) {
  const auto missing = [&](std::string_view given, std::string_view what, std::string_view other) {
    return fail(Code::INVALID_ARGUMENT, origins.of(given).append(": ").append(what).append("; give ") +
                                            origins.name_beside(given, other) + " too")
        .error();
  };
  if (key.empty() && !certificate.empty())
    return missing("tls-cert", "a certificate needs its private key", "tls-key");
  if (certificate.empty() && !key.empty())
    return missing("tls-key", "a private key needs its certificate", "tls-cert");
  return Status();
}

}  // namespace ringrpc::apps
