#include "ringrpc/server.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/internals.h"
#include "base/log_loss.h"
#include "reactor/backend.h"
#include "reactor/run_on.h"
#include "reactor/shard_tour.h"
#include "reactor/shard_worker.h"
#include "reactor/shards.h"
#include "reactor/slices.h"
#include "rpc/channelz/registry.h"
#include "rpc/metrics/channel_totals.h"
#include "rpc/server/call_survey.h"
#include "rpc/server/connection_survey.h"
#include "rpc/server/failure_survey.h"
#include "rpc/server/method_survey.h"
#include "rpc/server/server_parts.h"
#include "transport/address.h"
#include "transport/bind.h"
#include "transport/listener.h"
#include "transport/tls_context.h"

namespace ringrpc {
namespace {

/// If no address asks for TLS and there are credentials, all addresses use them, so that nothing is served in
/// plaintext by mistake.
Result<std::vector<Address>> addresses_of(const ServerOptions& options) {
  std::vector<Address> all;
  for (const std::string& text : options.listen) {
    Result<std::vector<Address>> addresses = listen_addresses(text);
    if (!addresses) return addresses;
    for (Address& address : *addresses) {
      if (address.tls() && !options.tls)
        return fail(Code::INVALID_ARGUMENT,
                    "listen on " + text + ": TLS needs a certificate and a private key");
      all.push_back(std::move(address));
    }
  }
  for (auto at = all.begin(); at != all.end(); ++at)
    if (at->kind() == Address::Kind::descriptor &&
        std::any_of(all.begin(), at, [&](const Address& other) { return other.same_descriptor(*at); }))
      return fail(Code::INVALID_ARGUMENT,
                  "listen on " + at->with_tls(false).to_string() + ": it is named twice");
  if (options.tls && std::ranges::none_of(all, &Address::tls))
    for (Address& address : all) address = address.with_tls(true);
  return all;
}

class ServerImpl final : public Server {
 public:
  ~ServerImpl() override;

  Status begin(std::span<Service* const> services, const ServerOptions& options);

  const std::vector<std::string>& addresses() const noexcept override { return addresses_; }
  unsigned shards() const noexcept override { return static_cast<unsigned>(parts_.size()); }
  std::string_view io_backend() const noexcept override { return shards_->all().front()->io().name(); }
  std::uint64_t drain(std::chrono::milliseconds timeout) override;
  void wait() override;
  ServerCounters counters() const override;
  Task<Result<std::string>> metrics_text(MetricsFormat format) const override;
  std::vector<CertificateSnapshot> certificates() const override;
  bool draining() const noexcept override { return phase_.load(std::memory_order_relaxed) != Phase::serving; }
  Task<Result<CallsSnapshot>> calls(std::size_t most) const override;
  bool counts_metrics() const noexcept override { return !metric_labels_.empty(); }
  Task<Result<ConnectionsSnapshot>> connections(std::size_t most) const override;
  Task<Result<std::vector<FailureSnapshot>>> failures() const override;
  Task<Result<std::vector<MethodSnapshot>>> methods(std::size_t most) const override;
  Task<Result<std::vector<ShardSnapshot>>> shard_snapshots() const override;

 private:
  enum class Phase : std::uint8_t {
    serving,
    draining,  ///< at least one drain runs
    drained,   ///< a drain has ended and none runs; another may begin
  };

  void begin_drain();
  void end_drain();
  Task<Result<std::shared_ptr<ServerTotals>>> read_totals(Slices& slices) const;
  std::uint64_t end_calls(std::chrono::milliseconds timeout);
  Status listen(const ServerOptions& options);
  Shard& accepting_shard() const { return *shards_->all().front(); }

  channelz::Entity entity_{channelz::Entity::Kind::server, ""};
  std::unique_ptr<Shards> shards_;
  ServerParts parts_;
  std::vector<std::string> addresses_;
  std::shared_ptr<ServerTls> tls_;
  std::vector<std::string> metric_labels_;  // empty if metrics are off
  std::vector<MetricsSource*> metrics_sources_;
  std::mutex mutex_;
  std::condition_variable drain_ends_;
  unsigned drains_ = 0;                       // that run; guarded by the mutex
  std::atomic<Phase> phase_{Phase::serving};  // written under the mutex
};

Status ServerImpl::begin(std::span<Service* const> services, const ServerOptions& options) {
  if (options.listen.empty())
    return Status(Code::INVALID_ARGUMENT, "no address to listen on", Initiator::application);
  if (Status status = parts_.add(services, options); !status.ok()) return status;

  if (options.metrics) metric_labels_ = metric_labels(parts_.methods());
  metrics_sources_ = options.metrics_sources;
  tls_ = options.tls;
  Result<std::unique_ptr<Shards>> shards =
      Shards::start(options.shards, [&] { return make_io(options.io); }, options.spin);
  if (!shards) return std::move(shards).error();
  shards_ = std::move(*shards);
  parts_.begin(shards_->all(), options);
  for (const Shard* shard : shards_->all()) parts_.on(*shard)->join(entity_);
  for (Shard* shard : shards_->all()) shard->post([part = parts_.on(*shard)] { part->observe_turns(); });
  return listen(options);
}

Status ServerImpl::listen(const ServerOptions& options) {
  const Result<std::vector<Address>> addresses = addresses_of(options);
  if (!addresses) return addresses.error();
  for (const Address& address : *addresses) {
    Result<std::string> bound = bind(accepting_shard(), *parts_.listener(), address);
    if (!bound) return std::move(bound).error();
    addresses_.push_back(std::move(*bound));
    entity_.listens_on(addresses_.back());
  }
  return {};
}

ServerImpl::~ServerImpl() {
  if (!shards_) return;
  // Connections that the listener has posted arrive before the mail that ends the shard.
  run_on(accepting_shard(), [this] { parts_.drop_listener(); });
  for (Shard* shard : shards_->all()) run_on(*shard, [this, shard] { parts_.drop(*shard); });
  shards_.reset();  // ends tours whose tasks were destroyed, while their visits still find this object
}

std::uint64_t ServerImpl::drain(std::chrono::milliseconds timeout) {
  refuse_on_shard("Server::drain");
  begin_drain();
  const std::uint64_t ended = end_calls(timeout);
  entity_.record(channelz::Severity::info, "drained: " + std::to_string(ended) + " calls were cancelled");
  end_drain();
  return ended;
}

void ServerImpl::begin_drain() {
  const std::lock_guard lock(mutex_);
  ++drains_;
  if (phase_.exchange(Phase::draining) == Phase::serving)
    entity_.record(channelz::Severity::info, "drain began");
}

void ServerImpl::end_drain() {
  const std::lock_guard lock(mutex_);  // also while notifying: a waiter may destroy the server at once
  assert(phase_ == Phase::draining && drains_ > 0);
  if (--drains_ > 0) return;
  phase_ = Phase::drained;
  drain_ends_.notify_all();
}

void ServerImpl::wait() {
  refuse_on_shard("Server::wait");
  std::unique_lock lock(mutex_);
  drain_ends_.wait(lock, [this] { return phase_ == Phase::drained; });
}

/// Returns when no connection is left.
std::uint64_t ServerImpl::end_calls(std::chrono::milliseconds timeout) {
  struct Waiting {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t shards;
  };
  // A very long time must not overflow the clock.
  timeout = std::min<std::chrono::milliseconds>(timeout, std::chrono::years(1));
  const auto waiting = std::make_shared<Waiting>();
  waiting->shards = parts_.size();

  run_on(accepting_shard(), [this] { parts_.listener()->close(); });
  for (Shard* shard : shards_->all()) {
    shard->post([this, shard, waiting] {
      parts_.on(*shard)->drain([waiting] {
        const std::lock_guard lock(waiting->mutex);
        --waiting->shards;
        waiting->changed.notify_one();
      });
    });
  }
  {
    std::unique_lock lock(waiting->mutex);
    if (waiting->changed.wait_for(lock, timeout, [&] { return waiting->shards == 0; })) return 0;
  }
  std::uint64_t ended = 0;
  for (Shard* shard : shards_->all())
    ended += run_on(*shard, [this, shard] { return parts_.on(*shard)->end_all(); });
  return ended;
}

ServerCounters ServerImpl::counters() const {
  refuse_on_shard("Server::counters");
  ServerCounters sum;
  sum.connections_accepted = parts_.listener()->accepted();
  sum.connections_refused = parts_.listener()->refused();
  sum.connections_refused_of_address = parts_.listener()->refused_of_address();
  for (Shard* shard : shards_->all()) {
    const ServerCounters part = run_on(*shard, [this, shard] { return parts_.on(*shard)->counters(); });
    sum.connections_refused += part.connections_refused;
    sum.connections_open += part.connections_open;
    sum.calls_started += part.calls_started;
    sum.calls_succeeded += part.calls_succeeded;
    sum.calls_failed += part.calls_failed;
  }
  return sum;
}

Task<Result<std::shared_ptr<ServerTotals>>> ServerImpl::read_totals(Slices& slices) const {
  const auto totals = std::make_shared<ServerTotals>();
  totals->methods.reserve(metric_labels_.size());
  for (const std::string& labels : metric_labels_) {
    totals->methods.push_back({.labels = labels, .calls = {}});
    if (slices.over()) co_await slices.next();
  }
  Status status = co_await tour(shards_->all(), [this, totals](Shard& shard) {
    ServerShard* const part = parts_.on(shard);
    if (!part) return Visit::done;
    Slices slice(shard);
    if (!totals->add_some(*part->metrics(), part->buffered_bytes(), slice)) return Visit::again;
    totals->add(shard, part->metrics()->turns);
    return Visit::done;
  });
  if (!status.ok()) co_return std::unexpected(std::move(status));
  co_return totals;
}

Task<Result<std::string>> ServerImpl::metrics_text(MetricsFormat format) const {
  if (metric_labels_.empty())
    co_return fail(Code::FAILED_PRECONDITION, "metrics are off (ServerOptions::metrics)");
  Shard* const here = Shard::current();
  if (!here)
    co_return fail(Code::FAILED_PRECONDITION, "metrics are read on a shard: in a handler, or under block_on");
  Slices slices(*here);
  Result<std::shared_ptr<ServerTotals>> read = co_await read_totals(slices);
  if (!read) co_return std::unexpected(std::move(read).error());
  ServerTotals* const totals = read->get();
  totals->connections_refused = parts_.listener()->refused();
  totals->connections_refused_of_address = parts_.listener()->refused_of_address();
  totals->accept_errors = parts_.listener()->accept_errors();
  totals->certificates = certificates();
  totals->log_lines_lost = log_lines_lost();
  Result<std::shared_ptr<ChannelTotals>> channels = co_await read_channels();
  if (!channels) co_return std::unexpected(std::move(channels).error());
  Result<ProcessMetrics> process = co_await ShardWorker::of(*here).run(&read_process_metrics);
  if (!process) co_return std::unexpected(std::move(process).error());
  totals->process = *process;
  MetricsText text(format);
  co_await slices.next();
  co_await write_server(text, *totals, slices);
  co_await write_channels(text, **channels, slices);
  co_await totals->free(slices);
  co_await (*channels)->free(slices);
  MetricsWriter writer = detail::Internals::make<MetricsWriter>(text);
  for (MetricsSource* const source : metrics_sources_) {
    if (slices.over()) co_await slices.next();
    source->write_metrics(writer);
    if (const Status& status = detail::Internals::status(writer); !status.ok())
      co_return std::unexpected(status);
  }
  co_return std::move(text).finish();
}

std::vector<CertificateSnapshot> ServerImpl::certificates() const {
  return tls_ ? detail::Internals::context(*tls_)->certificates() : std::vector<CertificateSnapshot>();
}

Task<Result<CallsSnapshot>> ServerImpl::calls(std::size_t most) const {
  const auto survey = std::make_shared<CallSurvey>(most);
  Status status = co_await tour(shards_->all(), [this, survey](Shard& shard) {
    ServerShard* const part = parts_.on(shard);
    return !part || survey->visit_some(*part, Slices(shard)) ? Visit::done : Visit::again;
  });
  if (!status.ok()) co_return std::unexpected(std::move(status));
  co_return std::move(*survey).finish();
}

Task<Result<ConnectionsSnapshot>> ServerImpl::connections(std::size_t most) const {
  const auto survey = std::make_shared<ConnectionSurvey>(most);
  Status status = co_await tour(shards_->all(), [this, survey](Shard& shard) {
    if (ServerShard* const part = parts_.on(shard)) survey->visit(*part);
    return Visit::done;
  });
  if (!status.ok()) co_return std::unexpected(std::move(status));
  co_return std::move(*survey).finish();
}

Task<Result<std::vector<FailureSnapshot>>> ServerImpl::failures() const {
  const auto found = std::make_shared<std::vector<FailureSnapshot>>();
  Status status = co_await tour(shards_->all(), [this, found](Shard& shard) {
    if (ServerShard* const part = parts_.on(shard)) add_failures(*part, *found);
    return Visit::done;
  });
  if (!status.ok()) co_return std::unexpected(std::move(status));
  keep_newest(*found);
  co_return std::move(*found);
}

Task<Result<std::vector<MethodSnapshot>>> ServerImpl::methods(std::size_t most) const {
  if (metric_labels_.empty()) co_return std::vector<MethodSnapshot>();
  Shard* const here = Shard::current();
  if (!here)
    co_return fail(Code::FAILED_PRECONDITION, "metrics are read on a shard: in a handler, or under block_on");
  Slices slices(*here);
  Result<std::shared_ptr<ServerTotals>> totals = co_await read_totals(slices);
  if (!totals) co_return std::unexpected(std::move(totals).error());
  std::vector<MethodSnapshot> called = most_called((*totals)->methods, parts_.methods(), most);
  co_await slices.next();
  co_await (*totals)->free(slices);
  co_return called;
}

Task<Result<std::vector<ShardSnapshot>>> ServerImpl::shard_snapshots() const {
  const auto snapshots = std::make_shared<std::vector<ShardSnapshot>>();
  Status status = co_await tour(shards_->all(), [this, snapshots](Shard& shard) {
    if (ServerShard* const part = parts_.on(shard)) snapshots->push_back(part->snapshot());
    return Visit::done;
  });
  if (!status.ok()) co_return std::unexpected(std::move(status));
  co_return std::move(*snapshots);
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(std::span<Service* const> services,
                                              const ServerOptions& options) {
  auto server = std::make_unique<ServerImpl>();
  if (Status status = server->begin(services, options); !status.ok())
    return std::unexpected(std::move(status));
  return server;
}

}  // namespace ringrpc
