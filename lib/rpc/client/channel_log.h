/// Log lines of channels about their connections and calls. Each shard logs at most twenty lines of
/// a kind at once, and then one a second: a program may have any number of channels, and its
/// servers may refuse them all.
///
///   channel_log::lost(channel.target(), connection.peer(), why, 3, log::Level::info);
///
/// A failed attempt to connect, a lost connection, and the first connection after either are at
/// level info, or debug (ChannelOptions::log_outages). A change of a server's health is at level info; other
/// connections and further attempts of calls at level debug; service configs that are refused, and health
/// checks that a server does not offer, at level warn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ringrpc/log.h"
#include "ringrpc/status.h"

#include "rpc/metrics/attempt_kind.h"

namespace ringrpc::channel_log {

enum class Connected : std::uint8_t { first, again };

/// A connection of the channel to `target` takes calls. `level` is that of outages and their end.
void connected(std::string_view target, std::string_view peer, Connected how, log::Level level) noexcept;
/// `why` names the target and has the cause of each of its addresses.
void connect_failed(std::string_view target, const Status& why, log::Level level) noexcept;
/// A connection that was in use has ended, with `calls` on it.
void lost(std::string_view target, std::string_view peer, const Status& why, std::size_t calls,
          log::Level level) noexcept;
/// A connection that the channel needed no more, or on which the server had sent GOAWAY, has ended.
void ended(std::string_view target, std::string_view peer, const Status& why) noexcept;
/// A call is attempted again, after `attempts`; `last` is the failure of the latest that
/// has ended, OK if none has.
void attempted_again(std::string_view target, std::string_view path, AttemptKind kind, unsigned attempts,
                     const Status& last) noexcept;
/// The server at `peer`, which was healthy or just connected, is not any more for this reason; it is again; it
/// has no health service, and counts as healthy.
void not_serving(std::string_view target, std::string_view peer, const Status& why) noexcept;
void serving(std::string_view target, std::string_view peer) noexcept;
void health_not_offered(std::string_view target, std::string_view peer) noexcept;
/// A service config is invalid for this reason, and the last good one stays in use.
void config_refused(std::string_view target, const Status& why) noexcept;

}  // namespace ringrpc::channel_log
