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
               .help = std::move(help) + ", counted with 32 bytes for each, 1K to 64K"},
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

}  // namespace ringrpc::apps
