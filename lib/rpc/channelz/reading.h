/// Reads what channelz shows, from the shards of the whole process.
///
///   Result<Page<ServerSnapshot>> servers = co_await read_servers(0, 100);
///   Result<SocketSnapshot> socket = co_await read_socket(17, Detail::all);
///
/// Await these on a shard. Each visits the shards that have the data one after another, in slices of some 50
/// µs (reactor/slices.h), so the data are not of one moment. Servers, channels and shards may end meanwhile.
/// A task that was destroyed may still read for some turns. Failures are NOT_FOUND and name the id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ringrpc/status.h"
#include "ringrpc/task.h"

#include "rpc/channelz/snapshots.h"

namespace ringrpc::channelz {

template <class Snapshot>
struct Page {
  std::vector<Snapshot> entries;
  bool end = false;  ///< nothing follows
};

enum class Detail : std::uint8_t { summary, all };

/// Those with ids from `first` on, at most `most`.
Task<Result<Page<ServerSnapshot>>> read_servers(Id first, std::size_t most);
Task<Result<Page<ChannelSnapshot>>> read_channels(Id first, std::size_t most);

Task<Result<ServerSnapshot>> read_server(Id id);
Task<Result<ChannelSnapshot>> read_channel(Id id);

/// Shows at most `most_sockets` of its sockets.
Task<Result<SubchannelSnapshot>> read_subchannel(Id id, std::size_t most_sockets);

/// The server's connections; the names are the clients' addresses.
Task<Result<Page<Ref>>> read_server_sockets(Id server, Id first, std::size_t most);

/// A connection or a listening socket.
Task<Result<SocketSnapshot>> read_socket(Id id, Detail detail);

}  // namespace ringrpc::channelz
