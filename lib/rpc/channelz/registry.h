/// The servers and channels of this process, for channelz.
///
///   Entity server(Entity::Kind::server, "");         // a server or a channel
///   class ServerShard : public Part { ... };         // what one shard has of it
///   server_shard.join(server);
///
/// A lock guards the registry. It is taken when a server, a channel or a part of one begins or ends, for
/// events of whole servers and channels, and by readers. A part that has joined is visited on the thread of
/// its shard only, so what it counts needs no lock.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "observe/call_metrics.h"
#include "reactor/shard.h"
#include "rpc/channelz/snapshots.h"
#include "rpc/channelz/sockets.h"
#include "rpc/channelz/trace.h"

namespace ringrpc::channelz {

class Part;

/// The time on the clock of the wall at which `shard`'s clock had `then`; the epoch for the epoch.
WallTime wall_time(Shard& shard, Instant then) noexcept;

class Entity {
 public:
  enum class Kind : std::uint8_t { server, channel };

  Entity(Kind kind, std::string name);
  Entity(const Entity&) = delete;
  Entity& operator=(const Entity&) = delete;
  /// All parts have left.
  ~Entity();

  Id id() const noexcept { return id_; }

  // From any thread.
  /// A server accepts connections at `address`, which becomes part of its name.
  void listens_on(std::string address);
  void record(Severity severity, std::string_view description) noexcept;
  /// A channel takes no more calls.
  void shut_down() noexcept;

 private:
  friend class Part;
  friend class Registry;

  const Kind kind_;
  const Id id_;
  // The lock guards the rest.
  std::string name_;
  Trace trace_;
  bool shut_down_ = false;
  std::vector<Ref> listen_sockets_;
  std::vector<Part*> parts_;
  CallTotals calls_before_;  // of parts that have left
};

/// One shard's part of a server or a channel.
class Part {
 public:
  enum class Role : std::uint8_t {
    whole,       ///< all that the shard has: its calls are those of the server or channel
    subchannel,  ///< the connections of a channel to one address
  };

  Part(Shard& shard, Role role, std::string name = {}) noexcept
      : home_(shard), role_(role), name_(std::move(name)) {}
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  /// From now on, readers visit this part. `entity` must outlive it. Call once; from any thread.
  void join(Entity& entity);
  bool joined() const noexcept { return entity_ != nullptr; }

  // On the shard's thread.
  virtual CallTotals calls() const = 0;
  virtual Connectivity state() const = 0;
  /// A method of a server's part that counts its calls for metrics. The path is empty for all
  /// unknown methods together.
  struct CountedMethod {
    std::string_view path;
    const CallMetrics& calls;
  };
  /// By an index that counts from 0; nothing behind the last one.
  virtual std::optional<CountedMethod> counted_method(std::size_t) const { return std::nullopt; }
  /// Of a subchannel: how many it may have at the same time. 0 for others.
  virtual std::uint32_t max_connections() const { return 0; }

  Id id() const noexcept { return id_; }
  Role role() const noexcept { return role_; }
  /// A subchannel's address. From any thread.
  const std::string& name() const noexcept { return name_; }
  Shard& home() const noexcept { return home_; }
  Sockets& sockets() noexcept { return sockets_; }
  Trace& trace() noexcept { return trace_; }

 protected:
  /// On the shard's thread, or when that has ended.
  ~Part() { leave({}); }

  /// Readers visit this part no more. Its calls were these. On the shard's thread; no effect if it has left.
  void leave(const CallTotals& calls) noexcept;

 private:
  friend class Registry;

  Shard& home_;
  const Role role_;
  const std::string name_;
  Entity* entity_ = nullptr;  // once it has joined
  Id id_ = 0;
  Sockets sockets_;
  Trace trace_;
};

/// A part and its shard, as the registry had them.
struct PartPlace {
  Id id = 0;
  Shard* home = nullptr;
};

/// A server or channel, as the registry had it.
struct EntityView {
  Ref ref;
  TraceSnapshot trace;
  bool shut_down = false;
  std::vector<Ref> listen_sockets;
  std::vector<PartPlace> parts;  ///< those that are Part::Role::whole
  std::vector<Ref> subchannels;  ///< their names are addresses
};

class Registry {
 public:
  static Registry& of_process() noexcept;

  std::optional<EntityView> find(Entity::Kind kind, Id id);
  /// At most `most` of them, with ids from `first` on.
  std::vector<EntityView> list(Entity::Kind kind, Id first, std::size_t most);
  std::optional<Ref> listen_socket(Id id);
  std::optional<PartPlace> subchannel(Id id);
  std::vector<PartPlace> all_parts();

  /// The calls of an entity whose parts had `calls` when they were visited: those of parts that have left
  /// since then count with the entity.
  struct PartCalls {
    Id part;
    CallTotals calls;
  };
  CallTotals sum(Entity::Kind kind, Id entity, const std::vector<PartCalls>& parts);

  /// The part with that id; null if it has left. It does not leave, nor does its shard end, while the lock is
  /// held, and on its shard's thread not before that returns.
  Part* part(const std::unique_lock<std::mutex>& held, Id id) noexcept;
  std::mutex& mutex() noexcept { return mutex_; }

 private:
  friend class Entity;
  friend class Part;
  struct Tables;

  Registry();
  std::mutex mutex_;
  Tables& tables_;
};

}  // namespace ringrpc::channelz
