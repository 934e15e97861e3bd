#include "rpc/client/channel_core.h"

#include <algorithm>
#include <utility>

#include "base/internals.h"
#include "rpc/client/shard_channel.h"
#include "rpc/connection/connection.h"
#include "rpc/metrics/channel_metrics.h"
#include "rpc/naming/dns_resolver.h"
#include "transport/tls_context.h"
#include "transport/tls_stream.h"
#include "transport/tls_tickets.h"

namespace ringrpc {
namespace {

Status check_interceptors(const ChannelOptions& options) {
  if (std::ranges::count(options.interceptors, nullptr) == 0) return {};
  return Status(Code::INVALID_ARGUMENT, "an interceptor is null", Initiator::application);
}

Status check_channel(const ChannelOptions& options) {
  if (Status status = check_interceptors(options); !status.ok()) return status;
  for (const auto& [scheme, resolver] : options.resolvers)
    if (!resolver)
      return Status(Code::INVALID_ARGUMENT, "the resolver of the scheme " + scheme + " is null",
                    Initiator::application);
  return check_header_limits(options.max_header_list_bytes, options.max_header_fields);
}

}  // namespace

ChannelCore::ChannelCore(std::string target, const ChannelOptions& options)
    : target_(std::move(target)),
      entity_(channelz::Entity::Kind::channel, target_),
      options_(options),
      metrics_(options.metrics ? &TargetMetrics::of(target_) : nullptr),
      intercepts_(!options.interceptors.empty() && check_interceptors(options).ok()),
      watches_calls_(options.metrics || options.tracer || intercepts_),
      tls_(options.tls),
      first_look_up_timeout_(options.connect_timeout) {
  fault_ = read(
      Target::parse(target_, [&](std::string_view scheme) { return options_.resolvers.contains(scheme); }));
}

/// Takes what the target and the options say. The reason why they are invalid, if they are.
Status ChannelCore::read(const Result<Target>& target) {
  if (!target) return target.error();
  if (Status status = check_channel(options_); !status.ok()) return status;
  if (target->tls() && !tls_) {
    Result<std::shared_ptr<const ClientTls>> usual = ClientTls::load();
    if (!usual) return std::move(usual).error();
    tls_ = std::move(*usual);
  }
  const bool renamed = tls_ && !tls_->server_name().empty();
  server_name_ = renamed ? tls_->server_name() : target->server_name();
  authority_ = renamed ? server_name_ : target->authority();
  if (const std::optional<Target::Name>& name = target->name()) {
    resolver_ = options_.resolvers.find(name->scheme)->second;
    request_ = {.authority = name->authority, .name = name->name};
  } else if (target->needs_resolver()) {
    resolver_ = std::make_shared<DnsResolver>(
        target->places(),
        options_.resolve_service_config ? std::optional(ConfigReader::here()) : std::nullopt,
        options_.connect_timeout);
    first_look_up_timeout_ = Nanoseconds::max();  // the resolver has its own
  } else {
    for (const Target::Place& place : target->places())
      add_endpoints(place.address, place.address.server_name(), endpoints_);
  }
  return {};
}

std::string ChannelCore::place(std::string_view address) const {
  std::string words = target_;
  if (!target_.ends_with(address) || target_.contains(',')) words.append(" at ").append(address);
  return words;
}

NameWatch::Subject ChannelCore::subject() const {
  return {.target = target_, .server_name = server_name_, .request = request_};
}

std::unique_ptr<ByteStream> ChannelCore::secure(Shard& shard, std::unique_ptr<ByteStream> carrier,
                                                const std::string& server_name) {
  if (!tls_) return carrier;
  const std::string& name = tls_->server_name().empty() ? server_name : tls_->server_name();
  return std::make_unique<TlsStream>(shard, std::move(carrier),
                                     detail::Internals::context(*tls_)->connect(name, tickets_for(name)));
}

/// A name that has left the addresses may have tickets until there are too many names.
std::shared_ptr<TlsTickets> ChannelCore::tickets_for(const std::string& server_name) {
  const std::lock_guard lock(mutex_);
  const auto found = tickets_.find(server_name);
  if (found != tickets_.end()) return found->second;
  if (tickets_.size() >= resolved_addresses_max) tickets_.clear();
  return tickets_.emplace(server_name, std::make_shared<TlsTickets>()).first->second;
}

Result<ShardChannel*> ChannelCore::on_shard(Shard& shard) {
  if (ShardLocal* kept = shard.local(this)) return static_cast<ShardChannel*>(kept);
  auto made = std::make_unique<ShardChannel>(shard, shared_from_this());
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return std::unexpected(ShardChannel::closed(target_));
    homes_.push_back({&shard, seal_dropping(shard)});
  }
  ShardChannel* const channel = made.get();
  introduce(*channel);
  shard.keep(this, std::move(made));
  return channel;
}

void ChannelCore::remove(Shard& shard, std::uint64_t calls_cut) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase_if(homes_, [&](const Home& home) { return home.shard == &shard; });
  calls_cut_ += calls_cut;
  if (!homes_.empty()) return;
  for (const std::shared_ptr<Wait>& wait : std::exchange(waits_, {}))
    wait->home->post(std::move(wait->letter));
}

bool ChannelCore::closed() noexcept {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void ChannelCore::drop() noexcept {
  entity_.shut_down();
  if (Shard* here = Shard::current()) here->drop(this);
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (Home& home : homes_) home.shard->post(std::move(home.dropping));
}

Shard::SealedMail ChannelCore::seal_dropping(Shard& shard) {
  return Shard::SealedMail([self = shared_from_this(), &shard] { shard.drop(self.get()); });
}

void ChannelCore::begin_close(Nanoseconds timeout) {
  entity_.shut_down();
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const Home& each : homes_) {
    Shard* const home = each.shard;
    home->post([self = shared_from_this(), home, timeout] {
      if (ShardLocal* kept = home->local(self.get())) static_cast<ShardChannel*>(kept)->close(timeout);
    });
  }
}

class ChannelCore::WaitForAll {
 public:
  WaitForAll(Shard& here, ChannelCore& shared) noexcept : here_(here), shared_(shared) {}
  WaitForAll(const WaitForAll&) = delete;
  WaitForAll& operator=(const WaitForAll&) = delete;
  ~WaitForAll() {
    if (!wait_) return;
    wait_->waiting = {};
    const std::lock_guard lock(shared_.mutex_);
    std::erase(shared_.waits_, wait_);
    const Shard::SealedMail unsent = std::move(wait_->letter);  // which holds a share of it
  }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    const std::lock_guard lock(shared_.mutex_);
    if (shared_.homes_.empty()) return false;
    wait_ = std::make_shared<Wait>(&here_, waiting);
    wait_->letter = Shard::SealedMail([wait = wait_] {
      if (wait->waiting) wait->waiting.resume();
    });
    shared_.waits_.push_back(wait_);
    return true;
  }
  std::uint64_t await_resume() const {
    const std::lock_guard lock(shared_.mutex_);
    return shared_.calls_cut_;
  }

 private:
  Shard& here_;
  ChannelCore& shared_;
  std::shared_ptr<Wait> wait_;
};

Task<std::uint64_t> ChannelCore::close(std::shared_ptr<ChannelCore> shared, Nanoseconds timeout) {
  Shard& here = Shard::here();
  shared->begin_close(timeout);
  WaitForAll gone(here, *shared);
  co_return co_await gone;
}

}  // namespace ringrpc
