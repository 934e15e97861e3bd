#include "rpc/channelz/reading.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "reactor/shard_journey.h"
#include "reactor/slices.h"
#include "rpc/channelz/registry.h"
#include "rpc/channelz/socket_details.h"

namespace ringrpc::channelz {
namespace {

using Kind = Entity::Kind;

std::unexpected<Status> not_found(std::string_view noun, Id id) {
  return fail(Code::NOT_FOUND, std::string("no ").append(noun).append(" has id ").append(std::to_string(id)));
}

enum class Found : std::uint8_t { no, yes };

/// Calls `visit` with each of the parts that has not left, on its shard, until it returns Found::yes.
Task<Status> visit_parts(std::vector<PartPlace> places, std::move_only_function<Found(Part&)> visit) {
  std::ranges::sort(places, std::greater(),
                    [](const PartPlace& place) { return std::pair(place.home, place.id); });
  return journey([places = std::move(places), visit = std::move(visit)](Shard* here, NextStop& next) mutable {
    Registry& registry = Registry::of_process();
    std::optional<Slices> slice;
    for (; !places.empty(); places.pop_back()) {
      std::unique_lock lock(registry.mutex());
      Part* const part = registry.part(lock, places.back().id);
      if (!part) continue;
      if (&part->home() != here || (slice && slice->over())) return next.go_to(part->home());
      lock.unlock();  // this thread is the only one on which it can leave
      if (!slice) slice.emplace(*here);
      if (visit(*part) == Found::yes) break;
    }
    return Leg::last;
  });
}

/// The state of the parts of a server or a channel when they were visited.
struct PartsRead {
  std::vector<Registry::PartCalls> calls;
  Connectivity state = Connectivity::idle;
};

/// Visits the parts of all `views`. In their order.
Task<Result<std::vector<PartsRead>>> read_parts(const std::vector<EntityView>& views) {
  struct Reading {
    std::vector<std::pair<Id, std::size_t>> owners;  ///< of parts, by the parts' ids: indices of `read`
    std::vector<PartsRead> read;
  };
  const auto reading = std::make_shared<Reading>();
  reading->read.resize(views.size());
  std::vector<PartPlace> places;
  for (std::size_t at = 0; at < views.size(); ++at)
    for (const PartPlace& place : views[at].parts) {
      places.push_back(place);
      reading->owners.emplace_back(place.id, at);
    }
  std::ranges::sort(reading->owners);
  Status status = co_await visit_parts(std::move(places), [reading](Part& part) {
    const auto owner = std::ranges::lower_bound(reading->owners, std::pair(part.id(), std::size_t{0}));
    PartsRead& read = reading->read[owner->second];
    read.calls.push_back({part.id(), part.calls()});
    read.state = std::max(read.state, part.state());
    return Found::no;
  });
  if (!status.ok()) co_return std::unexpected(std::move(status));
  co_return std::move(reading->read);
}

ServerSnapshot server_of(EntityView&& view, const PartsRead& parts) {
  return {.ref = std::move(view.ref),
          .trace = std::move(view.trace),
          .calls = Registry::of_process().sum(Kind::server, view.ref.id, parts.calls),
          .listen_sockets = std::move(view.listen_sockets)};
}

ChannelSnapshot channel_of(EntityView&& view, const PartsRead& parts) {
  return {.ref = std::move(view.ref),
          .state = view.shut_down ? Connectivity::shutdown : parts.state,
          .trace = std::move(view.trace),
          .calls = Registry::of_process().sum(Kind::channel, view.ref.id, parts.calls),
          .subchannels = std::move(view.subchannels)};
}

template <class Snapshot>
using Make = Snapshot (*)(EntityView&&, const PartsRead&);

template <class Snapshot>
Task<Result<Page<Snapshot>>> read_page(Kind kind, Make<Snapshot> make, Id first, std::size_t most) {
  std::vector<EntityView> views = Registry::of_process().list(kind, first, most + 1);
  Page<Snapshot> page{.entries = {}, .end = views.size() <= most};
  if (!page.end) views.pop_back();
  Result<std::vector<PartsRead>> parts = co_await read_parts(views);
  if (!parts) co_return std::unexpected(std::move(parts).error());
  for (std::size_t at = 0; at < views.size(); ++at)
    page.entries.push_back(make(std::move(views[at]), (*parts)[at]));
  co_return page;
}

template <class Snapshot>
Task<Result<Snapshot>> read_one(Kind kind, Make<Snapshot> make, Id id) {
  std::optional<EntityView> view = Registry::of_process().find(kind, id);
  if (!view) co_return not_found(kind == Kind::server ? "server" : "channel", id);
  std::vector<EntityView> views;
  views.push_back(*std::move(view));
  Result<std::vector<PartsRead>> parts = co_await read_parts(views);
  if (!parts) co_return std::unexpected(std::move(parts).error());
  co_return make(std::move(views.front()), parts->front());
}

}  // namespace

Task<Result<Page<ServerSnapshot>>> read_servers(Id first, std::size_t most) {
  return read_page<ServerSnapshot>(Kind::server, server_of, first, most);
}

Task<Result<Page<ChannelSnapshot>>> read_channels(Id first, std::size_t most) {
  return read_page<ChannelSnapshot>(Kind::channel, channel_of, first, most);
}

Task<Result<ServerSnapshot>> read_server(Id id) {
  return read_one<ServerSnapshot>(Kind::server, server_of, id);
}

Task<Result<ChannelSnapshot>> read_channel(Id id) {
  return read_one<ChannelSnapshot>(Kind::channel, channel_of, id);
}

Task<Result<SubchannelSnapshot>> read_subchannel(Id id, std::size_t most_sockets) {
  const std::optional<PartPlace> found = Registry::of_process().subchannel(id);
  if (!found) co_return not_found("subchannel", id);
  const auto read = std::make_shared<std::optional<SubchannelSnapshot>>();
  Status status = co_await visit_parts({*found}, [read, most_sockets](Part& part) {
    SubchannelSnapshot& subchannel =
        read->emplace(SubchannelSnapshot{.ref = {part.id(), part.name()},
                                         .target = part.name(),
                                         .state = part.state(),
                                         .trace = part.trace().snapshot(),
                                         .calls = part.calls(),
                                         .max_connections = part.max_connections(),
                                         .sockets = {}});
    part.sockets().visit_from(0, most_sockets, [&](Id socket_id, const Socket& socket) {
      subchannel.sockets.push_back({socket_id, socket.peer()});
    });
    return Found::yes;
  });
  if (!status.ok()) co_return std::unexpected(std::move(status));
  if (!*read) co_return not_found("subchannel", id);
  co_return std::move(**read);
}

Task<Result<Page<Ref>>> read_server_sockets(Id server, Id first, std::size_t most) {
  std::optional<EntityView> view = Registry::of_process().find(Kind::server, server);
  if (!view) co_return not_found("server", server);
  const auto sockets = std::make_shared<std::vector<Ref>>();
  Status status = co_await visit_parts(std::move(view->parts), [sockets, first, most](Part& part) {
    part.sockets().visit_from(first, most + 1, [&](Id socket_id, const Socket& socket) {
      sockets->push_back({socket_id, socket.peer()});
    });
    std::ranges::sort(*sockets, {}, &Ref::id);
    if (sockets->size() > most + 1) sockets->resize(most + 1);
    return Found::no;
  });
  if (!status.ok()) co_return std::unexpected(std::move(status));
  Page<Ref> page{.entries = std::move(*sockets), .end = true};
  page.end = page.entries.size() <= most;
  if (!page.end) page.entries.pop_back();
  co_return page;
}

Task<Result<SocketSnapshot>> read_socket(Id id, Detail detail) {
  if (std::optional<Ref> listening = Registry::of_process().listen_socket(id))
    co_return listen_socket(*std::move(listening));
  const auto read = std::make_shared<std::optional<SocketSnapshot>>();
  Status status = co_await visit_parts(Registry::of_process().all_parts(), [read, id, detail](Part& part) {
    const Socket* const socket = part.sockets().find(id);
    if (!socket) return Found::no;
    *read = socket->snapshot();
    if (detail == Detail::all) (*read)->options = socket_options(socket->descriptor());
    return Found::yes;
  });
  if (!status.ok()) co_return std::unexpected(std::move(status));
  if (!*read) co_return not_found("socket", id);
  co_return std::move(**read);
}

}  // namespace ringrpc::channelz
