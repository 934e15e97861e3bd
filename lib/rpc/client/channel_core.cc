#include "rpc/client/channel_core.h"

#include <algorithm>
#include <utility>

#include "rpc/client/shard_channel.h"
#include "rpc/connection/connection.h"
#include "rpc/metrics/channel_metrics.h"
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
  return check_header_list_bytes(options.max_header_list_bytes);
}

}  // namespace

ChannelCore::ChannelCore(std::string target, const ChannelOptions& options)
    : target_(std::move(target)),
      entity_(channelz::Entity::Kind::channel, target_),
      options_(options),
      metrics_(options.metrics ? &TargetMetrics::of(target_) : nullptr),
      intercepts_(!options.interceptors.empty() && check_interceptors(options).ok()),
      watches_calls_(options.metrics || intercepts_),
      address_(Address::parse_target(target_)),
      tls_(options.tls) {
  if (!address_) return;
  if (Status status = check_channel(options_); !status.ok()) {
    address_ = std::unexpected(std::move(status));
    return;
  }
  if (address_->tls() && !tls_) {
    Result<std::shared_ptr<const ClientTls>> usual = ClientTls::load();
    if (!usual) {
      address_ = std::unexpected(std::move(usual).error());
      return;
    }
    tls_ = std::move(*usual);
  }
  if (tls_) tickets_ = std::make_shared<TlsTickets>();
  const bool renamed = tls_ && !tls_->server_name().empty();
  server_name_ = renamed ? tls_->server_name() : address_->server_name();
  authority_ = renamed ? server_name_ : address_->authority();
}

std::unique_ptr<ByteStream> ChannelCore::secure(Shard& shard, std::unique_ptr<ByteStream> carrier,
                                                const std::string& server_name) const {
  if (!tls_) return carrier;
  return std::make_unique<TlsStream>(shard, std::move(carrier),
                                     tls_->context()->connect(server_name, tickets_));
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
      if (wait->waiting) std::exchange(wait->waiting, {}).resume();
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
