#include "rpc/client/channel_log.h"

#include <chrono>

#include "ringrpc/log.h"

#include "base/log_quota.h"

namespace ringrpc::channel_log {
namespace {

using log::Field;
using log::Level;

/// Calls `write` with the words about lines that were left out, if the level is on and `quota` allows a line.
/// Without memory for it, the line is lost.
template <class Write>
void limited(Level level, LogQuota& quota, Write write) noexcept {
  if (!log::enabled(level)) return;
  const auto left_out = quota.take(std::chrono::steady_clock::now());
  if (left_out) try {
      write(left_out->words());
    } catch (...) {
    }
}

template <class... Arguments>
void write(Level level, fmt::format_string<Arguments...> format, Arguments&&... arguments) noexcept {
  log::detail::put(level, format, arguments...);
}

}  // namespace

void connected(std::string_view target, std::string_view peer, Connected how, Level level) noexcept {
  thread_local LogQuota first_quota, again_quota;
  if (how == Connected::first)
    return limited(Level::debug, first_quota, [&](const std::string& more) {
      log::debug("{}: connected to {}{}", Field("target", target), Field("peer", peer), more);
    });
  limited(level, again_quota, [&](const std::string& more) {
    write(level, "{}: connected again, to {}{}", Field("target", target), Field("peer", peer), more);
  });
}

void connect_failed(std::string_view target, const Status& why, Level level) noexcept {
  thread_local LogQuota quota;
  limited(level, quota, [&](const std::string& more) {
    write(level, "cannot connect: {}{}", why.message(), more, Field("target", target));
  });
}

void lost(std::string_view target, std::string_view peer, const Status& why, std::size_t calls,
          Level level) noexcept {
  thread_local LogQuota quota;
  limited(level, quota, [&](const std::string& more) {
    write(level, "{}: lost the connection to {} with {} calls: {}{}", Field("target", target),
          Field("peer", peer), Field("calls", calls), why.message(), more);
  });
}

void ended(std::string_view target, std::string_view peer, const Status& why) noexcept {
  thread_local LogQuota quota;
  limited(Level::debug, quota, [&](const std::string& more) {
    log::debug("{}: the connection to {} has ended: {}{}", Field("target", target), Field("peer", peer),
               why.message(), more);
  });
}

void attempted_again(std::string_view target, std::string_view path, AttemptKind kind, unsigned attempts,
                     const Status& last) noexcept {
  thread_local LogQuota quota;
  limited(Level::debug, quota, [&](const std::string& more) {
    if (kind == AttemptKind::transparent)
      return log::debug("{}: {}: the server has not begun the call, so its request is sent again{}",
                        Field("target", target), Field("method", path), more);
    const std::string why = last.ok() ? "no response yet" : last.to_string();
    log::debug("{}: {}: {} after {} {}: {}{}", Field("target", target), Field("method", path),
               kind == AttemptKind::hedge ? "hedged" : "retried", Field("attempts", attempts),
               attempts == 1 ? "attempt" : "attempts", why, more);
  });
}

void not_serving(std::string_view target, std::string_view peer, const Status& why) noexcept {
  thread_local LogQuota quota;
  limited(Level::info, quota, [&](const std::string& more) {
    log::info("{}: {} gets no calls: {}{}", Field("target", target), Field("peer", peer), why.message(),
              more);
  });
}

void serving(std::string_view target, std::string_view peer) noexcept {
  thread_local LogQuota quota;
  limited(Level::info, quota, [&](const std::string& more) {
    log::info("{}: {} serves again, as its health check says{}", Field("target", target), Field("peer", peer),
              more);
  });
}

void health_not_offered(std::string_view target, std::string_view peer) noexcept {
  thread_local LogQuota quota;
  limited(Level::warn, quota, [&](const std::string& more) {
    log::warn(
        "{}: {} has no grpc.health.v1.Health, so it counts as healthy; leave healthCheckConfig out of the "
        "service config, or add the service{}",
        Field("target", target), Field("peer", peer), more);
  });
}

void config_refused(std::string_view target, const Status& why) noexcept {
  thread_local LogQuota quota;
  limited(Level::warn, quota, [&](const std::string& more) {
    log::warn("{}: {}; the last good one stays in use{}", Field("target", target), why.message(), more);
  });
}

}  // namespace ringrpc::channel_log
