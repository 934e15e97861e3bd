#include "rpc/channel_core.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds backoff_initial = 1s;
constexpr Nanoseconds backoff_max = 120s;
constexpr double backoff_factor = 1.6;
constexpr double backoff_jitter = 0.2;

}  // namespace

ChannelCore::ChannelCore(Shard& shard, std::string target, const ChannelOptions& options)
    : shard_(shard),
      target_(std::move(target)),
      options_(options),
      backoff_(backoff_initial),
      next_attempt_(shard.now()),
      random_(std::random_device()()) {
  timeouts_.handshake = options.connect_timeout;
  if (Result<Address> address = Address::parse(target_)) authority_ = address->authority();
}

ChannelCore::~ChannelCore() {
  const Status gone(Code::CANCELLED, "the channel to " + target_ + " was destroyed", Initiator::application);
  while (ClientCallImpl* call = waiting_.pop_front()) call->detach(gone);
  for (const auto& connection : leaving_) connection->detach_calls(gone);
  if (connection_) connection_->detach_calls(gone);
}

std::string_view ChannelCore::user_agent() const noexcept { return "grpc-c++-ringrpc/" RINGRPC_VERSION; }

void ChannelCore::submit(ClientCallImpl& call) {
  waiting_.push_back(call);
  pump();
  if (connection_ || lookup_ || connector_ || waiting_.empty()) return;
  if (shard_.now() < next_attempt_) return attempt_failed(last_failure_);
  connect();
}

void ChannelCore::pump() {
  if (connection_ && connection_->leaving()) {
    leaving_.push_back(std::move(connection_));
    leave(*leaving_.back(),
          Status(Code::UNAVAILABLE, target_ + ": the server said goodbye before it took a call",
                 Initiator::peer));
  }
  if (!connection_ || !connection_->usable()) return;
  backoff_ = backoff_initial;
  while (!waiting_.empty() && connection_->session().open_capacity() > 0)
    waiting_.front()->attach(*connection_);
}

/// Finds another connection for the calls that wait, now that `connection` takes no more.
void ChannelCore::leave(const ClientConnection& connection, const Status& why) {
  if (!connection.took_calls()) return attempt_failed(why);
  if (!waiting_.empty()) connect();
}

void ChannelCore::connect() {
  Result<Address> address = Address::parse(target_);
  if (!address) return attempt_failed(std::move(address).error());
  if (resolves_at_once(*address)) return on_resolved(resolve(*address));
  Lookup::Handler& handler = *this;
  lookup_ = std::make_unique<Lookup>(shard_, *address, handler);
  shard_.timers().arm(connect_timer_, after(shard_.now(), options_.connect_timeout));
}

void ChannelCore::on_resolved(Result<std::vector<SocketAddress>> addresses) {
  connect_timer_.cancel();
  lookup_.reset();
  if (!addresses) return attempt_failed(std::move(addresses).error());
  addresses_ = std::move(*addresses);
  next_address_ = 0;
  try_next_address();
}

void ChannelCore::try_next_address() {
  connector_ = shard_.io().connect(addresses_[next_address_++], *this);
  shard_.timers().arm(connect_timer_, after(shard_.now(), options_.connect_timeout));
}

void ChannelCore::on_connect_timeout() {
  if (!lookup_) return on_connected({}, ETIMEDOUT);
  lookup_.reset();
  attempt_failed(from_errno("resolve " + target_, ETIMEDOUT));
}

void ChannelCore::on_connected(UniqueFd descriptor, int error) {
  connect_timer_.cancel();
  connector_.reset();
  if (error != 0) {
    if (next_address_ < addresses_.size()) return try_next_address();
    return attempt_failed(from_errno("connect " + target_, error));
  }
  connection_ = std::make_unique<ClientConnection>(*this, shard_.io().adopt(std::move(descriptor)));
  connection_->start();
}

void ChannelCore::attempt_failed(Status why) {
  if (shard_.now() >= next_attempt_) {
    std::uniform_real_distribution<double> jitter(1 - backoff_jitter, 1 + backoff_jitter);
    next_attempt_ = after(shard_.now(), std::chrono::duration_cast<Nanoseconds>(backoff_ * jitter(random_)));
    backoff_ = std::min(backoff_max, std::chrono::duration_cast<Nanoseconds>(backoff_ * backoff_factor));
  }
  last_failure_ = std::move(why);
  const Status failure(Code::UNAVAILABLE, std::string(last_failure_.message()), last_failure_.initiator());
  while (ClientCallImpl* call = waiting_.pop_front()) call->finish(failure);
}

void ChannelCore::on_connection_lost(ClientConnection& connection, const Status& why) {
  std::erase_if(leaving_, [&](const auto& leaving) { return leaving.get() == &connection; });
  if (connection_.get() != &connection) return;
  const std::unique_ptr<ClientConnection> lost = std::move(connection_);
  leave(*lost, why);
}

// The public face.

struct Channel::Impl {
  ChannelCore core;
};

Channel::Channel(std::string target, const ChannelOptions& options)
    : impl_(new Impl{{*Shard::current(), std::move(target), options}}) {}

Channel::~Channel() = default;

std::unique_ptr<ClientCall> Channel::call(std::string_view path, MethodKind kind,
                                          const CallOptions& options) {
  auto call = std::make_unique<ClientCallImpl>(impl_->core, path, kind, options);
  impl_->core.submit(*call);
  return call;
}

const std::string& Channel::target() const noexcept { return impl_->core.target(); }

}  // namespace ringrpc
