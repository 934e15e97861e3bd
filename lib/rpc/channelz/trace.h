/// The last events of a server, a channel or a subchannel.
///
///   Trace trace;
///   trace.add(Severity::warning, "connection lost: the peer closed the connection");
///
/// Takes memory for the events only, at most 16 of 200 bytes. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "rpc/channelz/snapshots.h"

namespace ringrpc::channelz {

class Trace {
 public:
  static constexpr std::size_t events_max = 16;
  static constexpr std::size_t description_bytes_max = 200;

  /// Drops the oldest event when there are too many. Counts the event only if there is no memory for it.
  void add(Severity severity, std::string_view description, Id subchannel = 0) noexcept;

  TraceSnapshot snapshot() const { return {.created = created_, .logged = logged_, .events = events_}; }

 private:
  WallTime created_ = std::chrono::system_clock::now();
  std::uint64_t logged_ = 0;
  std::vector<TraceEvent> events_;
};

}  // namespace ringrpc::channelz
