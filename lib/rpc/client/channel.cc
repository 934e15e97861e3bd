#include "ringrpc/channel.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "base/caught.h"
#include "rpc/call/call_context.h"
#include "rpc/client/channel_core.h"
#include "rpc/client/outgoing_call.h"
#include "rpc/client/shard_channel.h"
#include "rpc/metrics/channel_metrics.h"

namespace ringrpc {

struct Channel::Impl {
  explicit Impl(std::shared_ptr<ChannelCore> parts) noexcept : shared(std::move(parts)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { shared->drop(); }

  const std::shared_ptr<ChannelCore> shared;
};

Channel::Channel(std::string target, const ChannelOptions& options)
    : impl_(std::make_shared<const Impl>(std::make_shared<ChannelCore>(std::move(target), options))) {}

const std::string& Channel::target() const noexcept { return impl_->shared->target(); }

Task<std::uint64_t> Channel::close(std::chrono::milliseconds timeout) const {
  // A very long time must not overflow the clock.
  return ChannelCore::close(impl_->shared,
                            std::min<std::chrono::milliseconds>(timeout, std::chrono::years(1)));
}

Task<Status> Channel::connect() const {
  Shard* shard = Shard::current();
  if (!shard)
    co_return fail(Code::FAILED_PRECONDITION,
                   "a channel connects on a shard: in a handler, or under block_on");
  // The channel is destroyed with the last handle, which may be dropped during the wait.
  const std::shared_ptr<ChannelCore> shared = impl_->shared;
  Result<ShardChannel*> channel = shared->on_shard(*shard);
  if (!channel) co_return std::move(channel).error();
  ConnectWait wait(*shard);
  (*channel)->submit(wait);
  co_return co_await wait;
}

Connectivity Channel::state() const {
  const ShardLocal* const kept = Shard::here().local(impl_->shared.get());
  if (kept) return static_cast<const ShardChannel*>(kept)->state();
  return impl_->shared->closed() ? Connectivity::shutdown : Connectivity::idle;
}

Task<Connectivity> Channel::wait_for_state_change(Connectivity from) const {
  Shard& shard = Shard::here();
  // As in `connect`.
  const std::shared_ptr<ChannelCore> shared = impl_->shared;
  Result<ShardChannel*> channel = shared->on_shard(shard);
  if (!channel) co_return Connectivity::shutdown;
  StateWait wait(shard, from);
  (*channel)->submit(wait);
  co_return co_await wait;
}

std::unique_ptr<ClientCall> Channel::call(std::string_view path, MethodKind kind,
                                          const CallOptions& options) const {
  try {
    return begin(path, kind, options);
  } catch (const std::bad_alloc&) {
    return failed_call(caught());
  }
}

std::unique_ptr<ClientCall> Channel::begin(std::string_view path, MethodKind kind,
                                           const CallOptions& options) const {
  Shard* shard = Shard::current();
  if (!shard)
    return failed_call(Status(Code::FAILED_PRECONDITION,
                              "calls are made on a shard: in a handler, or under block_on",
                              Initiator::application));
  if (options.stop.stop_requested()) [[unlikely]]
    return failed_call(Status(Code::CANCELLED,
                              "a stop had been requested when the call was made (CallOptions::stop)",
                              Initiator::application));
  const std::shared_ptr<ChannelCore>& shared = impl_->shared;
  if (!shared->watches_calls()) {
    Result<ShardChannel*> channel = shared->on_shard(*shard);
    if (!channel) return failed_call(std::move(channel).error());
    auto call = std::make_unique<OutgoingCall>(*shard, shared->options(), path, kind, options);
    if (const CallContext* const handler = options.inherit ? CallContext::of(*shard) : nullptr) [[unlikely]]
      call->trace_by({}, handler);
    call->start(**channel);
    return call;
  }
  auto call = std::make_unique<OutgoingCall>(*shard, shared->options(), path, kind, options);
  if (TargetMetrics* const metrics = shared->metrics()) call->count_in(metrics->on(*shard)->of(path, kind));
  Result<ShardChannel*> channel = shared->on_shard(*shard);
  call->trace_by(channel ? (*channel)->tracer() : ShardTracer::Ref(),
                 options.inherit ? CallContext::of(*shard) : nullptr);
  if (shared->intercepts()) {
    call->start_interceptors(shared);
  } else if (channel) {
    call->start(**channel);
  } else {
    call->settle(std::move(channel).error());
  }
  return call;
}

}  // namespace ringrpc
