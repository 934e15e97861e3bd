#include "rpc/naming/name_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "ringrpc/log.h"

#include "base/caught.h"
#include "base/log_quota.h"
#include "base/random.h"
#include "reactor/context.h"
#include "reactor/slices.h"
#include "rpc/naming/address_subset.h"
#include "transport/address.h"

namespace ringrpc {
namespace {

/// The same for all look-ups of the process, whose channels keep their connections so.
std::uint64_t subset_seed() {
  static const std::uint64_t seed = Random()();
  return seed;
}

}  // namespace

NameWatch::NameWatch(Shard& shard, Resolver& resolver, Subject subject, const Times& times, Handler& handler)
    : shard_(shard),
      resolver_(resolver),
      subject_(std::move(subject)),
      times_(times),
      handler_(handler),
      backoff_(times.backoff, shard.now(), shard.index()) {}

void NameWatch::look() noexcept {
  if (looking() || shard_.now() < next_) return;
  log::trace("{}: looking up the addresses", log::Field("target", subject_.target));
  began_ = shard_.now();
  try {
    task_ = find();
    if (known_) {
      Timer::cancel();
    } else {
      shard_.timers().arm(*this, after(began_, times_.first_timeout));
    }
    const ContextScope scope(shard_,
                             nullptr);  // a look-up serves all calls, not the one that needed it first
    task_.start(this);
  } catch (...) {
    task_ = {};
    backoff_.failed(shard_.now());
    wait_until(backoff_.ends());
  }
}

void NameWatch::doubt() noexcept {
  if (looking() || backing_off() || !known_) return;
  wait_until(std::min(next_, std::max(shard_.now(), after(began_, doubt_interval_min))));
}

void NameWatch::stop() noexcept {
  task_ = {};
  Timer::cancel();
  next_ = Instant::min();
}

void NameWatch::wait_until(Instant when) noexcept {
  next_ = when;
  shard_.timers().arm(*this, when);
}

void NameWatch::on_time() {
  if (!looking()) return handler_.on_look_due();
  task_ = {};
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(times_.first_timeout);
  take(std::unexpected(Status(Code::UNAVAILABLE,
                              "no response within " + std::to_string(timeout.count()) + " ms",
                              Initiator::library)
                           .with_cause(Cause::lookup_failed)));
}

void NameWatch::run() {
  Result<Found> found;
  try {
    found = task_.result();
  } catch (...) {
    found = std::unexpected(caught());
  }
  task_ = {};
  take(std::move(found));
}

void NameWatch::take(Result<Found> found) noexcept {
  if (found) {
    known_ = true;
    log::trace("{}: found {} addresses, the first is {}", log::Field("target", subject_.target),
               log::Field("addresses", found->endpoints.size()), found->endpoints.front().name);
    backoff_.succeeded();
    wait_until(after(shard_.now(), valid_for_));
    return handler_.on_names(std::move(found));
  }
  backoff_.failed(shard_.now());
  wait_until(std::max(backoff_.ends(), after(began_, resolve_interval_min)));
  handler_.on_names(std::unexpected(failure(found.error())));
}

/// UNAVAILABLE, with the target if the message does not name what was looked up.
Status NameWatch::failure(const Status& why) const noexcept {
  if (why.cause() == Cause::out_of_memory) return why;
  try {
    std::string words(why.message());
    if (!words.starts_with("resolve ")) words.insert(0, "resolve " + subject_.target + ": ");
    return Status(Code::UNAVAILABLE, std::move(words), Initiator::library)
        .with_cause(why.cause() == Cause::other ? Cause::lookup_failed : why.cause());
  } catch (...) {
    return caught();
  }
}

Task<Result<NameWatch::Found>> NameWatch::find() {
  Result<Resolution> resolution = co_await resolver_.resolve(subject_.request);
  if (!resolution) co_return std::unexpected(std::move(resolution).error());
  valid_for_ = std::clamp(resolution->valid_for, resolve_interval_min, resolve_interval_max);
  std::vector<Endpoint> endpoints;
  std::size_t invalid = 0;
  Status reason;
  Slices slices(shard_);
  const std::vector<ResolvedAddress>& addresses = resolution->addresses;
  const auto used = address_subset(addresses.size(), resolved_addresses_max, subset_seed(),
                                   [&](std::size_t at) -> std::string_view { return addresses[at].address; });
  for (const std::size_t at : used) {
    if (Status status = add(addresses[at], endpoints); !status.ok() && ++invalid == 1)
      reason = std::move(status);
    if (slices.over()) co_await slices.next();
  }
  thread_local LogQuota too_many_quota, invalid_quota;
  if (addresses.size() > used.size())
    if (const auto left_out = too_many_quota.take(shard_.now()))
      log::warn("{}: the name has {} addresses; this process uses {} of them, drawn at random{}",
                log::Field("target", subject_.target), addresses.size(), used.size(), left_out->words());
  if (invalid > 0)
    if (const auto left_out = invalid_quota.take(shard_.now()))
      log::warn("{}: the resolver gave {} invalid addresses, which are left out; the first: {}{}",
                log::Field("target", subject_.target), invalid, reason.message(), left_out->words());
  if (!endpoints.empty())
    co_return Found{.endpoints = std::move(endpoints),
                    .service_config = std::move(resolution->service_config)};
  co_return ringrpc::fail(Code::UNAVAILABLE, invalid > 0 ? std::string(reason.message())
                                                         : std::string("the name has no address"));
}

Status NameWatch::add(const ResolvedAddress& address, std::vector<Endpoint>& to) const {
  const Result<Address> parsed = Address::parse_target(address.address);
  if (!parsed) return parsed.error();
  if (!resolves_at_once(*parsed))
    return Status(Code::INVALID_ARGUMENT,
                  "address \"" + address.address + "\": a resolver gives addresses, not names",
                  Initiator::application);
  add_endpoints(*parsed, address.server_name.empty() ? subject_.server_name : address.server_name, to);
  return {};
}

}  // namespace ringrpc
