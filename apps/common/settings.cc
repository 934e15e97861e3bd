#include "common/settings.h"

#include <cstdlib>
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

Setting log_format(std::string group, log::Format& target) {
  return choice<log::Format>({.name = "log-format",
                              .environment = "LOG_FORMAT",
                              .group = std::move(group),
                              .placeholder = "FORMAT",
                              .help = "Form of log lines: text, or json, one object a line"},
                             target, {{"text", log::Format::text}, {"json", log::Format::json}});
}

Setting allow_tls_key_log(std::string group, bool& target) {
  return toggle(
      {.name = "allow-tls-key-log",
       .group = std::move(group),
       .help =
           "Appends the secrets of each TLS connection to the file that the variable SSLKEYLOGFILE names. "
           "They decrypt a recorded connection; use this only to find faults."},
      target);
}

std::string tls_key_log(bool allowed) {
  const char* const file = std::getenv("SSLKEYLOGFILE");
  if (!allowed || !file || *file == '\0') return {};
  log::warn(
      "--allow-tls-key-log: the secrets of all TLS connections go to {}; whoever has them can decrypt the "
      "connections",
      file);
  return file;
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

Setting max_header_fields(std::string group, std::uint32_t& target, std::string help) {
  return number({.name = "max-header-fields",
                 .group = std::move(group),
                 .placeholder = "N",
                 .help = std::move(help) + ", 16 to 2048"},
                target, {16, 2048});
}

Setting spin(std::string group, std::chrono::microseconds& target, std::string help) {
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
