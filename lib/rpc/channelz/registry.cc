#include "rpc/channelz/registry.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <string>
#include <utility>

namespace ringrpc::channelz {
namespace {

EntityView view_of(const Ref& ref, const Trace& trace, bool shut_down, const std::vector<Ref>& listen_sockets,
                   const std::vector<Part*>& parts) {
  EntityView view{.ref = ref,
                  .trace = trace.snapshot(),
                  .shut_down = shut_down,
                  .listen_sockets = listen_sockets,
                  .parts = {},
                  .subchannels = {}};
  for (const Part* part : parts) {
    if (part->role() == Part::Role::subchannel) {
      view.subchannels.push_back({part->id(), part->name()});
    } else {
      view.parts.push_back({part->id(), &part->home()});
    }
  }
  return view;
}

}  // namespace

struct Registry::Tables {
  std::map<Id, Entity*>& of(Entity::Kind kind) noexcept {
    return kind == Entity::Kind::server ? servers : channels;
  }
  Entity* find(Entity::Kind kind, Id id) noexcept {
    const auto found = of(kind).find(id);
    return found == of(kind).end() ? nullptr : found->second;
  }

  std::map<Id, Entity*> servers;
  std::map<Id, Entity*> channels;
  std::map<Id, Part*> parts;
};

Registry::Registry() : tables_(*new Tables) {}

/// Never destroyed: channels may end with the process.
Registry& Registry::of_process() noexcept {
  static Registry& registry = *new Registry;
  return registry;
}

WallTime wall_time(Shard& shard, Instant then) noexcept {
  if (then == Instant()) return {};
  const auto ago = std::chrono::duration_cast<WallTime::duration>(shard.io().now() - then);
  return std::chrono::system_clock::now() - ago;
}

Entity::Entity(Kind kind, std::string name) : kind_(kind), id_(next_id()), name_(std::move(name)) {
  Registry& registry = Registry::of_process();
  const std::lock_guard lock(registry.mutex());
  registry.tables_.of(kind_).emplace(id_, this);
}

Entity::~Entity() {
  assert(parts_.empty());
  Registry& registry = Registry::of_process();
  const std::lock_guard lock(registry.mutex());
  registry.tables_.of(kind_).erase(id_);
}

void Entity::listens_on(std::string address) {
  const std::lock_guard lock(Registry::of_process().mutex());
  name_.append(name_.empty() ? "" : ", ").append(address);
  trace_.add(Severity::info, "listens on " + address);
  listen_sockets_.push_back({next_id(), std::move(address)});
}

void Entity::record(Severity severity, std::string_view description) noexcept {
  const std::lock_guard lock(Registry::of_process().mutex());
  trace_.add(severity, description);
}

void Entity::shut_down() noexcept {
  const std::lock_guard lock(Registry::of_process().mutex());
  if (!std::exchange(shut_down_, true)) trace_.add(Severity::info, "shut down");
}

void Part::join(Entity& entity) {
  assert(!entity_);
  Registry& registry = Registry::of_process();
  const std::lock_guard lock(registry.mutex());
  id_ = next_id();
  entity.parts_.push_back(this);
  try {
    registry.tables_.parts.emplace(id_, this);
  } catch (...) {
    entity.parts_.pop_back();
    throw;
  }
  entity_ = &entity;
  if (role_ == Role::subchannel)
    entity.trace_.add(Severity::info,
                      "subchannel created on shard " + std::to_string(home_.index()) + ": " + name_, id_);
}

void Part::leave(const CallTotals& calls) noexcept {
  if (!entity_) return;
  Registry& registry = Registry::of_process();
  const std::lock_guard lock(registry.mutex());
  Entity& entity = *std::exchange(entity_, nullptr);
  if (role_ == Role::whole) entity.calls_before_.add(calls);
  std::erase(entity.parts_, this);
  registry.tables_.parts.erase(id_);
  if (role_ == Role::subchannel) entity.trace_.add(Severity::info, "subchannel deleted: " + name_, id_);
}

std::optional<EntityView> Registry::find(Entity::Kind kind, Id id) {
  const std::lock_guard lock(mutex_);
  const Entity* const found = tables_.find(kind, id);
  if (!found) return std::nullopt;
  return view_of({id, found->name_}, found->trace_, found->shut_down_, found->listen_sockets_, found->parts_);
}

std::vector<EntityView> Registry::list(Entity::Kind kind, Id first, std::size_t most) {
  std::vector<EntityView> views;
  const std::lock_guard lock(mutex_);
  const auto& all = tables_.of(kind);
  for (auto at = all.lower_bound(first); at != all.end() && views.size() < most; ++at) {
    const auto& [id, entity] = *at;
    views.push_back(view_of({id, entity->name_}, entity->trace_, entity->shut_down_, entity->listen_sockets_,
                            entity->parts_));
  }
  return views;
}

std::optional<Ref> Registry::listen_socket(Id id) {
  const std::lock_guard lock(mutex_);
  for (const auto& [server, entity] : tables_.servers) {
    const auto found = std::ranges::find(entity->listen_sockets_, id, &Ref::id);
    if (found != entity->listen_sockets_.end()) return *found;
  }
  return std::nullopt;
}

std::optional<PartPlace> Registry::subchannel(Id id) {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.parts.find(id);
  if (found == tables_.parts.end() || found->second->role() != Part::Role::subchannel) return std::nullopt;
  return PartPlace{id, &found->second->home()};
}

std::vector<PartPlace> Registry::all_parts() {
  std::vector<PartPlace> places;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, part] : tables_.parts) places.push_back({id, &part->home()});
  return places;
}

CallTotals Registry::sum(Entity::Kind kind, Id entity, const std::vector<PartCalls>& parts) {
  const std::lock_guard lock(mutex_);
  const Entity* const found = tables_.find(kind, entity);
  CallTotals sum = found ? found->calls_before_ : CallTotals();
  for (const PartCalls& part : parts)
    if (!found || tables_.parts.contains(part.part)) sum.add(part.calls);
  return sum;
}

Part* Registry::part([[maybe_unused]] const std::unique_lock<std::mutex>& held, Id id) noexcept {
  assert(held.owns_lock() && held.mutex() == &mutex_);
  const auto found = tables_.parts.find(id);
  return found == tables_.parts.end() ? nullptr : found->second;
}

}  // namespace ringrpc::channelz
